"""A recording that goes by in blocks is cut exactly as one that lies in memory, and takes no memory for its length."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.audio import clip_writing
from myna.audio.clip_writing import clip_samples
from myna.audio.io import decode
from myna.audio.slicer import SliceSettings, slice_blocks, slice_bounds
from myna.core.workspace import files_in
from tests.audio.whole_cut import whole_bounds, whole_levels, whole_spans

RATE = 32000

PARTS = st.lists(
    st.tuples(st.floats(0.02, 1.5), st.sampled_from([0.0, 0.001, 0.018, 0.021, 0.3])), min_size=1, max_size=6
)
"""Seconds and level; two of the levels lie around the threshold."""


@st.composite
def cuts(draw: st.DrawFn) -> SliceSettings:
    hop = draw(st.sampled_from([5, 10, 17]))
    interval = draw(st.sampled_from([20, 50, 100]))
    length = draw(st.sampled_from([100, 500, 1500]))
    longest = draw(st.sampled_from([0, 0, length, 1600, 3000]))
    return SliceSettings(
        min_length=length,
        min_interval=interval,
        hop_size=hop,
        max_sil_kept=draw(st.sampled_from([20, 50, 200])),
        max_length=longest if longest >= length else 0,
    )


def noise(parts: list[tuple[float, float]], rate: int) -> np.ndarray:
    random = np.random.default_rng(len(parts))
    return np.concatenate([level * random.standard_normal(round(s * rate)) for s, level in parts]).astype(np.float32)


def blocks_of(sound: np.ndarray, lengths: list[int]) -> list[np.ndarray]:
    at = np.cumsum(np.resize(lengths, 2 + len(sound) // sum(lengths) * len(lengths)))
    return np.split(sound, at[at < len(sound)])


@given(PARTS, cuts(), st.sampled_from([8000, RATE]))
@settings(max_examples=60, deadline=None)
def test_the_cut_is_that_of_the_whole(parts: list[tuple[float, float]], cut: SliceSettings, rate: int) -> None:
    sound = noise(parts, rate)
    assert slice_bounds(sound, rate, cut) == whole_bounds(sound, rate, cut)


@given(PARTS, cuts(), st.lists(st.integers(1, 30000), min_size=1, max_size=5), st.sampled_from([2000, 1 << 23]))
@settings(max_examples=12, deadline=None)
def test_clips_of_blocks_are_those_of_the_whole(
    parts: list[tuple[float, float]], cut: SliceSettings, lengths: list[int], waiting: int
) -> None:
    sound = noise(parts, RATE)
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(clip_writing, "_MOST_WAITING", waiting)
        patch.setattr("myna.audio.tape._MOST_NUMBERS", waiting)
        clips = list(slice_blocks(blocks_of(sound, lengths), "a", Path(folder), cut))
        bounds = whole_bounds(sound, RATE, cut)
        assert [clip.name for clip in clips] == [f"a_{start:010d}_{end:010d}.wav" for start, end in bounds]
        assert files_in(Path(folder)) == sorted(clips)
        for clip, (start, end) in zip(clips, bounds, strict=True):
            stored = np.rint(decode(clip).samples * 32768).astype(np.int16)
            np.testing.assert_array_equal(stored, clip_samples(sound[start:end], cut))


class Late:
    """Pauses that somebody else finds: known only some frames after the sound, and not to the very end."""

    def __init__(self, pauses: np.ndarray, hop: int, late: int, lost: int) -> None:
        self._pauses, self._hop, self._late = pauses[: len(pauses) - lost], hop, late
        self._heard = self._told = 0

    def feed(self, block: np.ndarray) -> np.ndarray:
        self._heard += len(block)
        known = max(self._told, self._heard // self._hop - self._late)
        told, self._told = self._pauses[self._told : known], known
        return told

    def finish(self) -> np.ndarray:
        return self._pauses[self._told :]


@given(PARTS, cuts(), st.lists(st.integers(1, 30000), min_size=1, max_size=5), st.integers(0, 90), st.integers(0, 3))
@settings(max_examples=12, deadline=None)
def test_pauses_that_somebody_else_finds(
    parts: list[tuple[float, float]], cut: SliceSettings, lengths: list[int], late: int, lost: int
) -> None:
    sound, counts = noise(parts, RATE), cut.in_frames(RATE)
    levels = whole_levels(sound, counts)
    pauses = np.sin(np.arange(len(levels)) / 40) > 0.2
    lost = min(lost, len(levels))
    pauses[len(pauses) - lost :] = True
    finder = Late(pauses, counts.hop, late, lost)
    with tempfile.TemporaryDirectory() as folder:
        clips = [clip.name for clip in slice_blocks(blocks_of(sound, lengths), "a", Path(folder), cut, finder)]
    bounds = whole_spans(levels, pauses, counts, len(sound))
    assert clips == [f"a_{start:010d}_{end:010d}.wav" for start, end in bounds]


_LONG = """
import re, sys
from pathlib import Path
import numpy as np
from myna.audio.slicer import SliceSettings, slice_blocks

def blocks():
    speech = (0.2 * np.random.default_rng(1).standard_normal(65536)).astype(np.float32)
    silence = np.zeros(65536, np.float32)
    for number in range({minutes} * 60 * 32000 // 65536):
        yield silence if {pauses} and number % 10 == 9 else speech

clips = list(slice_blocks(blocks(), "long", Path(sys.argv[1]), SliceSettings(max_length={longest})))
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())  # getrusage tells the parent's
print(len(clips), peak[1])
"""


@pytest.mark.parametrize(
    ("minutes", "pauses", "longest", "num_clips"), [(45, False, 0, 1), (20, True, 0, 58), (20, False, 12000, 117)]
)
def test_length_costs_no_memory(minutes: int, pauses: bool, longest: int, num_clips: int, tmp_path: Path) -> None:
    """45 minutes of sound without a pause would be 346 MB; `benchmarks/workshop.py --hours 10` cuts ten hours."""
    program = _LONG.format(minutes=minutes, pauses=pauses, longest=longest)
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    count, kilobytes = map(int, done.stdout.split())
    assert abs(count - num_clips) <= 3
    assert kilobytes < 300_000
