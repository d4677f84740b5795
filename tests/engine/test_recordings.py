from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from myna.audio.io import decode, write_wav
from myna.audio.loudness import rms_dbfs
from myna.audio.slicer import SliceSettings
from myna.core.errors import BadAudio, BadInput, NotFound
from myna.core.findings import Findings
from myna.core.progress import silent
from myna.core.workspace import files_in, make_folder, write_text
from myna.engine import recordings
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
        "a|b\n.mp3",
        "take.mp3",
        "take.wav",
        "小明.ogg",
        "...wav",
        "take-2.wav",
        "TAKE.flac",
        "$(rm -rf ~).wav",
        "-v.wav",
    ]
    names = clip_safe_names([Path(name) for name in given])
    assert names == [
        "a_b_.wav",
        "take.wav",
        "take-2.wav",
        "小明.wav",
        "recording.wav",
        "take-2-2.wav",
        "TAKE-3.wav",
        "__rm -rf __.wav",
        "-v.wav",
    ]


def test_names_in_every_normal_form_and_length() -> None:
    composed, decomposed = unicodedata.normalize("NFC", "été"), unicodedata.normalize("NFD", "été")
    long = [f"{'声' * 84}{end}" for end in "ab"]
    given = [composed, decomposed, "नमस्ते", "😀", "😁", "bad\udcff", *long]
    names = clip_safe_names([Path(f"{name}.wav") for name in given])
    assert names[:6] == [f"{composed}.wav", f"{composed}-2.wav", "नमस्ते.wav", "_.wav", "_-2.wav", "bad_.wav"]
    assert len(set(names)) == len(names)
    assert all(len(name.encode()) < 180 for name in names)
    assert clip_safe_names([Path(f"{long[1]}.wav")]) == names[-1:]


HOSTILE = [
    "two words.wav",
    'it\'s "quoted".wav',
    "$(touch pwned).wav",
    "-rf.wav",
    "a;b&c|d.wav",
    "line\nbreak.wav",
    "😀.wav",
    unicodedata.normalize("NFC", "é.wav"),
    unicodedata.normalize("NFD", "é.wav"),
    f"{'n' * 251}.wav",
    "bad\udcff.wav",
]


