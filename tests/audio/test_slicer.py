"""What the slicer does beyond the official one: settings with reasons, a longest clip, levels, damaged files."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.audio.clip_writing import clip_blocks, clip_samples
from myna.audio.io import DecodeLimits, write_wav
from myna.audio.slicer import SliceSettings, slice_bounds, slice_file
from myna.core.errors import BadAudio, BadInput, Cancelled, LimitExceeded, WorkspaceError
from myna.core.workspace import files_in
from tests.audio.files import by_libav, voice_like

RATE = 32000


def _speech(*parts: float) -> np.ndarray:
    """Sound for positive, silence for negative seconds."""
    sounds = [voice_like(s, RATE, seed) if s > 0 else np.zeros(round(-s * RATE)) for seed, s in enumerate(parts)]
    return np.concatenate(sounds).astype(np.float32)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"threshold": 0}, "threshold is 0 dB; it must be between -120 and 0"),
        ({"threshold": float("nan")}, "threshold"),
        ({"threshold": -200}, "threshold"),
        ({"hop_size": 0}, "1 <= hop_size"),
        ({"min_interval": 5}, "hop_size 10, min_interval 5 and min_length 4000"),
        ({"min_length": 200}, "min_interval <= min_length"),
        ({"min_length": -34}, "min_interval <= min_length"),
        ({"max_sil_kept": 5}, r"max_sil_kept is 5 ms; it must be between hop_size \(10\)"),
        ({"max_length": 3000}, r"max_length is 3000 ms; it must be 0 .* min_length \(4000\)"),
        ({"max_length": -1}, "max_length"),
        ({"top": 1.5}, "peak level is 1.5"),
        ({"share": -1}, "normalised share is -1"),
    ],
    ids=str,
)
def test_settings_that_contradict_themselves(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadInput, match=reason) as caught:
        SliceSettings(**values)
    assert "\n" not in str(caught.value)


def test_the_defaults_are_the_official_ones() -> None:
    assert SliceSettings() == SliceSettings(-34.0, 4000, 300, 10, 500, 0, 0.9, 0.25)


def test_without_a_longest_clip_speech_stays_whole() -> None:
    assert len(slice_bounds(voice_like(30.0, RATE), RATE, SliceSettings())) == 1


def test_a_longest_clip_is_cut_where_it_is_quietest() -> None:
    sound = voice_like(20.0, RATE)
    quiet = slice(8 * RATE, 8 * RATE + 8000)
    sound[quiet] *= 0.3  # far too loud for a pause
    bounds = slice_bounds(sound, RATE, SliceSettings(max_length=9000))
    assert quiet.start <= bounds[0][1] <= quiet.stop
    assert bounds[0][0] == 0
    assert bounds[-1][1] >= len(sound)


@given(
    st.lists(st.floats(0.05, 6.0).flatmap(lambda s: st.sampled_from([s, -s])), min_size=1, max_size=6),
    st.sampled_from([0, 4000, 5000, 12000]),
)
@settings(max_examples=20, deadline=None)
def test_clips_are_in_order_apart_and_short_enough(parts: list[float], longest: int) -> None:
    sound = _speech(*parts)
    cut = SliceSettings(max_length=longest)
    bounds = slice_bounds(sound, RATE, cut)
    hop = RATE * cut.hop_size // 1000
    for start, end in bounds:
        assert 0 <= start < end <= len(sound) + hop
        assert start % hop == end % hop == 0
        assert not longest or end - start <= longest * RATE // 1000
    assert all(left[1] <= right[0] for left, right in pairwise(bounds))
    # Nothing louder than the threshold is lost, but for the edges that a window of four hops blurs.
    kept = np.zeros(len(sound), bool)
    for start, end in bounds:
        kept[max(0, start - 4 * hop) : end + 4 * hop] = True
    assert not (np.abs(sound[~kept]) > 10 ** (-34 / 20) * 5).any()


def test_silence_gives_no_clip(tmp_path: Path) -> None:
    write_wav(tmp_path / "quiet.wav", np.zeros(10 * RATE), RATE)
    assert list(slice_file(tmp_path / "quiet.wav", tmp_path / "clips", SliceSettings())) == []
    assert not (tmp_path / "clips").exists()


@pytest.mark.parametrize("scale", [0.0, 0.01, 1.0, 3.0])
@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_clips_of_any_level_are_sane(scale: float, share: float) -> None:
    sound = voice_like(1.0, RATE) * 2 * scale
    stored = clip_samples(sound, SliceSettings(top=1.0, share=share)).astype(np.float64)
    if scale == 0.0:
        assert not stored.any()
    else:
        assert np.corrcoef(stored, sound)[0, 1] > 0.9999
        assert np.abs(stored).max() == pytest.approx(32767 * (share + (1 - share) * min(scale, 1.0)), abs=1.5)


def level_by_level(sound: np.ndarray, settings: SliceSettings) -> np.ndarray:
    """The official formula, clip as a whole; but a loud clip is divided once, and nothing wraps."""
    divided = sound / np.float32(max(np.abs(sound).max(), 1.0))
    peak = np.abs(divided).max()
    mixed = divided / peak * np.float32(settings.top * settings.share) + np.float32(1 - settings.share) * divided
    return np.trunc(mixed / max(np.abs(mixed).max(), np.float32(1.0)) * np.float32(32767)).astype(np.int16)


@given(
    st.integers(0, 1000),
    st.sampled_from([0.01, 0.7, 1.0, 2.5]),
    st.sampled_from([(0.9, 0.25), (1.0, 1.0), (0.5, 0.0), (1.0, 0.1)]),
    st.lists(st.integers(1, 4000), max_size=8),
)
@settings(max_examples=40, deadline=None)
def test_clips_are_levelled_in_blocks_as_at_once(
    seed: int, scale: float, levels: tuple[float, float], lengths: list[int]
) -> None:
    sound = voice_like(0.5, RATE, seed) * np.float32(2 * scale)
    cut = SliceSettings(top=levels[0], share=levels[1])
    blocks = np.split(sound, sorted({min(at, len(sound)) for at in np.cumsum(lengths).tolist()}))
    stored = np.concatenate([np.zeros(0, np.int16), *clip_blocks(lambda: blocks, cut)])
    np.testing.assert_array_equal(stored, level_by_level(sound, cut))
    np.testing.assert_array_equal(stored, clip_samples(sound, cut))


def test_a_recording_that_is_cut_off_leaves_no_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("myna.audio.clip_writing._MOST_WAITING", 0)  # so that each clip is given as soon as it is cut
    whole = by_libav(_speech(*[5.0, -1.0] * 6), RATE, "flac", "flac")
    (tmp_path / "a.flac").write_bytes(whole[: -len(whole) // 4])
    seen: list[int] = []
    with pytest.raises(BadAudio, match="truncated"):
        clips = slice_file(tmp_path / "a.flac", tmp_path / "clips", SliceSettings())
        seen.extend(clip.stat().st_size for clip in clips)
    assert len(seen) >= 2
    assert list((tmp_path / "clips").iterdir()) == []


def test_limits_hold(tmp_path: Path) -> None:
    write_wav(tmp_path / "long.wav", _speech(9.0), RATE)
    with pytest.raises(LimitExceeded, match="allowed 5 s"):
        list(slice_file(tmp_path / "long.wav", tmp_path / "out", SliceSettings(), limits=DecodeLimits(max_seconds=5)))


def test_progress_is_told_and_stops(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", _speech(5.0, -1.0, 5.0, -1.0, 5.0), RATE)
    told: list[float] = []

    def stop(fraction: float, note: str) -> None:
        told.append(fraction)
        if fraction > 0.6:
            raise Cancelled(note)

    with pytest.raises(Cancelled):
        list(slice_file(tmp_path / "a.wav", tmp_path / "out", SliceSettings(), progress=stop))
    assert told == sorted(told)
    first = [clip.name for clip in files_in(tmp_path / "out")]
    assert len(first) == 1
    assert [path.name[0] for path in (tmp_path / "out").iterdir()] == ["a"]
    again = [clip.name for clip in slice_file(tmp_path / "a.wav", tmp_path / "out", SliceSettings(), ahead=True)]
    assert again[:1] == first
    assert len(again) == 3


def test_a_folder_that_cannot_be_written_ends_the_work(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", _speech(5.0), RATE)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WorkspaceError):
        list(slice_file(tmp_path / "a.wav", tmp_path / "file" / "out", SliceSettings()))
