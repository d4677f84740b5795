from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from myna.audio.io import decode
from myna.core.errors import UnknownChoice
from myna.core.progress import silent
from myna.core.workspace import files_in, make_folder, write_text
from myna.engine.denoising import denoise_clips
from tests.engine.clips import four_clips


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    return four_clips(tmp_path / "clips")


def test_denoising_keeps_names_lengths_and_finished_clips(clips: Path, tmp_path: Path) -> None:
    out = make_folder(tmp_path / "out")
    name = "me.wav_0000000000_0000032000.wav"
    write_text(out / name, "kept")
    denoise_clips(clips, out, engine="none", progress=silent)
    assert [path.name for path in files_in(out)] == [path.name for path in files_in(clips)]
    assert (out / name).read_text(encoding="utf-8") == "kept"
    other = "you.wav_0000000000_0000032000.wav"
    assert np.array_equal(decode(out / other).samples, decode(clips / other).samples)
    with pytest.raises(UnknownChoice, match="rnnoise, none"):
        denoise_clips(clips, out, engine="magic", progress=silent)
