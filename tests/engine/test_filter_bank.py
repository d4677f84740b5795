"""Edges of the filter bank that no golden case has."""

from __future__ import annotations

import pytest
import torch

from myna.core.errors import BadAudio
from myna.engine.filter_bank import Bank, filter_bank

KALDI = [9.5356, 9.9698, 23.7048, 10.3758, 9.3531]


@pytest.mark.parametrize("num_samples", [0, 399])
def test_less_than_a_frame_is_refused(num_samples: int) -> None:
    with pytest.raises(BadAudio, match="too short"):
        filter_bank(torch.zeros(1, num_samples))


def test_frames_are_whole_and_silence_is_at_the_floor() -> None:
    frames = filter_bank(torch.zeros(2, 400 + 3 * 160 - 1))
    assert frames.shape == (2, 3, 80)
    torch.testing.assert_close(frames, torch.full_like(frames, torch.finfo(torch.float32).eps).log())


def test_other_sizes_give_kaldis_numbers() -> None:
    """As MossFormer2 wants it; numbers of kaldi-native-fbank 1.22 without dither."""
    sound = 1000 * torch.sin(torch.arange(3000) * 0.3)[None]
    rows = filter_bank(sound, Bank(48_000, 1920, 384, 2048, 60, is_hamming=True))[0]
    assert rows.shape == (3, 60)
    torch.testing.assert_close(rows[1, ::12], torch.tensor(KALDI), atol=1e-3, rtol=1e-5)
