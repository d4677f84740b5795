from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from myna.audio.io import decode, write_wav
from myna.audio.loudness import rms_dbfs
from myna.audio.slicer import SliceSettings
from myna.core.errors import BadAudio
from myna.core.findings import Findings
from myna.core.progress import silent
from myna.core.workspace import files_in, make_folder, write_text
from myna.engine.recordings import RecordingLimits, clip_safe_names, convert_recordings, slice_recordings
from tests.engine.clips import tone

LIMITS = RecordingLimits(min_seconds=3.0, max_seconds=60.0, max_bytes=2**24)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "input")


def test_recordings_become_32_khz_mono(source: Path, tmp_path: Path) -> None:
    write_wav(source / "a.wav", tone(4.0), 16000)
    assert convert_recordings(source, tmp_path / "out", limits=LIMITS, progress=silent) == Findings()
    audio = decode(tmp_path / "out" / "a.wav")
    assert (audio.sample_rate, len(audio.samples)) == (32000, 4 * 32000)
    assert abs(rms_dbfs(audio.samples) - rms_dbfs(tone(4.0))) < 0.1


def test_short_recordings_count_together(source: Path, tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        write_wav(source / name, tone(1.6), 16000)
    convert_recordings(source, tmp_path / "out", limits=LIMITS, progress=silent)
    assert len(files_in(tmp_path / "out")) == 2
    write_wav(source / "b.wav", tone(1.0), 16000)
    with pytest.raises(BadAudio, match=r"hold 2.6 s together; give at least 3 s"):
        convert_recordings(source, tmp_path / "out", limits=LIMITS, progress=silent)


def test_recordings_that_cannot_be_used_are_told_and_stop_nothing(source: Path, tmp_path: Path) -> None:
    write_wav(source / "a.wav", tone(4.0), 16000)
    write_wav(source / "b.wav", np.zeros(64000, np.float32), 16000)
    write_wav(source / "c.wav", tone(61.0, 8000), 8000)
    write_text(source / "d.txt", "no sound")
    found = convert_recordings(source, tmp_path / "out", limits=LIMITS, progress=silent)
    assert [path.name for path in files_in(tmp_path / "out")] == ["a.wav"]
    assert [failure.file for failure in found.failures] == ["b.wav", "c.wav", "d.txt"]
    reasons = [failure.reason for failure in found.failures]
    assert "silent" in reasons[0]
    assert "allowed 60 s" in reasons[1]
    assert "not audio" in reasons[2]


def test_where_nothing_can_be_used_every_reason_is_given(source: Path, tmp_path: Path) -> None:
    write_wav(source / "b.wav", np.zeros(64000, np.float32), 16000)
    write_text(source / "d.txt", "no sound")
    with pytest.raises(BadAudio, match=r"no recording can be used: b.wav: .*silent.*; d.txt: .*not audio"):
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
    slice_recordings(source, tmp_path / "out", settings=SliceSettings(), progress=silent)
    cut = files_in(tmp_path / "out")
    assert len(cut) == 2
    first = int(cut[1].name.split("_")[1])
    assert 5.0 < first / 32000 < 6.0


def test_recordings_too_quiet_to_be_cut_are_refused(source: Path, tmp_path: Path) -> None:
    write_wav(source / "me.wav", tone(5.0, 32000, level=0.002), 32000)
    with pytest.raises(BadAudio, match=r"no recording gives a clip: me.wav: .*above -34 dBFS"):
        slice_recordings(source, tmp_path / "out", settings=SliceSettings(), progress=silent)
