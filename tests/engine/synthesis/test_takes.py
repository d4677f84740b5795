"""Tokens of several pieces drawn together: the same as one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from myna.core.versions import GptSizes
from myna.engine.synthesis.takes import Script, say_together, say_tokens, seeds_of
from myna.models.gpt import Gpt
from myna.models.gpt_decoding import GptDecoder
from myna.models.sampling import RowNoise, Sampling, exponential_noise

SIZES = GptSizes(phone_vocab=40, semantic_vocab=65, width=32, heads=4, layers=2, feed_forward=64, bert_width=8)
GREEDY = Sampling(top_k=1, repetition_penalty=1.0)
DRAWN = Sampling(top_k=15, top_p=0.9, temperature=0.8, repetition_penalty=1.35)
CHEAP = Sampling(top_k=5)


def decoder(*, follows_text: bool) -> GptDecoder:
    torch.manual_seed(3)
    return GptDecoder(Gpt(replace(SIZES, follows_text=follows_text)).eval())


def scripts(*lengths: int) -> list[Script]:
    generator = torch.Generator().manual_seed(5)

    def script(number: int, length: int) -> Script:
        phones = torch.randint(40, (1, length), generator=generator)
        bert = torch.randn(1, 8, length, generator=generator) if number % 2 else None
        return Script(phones, bert, expected=2.0 * length, seeds=seeds_of(11, number))

    return [script(number, length) for number, length in enumerate(lengths)]


@pytest.mark.parametrize("sampling", [GREEDY, DRAWN, CHEAP])
@pytest.mark.parametrize("follows_text", [False, True])
@pytest.mark.parametrize("has_prompt", [False, True])
def test_together_the_same_tokens_are_drawn(sampling: Sampling, follows_text: bool, has_prompt: bool) -> None:
    net, pieces = decoder(follows_text=follows_text), scripts(12, 30, 7, 18)
    prompt = torch.arange(9)[None] if has_prompt else None
    spoken = torch.tensor([[0, 0, 1, 1, 2, 2, 3, 3, 4, 5]]) if has_prompt and follows_text else None
    singly = [say_tokens(net, one, prompt, sampling, spoken=spoken) for one in pieces]
    together = say_together(net, pieces, prompt, sampling, spoken=spoken)
    assert together == singly
    assert len({len(one) for one in singly}) > 1, "rows end at different times"
    assert say_together(net, [], prompt, sampling, spoken=spoken) == []


class Rows:
    """A decoder whose batch gives ``first``, and whose single draws, after those, ``later``."""

    device = torch.device("cpu")

    def __init__(self, first: Sequence[int], later: Sequence[int]) -> None:
        self.first, self.later = first, list(later)
        self.asked: list[int] = []

    def generate_batch(self, phones: Sequence[torch.Tensor], *_: Any, max_tokens: int, **__: Any) -> list[list[int]]:
        self.asked.append(max_tokens)
        return [[length] * min(length, max_tokens) for length in self.first]

    def generate(self, phones: torch.Tensor, *_: Any, max_tokens: int, **__: Any) -> list[int]:
        self.asked.append(phones.shape[1])
        length = self.later.pop(0)
        return [length] * min(length, max_tokens)


def test_odd_draws_of_a_batch_are_made_again_alone() -> None:
    net: Any = Rows(first=[20, 500, 40], later=[3, 70])
    said = say_together(net, scripts(10, 30, 20), None, Sampling())
    assert [len(one) for one in said] == [20, 70, 40]
    assert net.asked == [int(60 * 2.5) + 25, 30, 30], "one batch up to the longest limit, then the second piece twice"


def test_rows_of_noise_are_what_each_draws_alone() -> None:
    probabilities = torch.ones(3, 65)
    rows = RowNoise([torch.Generator().manual_seed(seed) for seed in (1, 2, 3)])
    alone = [exponential_noise(torch.Generator().manual_seed(seed)) for seed in (1, 2, 3)]
    torch.testing.assert_close(rows(probabilities), torch.cat([one(probabilities[:1]) for one in alone]))
    rows.keep([0, 2])
    kept = torch.cat([alone[0](probabilities[:1]), alone[2](probabilities[:1])])
    torch.testing.assert_close(rows(probabilities[:2]), kept)
