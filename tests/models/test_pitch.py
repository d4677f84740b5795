"""What the flow is told of the pitch: read from mels, guessed, brought to a voice, and as vectors."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from myna.core.versions import version
from myna.engine.dsp import mel
from myna.engine.weights import load_vocoder
from myna.models.pitch import Pitch, PitchTrack, Register

LITE = version("lite")
assert LITE.flow is not None
SIZES = LITE.flow
EVERYWHERE = torch.ones(1, 4, dtype=torch.bool)


def pitch_net() -> Pitch:
    """With the reader that ships, and some vector for every pitch."""
    torch.manual_seed(0)
    net = Pitch(SIZES).eval()
    net.reader.load_state_dict(load_vocoder(LITE, Path("models")).pitch.state_dict())
    net.told.data.normal_()
    return net


def voice(hz: float, seconds: float) -> torch.Tensor:
    """The log-mel of all harmonics of ``hz``, the higher the softer, between two silent halves of a second."""
    rate = LITE.mel.sample_rate
    times = np.arange(round(seconds * rate)) / rate
    sound = sum(np.sin(2 * np.pi * hz * k * times) / k for k in range(1, int(5000 / hz)))
    sound = np.pad(0.1 * np.asarray(sound), rate // 2)
    noise = np.random.default_rng(0).normal(0, 1e-4, sound.shape)
    return mel(torch.from_numpy((sound + noise).astype(np.float32))[None], LITE.mel)


@pytest.mark.parametrize("hz", [95.0, 180.0, 300.0])
def test_the_pitch_is_read_where_there_is_a_voice(hz: float) -> None:
    track = pitch_net().read(voice(hz, 1.0))
    assert track.log_hz.shape == track.voiced.shape == (1, 100)
    assert track.voiced[0, 30:70].all()
    assert not track.voiced[0, :20].any()
    assert not track.voiced[0, 80:].any()
    assert track.mean().exp().item() == pytest.approx(hz, rel=0.02)
    # Bridged: where nobody speaks it is as beside it.
    assert track.log_hz[0].exp().tolist() == pytest.approx([hz] * 100, rel=0.03)


def test_padding_is_neither_voiced_nor_heard() -> None:
    net, long = pitch_net(), voice(180.0, 1.0)
    mask = torch.arange(long.shape[-1])[None, None] < 60
    track = net.read(long, mask)
    assert not track.voiced[0, 60:].any()
    louder = long.clone()
    louder[..., 60:] = 0.0
    torch.testing.assert_close(net.read(louder, mask).log_hz, track.log_hz)


def test_a_guess_is_wrong_by_its_distance_over_what_is_voiced() -> None:
    log_hz = torch.tensor([[5.0, 5.2, 5.4, 9.0]])
    track = PitchTrack(log_hz, torch.tensor([[True, True, True, False]]))
    assert track.mean().item() == pytest.approx(5.2)
    net = pitch_net()
    assert net.error(torch.tensor([[-0.2, 0.0, 0.2, 7.0]]), track).item() == pytest.approx(0.0, abs=1e-6)
    assert net.error(torch.tensor([[-0.2, 0.3, 0.2, 7.0]]), track).item() == pytest.approx(0.1, abs=1e-6)
    silent = PitchTrack(log_hz, torch.zeros(1, 4, dtype=torch.bool))
    assert net.error(torch.zeros(1, 4), silent).item() == 0.0


def test_a_register_brings_a_guess_to_middle_and_spread_of_the_voice() -> None:
    guess = torch.tensor([[-0.1, 0.1] * 10])
    track = PitchTrack(torch.tensor([[5.1, 5.5] * 10]), torch.ones(1, 20, dtype=torch.bool))
    register = pitch_net().register(guess, track)
    torch.testing.assert_close(register(guess), track.log_hz)
    assert register.mean.item() == pytest.approx(5.3)


def test_a_register_is_never_wild() -> None:
    net = pitch_net()
    track = PitchTrack(torch.tensor([[4.0, 6.0] * 10]), torch.ones(1, 20, dtype=torch.bool))
    assert net.register(torch.tensor([[-0.01, 0.01] * 10]), track).liveliness.item() == 2.5
    hardly = PitchTrack(track.log_hz, torch.arange(20)[None] < 4)
    register = net.register(torch.zeros(1, 20), hardly)
    assert (register.middle.item(), register.liveliness.item()) == (pytest.approx(5.0), 1.0)


def test_pitches_between_two_vectors_are_mixed_from_both() -> None:
    net = pitch_net()
    step = math.log(800 / 50) / 95
    log_hz = math.log(50) + step * torch.tensor([[3.0, 3.25, 4.0]])
    told = net.vectors(log_hz)[0].T
    torch.testing.assert_close(told[0], net.told[3], atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(told[1], 0.75 * net.told[3] + 0.25 * net.told[4], atol=1e-4, rtol=1e-3)
    beyond = net.vectors(torch.tensor([[0.0, 20.0]]))[0].T
    torch.testing.assert_close(beyond[0], net.told[0])
    torch.testing.assert_close(beyond[1], net.told[95], atol=1e-2, rtol=1e-2)


def test_the_pitch_is_told_as_far_as_there_is_a_voice() -> None:
    net = pitch_net()
    log_hz, features = torch.full((1, 3), 5.0), torch.randn(1, SIZES.feature_width, 3)
    assert net.gate.bias is not None
    for bias, share in ((-50.0, 0.0), (50.0, 1.0)):
        net.gate.bias.data.fill_(bias)
        torch.testing.assert_close(
            net.tell(features, log_hz) - features, share * net.vectors(log_hz), atol=1e-5, rtol=0
        )


def test_a_track_is_cut_or_held() -> None:
    track = PitchTrack(torch.tensor([[5.0, 5.1, 5.2, 5.3]]), EVERYWHERE)
    assert track.fitted(2).log_hz.tolist() == track.log_hz[:, :2].tolist()
    held = track.fitted(6)
    assert held.log_hz[0, 3:].tolist() == pytest.approx([5.3] * 3)
    assert held.voiced[0].tolist() == [True] * 4 + [False] * 2


def test_only_the_reader_is_not_trained() -> None:
    fixed = {name.partition(".")[0] for name, one in Pitch(SIZES).named_parameters() if not one.requires_grad}
    assert fixed == {"reader"}


def test_a_register_moves_as_it_says() -> None:
    register = Register(torch.tensor([[5.1]]), torch.tensor([[5.0]]), torch.tensor([[2.0]]))
    assert register(torch.tensor([[0.0, 0.5]])).tolist() == [[5.0, 6.0]]