def test_whatever_files_are_called(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(make_folder(tmp_path / "here"))
    for name in HOSTILE:
        write_wav(source / name, tone(4.0), 16000)
    assert convert_recordings(source, tmp_path / "out", limits=LIMITS, progress=silent) == Findings()
    assert len(files_in(tmp_path / "out")) == len(HOSTILE)
    found = slice_recordings(source, tmp_path / "clips", settings=SliceSettings(), progress=silent)
    assert found.failures == ()
    clips = files_in(tmp_path / "clips")
    assert len(clips) == len(HOSTILE)
    kept = [name for name in HOSTILE if len(name) < 200]
    assert {f"{name}_0000000000_0000128320.wav" for name in kept} < {clip.name for clip in clips}
    assert files_in(tmp_path / "here") == []
    again = slice_recordings(tmp_path / "out", tmp_path / "clips2", settings=SliceSettings(), progress=silent)
    assert again.failures == ()


def test_what_is_no_recording_of_the_folder_is_told(source: Path, tmp_path: Path) -> None:
    write_wav(tmp_path / "secret.wav", tone(4.0), 16000)
    write_wav(source / "good.wav", tone(4.0), 16000)
    (source / "inside.wav").symlink_to("good.wav")
    (source / "outside.wav").symlink_to(tmp_path / "secret.wav")
    (source / "nowhere.wav").symlink_to("missing.wav")
    (source / "circle.wav").symlink_to("circle.wav")
    (source / ".hidden").write_text("no sound")
    make_folder(source / "deeper")
    os.mkfifo(source / "pipe.wav")
    for do in (convert, cut):
        found = do(source, tmp_path / do.__name__)
        reasons = {failure.file: failure.reason for failure in found.failures}
        assert sorted(reasons) == ["circle.wav", "deeper", "nowhere.wav", "outside.wav", "pipe.wav"]
        assert "leads out of the folder" in reasons["outside.wav"]
        assert "no file" in reasons["pipe.wav"]
        assert len(files_in(tmp_path / do.__name__)) == 2
        allowed = do(source, tmp_path / f"{do.__name__}2", root=tmp_path)
        assert "outside.wav" not in {failure.file for failure in allowed.failures}


def convert(source: Path, folder: Path, root: Path | None = None) -> Findings:
    return convert_recordings(source, folder, limits=LIMITS, root=root, progress=silent)


def cut(source: Path, folder: Path, root: Path | None = None) -> Findings:
    return slice_recordings(source, folder, settings=SliceSettings(), root=root, progress=silent)


def test_places_that_cannot_be_meant(source: Path, tmp_path: Path) -> None:
    write_wav(source / "a.wav", tone(4.0), 16000)
    with pytest.raises(NotFound, match="no file or folder"):
        cut(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(BadInput, match="cannot lie among the recordings"):
        cut(source, source)
    with pytest.raises(BadInput, match="i_part is 2 of all_part 2; it must be between 0 and 1"):
        slice_recordings(source, tmp_path / "out", settings=SliceSettings(), share=(2, 2), progress=silent)


def test_shares_of_a_folder_make_the_whole(source: Path, tmp_path: Path) -> None:
    for name in "abc":
        write_wav(source / f"{name}.wav", tone(4.0), 16000)
    for number, wanted in ((0, "ac"), (1, "b"), (3, "")):
        share = (number, 2 if number < 2 else 4)
        found = slice_recordings(source, tmp_path / str(number), settings=SliceSettings(), share=share, progress=silent)
        assert [clip.name[0] for clip in files_in(tmp_path / str(number))] == list(wanted)
        assert found.failures == ()


@pytest.mark.parametrize("do", [convert, cut])
def test_processes_give_what_one_gives(
    do: Callable[[Path, Path], Findings], source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        write_wav(source / f"{name}.wav", np.concatenate([tone(4.5), np.zeros(16000, np.float32), tone(4.0)]), 16000)
    write_text(source / "bad.wav", "no sound")
    alone = do(source, tmp_path / "alone")
    monkeypatch.setattr("myna.engine.processes._WORTH_BYTES", 1)
    monkeypatch.setattr("myna.engine.processes.num_cores", lambda: 2)
    shared = do(source, tmp_path / "shared")
    assert shared == alone
    assert [failure.file for failure in shared.failures] == ["bad.wav"]
    files = [[(path.name, path.read_bytes()) for path in files_in(tmp_path / name)] for name in ("alone", "shared")]
    assert files[0] == files[1]
    assert len(files[0]) == (3 if do is convert else 6)


def test_slices_carry_their_place_in_their_names(source: Path, tmp_path: Path) -> None:
    sound = np.concatenate([tone(5.0, 32000), np.zeros(32000, np.float32), tone(4.0, 32000)])
    write_wav(source / "me.wav", sound, 32000)
    slice_recordings(source, tmp_path / "out", settings=SliceSettings(), progress=silent)
    clips = files_in(tmp_path / "out")
    assert len(clips) == 2
    first = int(clips[1].name.split("_")[1])
    assert 5.0 < first / 32000 < 6.0


def test_all_clips_are_there_before_the_disk_is_waited_for(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[list[Path]] = []
    monkeypatch.setattr(recordings, "bring_to_disk", lambda folder: waited.append(files_in(folder)))
    for name in ("me.wav", "you.wav"):
        write_wav(source / name, tone(5.0, 32000), 32000)
    slice_recordings(source, tmp_path / "out", settings=SliceSettings(), progress=silent)
    assert waited == [files_in(tmp_path / "out")]
    assert len(waited[0]) == 2


def test_recordings_too_quiet_to_be_cut_are_refused(source: Path, tmp_path: Path) -> None:
    write_wav(source / "me.wav", tone(5.0, 32000, level=0.002), 32000)
    with pytest.raises(BadAudio, match=r"no recording gives a clip: me.wav: .*above -34 dBFS"):
        slice_recordings(source, tmp_path / "out", settings=SliceSettings(), progress=silent)
