"""SoVITS of the VITS kind by its own lights: batches, parts, the flow's inverse, what it refuses."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from myna.core.versions import version
from myna.models.coupling import CouplingFlow
from myna.models.discriminators import Discriminators
from myna.models.gan_loss import deceit_loss, divergence, feature_loss, judges_loss
from myna.models.layers import length_mask
from myna.models.sovits_vits import SovitsVits, VitsDraws, segments
from myna.testing.tiny_base import tiny_vits

HIDDEN, HOP = 16, 640


def lively(net: nn.Module) -> nn.Module:
    """Weights that are drawn, also those that begin at zero."""
    torch.manual_seed(0)
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.2)
    return net.eval()


def vits(name: str = "v2") -> SovitsVits:
    net = lively(SovitsVits(tiny_vits(version(name))))
    assert isinstance(net, SovitsVits)
    return net


@torch.no_grad()
def test_the_flow_is_undone_without_loss() -> None:
    flow = lively(CouplingFlow(HIDDEN, 3, 2, 8))
    assert isinstance(flow, CouplingFlow)
    mask = length_mask(torch.tensor([9, 5]), 9)
    latent, speaker = torch.randn(2, HIDDEN, 9) * mask, torch.randn(2, 8, 1)
    prior = flow(latent, mask, speaker)
    assert not torch.allclose(prior, latent, atol=0.1)
    torch.testing.assert_close(flow.inverse(prior, mask, speaker), latent, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_a_batch_says_what_each_says_alone() -> None:
    net = vits()
    codes, phones = torch.randint(1024, (2, 12)), torch.randint(732, (2, 9))
    code_lens, phone_lens = torch.tensor([12, 7]), torch.tensor([5, 9])
    speaker, noise = torch.randn(2, 16, 1), torch.randn(2, HIDDEN, 24)
    both = net.decode(codes, phones, speaker, code_lens=code_lens, phone_lens=phone_lens, noise=noise)
    # The decoder is not masked: it hears some frames beyond the end.
    heard = 10
    for row, (num_codes, num_phones) in enumerate(zip(code_lens.tolist(), phone_lens.tolist(), strict=True)):
        frames = 2 * num_codes
        alone = net.decode(
            codes[[row], :num_codes], phones[[row], :num_phones], speaker[[row]], noise=noise[[row], :, :frames]
        )
        assert alone.shape == (1, 1, frames * HOP)
        end = (frames - heard) * HOP if frames < 24 else frames * HOP
        torch.testing.assert_close(both[[row], :, :end], alone[..., :end], atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_a_part_that_is_all_is_the_whole() -> None:
    net = vits()
    codes, phones, speaker = torch.randint(1024, (1, 8)), torch.randint(732, (1, 6)), torch.randn(1, 16, 1)
    noise = torch.randn(1, HIDDEN, 16)
    wave, features = net.decode_part(codes, phones, speaker, noise=noise)
    torch.testing.assert_close(wave, net.decode(codes, phones, speaker, noise=noise))
    part, kept = net.decode_part(codes, phones, speaker, kept_codes=3, before=torch.zeros(1, HIDDEN, 2))
    assert part.shape[-1] == 6 * HOP
    assert not kept[..., 0].any(), "the part before has the first frame to itself"
    torch.testing.assert_close(kept[..., 2:], features[..., -4:])


def test_the_speaker_nets_vector_is_needed_or_refused() -> None:
    spec = torch.rand(2, 1025, 7)
    with pytest.raises(ValueError, match=r"width 80 \(0: none\)"):
        vits("v2Pro").speaker_vector(spec)
    with pytest.raises(ValueError, match=r"width 0 \(0: none\)"):
        vits().speaker_vector(spec, None, torch.rand(2, 80))
    pro = vits("v2Pro")
    flat = pro.speaker_vector(spec, None, torch.ones(2, 80))
    assert flat.shape == (2, 16, 1)
    torch.testing.assert_close(pro.speaker_vector(spec, None, torch.ones(2, 80, 1)), flat)
    assert not torch.allclose(pro.speaker_vector(spec, None, torch.zeros(2, 80)), flat)


def test_training_teaches_all_but_the_tokens() -> None:
    net = vits("v2Pro").train()
    codebook = net.quantizer.codebook.embed.clone()
    draws = VitsDraws(torch.randn(2, HIDDEN, 10), torch.tensor([0.0, 0.999]))
    out = net(
        torch.randint(1024, (2, 5)),
        torch.rand(2, 1025, 10),
        torch.tensor([9, 6]),
        torch.randint(732, (2, 5)),
        torch.tensor([5, 3]),
        torch.randn(2, 80),
        segment_frames=4,
        draws=draws,
    )
    assert out.starts.tolist() == [0, 2]
    assert out.wave.shape == (2, 1, 4 * HOP)
    assert not out.z[1, :, 6:].any()
    loss = out.wave.square().sum() + divergence(out.z_p, out.log_deviation_q, out.mean_p, out.log_deviation_p, out.mask)
    loss.backward()
    untaught = {name.split(".")[0] for name, value in net.named_parameters() if value.grad is None}
    assert untaught == {"ssl_proj"}
    assert torch.equal(net.quantizer.codebook.embed, codebook)


def test_segments_are_cut_where_they_begin() -> None:
    x = torch.arange(20.0).view(2, 1, 10)
    assert segments(x, torch.tensor([0, 7]), 3).tolist() == [[[0, 1, 2]], [[17, 18, 19]]]


@torch.no_grad()
def test_judges_agree_with_themselves() -> None:
    judges = Discriminators((2, 3))
    sound = torch.randn(1, 1, 701) * 0.1
    real, fake = judges(sound), judges(sound)
    assert [len(one.features) for one in real] == [7, 6, 6]
    assert float(feature_loss(real, fake)) == 0.0
    half = deceit_loss(fake) + sum(one.opinion.square().mean() for one in fake)
    torch.testing.assert_close(judges_loss(real, fake), half)
    assert float(divergence(*[torch.zeros(1, 3, 4)] * 4, torch.ones(1, 1, 4))) == -1.5


def test_judges_listen_to_two_batches_at_once() -> None:
    judges = Discriminators((2, 3))
    recorded, made = torch.randn(2, 1, 701) * 0.1, torch.randn(2, 1, 701) * 0.1
    real, fake = judges.compare(recorded, made)
    for together, alone in ((real, judges(recorded)), (fake, judges(made))):
        for one, other in zip(together, alone, strict=True):
            torch.testing.assert_close(one.opinion, other.opinion)
            for layer, same in zip(one.features, other.features, strict=True):
                torch.testing.assert_close(layer, same)
