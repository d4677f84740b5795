"""Sentences that are decoded together: cut into stretches that overlap, joined, and taken apart again."""

from __future__ import annotations

import pytest
import torch

from myna.core.errors import BadInput
from myna.engine.synthesis.stretches import Row, cut_row, join_row

HOP = 64
LENGTHS = (37, 5, 60, 21)
SIZE, OVERLAP = 40, 12


def features() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(1, 3, length, generator=generator) for length in LENGTHS]


def row_of(sentences: list[torch.Tensor]) -> Row:
    return cut_row(sentences, SIZE, OVERLAP)


def whole_sound(num_frames: int) -> torch.Tensor:
    """Noise through a low pass: it fits itself in one place only."""
    noise = torch.randn(num_frames * HOP + 8, generator=torch.Generator().manual_seed(1))
    return noise.unfold(0, 9, 1).mean(dim=-1)


def test_stretches_cover_every_frame_and_overlap() -> None:
    sentences = features()
    row = row_of(sentences)
    assert row.stretches.shape == (5, 3, SIZE)
    assert row.ends == (12, 49, 54, 114, 135)
    torch.testing.assert_close(row.stretches[1, :, :OVERLAP], row.stretches[0, :, -OVERLAP:])
    whole = torch.cat([row.stretches[0], *row.stretches[1:, :, OVERLAP:]], dim=-1)
    torch.testing.assert_close(whole[:, 12:135], torch.cat(sentences, dim=-1)[0])
    assert not whole[:, :12].any()
    assert not whole[:, 135:].any()


def test_a_stretch_must_be_longer_than_what_it_shares() -> None:
    with pytest.raises(BadInput, match="12 frames cannot share 12"):
        cut_row(features(), 12, 12)


@pytest.mark.parametrize("is_official", [False, True])
def test_sentences_come_back_where_stretches_fit_at_once(is_official: bool) -> None:
    row = row_of(features())
    sound = whole_sound(row.stride * 4 + SIZE)
    parts = [sound[start * HOP : (start + SIZE) * HOP] for start in range(0, row.stride * 5, row.stride)]
    spoken = join_row(row, torch.cat(parts), official_cuts=is_official)
    assert [len(samples) for samples in spoken] == [length * HOP for length in LENGTHS]
    start = 12 * HOP
    for samples in spoken:
        torch.testing.assert_close(samples, sound[start : start + len(samples)], atol=1e-5, rtol=0)
        start += len(samples)


def test_cuts_follow_a_stretch_that_comes_late() -> None:
    """From the second stretch on all is said 50 samples later, which the joined sound lacks: the cuts move with it."""
    row, late = row_of(features()), 50
    sound = whole_sound(row.stride * 4 + SIZE)
    starts = [max(index * row.stride * HOP - late, 0) for index in range(5)]
    parts = torch.cat([sound[start : start + SIZE * HOP] for start in starts])
    places = [end * HOP - (late if end >= row.stride else 0) for end in row.ends]
    for samples, start, end in zip(join_row(row, parts), places, places[1:], strict=False):
        torch.testing.assert_close(samples, sound[start:end], atol=1e-5, rtol=0)
    official = join_row(row, parts, official_cuts=True)
    assert [len(samples) for samples in official] == [
        *(length * HOP for length in LENGTHS[:3]),
        LENGTHS[3] * HOP - late,
    ]


def test_one_sentence_in_one_stretch() -> None:
    row = cut_row([torch.ones(1, 3, 20)], SIZE, OVERLAP)
    assert row.stretches.shape[0] == 2, "the official program begins one more stretch behind a full overlap"
    sound = whole_sound(row.stride + SIZE)
    (spoken,) = join_row(row, torch.cat((sound[: SIZE * HOP], sound[row.stride * HOP :])))
    torch.testing.assert_close(spoken, sound[12 * HOP : 32 * HOP], atol=1e-5, rtol=0)
