"""The quantiser: first batch, straight-through gradients, padding, decisions under autocast."""

from __future__ import annotations

import torch

from myna.models.layers import length_mask
from myna.models.quantizer import Quantizer


def clustered(generator: torch.Generator, centres: torch.Tensor, count: int) -> torch.Tensor:
    """(1, C, count) points close to the rows of ``centres``."""
    points = centres[torch.arange(count) % len(centres)]
    return (points + 0.01 * torch.randn(points.shape, generator=generator)).t()[None]


def test_the_first_training_batch_places_the_codes() -> None:
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(4, 8, generator=generator) * 5
    quantizer = Quantizer(codes=16, width=8).train()
    x = clustered(generator, centres, 400)
    assert not quantizer.codebook.inited
    first = quantizer(x)
    assert quantizer.codebook.inited
    assert (quantizer(x).values - x).abs().max() < 0.5
    assert first.commitment < 0.01


def test_evaluation_changes_nothing_and_passes_no_gradient() -> None:
    quantizer = Quantizer(codes=8, width=4).eval()
    before = {key: value.clone() for key, value in quantizer.state_dict().items()}
    x = torch.randn(2, 4, 5, requires_grad=True)
    out = quantizer(x)
    assert not out.values.requires_grad
    assert out.commitment == 0
    assert torch.equal(out.values, quantizer.decode(out.codes))
    for key, value in quantizer.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_training_passes_the_gradient_straight_through() -> None:
    quantizer = Quantizer(codes=8, width=4).train()
    x = torch.randn(2, 4, 50, requires_grad=True)
    quantizer(x).values.sum().backward()
    torch.testing.assert_close(x.grad, torch.ones_like(x))


def test_padding_neither_teaches_the_codebook_nor_counts_in_the_loss() -> None:
    torch.manual_seed(0)
    trained, padded = Quantizer(codes=4, width=3).train(), Quantizer(codes=4, width=3).train()
    quantizer_state = trained.state_dict()
    quantizer_state["vq.layers.0._codebook.inited"] = torch.ones(1)
    quantizer_state["vq.layers.0._codebook.cluster_size"] = torch.full((4,), 100.0)
    trained.load_state_dict(quantizer_state)
    padded.load_state_dict(quantizer_state)
    x = torch.randn(1, 3, 20)
    junk = torch.cat([x, torch.full((1, 3, 7), 50.0)], dim=-1)
    alone = trained(x)
    together = padded(junk, length_mask(torch.tensor([20]), 27))
    torch.testing.assert_close(together.commitment, alone.commitment)
    torch.testing.assert_close(padded.codebook.embed, trained.codebook.embed)
    torch.testing.assert_close(padded.codebook.cluster_size, trained.codebook.cluster_size)


def test_unused_codes_are_revived_from_the_batch() -> None:
    torch.manual_seed(0)
    quantizer = Quantizer(codes=6, width=3).train()
    book = quantizer.codebook
    book.inited.fill_(1.0)
    book.cluster_size.fill_(100.0)
    book.cluster_size[2] = 0.5
    book.embed_avg.copy_(book.embed * 100.0)
    book.embed[2] = 1000.0
    x = torch.randn(1, 3, 40)
    quantizer(x)
    assert (x[0].t() == book.embed[2]).all(dim=1).any()


def test_codes_are_decided_in_float32_under_autocast() -> None:
    torch.manual_seed(0)
    quantizer = Quantizer(codes=512, width=64).eval()
    x = torch.randn(1, 64, 300)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(quantizer.encode(x), quantizer.encode(x))
        codes = quantizer.encode(x)
    assert torch.equal(codes, quantizer.encode(x))
