from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.audio.tape import Tape
from myna.core.errors import WorkspaceError


@given(
    st.lists(st.tuples(st.integers(0, 300), st.floats(0, 1), st.floats(0, 1), st.booleans()), max_size=25),
    st.sampled_from([1, 50, 400, 10**6]),
)
@settings(max_examples=80, deadline=None)
def test_it_holds_what_was_not_forgotten(steps: list[tuple[int, float, float, bool]], most: int) -> None:
    everything = np.arange(10_000, dtype=np.float32)
    forgotten = 0
    with tempfile.TemporaryDirectory() as folder, Tape(Path(folder), most) as tape:
        for length, from_share, to_share, forgets in steps:
            tape.append(everything[tape.end : tape.end + length])
            start = forgotten + round(from_share * (tape.end - forgotten))
            end = start + round(to_share * (tape.end - start))
            np.testing.assert_array_equal(tape.whole(start, end), everything[start:end])
            assert all(len(block) for block in tape.read(start, end))
            if forgets:
                forgotten = start
                tape.forget(start)
                assert tape.first <= start or tape.first == tape.end
        np.testing.assert_array_equal(tape.whole(forgotten, tape.end + 5), everything[forgotten : tape.end])
        assert list(Path(folder).iterdir()) == []  # its file has no name


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    tape = Tape(tmp_path / "file", most=10)
    tape.append(np.zeros(8, np.float32))
    with pytest.raises(WorkspaceError, match="cannot write"):
        tape.append(np.zeros(8, np.float32))
