from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from myna.audio.io import decode, write_wav
from myna.audio.loudness import rms_dbfs
from myna.audio.slicer import SliceSettings
from myna.core.errors import BadAudio, LimitExceeded
from myna.core.progress import silent
from myna.core.workspace import files_in, make_folder
from myna.engine.recordings import RecordingLimits, clip_safe_names, convert_recordings, slice_recordings
from tests.engine.clips import tone

LIMITS = RecordingLimits(min_seconds=3.0, max_seconds=60.0, max_bytes=2**24)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "input")


def test_recordings_become_32_khz_mono(source: Path, tmp_path: Path) -> None:
    write_wav(source / "a.wav", tone(4.0), 16000)
    written = convert_recordings(source, tmp_path / "out", limits=LIMITS, progress=silent)
    audio = decode(written[0])
    assert (written[0].name, audio.sample_rate, len(audio.samples)) == ("a.wav", 32000, 4 * 32000)
    assert abs(rms_dbfs(audio.samples) - rms_dbfs(tone(4.0))) < 0.1


def test_short_recordings_count_together(source: Path, tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        write_wav(source / name, tone(1.6), 16000)
    assert len(convert_recordings(source, tmp_path / "out", limits=LIMITS, progress=silent)) == 2
    write_wav(source / "b.wav", tone(1.0), 16000)
    with pytest.raises(BadAudio, match=r"hold 2.6 s together; give at least 3 s"):
        convert_recordings(source, tmp_path / "out", limits=LIMITS, progress=silent)


def test_a_refused_recording_is_named(source: Path, tmp_path: Path) -> None:
    write_wav(source / "a.wav", tone(4.0), 16000)
    write_wav(source / "b.wav", np.zeros(64000, np.float32), 16000)
    with pytest.raises(BadAudio, match=r"^b.wav: .*silent"):
        convert_recordings(source, tmp_path / "out", limits=LIMITS, progress=silent)
    write_wav(source / "b.wav", tone(61.0, 8000), 8000)
    with pytest.raises(LimitExceeded, match=r"^b.wav: "):
        convert_recordings(source, tmp_path / "out", limits=LIMITS, progress=silent)


def test_names_fit_label_files_and_differ() -> None:
    given = [
        Path("a|b\n.mp3"),
        Path("take.mp3"),
        Path("take.wav"),
        Path("小明.ogg"),
        Path("...wav"),
        Path("take-2.wav"),
    ]
    names = clip_safe_names(given)
    assert names == ["a_b_.wav", "take.wav", "take-2.wav", "小明.wav", "recording.wav", "take-2-2.wav"]


def test_slices_carry_their_place_in_their_names(source: Path, tmp_path: Path) -> None:
    sound = np.concatenate([tone(5.0, 32000), np.zeros(32000, np.float32), tone(4.0, 32000)])
    write_wav(source / "me.wav", sound, 32000)
    cut = slice_recordings(source, tmp_path / "out", settings=SliceSettings(), progress=silent)
    assert [path.name for path in cut] == [path.name for path in files_in(tmp_path / "out")]
    assert len(cut) == 2
    first = int(cut[1].name.split("_")[1])
    assert 5.0 < first / 32000 < 6.0


def test_recordings_too_quiet_to_be_cut_are_refused(source: Path, tmp_path: Path) -> None:
    write_wav(source / "me.wav", tone(5.0, 32000, level=0.002), 32000)
    with pytest.raises(BadAudio, match="above -34 dBFS"):
        slice_recordings(source, tmp_path / "out", settings=SliceSettings(), progress=silent)
