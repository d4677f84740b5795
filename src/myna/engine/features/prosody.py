"""Prosody features of Chinese: what BERT makes of each character, for the phones of that character."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from myna.core.versions import ModelVersion
from myna.models.pretrained import BertProsody
from myna.text.phonemes import Phonemes


@torch.inference_mode()
def prosody(
    texts: Sequence[Phonemes], version: ModelVersion, bert: Callable[[ModelVersion], BertProsody]
) -> list[Tensor | None]:
    """BERT features (1, C, Tx) of each text, all read together; zeros for the phones of other languages.

    None where no part of a text is Chinese, and in versions without BERT. ``bert`` reads it where it is needed; raises
    what that raises.
    """
    parts = [(number, part) for number, text in enumerate(texts) for part in text.bert_parts]
    found: list[Tensor | None] = [None] * len(texts)
    if not version.has_bert or not parts:
        return found
    rows = bert(version).phone_features([(part.norm_text, part.word2ph or []) for _, part in parts])
    for (number, part), row in zip(parts, rows, strict=True):
        whole = found[number]
        if whole is None:
            whole = found[number] = row.new_zeros(1, row.shape[0], len(texts[number].phones))
        whole[0, :, part.first : part.last] = row
    return found
