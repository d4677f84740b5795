"""The flow-matching SoVITS beyond parity: padding, gradients of the bundled size, learning, sampling."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from myna.core.versions import FlowSizes, version
from myna.models.layers import length_mask
from myna.models.pitch import Register
from myna.models.sovits_flow import FlowDraws, FlowMatching, SovitsFlow

LITE = version("lite").flow
assert LITE is not None
TINY = replace(
    LITE,
    phone_vocab=20,
    content_width=16,
    codes=8,
    hidden=12,
    filter=16,
    layers=2,
    mrte_width=16,
    mrte_heads=2,
    reference_bins=10,
    style_hidden=8,
    speaker_width=16,
    feature_width=16,
    wavenet_layers=2,
    dit_width=32,
    dit_depth=2,
    dit_heads=2,
    dit_conv_layers=1,
    mel_bands=6,
)
PUBLISHED = replace(TINY, rotary_all_heads=False, masks_padding=False, has_speaker_gradient=False)


def lively(sizes: FlowSizes) -> SovitsFlow:
    """A net in which nothing is zero: as made, the flow's output and gates are."""
    torch.manual_seed(0)
    net = SovitsFlow(sizes).eval()
    with torch.no_grad():
        for parameter in net.cfm.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return net


def features_of(net: SovitsFlow, batch: int, codes: int, **options: float) -> torch.Tensor:
    speaker = net.speaker_vector(torch.rand(batch, 10, 7))
    ids, phones = torch.randint(8, (batch, codes)), torch.randint(20, (batch, 5))
    return net.features(ids, phones, None, speaker, **options)


@torch.no_grad()
def test_codes_come_at_half_the_content_rate() -> None:
    net = lively(TINY)
    codes = net.extract_codes(torch.randn(3, 16, 21))
    assert codes.shape == (3, 10)
    assert codes.dtype == torch.int64
    assert codes.min() >= 0
    assert codes.max() < 8


@pytest.mark.parametrize(("rate", "frames"), [(1.0, 18), (1.875, 33), (2.0, 36)])
@torch.no_grad()
def test_features_have_the_mels_length(rate: float, frames: int) -> None:
    net = lively(replace(TINY, frames_per_content=rate))
    assert features_of(net, 2, 9).shape == (2, 16, frames)


@pytest.mark.parametrize("speed", [0.5, 0.9, 1.3, 2.0])
@torch.no_grad()
def test_speed_divides_the_length(speed: float) -> None:
    assert features_of(lively(TINY), 1, 20, speed=speed).shape[-1] == int(40 / speed) + 1


@torch.no_grad()
def test_a_padded_batch_gives_what_each_gives_alone() -> None:
    net = lively(TINY)
    spec, codes, phones = torch.rand(2, 10, 7), torch.randint(8, (2, 9)), torch.randint(20, (2, 6))
    code_lens, phone_lens = torch.tensor([9, 6]), torch.tensor([6, 4])
    speaker = net.speaker_vector(spec)
    together = net.features(codes, phones, phone_lens, speaker, code_lens)
    alone = net.features(codes[1:, :6], phones[1:, :4], None, speaker[1:])
    torch.testing.assert_close(together[1:, :, :12], alone, atol=1e-5, rtol=1e-4)

    prompt, noise = torch.randn(2, 6, 4), torch.randn(2, 6, 18)
    lens = code_lens * 2
    mel = net.cfm.sample(together, lens, prompt, steps=3, noise=noise)
    mel_alone = net.cfm.sample(alone, None, prompt[1:], steps=3, noise=noise[1:, :, :12])
    torch.testing.assert_close(mel[1:, :, :12], mel_alone, atol=1e-4, rtol=1e-3)


