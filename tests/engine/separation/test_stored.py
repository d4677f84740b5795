from __future__ import annotations

from pathlib import Path

import numpy as np

from myna.engine.separation.stored import stored


def test_what_is_written_in_blocks_is_read_as_one(tmp_path: Path) -> None:
    sound = np.random.default_rng(0).standard_normal((10_000, 2)).astype(np.float32)
    with stored(tmp_path, np.array_split(sound, 7)) as kept:
        assert np.array_equal(kept.samples(), sound)
        kept.forget()
        assert np.array_equal(kept.samples()[[9_999, 0]], sound[[9_999, 0]])
    assert list(tmp_path.iterdir()) == []


def test_nothing_written_is_nothing(tmp_path: Path) -> None:
    with stored(tmp_path) as kept:
        kept.forget()
        assert kept.samples().shape == (0, 2)


def test_what_was_looked_at_is_given_back(tmp_path: Path) -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    block = np.ones((2**20, 2), np.float32)
    with stored(tmp_path, [block] * 16) as kept:
        samples = kept.samples()
        before = resident()
        assert samples.sum() > 0
        assert resident() - before > 100 * 2**20
        kept.forget()
        assert resident() - before < 20 * 2**20
