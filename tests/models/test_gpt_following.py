"""A GPT that is told its place in the text, on small random nets."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from myna.core.errors import BadInput
from myna.core.versions import GptSizes
from myna.models.gpt import Gpt
from myna.models.gpt_decoding import MIN_TOKENS, GptDecoder
from myna.models.gpt_following import MOST_STEPS, ages, followable, steps_between, with_end
from myna.models.sampling import Sampling, exponential_noise

SIZES = GptSizes(
    phone_vocab=40, semantic_vocab=33, width=32, heads=4, layers=2, feed_forward=64, bert_width=0, follows_text=True
)
GREEDY = Sampling(top_k=1, repetition_penalty=1.0)


def small() -> Gpt:
    torch.manual_seed(7)
    gpt = Gpt(SIZES).eval()
    with torch.no_grad():
        for layer in gpt.h.layers:
            layer.norm2.bias.fill_(0.5)
        assert gpt.follower is not None
        gpt.follower.steps.weight.normal_()
    return gpt


def even(probabilities: Tensor) -> Tensor:
    return torch.ones_like(probabilities)


def naive(gpt: Gpt, text: Tensor, prompt: list[int], spoken: list[int], count: int) -> tuple[list[int], list[int]]:
    """Greedy tokens and places from the training pass alone, everything computed again for every token."""
    assert gpt.follower is not None
    tokens, places, start = list(prompt), list(spoken[:-1]), spoken[-1]
    for step in range(count):
        with torch.no_grad():
            # The net reads the place of the next token: it stands behind those of the tokens so far.
            column = torch.tensor([[*places, start, 0]])[:, : len(tokens) + 1]
            given = torch.tensor([[*tokens, 0]])
            hidden = gpt.hidden(
                text,
                torch.tensor([text.shape[1]]),
                None,
                given,
                torch.tensor([len(tokens) + 1]),
                spoken=column,
            )[0, len(tokens)]
        logits, steps = gpt.ar_predict_layer(hidden), int(gpt.follower.steps(hidden).argmax())
        is_over = start == text.shape[1] - 1
        end = gpt.sizes.end_token
        best = int(logits.argmax()) if is_over and step >= MIN_TOKENS else int(logits[:end].argmax())
        if best == end:
            break
        tokens.append(best)
        places.append(start)
        start = min(start + steps, text.shape[1] - 1)
    return tokens[len(prompt) :], places


@pytest.mark.parametrize(("prompt", "spoken"), [([], [0]), ([3, 1, 4, 1, 5], [0, 1, 1, 2, 3, 4])])
def test_generation_equals_computing_everything_again(prompt: list[int], spoken: list[int]) -> None:
    gpt = small()
    text = torch.randint(0, 40, (1, 12), generator=torch.Generator().manual_seed(3))
    wanted, places = naive(gpt, text, prompt, spoken, 40)
    assert len(set(places)) > 3
    given = torch.tensor([prompt]) if prompt else None
    decoder = GptDecoder(gpt)
    said = decoder.generate(text, None, given, GREEDY, even, spoken=torch.tensor([spoken]), max_tokens=40)
    assert list(said) == wanted


def test_several_texts_at_once_are_said_as_each_alone() -> None:
    decoder = GptDecoder(small())
    texts = [torch.randint(0, 40, (length,), generator=torch.Generator().manual_seed(length)) for length in (5, 12, 8)]
    prompt, spoken = torch.tensor([[3, 1, 4]] * 3), torch.tensor([[0, 1, 1, 2]] * 3)
    together = decoder.generate_batch(texts, None, prompt, GREEDY, even, spoken=spoken, max_tokens=40)
    for text, said in zip(texts, together, strict=True):
        alone = decoder.generate(text[None], None, prompt[:1], GREEDY, even, spoken=spoken[:1], max_tokens=40)
        assert list(alone) == said


def test_no_sentence_ends_before_its_text() -> None:
    gpt = small()
    with torch.no_grad():
        assert gpt.follower is not None
        gpt.ar_predict_layer.weight[SIZES.end_token] = 100.0  # it would end at once
        gpt.follower.steps.bias[0] = 4.0  # and goes on slowly
    noise = exponential_noise(torch.Generator().manual_seed(0))
    text = torch.randint(0, 40, (1, 30), generator=torch.Generator().manual_seed(3))
    said = list(GptDecoder(gpt).generate(text, None, None, GREEDY, noise, max_tokens=2000))
    assert 30 / MOST_STEPS < len(said) < 2000


def test_the_prompt_needs_its_places() -> None:
    with pytest.raises(BadInput, match="5 prompt tokens"):
        list(small().generate(torch.zeros(1, 4, dtype=torch.long), None, torch.zeros(1, 5, dtype=torch.long), GREEDY))


def test_ages_count_how_long_a_place_has_been_said() -> None:
    assert ages(torch.tensor([[0, 0, 0, 2, 3, 3], [4, 5, 5, 5, 6, 6]])).tolist() == [
        [0, 1, 2, 0, 0, 1],
        [0, 0, 1, 2, 0, 1],
    ]


def test_leaps_are_caught_up_with() -> None:
    places = followable(torch.tensor([0, 0, 9, 9, 9, 10, 9]))
    assert places.tolist() == [0, 0, 3, 6, 9, 10, 10]
    assert steps_between(places[None]).max() == MOST_STEPS


def test_behind_the_last_token_stands_the_last_phone() -> None:
    places = with_end(torch.tensor([[0, 1, 2], [0, 7, 7]]), torch.tensor([3, 1]), torch.tensor([6, 4]))
    assert places.tolist() == [[0, 1, 2, 5], [0, 3, 3, 3]]
