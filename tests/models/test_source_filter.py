from __future__ import annotations

import math

import pytest
import torch

from myna.models.source_filter import SourceFilter, SourceFilterSizes, bridged

SIZES = SourceFilterSizes(width=16, feed_forward=16, layers=1, pitch_width=16, pitch_layers=1)
MEL = torch.linspace(-8, -2, 100)[None, :, None].expand(2, 100, 20)


@pytest.fixture(scope="module")
def net() -> SourceFilter:
    torch.manual_seed(0)
    net = SourceFilter(SIZES).eval()
    net.envelope.copy_(torch.eye(SIZES.bands)[torch.arange(SIZES.bins) * SIZES.bands // SIZES.bins])
    return net


@torch.no_grad()
def test_every_frame_becomes_its_hop_and_the_same_mel_the_same_sound(net: SourceFilter) -> None:
    sound = net(MEL)
    assert sound.shape == (2, 1, 20 * 480)
    assert torch.equal(net(MEL), sound)
    assert net(MEL[:1, :, :1]).shape == (1, 1, 480), "one frame is enough"


@torch.no_grad()
def test_each_row_of_a_batch_is_what_it_is_alone(net: SourceFilter) -> None:
    mels = torch.cat((MEL[:1], MEL[:1] - 1))
    hz, voiced, noise = torch.full((2, 40), math.log(150.0)), torch.rand(2, 40), torch.randn(2, 9600)
    together = net.sound(mels, hz, voiced, noise)
    for row in range(2):
        alone = net.sound(mels[row : row + 1], hz[:1], voiced[row : row + 1], noise[row : row + 1])
        assert torch.allclose(together[row : row + 1], alone, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("hz", [60.0, 150.0, 480.0])
def test_pulses_are_all_harmonics_and_as_strong_at_any_pitch(net: SourceFilter, hz: float) -> None:
    pulses = net.pulses(torch.full((1, 200), math.log(hz)))
    assert pulses.square().mean() == pytest.approx(1.0, rel=0.05)
    spectrum = torch.fft.rfft(pulses[0, :24000] * torch.hann_window(24000)).abs()  # 1 Hz a bin
    harmonic = round(5 * hz)
    assert spectrum[harmonic - 5 : harmonic + 6].argmax() == 5
    assert spectrum[harmonic + round(hz / 2)] < 0.01 * spectrum[harmonic]


@torch.no_grad()
def test_a_pitch_that_is_told_is_the_sound_s(net: SourceFilter, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[torch.Tensor] = []
    pulses = net.pulses
    monkeypatch.setattr(net, "pulses", lambda log_hz: given.append(log_hz) or pulses(log_hz))
    glide = torch.linspace(4.5, 5.5, 20).expand(2, 20)
    told = net(MEL, glide)
    assert told.shape == net(MEL).shape
    assert not torch.allclose(told, net(MEL))
    assert given[0].shape == (2, 40)
    torch.testing.assert_close(given[0].unflatten(1, (-1, 2)).mean(dim=2), glide, atol=0.02, rtol=0)


@torch.no_grad()
def test_the_pitch_of_a_long_sound_does_not_drift(net: SourceFilter) -> None:
    pulses = net.pulses(torch.full((1, 100 * 120), math.log(100.0)))
    peaks = (pulses[0, -24000:] > 0.5 * pulses.max()).nonzero()[:, 0]
    assert ((peaks[0] - peaks) % 240).max() in (0, 239)


@torch.no_grad()
def test_spectra_and_back_are_the_sound(net: SourceFilter) -> None:
    sound = torch.randn(2, 4800)
    assert torch.allclose(net._joined(net._spectra(sound)), sound, atol=1e-4)


@torch.no_grad()
def test_before_training_the_mel_s_level_is_the_sound_s(net: SourceFilter) -> None:
    louder = net(MEL + math.log(10.0)).square().mean() / net(MEL).square().mean()
    assert 30 < louder < 300


def test_the_pitch_goes_straight_where_there_is_no_voice() -> None:
    values = torch.tensor([[1.0, 2.0, 9.0, 9.0, 5.0], [9.0, 9.0, 3.0, 9.0, 9.0], [1.0, 2.0, 3.0, 4.0, 5.0]])
    known = torch.tensor([[1, 1, 0, 0, 1], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]]).bool()
    wanted = torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0], [3.0] * 5, [3.0] * 5])
    assert torch.allclose(bridged(values, known), wanted)


@torch.no_grad()
def test_the_pitch_is_read_beside_the_likeliest_bin(net: SourceFilter) -> None:
    grid = net.pitch.grid
    bins = -0.5 * ((grid - (grid[40] + 0.3 * (grid[1] - grid[0]))) / (grid[1] - grid[0])).square()
    read = net.pitch.log_hz(bins.expand(1, 7, -1), torch.ones(1, 7))
    assert torch.allclose(read, grid[40] + 0.3 * (grid[1] - grid[0]), atol=2e-3)
    assert (grid[0].exp(), grid[-1].exp()) == (pytest.approx(50.0), pytest.approx(700.0))


def test_every_weight_learns(net: SourceFilter) -> None:
    bins, voiced = net.pitch(MEL)
    sound = net.sound(MEL, torch.full((2, 40), 5.0), voiced.sigmoid(), torch.randn(2, 9600))
    (sound.square().sum() + bins.square().sum() + voiced.sum()).backward()
    unmoved = [name for name, weight in net.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert unmoved == []
    assert all(weight.grad.isfinite().all() for weight in net.parameters() if weight.grad is not None)
