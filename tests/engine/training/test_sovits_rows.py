"""Features and sound of a clip must be of one another."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import torch

from myna.core.errors import BadAudio, BadCheckpoint
from myna.core.workspace import DatasetFolder, write_text
from myna.engine.training import sovits_rows


@pytest.mark.parametrize(
    ("codes", "seconds", "error", "says"),
    [
        (50, 2.0, None, ""),
        (49, 2.0, None, ""),
        (50, 5.0, BadCheckpoint, r"content features last 2\.0 s and its sound 5\.0 s"),
        (90, 2.0, BadCheckpoint, "run extract_audio_features again"),
        (0, 2.0, BadAudio, "no tokens"),
    ],
)
def test_features_of_another_sound_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codes: int, seconds: float, error: Any, says: str
) -> None:
    dataset = DatasetFolder(tmp_path)
    write_text(dataset.content / "a.wav.pt", "features")
    monkeypatch.setattr(sovits_rows, "codes_of", lambda net, path: torch.zeros(codes, dtype=torch.long))
    net, samples = cast(Any, None), round(seconds * 32000)
    if error is None:
        _, frames = sovits_rows.codes_and_frames(net, dataset, "a.wav", samples, is_official=False)
        assert frames == 2 * codes
    else:
        with pytest.raises(error, match=says):
            sovits_rows.codes_and_frames(net, dataset, "a.wav", samples, is_official=False)
