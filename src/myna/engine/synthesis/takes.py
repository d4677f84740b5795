"""Text to semantic tokens, and a second try where the first went wrong.

Sampling now and then never ends, or ends at once. How long a sentence should take is known from the reference's rate,
so a draw that is far off is made again, and of all draws the one nearest to it is taken.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from myna.models.gpt_decoding import MAX_TOKENS, GptDecoder
from myna.models.sampling import RowNoise, Sampling, exponential_noise

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


@dataclass(frozen=True)
class Script:
    """What the GPT reads for one piece: ``phones`` (1, Tx) of prompt and piece, their prosody ``bert`` (1, C, Tx).

    ``expected`` is the length, in tokens, that is plausible; ``seeds`` has one number per try.
    """

    phones: Tensor
    bert: Tensor | None
    expected: float
    seeds: Sequence[int]

    @property
    def limit(self) -> int:
        """The most tokens that are drawn."""
        return min(MAX_TOKENS, int(self.expected * _MAX_SHARE) + _SPARE_TOKENS)


def draw_tokens(
    decoder: GptDecoder,
    script: Script,
    prompt_tokens: Tensor | None,
    sampling: Sampling,
    seed: int,
    spoken: Tensor | None = None,
) -> Iterator[int]:
    """The tokens of one piece as they are drawn, once: what has been heard cannot be taken back. As `say_tokens`."""
    noise = exponential_noise(torch.Generator(decoder.device).manual_seed(seed))
    given = script.phones, script.bert, prompt_tokens, sampling, noise
    return iter(decoder.generate(*given, spoken=spoken, max_tokens=script.limit))


def say_tokens(
    decoder: GptDecoder,
    script: Script,
    prompt_tokens: Tensor | None,
    sampling: Sampling,
    *,
    spoken: Tensor | None = None,
    first: list[int] | None = None,
) -> list[int]:
    """The tokens of one piece behind ``prompt_tokens`` (1, Tp) or None; ``first`` is its first draw where it was made.

    ``spoken`` (1, Tp + 1), for nets that follow the text, is as in `Gpt.generate`.
    """
    best: list[int] = []
    least = math.inf
    for seed in script.seeds:
        if first is None:
            drawn = list(draw_tokens(decoder, script, prompt_tokens, sampling, seed, spoken))
        else:
            drawn, first = first, None
        is_endless = len(drawn) >= script.limit
        odd = oddness(len(drawn), script.expected) + (_ENDLESS if is_endless else 0.0)
        if odd < least:
            best, least = drawn, odd
        if not is_endless and PLAUSIBLE[0] <= len(drawn) / script.expected <= PLAUSIBLE[1]:
            break
    return best


def say_together(
    decoder: GptDecoder,
    scripts: Sequence[Script],
    prompt_tokens: Tensor | None,
    sampling: Sampling,
    *,
    spoken: Tensor | None = None,
) -> list[list[int]]:
    """The tokens of several pieces, as `say_tokens` gives them one by one: first drawn as one batch, odd ones again."""
    if not scripts:
        return []
    noise = RowNoise([torch.Generator(decoder.device).manual_seed(script.seeds[0]) for script in scripts])
    drawn = decoder.generate_batch(
        [script.phones[0] for script in scripts],
        [None if script.bert is None else script.bert[0] for script in scripts],
        None if prompt_tokens is None else prompt_tokens.expand(len(scripts), -1),
        sampling,
        noise,
        spoken=None if spoken is None else spoken.expand(len(scripts), -1),
        max_tokens=max(script.limit for script in scripts),
    )
    return [
        say_tokens(decoder, script, prompt_tokens, sampling, spoken=spoken, first=first[: script.limit])
        for script, first in zip(scripts, drawn, strict=True)
    ]


def oddness(num_tokens: int, expected: float) -> float:
    """How far a length is off: 0.0 as expected, the same for half and double."""
    return abs(math.log(max(num_tokens, 1) / expected))


def seeds_of(seed: int, piece: int) -> list[int]:
    """One number per try of a piece; the same for the same request."""
    return [(seed + 1_000_003 * piece + 7_368_787 * attempt) % 2**63 for attempt in range(TRIES)]
