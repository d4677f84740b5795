"""What the GPT's trainer draws: how often, beside what, joined with what, padded and spoilt how."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from myna.engine.training.gpt_batches import GptData, collate, with_rejected
from myna.engine.training.gpt_data import GptRow
from myna.engine.training.losses import GptBatch
from tests.engine.training.gpt_rows import row

END = 99


def batches(data: GptData, epoch: int = 1) -> Iterator[GptBatch]:
    return (data.load(draw) for draw in data.draws(epoch))


@pytest.mark.parametrize("is_official", [False, True])
def test_an_epoch_has_every_clip_as_often_as_said(is_official: bool) -> None:
    rows = [row(number, num_tokens=30 + 10 * number) for number in range(8)]
    data = GptData(rows, 4, 1, end_token=END, is_official=is_official)
    drawn = list(batches(data))
    assert len(drawn) == data.num_batches == 8 * 12 // 4
    seen = torch.cat([batch.tokens[:, 0] for batch in drawn])
    assert torch.bincount(seen).tolist() == [12] * 8
    lengths = [batch.token_lens.max() - batch.token_lens.min() for batch in drawn]
    assert max(lengths) <= (40 if is_official else 30), "batches are of like lengths"
    draw = data.draws(1)[0]
    assert data.clips(draw) == [f"clip{int(number)}" for number in data.load(draw).tokens[:, 0]]


def test_epochs_depend_on_their_number_and_the_seed_alone() -> None:
    rows = [row(number, num_tokens=30 + number) for number in range(5)]

    def drawn(seed: int, number: int, *, is_official: bool = False) -> list[list[int]]:
        data = GptData(rows, 4, seed, end_token=END, joined_tokens=400, is_official=is_official)
        return [batch.tokens[:, -1].tolist() for batch in batches(data, number)]

    assert drawn(1, 2) == drawn(1, 2)
    assert drawn(1, 2) != drawn(1, 3)
    assert drawn(1, 2) != drawn(2, 2)
    assert drawn(1, 2, is_official=True) == drawn(2, 2, is_official=True), "the official order knows no seed"


def test_half_of_the_rows_are_two_clips_unless_they_are_too_long() -> None:
    rows = [row(number, num_tokens=100) for number in range(10)]

    def lens(joined_tokens: int) -> torch.Tensor:
        data = GptData(rows, 8, 3, end_token=END, joined_tokens=joined_tokens)
        return torch.cat([batch.token_lens for batch in batches(data)])

    assert 0.3 < float((lens(200) == 200).float().mean()) < 0.6
    assert set(lens(199).tolist()) == {100}
    assert set(lens(0).tolist()) == {100}


def test_batches_are_padded_and_say_what_is_valid() -> None:
    prosody = GptRow(torch.ones(3, dtype=torch.long), torch.ones(9, dtype=torch.long), torch.ones(5, 3).half())
    batch = collate([row(2, 4, 12), prosody], END)
    assert batch.phones.tolist() == [[2, 2, 2, 2], [1, 1, 1, 0]]
    assert batch.tokens[1].tolist() == [1] * 9 + [END] * 3
    assert batch.token_lens.tolist() == [12, 9]
    assert batch.bert is not None
    assert batch.bert.dtype == torch.float32
    assert batch.bert.sum(dim=(1, 2)).tolist() == [0.0, 15.0]
    assert batch.spoken is None, "one of the rows has no alignment"
    aligned = collate([row(2, 4, 12), row(1, 3, 9)], END)
    assert aligned.bert is None
    silent = collate([row(2, 4, 12)], END, bert_width=5).bert
    assert silent is not None
    assert (silent.shape, float(silent.abs().sum())) == ((1, 5, 4), 0.0)
    assert aligned.spoken is not None
    assert aligned.spoken[1].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 0, 0, 0]


def test_rejected_sentences_are_spoilt_copies() -> None:
    batch = collate([row(2, 4, 12), row(1, 3, 9)] * 20, END)
    spoilt = with_rejected(batch, torch.Generator().manual_seed(0), is_padded=False)
    assert spoilt.rejected is not None
    assert spoilt.rejected_lens is not None
    assert spoilt.rejected_spoken is not None
    assert spoilt.rejected_spoken.shape == spoilt.rejected.shape
    for index in range(40):
        length = int(spoilt.rejected_lens[index])
        assert set(spoilt.rejected[index, :length].tolist()) == {1 if index % 2 else 2}, "no padding in it"
    differ = spoilt.rejected_lens != batch.token_lens
    assert 20 < int(differ.sum()) < 40
    padded = with_rejected(batch, torch.Generator().manual_seed(0), is_padded=True).rejected
    assert padded is not None
    assert bool((padded[1::2] == END).any()), "officially padding counts"


def test_rejected_sentences_depend_on_the_draw_alone() -> None:
    rows = [row(number, num_tokens=30 + number) for number in range(5)]
    data = GptData(rows, 4, 0, end_token=END, has_preference=True)
    draw, other = data.draws(1)[:2]
    first, again, second = (data.load(one).rejected_lens for one in (draw, draw, other))
    assert first is not None
    assert torch.equal(first, again) if again is not None else False
    assert second is not None
    assert first.tolist() != second.tolist()
    plain = GptData(rows, 4, 0, end_token=END)
    assert plain.load(plain.draws(1)[0]).rejected is None
