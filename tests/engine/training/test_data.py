"""What the trainings draw: which clips, in which batches, how stretches and joined clips are cut."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from myna.checkpoints.tensor_file import write_tensor
from myna.core.errors import BadInput, NotFound, TrainingFailed
from myna.core.progress import silent
from myna.core.versions import version
from myna.core.workspace import DatasetFolder, write_text
from myna.engine.features.left_out import left_out
from myna.engine.training.clips import read_semantic_file, read_text_file, repeats
from myna.engine.training.gpt_data import GptData, GptRow, joined, read_gpt_rows
from myna.engine.training.gpt_data import collate as collate_gpt
from myna.engine.training.sovits_data import FlowData, FlowRow, read_flow_rows
from myna.engine.weights import load_content, load_sovits
from tests.engine.voices import LITE, Recordings


def row(number: int, num_phones: int = 20, num_tokens: int = 50, *, is_aligned: bool = True) -> GptRow:
    spoken = torch.arange(num_tokens) * num_phones // num_tokens
    return GptRow(
        torch.full((num_phones,), number), torch.full((num_tokens,), number), spoken=spoken if is_aligned else None
    )


def test_small_data_sets_are_gone_through_several_times() -> None:
    assert [repeats(count) for count in (1, 15, 50, 99, 100, 5000)] == [100, 6, 2, 2, 1, 1]


def test_an_epoch_has_every_clip_as_often_as_said() -> None:
    rows = [row(number, num_tokens=30 + 10 * number) for number in range(8)]
    data = GptData(rows, batch_size=4, joined_tokens=0, seed=1)
    batches = list(data.epoch(1))
    assert len(batches) == data.num_batches == 8 * 12 // 4
    seen = torch.cat([batch.tokens[:, 0] for batch in batches])
    assert torch.bincount(seen).tolist() == [12] * 8
    lengths = [batch.token_lens.max() - batch.token_lens.min() for batch in batches]
    assert max(lengths) <= 30, "batches are of like lengths"


def test_epochs_depend_on_their_number_and_the_seed_alone() -> None:
    rows = [row(number, num_tokens=30 + number) for number in range(5)]

    def drawn(seed: int, number: int) -> list[list[int]]:
        return [batch.tokens[:, -1].tolist() for batch in GptData(rows, 4, 400, seed).epoch(number)]

    assert drawn(1, 2) == drawn(1, 2)
    assert drawn(1, 2) != drawn(1, 3)
    assert drawn(1, 2) != drawn(2, 2)


def test_half_of_the_rows_are_two_clips_unless_they_are_too_long() -> None:
    rows = [row(number, num_tokens=100) for number in range(10)]
    lens = torch.cat([batch.token_lens for batch in GptData(rows, 8, 200, 3).epoch(1)])
    assert 0.3 < float((lens == 200).float().mean()) < 0.6
    lens = torch.cat([batch.token_lens for batch in GptData(rows, 8, 199, 3).epoch(1)])
    assert set(lens.tolist()) == {100}


def test_joined_clips_keep_their_alignment() -> None:
    both = joined(row(1), row(2))
    assert both.phones.tolist() == [1] * 20 + [2] * 20
    assert both.tokens.tolist() == [1] * 50 + [2] * 50
    assert both.spoken is not None
    assert both.spoken[[0, 49, 50, 99]].tolist() == [0, 19, 20, 39]
    assert joined(row(1), row(2, is_aligned=False)).spoken is None


def test_batches_are_padded_and_say_what_is_valid() -> None:
    prosody = GptRow(torch.ones(3, dtype=torch.long), torch.ones(9, dtype=torch.long), torch.ones(5, 3))
    batch = collate_gpt([row(2, 4, 12), prosody])
    assert batch.phones.tolist() == [[2, 2, 2, 2], [1, 1, 1, 0]]
    assert batch.token_lens.tolist() == [12, 9]
    assert batch.bert is not None
    assert batch.bert.sum(dim=(1, 2)).tolist() == [0.0, 15.0]
    assert batch.spoken is None, "one of the rows has no alignment"
    aligned = collate_gpt([row(2, 4, 12), row(1, 3, 9)])
    assert aligned.spoken is not None
    assert aligned.spoken[1].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 0, 0, 0]


def write(folder: Path, clips: dict[str, tuple[int, int]]) -> DatasetFolder:
    dataset = DatasetFolder(folder)
    lines = [f"{name}\t{' '.join(['AA1'] * phones)}\tNone\ttext\n" for name, (phones, _) in clips.items()]
    write_text(dataset.text_file, "".join(lines))
    rows = [f"{name}\t{' '.join(['7'] * tokens)}" for name, (_, tokens) in clips.items()]
    write_text(dataset.semantic_file, "item_name\tsemantic_audio\n" + "\n".join(rows) + "\n")
    return dataset


def test_clips_whose_text_and_sound_do_not_belong_together_are_left_out(tmp_path: Path) -> None:
    clips = {"good": (50, 100), "slow": (11, 100), "fast": (101, 100), "long": (500, 1351), "many": (541, 1350)}
    dataset = write(tmp_path, clips)
    clips |= {"mute": (20, 0)}
    dataset = write(tmp_path, clips)
    dataset.text_file.write_text(dataset.text_file.read_text() + "odd\tXX9\tNone\ttext\n")
    rows = read_gpt_rows(dataset, version("v3"), None, silent)
    assert [(len(one.phones), len(one.tokens)) for one in rows] == [(50, 100)]
    reasons = {failure.file: failure.reason for failure in left_out(dataset, "train_gpt")}
    assert reasons.keys() == {"slow", "fast", "long", "many", "mute", "odd"}
    assert "2.8 phones a second" in reasons["slow"]
    assert "25.2 phones a second" in reasons["fast"]
    assert reasons["long"] == "it has 1351 tokens, more than 1350"
    assert reasons["many"] == "it has 541 phones, more than 540"
    assert reasons["mute"] == "it has no tokens"
    assert "no phone 'XX9'" in reasons["odd"]


def test_a_net_that_follows_needs_to_know_which_phone_is_said(tmp_path: Path) -> None:
    dataset = write(tmp_path, {"no sound": (50, 100)})
    with pytest.raises(TrainingFailed, match="words that fit its sound"):
        read_gpt_rows(dataset, LITE, None, silent)


def test_lines_of_another_form_are_left_out(tmp_path: Path) -> None:
    dataset = write(tmp_path, {"a": (2, 9)})
    text = dataset.text_file.read_text()
    dataset.text_file.write_text(text + "three\tfields\tonly\nb\tAA1 XX9\tNone\tunknown phone\n")
    assert list(read_text_file(dataset, "v2")) == ["a"]
    dataset.text_file.write_text("nothing\n")
    with pytest.raises(BadInput, match="no line with four fields"):
        read_text_file(dataset, "v2")
    dataset.semantic_file.write_text("a\t1 2 3\nb\t4 x\n")
    with pytest.raises(BadInput, match="line 2"):
        read_semantic_file(dataset)
    dataset.semantic_file.write_text("a\t1 2 3\n")
    assert read_semantic_file(dataset) == {"a": [1, 2, 3]}, "the header is optional"
    dataset.semantic_file.unlink()
    with pytest.raises(NotFound, match="extract_semantic_features"):
        read_semantic_file(dataset)


def test_prosody_is_read_where_the_version_has_it(tmp_path: Path) -> None:
    dataset = write(tmp_path, {"a": (50, 100)})
    write_tensor(dataset.bert / "a.pt", np.ones((1024, 50), np.float16))
    versions = version("v3"), replace(version("v3"), has_bert=False)
    official, without = (read_gpt_rows(dataset, one, None, silent)[0] for one in versions)
    assert official.bert is not None
    assert official.bert.shape == (1024, 50)
    assert without.bert is None


def test_flow_rows_agree_in_length(recordings: Recordings, models: Path) -> None:
    net, encoder = load_sovits(LITE, None, models), load_content(LITE, models)
    rows = read_flow_rows(recordings.dataset, LITE, net, encoder, silent)
    assert [len(one.codes) for one in rows] == [100, 125, 113]
    for one in rows:
        assert abs(len(one.mel) - 2 * len(one.codes)) <= 2
        assert abs(len(one.spec) - 2 * len(one.codes)) <= 2
        assert one.mel.shape[1] == 100
        assert one.spec.shape[1] == 704
    stored = read_semantic_file(recordings.dataset)
    assert rows[0].codes.tolist() == stored["clip0.wav"], "the tokens that the GPT learns"


def flow_row(num_codes: int, *, is_aligned: bool) -> FlowRow:
    """Codes count up; a phone is said for four codes; mel frames are the codes' numbers."""
    codes = torch.arange(num_codes)
    mel = codes.repeat_interleave(2)[:, None].float().expand(-1, 100)
    spec = torch.zeros(2 * num_codes, 704)
    return FlowRow(codes, torch.arange(num_codes // 4), mel, spec, codes // 4 if is_aligned else None)


def test_long_clips_are_learnt_in_stretches_with_their_own_phones() -> None:
    data = FlowData([flow_row(400, is_aligned=True)], batch_size=10, frame_rate=50.0, seed=0)
    batch = next(data.epoch(1))
    assert batch.codes.shape == (10, 150)
    starts = batch.codes[:, 0]
    assert len(set(starts.tolist())) > 3
    for index in range(10):
        first, last = int(batch.codes[index, 0]), int(batch.codes[index, -1])
        assert last - first == 149
        assert batch.mel[index, 0, [0, -1]].tolist() == [first, last]
        phones = batch.phones[index, : batch.phone_lens[index]]
        assert phones.tolist() == list(range(first // 4, last // 4 + 1))
    assert batch.reference.shape == (10, 704, 150)


def test_clips_without_alignment_are_learnt_whole() -> None:
    data = FlowData([flow_row(400, is_aligned=False)], batch_size=4, frame_rate=50.0, seed=0)
    batch = next(data.epoch(1))
    assert batch.codes.shape == (4, 400)
    assert batch.mel_lens.tolist() == [800] * 4
    assert batch.phone_lens.tolist() == [100] * 4