@torch.no_grad()
def test_the_published_way_lets_padding_in() -> None:
    """What `masks_padding` mends; a parity test holds the published numbers."""
    net = lively(PUBLISHED)
    features, prompt, noise = torch.randn(1, 16, 18), torch.randn(1, 6, 4), torch.randn(1, 6, 18)
    padded = net.cfm.sample(features, torch.tensor([12]), prompt, steps=3, noise=noise)
    alone = net.cfm.sample(features[..., :12], None, prompt, steps=3, noise=noise[..., :12])
    assert not torch.allclose(padded[..., :12], alone, atol=1e-4)


@pytest.mark.parametrize("rotary_all_heads", [False, True])
@torch.no_grad()
def test_which_heads_know_positions(rotary_all_heads: bool) -> None:
    """Without rotation attention cannot tell a sequence from its reverse."""
    attention = lively(replace(TINY, rotary_all_heads=rotary_all_heads)).cfm.estimator.transformer_blocks[0].attn
    turn = lively(TINY).cfm.estimator.rotary_embed(9)
    x = torch.randn(1, 9, 32)
    attention.to_out[0].weight.copy_(torch.eye(32))
    attention.to_out[0].bias.zero_()
    forward, backward = attention(x, None, turn), attention(x.flip(1), None, turn).flip(1)
    same = torch.isclose(forward, backward, atol=1e-5).all(dim=1)[0]
    assert not same[:16].any()
    assert same[16:].all() == (not rotary_all_heads)


def test_the_speaker_vector_trains_the_reference_encoder_only_where_it_should() -> None:
    for sizes, reaches in ((TINY, True), (PUBLISHED, False)):
        net = lively(sizes)
        speaker = torch.randn(1, 16, 1, requires_grad=True)
        net.enc_p.mrte.forward = lambda content, *_: content  # type: ignore[method-assign]
        net.features(torch.randint(8, (1, 5)), torch.randint(20, (1, 4)), None, speaker).sum().backward()
        assert (speaker.grad is not None) == reaches


