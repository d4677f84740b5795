"""Text to semantic tokens, and a second try where the first went wrong.

Sampling now and then never ends, or ends at once. How long a sentence should take is known from the reference's rate,
so a draw that is far off is made again, and of all draws the one nearest to it is taken.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from myna.models.gpt_decoding import MAX_TOKENS, GptDecoder
from myna.models.sampling import Sampling, exponential_noise

TRIES = 3
USUAL_TOKENS_PER_PHONE = 2.1
"""English read aloud: 25 tokens and about 12 phones a second."""
PLAUSIBLE = (0.5, 1.8)
"""Lengths, as share of what is expected, that are taken at once."""

_PRIOR_PHONES = 30
"""How many phones of a reference weigh as much as the usual rate."""
_MAX_SHARE = 2.5
_SPARE_TOKENS = 25
_ENDLESS = 1.0
"""What a draw that did not end is worse by: nobody knows how long it would have been."""


def expected_tokens(num_phones: int, prompt_phones: int = 0, prompt_tokens: int = 0) -> float:
    """How many tokens ``num_phones`` should take, at the prompt's rate (which is smoothed towards the usual one)."""
    rate = (prompt_tokens + _PRIOR_PHONES * USUAL_TOKENS_PER_PHONE) / (prompt_phones + _PRIOR_PHONES)
    return num_phones * rate


def say_tokens(
    decoder: GptDecoder,
    phones: Tensor,
    bert: Tensor | None,
    prompt_tokens: Tensor | None,
    sampling: Sampling,
    *,
    spoken: Tensor | None = None,
    expected: float,
    seeds: Sequence[int],
) -> list[int]:
    """The tokens of one piece: ``phones`` (1, Tx) are the prompt's and the piece's, ``prompt_tokens`` (1, Tp) or None.

    ``spoken`` (1, Tp + 1), for nets that follow the text, is as in `Gpt.generate`; ``expected`` is the length that is
    plausible, ``seeds`` one number per try.
    """
    limit = min(MAX_TOKENS, int(expected * _MAX_SHARE) + _SPARE_TOKENS)
    best: list[int] = []
    least = math.inf
    for seed in seeds:
        generator = torch.Generator(decoder.device).manual_seed(seed)
        noise = exponential_noise(generator)
        said = decoder.generate(phones, bert, prompt_tokens, sampling, noise, spoken=spoken, max_tokens=limit)
        drawn = list(said)
        odd = oddness(len(drawn), expected) + (_ENDLESS if len(drawn) >= limit else 0.0)
        if odd < least:
            best, least = drawn, odd
        if len(drawn) < limit and PLAUSIBLE[0] <= len(drawn) / expected <= PLAUSIBLE[1]:
            break
    return best


def oddness(num_tokens: int, expected: float) -> float:
    """How far a length is off: 0.0 as expected, the same for half and double."""
    return abs(math.log(max(num_tokens, 1) / expected))


def seeds_of(seed: int, piece: int) -> list[int]:
    """One number per try of a piece; the same for the same request."""
    return [(seed + 1_000_003 * piece + 7_368_787 * attempt) % 2**63 for attempt in range(TRIES)]
