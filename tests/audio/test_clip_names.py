from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from myna.audio.clip_names import clip_name, shortened
from myna.core.workspace import write_text


def test_the_official_name() -> None:
    assert clip_name("my take.mp3", 0, 160640) == "my take.mp3_0000000000_0000160640.wav"
    assert clip_name("a", 12_345_678_901, 12_345_678_902) == "a_12345678901_12345678902.wav"


def test_names_that_are_too_long_are_shortened_and_stay_different() -> None:
    fits, longer, other = "声" * 76 + "a", "声" * 76 + "ab", "声" * 76 + "ac"
    assert clip_name(fits, 0, 1).startswith(f"{fits}_0000000000")
    names = {clip_name(name, 0, 1) for name in (longer, other)}
    assert len(names) == 2
    assert all(len(name.encode()) <= 255 and name.startswith("声" * 60) for name in names)
    assert clip_name(longer, 0, 1) == clip_name(longer, 0, 1)


@given(st.text(st.characters(exclude_characters="/\0", codec=None), min_size=1, max_size=300), st.integers(20, 255))
def test_shortened_names_fit(name: str, most: int) -> None:
    try:
        raw = os.fsencode(name)
    except UnicodeEncodeError:  # a lone surrogate that stands for no byte
        return
    short = os.fsencode(shortened(name, most))
    assert len(short) <= most
    assert (short == raw) == (len(raw) <= most)


def test_the_longest_name_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / clip_name("声" * 85, 0, 1)
    assert len(path.name.encode()) > 250
    write_text(path, "whole")
    assert path.read_text(encoding="utf-8") == "whole"
