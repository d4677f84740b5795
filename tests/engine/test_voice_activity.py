from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from myna.audio.io import decode, resample, write_wav
from myna.audio.slicer import SliceSettings, slice_bounds
from myna.core.assets import bundled
from myna.core.errors import BadAudio, MissingExtra
from myna.core.progress import silent
from myna.core.workspace import files_in
from myna.engine import voice_activity
from myna.engine.recordings import slice_recordings
from myna.engine.voice_activity import VoiceActivity

RATE = 32000
HOP = 320

needs_net = pytest.mark.skipif(
    find_spec("silero_vad") is None or find_spec("onnxruntime") is None, reason="silero-vad is not installed"
)


@cache
def speech() -> np.ndarray:
    """Two stretches of speech of the demo recording, a second and a half of nothing before, between and behind."""
    sound = decode(bundled("demo") / "recording.flac", RATE).samples
    first, second = slice_bounds(sound, RATE, SliceSettings(min_length=2000))[:2]
    nothing = np.zeros(3 * RATE // 2, np.float32)
    parts = (nothing, sound[slice(*first)][: 4 * RATE], nothing, sound[slice(*second)][: 4 * RATE], nothing)
    return np.concatenate(parts)


def street(level: float = 0.03) -> np.ndarray:
    """The same beside a street: rumble louder than the slicer's threshold, so that no pause is silent."""
    noise = np.random.default_rng(1).standard_normal(len(speech()) // 40).astype(np.float32)
    rumble = resample(noise, RATE // 40, RATE)[: len(speech())]
    return speech() + level * np.pad(rumble, (0, len(speech()) - len(rumble)))


def pauses_of(sound: np.ndarray, lengths: list[int], hop: int = HOP) -> np.ndarray:
    finder = VoiceActivity(hop)
    at = np.cumsum(np.resize(lengths, 2 + len(sound) // sum(lengths) * len(lengths)))
    return np.concatenate([*map(finder.feed, np.split(sound, at[at < len(sound)])), finder.finish()])


@needs_net
def test_it_hears_where_somebody_speaks() -> None:
    pauses = pauses_of(street(), [len(street())])
    assert len(pauses) >= len(street()) // HOP
    seconds = np.arange(len(pauses)) * HOP / RATE
    assert pauses[seconds < 1.2].all()
    assert pauses[(seconds > 5.9) & (seconds < 6.7)].all()
    assert pauses[(seconds > 11.4) & (seconds < 12.4)].all()
    assert (~pauses[(seconds > 1.7) & (seconds < 5.3)]).mean() > 0.8
    assert (~pauses[(seconds > 7.3) & (seconds < 10.8)]).mean() > 0.8


@needs_net
@pytest.mark.parametrize("hop", [HOP, 480, 5000])
@pytest.mark.parametrize("lengths", [[65536], [1000, 30], [320], [50000, 1, 40000]])
def test_blocks_of_any_length_tell_the_same(lengths: list[int], hop: int) -> None:
    sound = street()[: 5 * RATE]
    np.testing.assert_array_equal(pauses_of(sound, lengths, hop), pauses_of(sound, [len(sound)], hop))


@needs_net
def test_noise_music_and_silence_hold_no_voice() -> None:
    random = np.random.default_rng(3)
    for sound in (np.zeros(RATE), 0.1 * random.standard_normal(3 * RATE), 0.3 * np.sin(np.arange(3 * RATE) / 20)):
        assert pauses_of(sound.astype(np.float32), [4000])[20:].all()


@needs_net
def test_pauses_with_noise_are_cut_by_voice_only(tmp_path: Path) -> None:
    write_wav(tmp_path / "street.wav", street(), RATE)
    settings = SliceSettings(min_length=2000)
    slice_recordings(tmp_path / "street.wav", tmp_path / "silence", settings=settings, progress=silent)
    slice_recordings(
        tmp_path / "street.wav", tmp_path / "voice", settings=settings, voice_threshold=0.5, progress=silent
    )
    assert len(files_in(tmp_path / "silence")) == 1
    clips = files_in(tmp_path / "voice")
    assert len(clips) >= 2
    starts, ends = zip(*(map(int, clip.stem.rsplit("_", 2)[1:]) for clip in clips), strict=True)
    assert all(start % HOP == 0 for start in starts)
    assert 0.6 < starts[0] / RATE < 1.9
    assert 10.9 < ends[-1] / RATE < 12.2


@needs_net
def test_a_recording_without_a_voice_says_so(tmp_path: Path) -> None:
    write_wav(tmp_path / "noise.wav", 0.1 * np.random.default_rng(1).standard_normal(5 * RATE), RATE)
    with pytest.raises(BadAudio, match=r"noise.wav: no voice was found"):
        slice_recordings(
            tmp_path / "noise.wav", tmp_path / "x", settings=SliceSettings(), voice_threshold=0.5, progress=silent
        )


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    voice_activity._net.cache_clear()
    monkeypatch.setattr(voice_activity, "find_spec", lambda name: None)
    pytest.importorskip("onnxruntime")
    with pytest.raises(
        MissingExtra, match=r"silero-vad 6.2.3 or later .* pip install 'myna\[engine\]'.*method silence"
    ):
        VoiceActivity(HOP)
