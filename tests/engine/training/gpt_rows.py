"""Rows for the tests of the GPT's training."""

from __future__ import annotations

import torch

from myna.engine.training.gpt_data import GptRow


def row(number: int, num_phones: int = 20, num_tokens: int = 50, *, is_aligned: bool = True) -> GptRow:
    """A row whose phones and tokens are all ``number``, said evenly."""
    spoken = torch.arange(num_tokens) * num_phones // num_tokens
    phones, tokens = torch.full((num_phones,), number), torch.full((num_tokens,), number)
    return GptRow(phones, tokens, spoken=spoken if is_aligned else None, clip=f"clip{number}")
