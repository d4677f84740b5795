"""What the text-to-semantic net promises, on small random nets."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from myna.core.errors import BadInput
from myna.core.versions import GptSizes
from myna.models.gpt import Gpt
from myna.models.gpt_decoding import MIN_TOKENS, GptDecoder, has_half_weights
from myna.models.sampling import Sampling, exponential_noise

SIZES = GptSizes(phone_vocab=40, semantic_vocab=33, width=32, heads=4, layers=2, feed_forward=64, bert_width=0)
BERT_SIZES = GptSizes(phone_vocab=40, semantic_vocab=33, width=32, heads=4, layers=2, feed_forward=64, bert_width=8)
GREEDY = Sampling(top_k=1, repetition_penalty=2.0)


def small(sizes: GptSizes = SIZES, *, dropout: float = 0.0, end_bias: float = 0.0) -> Gpt:
    """A random net; ``end_bias`` turns the end token's row against or towards every hidden state."""
    torch.manual_seed(7)
    gpt = Gpt(sizes, dropout).eval()
    with torch.no_grad():
        for layer in gpt.h.layers:
            layer.norm2.bias.fill_(0.5)
        gpt.ar_predict_layer.weight[sizes.end_token] = end_bias
    return gpt


def phones(*lengths: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(3)
    return [torch.randint(0, 40, (length,), generator=generator) for length in lengths]


def naive(gpt: Gpt, text: Tensor, bert: Tensor | None, prompt: Sequence[int], count: int) -> list[int]:
    """Greedy tokens from the training pass alone: everything is computed again for every token."""
    tokens = list(prompt)
    for step in range(count):
        given = torch.tensor([tokens], dtype=torch.long)
        with torch.no_grad():
            logits = gpt(text, torch.tensor([text.shape[1]]), bert, given, torch.tensor([len(tokens)]))[0, -1]
        for seen in set(tokens):
            logits[seen] *= 0.5 if logits[seen] > 0 else 2.0
        end = gpt.sizes.end_token
        best = int(logits[:end].argmax()) if step < MIN_TOKENS else int(logits.argmax())
        if best == end:
            break
        tokens.append(best)
    return tokens[len(prompt) :]


@pytest.mark.parametrize("sizes", [SIZES, BERT_SIZES])
@pytest.mark.parametrize("prompt", [None, [3, 1, 4, 1, 5]])
def test_generation_equals_computing_everything_again(sizes: GptSizes, prompt: list[int] | None) -> None:
    gpt = small(sizes, end_bias=-1.0)
    [text] = phones(9)
    bert = torch.randn(1, 8, 9, generator=torch.Generator().manual_seed(1)) if sizes.bert_width else None
    prompt_tokens = None if prompt is None else torch.tensor([prompt])
    spoken = list(gpt.generate(text[None], bert, prompt_tokens, GREEDY, max_tokens=40))
    assert spoken == naive(gpt, text[None], bert, prompt or [], 40)
    assert len(set(spoken)) > 3


def test_the_cache_may_grow() -> None:
    gpt = small(end_bias=-1.0)
    [text] = phones(4)
    unpenalised = Sampling(top_k=1, repetition_penalty=1.0)
    spoken = list(gpt.generate(text[None], None, None, unpenalised, max_tokens=700))
    assert len(spoken) == 700
    with torch.no_grad():
        tokens = torch.tensor([spoken])
        logits = gpt(text[None], torch.tensor([4]), None, tokens, torch.tensor([700]))[0, :700]
    # At near ties rounding may decide; everywhere else the chosen token is the likeliest one.
    chosen = logits.gather(1, tokens[0, :, None])[:, 0]
    assert (logits[:, : gpt.sizes.end_token].amax(dim=1) - chosen).max() < 1e-4


@pytest.mark.parametrize("with_prompt", [False, True])
def test_a_batch_says_what_single_sentences_say(with_prompt: bool) -> None:
    gpt = small(BERT_SIZES, end_bias=0.02)
    texts = phones(12, 3, 7)
    generator = torch.Generator().manual_seed(5)
    berts = [torch.randn(8, 12, generator=generator), None, torch.randn(8, 7, generator=generator)]
    prompts = torch.randint(0, 32, (3, 6), generator=generator) if with_prompt else None
    decoder, noise = GptDecoder(gpt), exponential_noise(None)
    together = decoder.generate_batch(texts, berts, prompts, GREEDY, noise, max_tokens=60)
    for row, (text, bert) in enumerate(zip(texts, berts, strict=True)):
        alone = decoder.generate(
            text[None],
            None if bert is None else bert[None],
            None if prompts is None else prompts[[row]],
            GREEDY,
            noise,
            max_tokens=60,
        )
        assert together[row] == list(alone)


def test_sentences_of_a_batch_end_one_by_one() -> None:
    gpt = small(end_bias=0.0)
    sampling = Sampling(top_k=33, temperature=3.0)
    spoken = gpt.generate_batch(phones(5, 5, 8, 2), None, None, sampling, torch.Generator().manual_seed(0))
    lengths = [len(one) for one in spoken]
    assert len(set(lengths)) > 1
    assert min(lengths) >= MIN_TOKENS
    assert all(0 <= token < gpt.sizes.end_token for one in spoken for token in one)


def test_the_end_waits_for_eleven_tokens() -> None:
    gpt = small(end_bias=1.0)
    [text] = phones(5)
    assert len(list(gpt.generate(text[None], None, None, Sampling()))) == MIN_TOKENS
    assert [len(one) for one in gpt.generate_batch(phones(5, 6), None, None, Sampling())] == [MIN_TOKENS] * 2


@pytest.mark.parametrize("limit", [0, 1, 5])
def test_token_limit(limit: int) -> None:
    gpt = small()
    assert len(list(gpt.generate(phones(5)[0][None], None, None, Sampling(), max_tokens=limit))) == limit
    spoken = gpt.generate_batch(phones(5, 6), None, None, Sampling(), max_tokens=limit)
    assert [len(one) for one in spoken] == [limit, limit]


def test_tokens_arrive_while_they_are_made() -> None:
    decoder = GptDecoder(small(end_bias=-1.0))
    num_predicted = 0
    predict = decoder.predict

    def counted(hidden: Tensor) -> Tensor:
        nonlocal num_predicted
        num_predicted += 1
        return predict(hidden)

    decoder.predict = counted
    stream = decoder.generate(phones(5)[0][None], None, None, Sampling(), exponential_noise(None))
    for expected in (1, 2, 3):
        next(stream)
        assert num_predicted == expected
        assert not torch.is_inference_mode_enabled()  # the consumer's own torch code is left alone


def test_seeds_repeat() -> None:
    gpt, [text] = small(), phones(6)

    def spoken(seed: int) -> list[int]:
        generator = torch.Generator().manual_seed(seed)
        return list(gpt.generate(text[None], None, None, Sampling(), generator, max_tokens=30))

    assert spoken(1) == spoken(1)
    assert spoken(1) != spoken(2)


def test_repetition_penalty_counts_the_prompt() -> None:
    gpt, [text] = small(end_bias=-1.0), phones(6)
    prompt = torch.arange(32)[None] // 2 * 2  # every even token
    first = [
        next(gpt.generate(text[None], None, prompt, Sampling(top_k=1, repetition_penalty=penalty)))
        for penalty in (1e-6, 1e6)
    ]
    assert [token % 2 for token in first] == [0, 1]


def test_half_weights_stay_close() -> None:
    gpt = small(end_bias=-1.0)
    half = GptDecoder(gpt, half_weights=True)
    assert half.half_weights == has_half_weights(torch.device("cpu"))
    first: list[Tensor] = []
    for decoder in (half, GptDecoder(gpt)):
        predict = decoder.predict
        decoder.predict = lambda hidden, predict=predict: first.append(predict(hidden)) or first[-1]  # type: ignore
        tokens = decoder.generate(phones(8)[0][None], None, None, Sampling(), exponential_noise(None), max_tokens=20)
        assert len(list(tokens)) == 20
    torch.testing.assert_close(first[0], first[20], rtol=0, atol=2e-2)
    assert not half.half_weights or (first[0] - first[20]).abs().max() > 0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_other_number_types(dtype: torch.dtype) -> None:
    gpt = small(BERT_SIZES, end_bias=-1.0).to(dtype)
    spoken = gpt.generate(phones(5)[0][None], torch.ones(1, 8, 5, dtype=dtype), None, Sampling(), max_tokens=12)
    assert len(list(spoken)) == 12


def batch(sizes: GptSizes = SIZES) -> tuple[Tensor, Tensor, Tensor | None, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(11)
    bert = torch.randn(3, sizes.bert_width, 9, generator=generator) if sizes.bert_width else None
    return (
        torch.randint(0, 40, (3, 9), generator=generator),
        torch.tensor([9, 4, 1]),
        bert,
        torch.randint(0, 32, (3, 14), generator=generator),
        torch.tensor([6, 14, 0]),
    )


@pytest.mark.parametrize("sizes", [SIZES, BERT_SIZES])
def test_padding_does_not_matter_in_training(sizes: GptSizes) -> None:
    gpt = small(sizes)
    text, text_lens, bert, tokens, token_lens = batch(sizes)
    together = gpt(text, text_lens, bert, tokens, token_lens)
    assert together.shape == (3, 15, 33)
    for row in range(3):
        num_phones, num_tokens = int(text_lens[row]), int(token_lens[row])
        alone = gpt(
            text[[row], :num_phones],
            text_lens[[row]],
            None if bert is None else bert[[row], :, :num_phones],
            tokens[[row], :num_tokens],
            token_lens[[row]],
        )
        torch.testing.assert_close(together[[row], : num_tokens + 1], alone, rtol=1e-4, atol=1e-5)


def test_no_token_sees_the_future_and_text_sees_no_audio() -> None:
    gpt = small()
    text, text_lens, bert, tokens, _ = batch()
    token_lens = torch.tensor([14, 14, 14])
    before = gpt(text, text_lens, bert, tokens, token_lens)
    changed = tokens.clone()
    changed[:, 5] = (changed[:, 5] + 1) % 32
    after = gpt(text, text_lens, bert, changed, token_lens)
    torch.testing.assert_close(before[:, :6], after[:, :6], rtol=0, atol=1e-6)
    assert (before[:, 6:] - after[:, 6:]).abs().amax(dim=(1, 2)).min() > 1e-3


def test_missing_bert_features_are_zeros() -> None:
    gpt = small(BERT_SIZES)
    text, text_lens, bert, tokens, token_lens = batch(BERT_SIZES)
    assert bert is not None
    given = gpt(text, text_lens, torch.zeros_like(bert), tokens, token_lens)
    torch.testing.assert_close(given, gpt(text, text_lens, None, tokens, token_lens))


def test_bfloat16_autocast_trains() -> None:
    gpt = small().train()
    given = batch()
    exact = gpt(*given)
    with torch.autocast("cpu", torch.bfloat16):
        logits = gpt(*given)
    torch.testing.assert_close(logits.float(), exact, rtol=0.1, atol=0.1)
    logits.float().square().mean().backward()
    for name, value in gpt.named_parameters():
        assert value.grad is not None, name
        assert torch.isfinite(value.grad).all(), name
        assert value.grad.abs().max() > 0, name


def test_dropout_acts_in_training_only() -> None:
    gpt = small(dropout=0.5)
    given = batch()
    torch.testing.assert_close(gpt(*given), gpt(*given))
    gpt.train()
    assert (gpt(*given) - gpt(*given)).abs().max() > 1e-2


def test_wrong_calls_are_told_so() -> None:
    gpt = small()
    with pytest.raises(BadInput, match="use generate_batch"):
        next(gpt.generate(torch.zeros(2, 3, dtype=torch.long), None, None, Sampling()))
    with pytest.raises(BadInput, match="without phones"):
        next(gpt.generate(torch.zeros(1, 0, dtype=torch.long), None, None, Sampling()))
    with pytest.raises(BadInput, match="without phones"):
        gpt.generate_batch([], None, None, Sampling())
    with pytest.raises(BadInput, match="2 sentences need as many rows"):
        gpt.generate_batch(phones(3, 4), None, torch.zeros(1, 3, dtype=torch.long), Sampling())