def test_every_weight_of_the_bundled_kind_gets_a_finite_gradient_under_autocast() -> None:
    net = lively(TINY).train()
    content, spec, mel = torch.randn(2, 16, 18), torch.rand(2, 10, 18), torch.randn(2, 6, 18)
    lens, phones, phone_lens = torch.tensor([18, 12]), torch.randint(20, (2, 5)), torch.tensor([5, 3])
    with torch.autocast("cpu", torch.bfloat16):
        quantized = net.quantizer(net.ssl_proj(content), length_mask(lens // 2, 9))
        speaker = net.speaker_vector(spec, length_mask(lens, 18))
        features = net.features_from(quantized.values, phones, phone_lens, speaker, lens)
        draws = FlowDraws(torch.tensor([0.2, 0.7]), torch.randn_like(mel), torch.tensor([2, 7]))
        loss = net.cfm.loss(mel, lens, lens // 3, features, draws)
        loss = loss + (net.linear_mel(features).float() - mel).abs().mean() + quantized.commitment
    loss.backward()
    for name, parameter in net.named_parameters():
        # The prior that only the VITS kind uses; and these features are told no pitch.
        if not name.startswith(("enc_p.proj.", "pitch.")):
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name


def test_the_features_are_told_the_pitch_of_the_register() -> None:
    net = lively(TINY)
    assert net.pitch is not None
    net.pitch.told.data.normal_()
    speaker, codes, phones = torch.randn(1, 16, 1), torch.randint(8, (1, 5)), torch.randint(20, (1, 4))
    with torch.no_grad():
        said, mask = net.said(codes, phones, None, speaker)
        low, high = (Register(middle, middle, torch.ones(1, 1)) for middle in torch.tensor([[[4.6]], [[5.3]]]))
        found = net.features(codes, phones, None, speaker, register=low)
        torch.testing.assert_close(found, net.in_voice(said, mask, speaker, low(net.pitch.guess(said))))
        assert not torch.allclose(found, net.features(codes, phones, None, speaker, register=high))
        assert not torch.allclose(found, net.in_voice(said, mask, speaker))


def test_the_loss_judges_only_valid_frames_behind_the_prompt() -> None:
    net = lively(TINY).cfm
    features, mel = torch.randn(1, 16, 12), torch.randn(1, 6, 12)
    draws = FlowDraws(torch.tensor([0.4]), torch.randn(1, 6, 12))
    lens, prompt_lens = torch.tensor([9]), torch.tensor([3])
    loss = net.loss(mel, lens, prompt_lens, features, draws)
    beyond = mel.clone()
    beyond[..., 9:] = 100.0
    torch.testing.assert_close(net.loss(beyond, lens, prompt_lens, features, draws), loss)
    judged = mel.clone()
    judged[..., 8] = 100.0
    assert net.loss(judged, lens, prompt_lens, features, draws) > 10 * loss


def test_a_prompt_that_leaves_nothing_to_judge_gives_zero_not_nan() -> None:
    net = lively(TINY).cfm
    mel, lens = torch.randn(1, 6, 8), torch.tensor([8])
    assert net.loss(mel, lens, lens, torch.randn(1, 16, 8)) == 0


def test_draws_repeat_with_their_generator() -> None:
    mel = torch.zeros(3, 6, 5)
    first, second = (FlowDraws.sample(mel, 1.0, torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(first.noise, second.noise)
    assert torch.equal(first.time, second.time)
    assert first.halvings is not None
    assert torch.equal(first.halvings, second.halvings if second.halvings is not None else torch.empty(0))
    assert FlowDraws.sample(mel, 0.0).halvings is None
    many = torch.cat([FlowDraws.sample(mel, 1.0).halvings for _ in range(100)])  # type: ignore[misc]
    assert set(many.tolist()) == {2, 3, 4, 5, 6, 7}


def test_the_flow_learns_a_constant_mel() -> None:
    """A few steps on one target: the flow's samples must come to lie near it."""
    torch.manual_seed(0)
    flow = FlowMatching(TINY)
    target = torch.linspace(-1, 1, 6)[None, :, None].expand(4, 6, 10)
    features, lens = torch.zeros(4, 16, 10), torch.full((4,), 10)
    optimiser = torch.optim.AdamW(flow.parameters(), 3e-3)
    for _ in range(150):
        optimiser.zero_grad()
        flow.loss(target, lens, torch.zeros(4, dtype=torch.int64), features, FlowDraws.sample(target, 0.0)).backward()
        optimiser.step()
    mel = flow.eval().sample(features, lens, target[..., :0], steps=8, generator=torch.Generator().manual_seed(1))
    assert (mel - target).abs().mean() < 0.25


def test_sampling_repeats_with_its_generator_and_blanks_the_prompt() -> None:
    flow = lively(TINY).cfm
    features, prompt = torch.randn(1, 16, 12), torch.randn(1, 6, 5)
    first, second, other = (
        flow.sample(features, None, prompt, steps=2, generator=torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert (first[..., :5] == 0).all()
    assert first.shape == (1, 6, 12)


def test_recomputing_blocks_changes_no_gradient() -> None:
    found = []
    for recomputes in (False, True):
        net = lively(TINY).train()
        net.cfm.estimator.recomputes_blocks = recomputes
        kept: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(lambda x, kept=kept: (kept.append(x.numel()), x)[1], lambda x: x):
            mel, lens = torch.ones(2, 6, 40) * 0.1, torch.tensor([40, 30])
            draws = FlowDraws(torch.tensor([0.2, 0.7]), torch.ones(2, 6, 40))
            loss = net.cfm.loss(mel, lens, lens // 4, torch.ones(2, 16, 40), draws)
        loss.backward()
        found.append(({name: one.grad for name, one in net.cfm.named_parameters()}, sum(kept)))
    (plain, more), (again, less) = found
    assert less < 0.6 * more, "fewer numbers wait for the way back"
    for name, gradient in plain.items():
        torch.testing.assert_close(again[name], gradient, msg=name)
