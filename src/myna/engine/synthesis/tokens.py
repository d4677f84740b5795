"""Cutting a stream of semantic tokens into chunks that can be decoded while the rest is still being made.

The official way: every ``length`` tokens, or, when it is known how much each token sounds like silence, at the quietest
pair of tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from myna.core.errors import BadInput

MUTE_TOKEN = 486
"""The token of silence of all official versions."""

_AHEAD = 2
"""A quiet cut is looked for once this many tokens more than the chunk's length are waiting."""


@dataclass(frozen=True)
class Chunk:
    """Tokens to decode next; the last chunk of a sentence may be empty."""

    tokens: tuple[int, ...]
    is_last: bool


def mute_similarity(embedding: Tensor, mute_token: int = MUTE_TOKEN) -> Tensor:
    """How silent each token is: cosine (V,) between its embedding row and the mute token's; embedding is (V, W)."""
    return F.cosine_similarity(embedding.detach().float(), embedding[[mute_token]].detach().float())


def cut_chunks(
    tokens: Iterable[int],
    length: int,
    quietness: Tensor | None = None,
    threshold: float = 0.0,
    *,
    official_repeats: bool = False,
) -> Iterator[Chunk]:
    """Chunks of at least ``length`` tokens (the last may be shorter), each as soon as it is known.

    Without ``quietness`` (V,) every chunk has ``length`` tokens. With it a chunk ends at the waiting pair that is
    quietest above ``threshold``, if that leaves ``length`` tokens. The official code then hands out all waiting
    tokens although it hands those behind the cut out again: ``official_repeats`` does so. Raises `BadInput` when
    ``length`` is below 1.
    """
    if length < 1:
        raise BadInput(f"a chunk of {length} tokens cannot be cut; it must be 1 or more")
    waiting: list[int] = []
    for token in tokens:
        waiting.append(token)
        if quietness is None:
            size = length if len(waiting) == length else 0
        else:
            size = _quiet_cut(quietness[waiting], length, threshold) if len(waiting) >= length + _AHEAD else 0
        if size:
            yield Chunk(tuple(waiting if official_repeats else waiting[:size]), is_last=False)
            del waiting[:size]
    yield Chunk(tuple(waiting), is_last=True)


def _quiet_cut(quietness: Tensor, length: int, threshold: float) -> int:
    """Number of tokens to hand out, or 0: quietness (T,) of the waiting tokens."""
    score = quietness - threshold
    score = torch.where(score < 0, -1.0, score)
    score[:-1] += score[1:].clone()
    best = int(score.argmax())
    return best + 1 if float(score[best]) >= 0 and best + 1 >= length else 0
