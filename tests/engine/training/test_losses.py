from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from myna.core.errors import BadInput
from myna.core.versions import GptSizes
from myna.engine.training.losses import GptBatch, gpt_loss, gpt_targets, with_wrong_tokens
from myna.models.gpt import Gpt

SIZES = GptSizes(phone_vocab=20, semantic_vocab=17, width=32, heads=2, layers=4, feed_forward=64, bert_width=0)


def batch(seed: int = 0) -> GptBatch:
    generator = torch.Generator().manual_seed(seed)
    return GptBatch(
        phones=torch.randint(20, (2, 6), generator=generator),
        phone_lens=torch.tensor([6, 3]),
        tokens=torch.randint(16, (2, 9), generator=generator),
        token_lens=torch.tensor([9, 4]),
        spoken=torch.tensor([[0, 0, 1, 2, 2, 3, 4, 5, 5], [0, 1, 1, 2, 0, 0, 0, 0, 0]]),
    )


def test_targets_are_the_tokens_then_the_end_then_nothing() -> None:
    targets = gpt_targets(batch(), 16)
    assert targets[0].tolist() == [*batch().tokens[0].tolist(), 16]
    assert targets[1].tolist() == [*batch().tokens[1, :4].tolist(), 16, -100, -100, -100, -100, -100]


def test_padding_does_not_count() -> None:
    torch.manual_seed(0)
    net = Gpt(SIZES).eval()
    whole = batch()
    other = replace(whole, tokens=whole.tokens.clone(), phones=whole.phones.clone())
    other.tokens[1, 4:] = 3
    other.phones[1, 3:] = 7
    assert gpt_loss(net, whole)[0].item() == pytest.approx(gpt_loss(net, other)[0].item(), rel=1e-5)


def test_an_untrained_net_is_as_unsure_as_chance() -> None:
    torch.manual_seed(0)
    net = Gpt(SIZES)
    torch.nn.init.zeros_(net.ar_predict_layer.weight)
    loss, figures = gpt_loss(net, batch())
    assert loss.item() == pytest.approx(math.log(17), rel=1e-5)
    assert figures["loss"] == pytest.approx(math.log(17), rel=1e-5)


def test_a_net_that_follows_learns_how_far_to_go_on() -> None:
    torch.manual_seed(0)
    net = Gpt(replace(SIZES, follows_text=True))
    optim = torch.optim.Adam(net.parameters(), lr=3e-3)
    before = gpt_loss(net, batch())[1]["steps"]
    for _ in range(60):
        optim.zero_grad()
        gpt_loss(net, batch())[0].backward()
        optim.step()
    assert gpt_loss(net, batch())[1]["steps"] < 0.2 * before


def test_a_net_that_follows_needs_the_alignment() -> None:
    net = Gpt(replace(SIZES, follows_text=True))
    with pytest.raises(BadInput, match="which phone each token says"):
        gpt_loss(net, replace(batch(), spoken=None))


def test_wrong_tokens_are_read_but_not_learnt() -> None:
    torch.manual_seed(0)
    spoiled = with_wrong_tokens(batch(), 1.0, 16)
    assert spoiled.given is not None
    assert torch.equal(spoiled.tokens, batch().tokens)
    assert not torch.equal(spoiled.given, spoiled.tokens)
    assert torch.equal(gpt_targets(spoiled, 16), gpt_targets(batch(), 16))
