"""The recording that ships with the package is one that a voice can be made from."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
import pytest

import myna
from myna.audio.io import decode, probe
from myna.audio.loudness import check_recording, peak_dbfs, rms_dbfs
from myna.audio.slicer import SliceSettings, slice_bounds

DEMO = Path(str(resources.files(myna))) / "assets" / "demo"


def test_recording() -> None:
    path = DEMO / "recording.flac"
    assert path.stat().st_size < 2 << 20
    info = probe(path)
    assert (info.container, info.sample_rate, info.channels) == ("flac", 16000, 1)
    audio = decode(path)
    check_recording(audio)
    assert audio.seconds == pytest.approx(75, abs=3)
    assert -6 < peak_dbfs(audio.samples) < -1
    assert -22 < rms_dbfs(audio.samples) < -14
    assert abs(float(np.mean(audio.samples))) < 1e-3
    assert len(slice_bounds(audio.samples, audio.sample_rate, SliceSettings())) >= 8


def test_transcript_has_one_sentence_per_line() -> None:
    lines = (DEMO / "transcript.txt").read_text("utf-8").splitlines()
    assert len(lines) == 18
    for line in lines:
        assert line[0].isupper()
        assert line[-1] in ".!?"
        assert not set(line) & set("0123456789[]|*#")
    # English is spoken with about 2.5 words a second, pauses included.
    assert 2.0 < sum(len(line.split()) for line in lines) / 75 < 3.5


def test_attribution_says_what_the_licence_asks_for() -> None:
    text = (DEMO / "ATTRIBUTION.md").read_text("utf-8")
    for needed in (
        "Allison Smith",
        "CC BY-SA 3.0",
        "licenses/by-sa/3.0",
        "asterisk-core-sounds-en-g722 1.6.1",
        "Changes",
    ):
        assert needed in text
