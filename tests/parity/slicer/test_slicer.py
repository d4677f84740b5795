"""The slicer cuts where the official one cuts, and writes what it writes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from myna.audio.slicer import SliceSettings, slice_all, slice_bounds, slice_file
from myna.core.errors import BadInput
from tests.parity.slicer.signals import signal

HERE = Path(__file__).parent
BOUNDS: dict[str, Any] = json.loads((HERE / "bounds.json").read_text())
FILES: list[dict[str, Any]] = json.loads((HERE / "files.json").read_text())


def _settings(params: dict[str, Any]) -> SliceSettings:
    official = {"_max": "top", "alpha": "share"}
    return SliceSettings(**{official.get(k, k): v for k, v in params.items() if k not in ("i_part", "all_part")})


def _case(record: dict[str, Any]) -> str:
    return f"{record['signal']}-{'-'.join(str(value) for value in record['params'].values())}"


@pytest.mark.parametrize("record", BOUNDS["records"], ids=_case)
def test_bounds(record: dict[str, Any]) -> None:
    samples, rate = signal(record["signal"])
    assert hashlib.sha256(samples.astype("<f4").tobytes()).hexdigest() == record["sha256_f32le"]
    bounds = slice_bounds(samples, rate, _settings(record["params"]))
    assert bounds == [(start, end) for start, end, _ in record["chunks"]]
    assert [len(samples[start:end]) for start, end in bounds] == [length for _, _, length in record["chunks"]]
    names = [f"{record['signal']}.wav_{start:010d}_{end:010d}.wav" for start, end in bounds]
    assert names == record["names"]


@pytest.mark.parametrize(("length", "chunks"), BOUNDS["short"])
def test_short_inputs(length: int, chunks: list[list[int]]) -> None:
    samples, rate = signal("tones_3x")
    assert slice_bounds(samples[:length], rate, SliceSettings()) == [(start, end) for start, end, _ in chunks]


@pytest.mark.parametrize(("length", "bounds"), [(0, []), (1, [(0, 320)]), (100, [(0, 320)]), (400, [(0, 640)])])
def test_inputs_on_which_the_official_slicer_crashes(length: int, bounds: list[tuple[int, int]]) -> None:
    samples, rate = signal("tones_3x")
    assert slice_bounds(samples[:length], rate, SliceSettings()) == bounds


@pytest.mark.parametrize("params", BOUNDS["refused"], ids=str)
def test_settings_that_the_official_slicer_refuses(params: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="hop_size"):
        SliceSettings(**params)


@pytest.mark.parametrize("record", FILES, ids=_case)
def test_files(record: dict[str, Any], tmp_path: Path) -> None:
    samples, rate = signal(record["signal"])
    recording = tmp_path / f"{record['signal']}.wav"
    soundfile.write(recording, samples, rate, subtype="FLOAT")
    clips = slice_file(recording, tmp_path / "clips", _settings(record["params"]))
    assert [clip.name for clip in clips] == [name for name, *_ in record["files"]]
    for clip, (_, frames, peak, rms) in zip(clips, record["files"], strict=True):
        info = soundfile.info(clip)
        assert (info.samplerate, info.channels, info.subtype) == (32000, 1, "PCM_16")
        data = soundfile.read(clip, dtype="int16")[0].astype(np.float64)
        assert len(data) == frames
        # The 44.1 kHz signal goes through another resampler than the official one.
        assert abs(np.abs(data).max() - peak) <= (1 if rate == 32000 else 32)
        assert np.sqrt(np.mean(data**2)) == pytest.approx(rms, rel=1e-6 if rate == 32000 else 1e-3)


def test_a_folder_gives_the_same_files(tmp_path: Path) -> None:
    wanted: list[str] = []
    (tmp_path / "in").mkdir()
    for record in FILES[::3]:  # the first parameter set of every signal
        samples, rate = signal(record["signal"])
        soundfile.write(tmp_path / "in" / f"{record['signal']}.wav", samples, rate, subtype="FLOAT")
        wanted += [name for name, *_ in record["files"]]
    report = slice_all(tmp_path / "in", tmp_path / "out", _settings(FILES[0]["params"]))
    assert not report.failures
    assert [clip.name for clip in report.clips] == sorted(wanted)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(wanted)
