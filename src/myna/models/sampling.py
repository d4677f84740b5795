"""From logits to a token, in the official order: penalty, top-p, temperature, top-k, softmax, exponential race.

The order is what GPT-SoVITS does: top-p is cut before the temperature is applied. Shapes: B sentences, V tokens.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from myna.core.errors import BadInput

Noise = Callable[[Tensor], Tensor]
"""Probabilities (B, V) -> positive Exp(1) noise of the same shape."""

MIN_TEMPERATURE = 1e-5


@dataclass(frozen=True)
class Sampling:
    """How a token is drawn; the defaults are the official ones.

    ``top_k`` >= 1 (1 is greedy), 0 < ``top_p`` <= 1 (1 is off), ``temperature`` >= 0, ``repetition_penalty`` > 0
    (1 is off). Raises `BadInput` naming the field that is outside its range.
    """

    top_k: int = 15
    top_p: float = 1.0
    temperature: float = 1.0
    repetition_penalty: float = 1.35

    def __post_init__(self) -> None:
        if self.top_k < 1:
            raise BadInput(f"top_k is {self.top_k}; it must be 1 or more (1 is greedy)")
        if not 0 < self.top_p <= 1:
            raise BadInput(f"top_p is {self.top_p}; it must be above 0 and at most 1 (1 is off)")
        if not 0 <= self.temperature < math.inf:
            raise BadInput(f"temperature is {self.temperature}; it must be 0 or more")
        if not 0 < self.repetition_penalty < math.inf:
            raise BadInput(f"repetition_penalty is {self.repetition_penalty}; it must be above 0 (1 is off)")


def exponential_noise(generator: torch.Generator | None) -> Noise:
    """Noise drawn from ``generator`` (None: torch's global one), which must live on the logits' device."""
    return lambda probs: torch.empty_like(probs).exponential_(generator=generator)


class RowNoise:
    """Noise whose rows are drawn from a generator each, so that a sentence draws among others what it draws alone."""

    def __init__(self, generators: Sequence[torch.Generator]) -> None:
        self.generators = list(generators)

    def __call__(self, probs: Tensor) -> Tensor:
        """One row per generator, as `Noise`."""
        noise = torch.empty_like(probs)
        for row, generator in zip(noise, self.generators, strict=True):
            row.exponential_(generator=generator)
        return noise

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these rows only."""
        self.generators = [self.generators[row] for row in rows]


def penalise(logits: Tensor, seen: Tensor, penalty: float) -> Tensor:
    """Make tokens that occurred less likely: (B, V) logits and a (B, V) mask of seen tokens -> (B, V) logits."""
    if penalty == 1.0:
        return logits
    return torch.where(seen, torch.where(logits < 0, logits * penalty, logits / penalty), logits)


def probabilities(logits: Tensor, sampling: Sampling) -> Tensor:
    """Penalised logits (B, V) -> probabilities (B, V); tokens that top-p or top-k cut have probability 0."""
    if sampling.top_p < 1.0:
        ordered, order = logits.sort(dim=-1, descending=True)
        # The token that crosses the threshold goes too, unlike the usual recipe; the likeliest always stays.
        cut = ordered.softmax(dim=-1).cumsum(dim=-1) > sampling.top_p
        cut[:, 0] = False
        logits = logits.masked_fill(cut.scatter(1, order, cut), -math.inf)
    if sampling.temperature != 1.0:
        logits = logits / max(sampling.temperature, MIN_TEMPERATURE)
    if sampling.top_k < logits.shape[-1]:
        smallest = logits.topk(sampling.top_k, dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < smallest, -math.inf)
    return logits.softmax(dim=-1)


def choose(logits: Tensor, seen: Tensor, sampling: Sampling, noise: Noise) -> tuple[Tensor, Tensor]:
    """Draw one token per row: logits and seen mask (B, V) -> drawn (B,) and likeliest penalised token (B,).

    The draw is argmax(probability / Exp(1) noise). The likeliest one matters because generation also ends when *it*
    is the end token.
    """
    logits = penalise(logits, seen, sampling.repetition_penalty)
    probs = probabilities(logits, sampling)
    return (probs / noise(probs)).argmax(dim=-1), logits.argmax(dim=-1)
