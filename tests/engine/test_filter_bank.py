"""Edges of the filter bank that no golden case has."""

from __future__ import annotations

import pytest
import torch

from myna.core.errors import BadAudio
from myna.engine.filter_bank import filter_bank


@pytest.mark.parametrize("num_samples", [0, 399])
def test_less_than_a_frame_is_refused(num_samples: int) -> None:
    with pytest.raises(BadAudio, match="too short"):
        filter_bank(torch.zeros(1, num_samples))


def test_frames_are_whole_and_silence_is_at_the_floor() -> None:
    frames = filter_bank(torch.zeros(2, 400 + 3 * 160 - 1))
    assert frames.shape == (2, 3, 80)
    torch.testing.assert_close(frames, torch.full_like(frames, torch.finfo(torch.float32).eps).log())
