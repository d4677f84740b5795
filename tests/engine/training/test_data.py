"""What the trainings draw: which clips, in which batches, how stretches and joined clips are cut."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from myna.core.errors import BadInput, NotFound
from myna.core.progress import silent
from myna.core.workspace import DatasetFolder, write_text
from myna.engine.training.clips import read_semantic_file, read_text_file, repeats
from myna.engine.training.flow_loss import FlowBatch
from myna.engine.training.sovits_data import FlowData, FlowRow, read_flow_rows
from myna.engine.training.sovits_rows import MARGIN, SPEC_HOP
from myna.engine.weights import load_content, load_flow
from tests.engine.voices import LITE, Recordings


def test_small_data_sets_are_gone_through_several_times() -> None:
    assert [repeats(count) for count in (1, 15, 50, 99, 100, 5000)] == [100, 6, 2, 2, 1, 1]


def write(folder: Path, clips: dict[str, tuple[int, int]]) -> DatasetFolder:
    dataset = DatasetFolder(folder)
    lines = [f"{name}\t{' '.join(['AA1'] * phones)}\tNone\ttext\n" for name, (phones, _) in clips.items()]
    write_text(dataset.text_file, "".join(lines))
    rows = [f"{name}\t{' '.join(['7'] * tokens)}" for name, (_, tokens) in clips.items()]
    write_text(dataset.semantic_file, "item_name\tsemantic_audio\n" + "\n".join(rows) + "\n")
    return dataset


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


def test_flow_rows_agree_in_length(recordings: Recordings, models: Path) -> None:
    net, encoder = load_flow(LITE, None, models), load_content(LITE, models)
    rows = read_flow_rows(recordings.dataset, LITE, net, encoder, silent)
    assert [len(one.codes) for one in rows] == [100, 125, 113]
    for one in rows:
        assert abs(len(one.mel) - 2 * len(one.codes)) <= 2
        assert one.frames in (2 * len(one.codes), 2 * len(one.codes) - 1)
        assert one.mel.shape[1] == 100
        assert one.spoken is not None
    stored = read_semantic_file(recordings.dataset)
    assert rows[0].codes.tolist() == stored["clip0.wav"], "the tokens that the GPT learns"


def flow_row(num_codes: int, *, is_aligned: bool) -> FlowRow:
    """Codes count up; a phone is said for four codes; mel frames are the codes' numbers."""
    codes = torch.arange(num_codes)
    mel = codes.repeat_interleave(2)[:, None].float().expand(-1, 100)
    sound = torch.zeros(2 * num_codes * SPEC_HOP + 2 * MARGIN, dtype=torch.int16)
    spoken = codes // 4 if is_aligned else None
    return FlowRow("clip", codes, torch.arange(num_codes // 4), mel, sound, 2 * num_codes, spoken)


def first_batch(row: FlowRow, batch_size: int) -> FlowBatch:
    assert LITE.flow is not None
    data = FlowData([row], batch_size, LITE.flow, 0, takes_stretches=True)
    return data.load(data.draws(1)[0])


def test_long_clips_are_learnt_in_stretches_with_their_own_phones() -> None:
    batch = first_batch(flow_row(400, is_aligned=True), 10)
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
    assert batch.frames is None


def test_clips_without_alignment_are_learnt_whole() -> None:
    batch = first_batch(flow_row(400, is_aligned=False), 4)
    assert batch.codes.shape == (4, 400)
    assert batch.mel_lens.tolist() == [800] * 4
    assert batch.phone_lens.tolist() == [100] * 4
