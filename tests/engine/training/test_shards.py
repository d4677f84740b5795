"""Rows kept in memory-mapped shards: the same as those that were made, and never stale."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from myna.core.errors import Cancelled, TrainingFailed
from myna.core.findings import Failure, Tally
from myna.core.progress import silent
from myna.core.workspace import DatasetFolder
from myna.engine.features.left_out import left_out
from myna.engine.library import Library
from myna.engine.training import shards, sovits_data
from myna.engine.training.shards import Basis, StoredRows, stored_rows, weights_print
from myna.engine.training.sovits_data import FlowData, FlowRow, read_flow_rows
from tests.engine.voices import LITE, Recordings


@dataclass(frozen=True)
class Sample:
    """A row of all kinds of things."""

    clip: str
    codes: Tensor
    frames: int
    bert: Tensor | None = None


class Maker:
    """Makes rows of a folder's files, counting how often."""

    def __init__(self, folder: Path, num_rows: int = 5) -> None:
        self.source, self.times, self.num_rows = folder / "source", 0, num_rows
        self.source.mkdir(parents=True)
        (self.source / "a.wav").write_bytes(b"1234")
        self.shelf = folder / "shards"

    def __call__(self, tally: Tally) -> Iterator[Sample]:
        self.times += 1
        tally.add("bad.wav", "too short")
        first = (self.source / "a.wav").read_bytes()[0]
        for number in range(self.num_rows):
            bert = torch.full((3, number), 0.5, dtype=torch.float16) if number % 2 else None
            yield Sample(f"{number}.wav", torch.arange(number * 3) + first, number, bert)

    def rows(self, **facts: str) -> tuple[list[Sample], list[Failure]]:
        rows, failures = stored_rows(self.shelf, "x", Sample, Basis((self.source,), facts), self, silent)
        return list(rows), failures


def same(first: list[Sample], second: list[Sample]) -> bool:
    def flat(rows: list[Sample]) -> list[object]:
        return [
            (one.clip, one.codes.tolist(), one.codes.dtype, one.frames, None if one.bert is None else one.bert.tolist())
            for one in rows
        ]

    return flat(first) == flat(second)


@pytest.mark.parametrize("size", [1, 64, 1 << 20])
def test_rows_come_back_as_they_were_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(shards, "SHARD_BYTES", size)
    make = Maker(tmp_path)
    made = list(make(Tally()))
    for _ in range(3):
        rows, failures = make.rows()
        assert same(rows, made)
        assert failures == [Failure("bad.wav", "too short")]
    assert make.times == 2, "once here, once for the shards"
    files = len(list(make.shelf.glob("*.safetensors")))
    assert files == 1 if size == 1 << 20 else files > 1


def test_parts_of_the_rows_can_be_taken(tmp_path: Path) -> None:
    make = Maker(tmp_path)
    rows, _ = stored_rows(make.shelf, "x", Sample, Basis((make.source,), {}), make, silent)
    assert [row.clip for row in rows[1:3]] == ["1.wav", "2.wav"]
    assert rows[-1].clip == "4.wav"
    assert torch.equal(rows[-1].codes, rows[4].codes)
    with pytest.raises(IndexError):
        rows[5]


def test_another_content_is_noticed_though_size_and_time_are_the_same(tmp_path: Path) -> None:
    make = Maker(tmp_path)
    file, before = make.source / "a.wav", None
    first, _ = make.rows()
    before = file.stat()
    file.write_bytes(b"9234")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    second, _ = make.rows()
    assert make.times == 2
    assert not same(first, second)
    (make.source / "b.wav").write_bytes(b"")
    make.rows()
    (make.source / "b.wav").rename(make.source / "c.wav")
    make.rows()
    assert make.times == 4
    make.rows(net="another")
    assert make.times == 5


def test_a_folder_that_was_copied_keeps_its_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = Maker(tmp_path)
    first, _ = make.rows()
    shutil.copytree(make.source, tmp_path / "copy")
    shutil.rmtree(make.source)
    (tmp_path / "copy").rename(make.source)
    assert same(make.rows()[0], first)
    assert make.times == 1
    # Long after the last change, the files are not even opened.
    monkeypatch.setattr(shards, "_UNSURE_NS", -(10**12))
    make.rows()
    monkeypatch.setattr(shards, "_content_of", lambda _: "")
    make.rows()
    assert make.times == 1


def test_what_changes_while_it_is_read_is_not_kept(tmp_path: Path) -> None:
    make = Maker(tmp_path)

    def changing(tally: Tally) -> Iterator[Sample]:
        yield from make(tally)
        (make.source / "a.wav").write_bytes(b"5678")

    rows, _ = stored_rows(make.shelf, "x", Sample, Basis((make.source,), {}), changing, silent)
    assert len(rows) == 5
    assert not (make.shelf / "x.json").exists()
    assert make.rows()[0][1].codes.tolist() == [53, 54, 55]
    assert make.times == 2


@pytest.mark.parametrize("damage", ["index", "shard", "no shard", "foreign index"])
def test_what_is_damaged_is_made_anew(tmp_path: Path, damage: str) -> None:
    make = Maker(tmp_path)
    first, _ = make.rows()
    (shard,) = make.shelf.glob("*.safetensors")
    if damage == "index":
        (make.shelf / "x.json").write_text("{")
    elif damage == "foreign index":
        (make.shelf / "x.json").write_text("[]")
    elif damage == "shard":
        half = shard.with_name("half")  # in the file itself, the rows that are mapped would change
        half.write_bytes(shard.read_bytes()[:-7])
        half.rename(shard)
    else:
        shard.unlink()
    assert same(make.rows()[0], first)
    assert make.times == 2


def test_who_is_stopped_leaves_nothing_that_counts(tmp_path: Path) -> None:
    make = Maker(tmp_path)

    def stopped(tally: Tally) -> Iterator[Sample]:
        yield from list(make(tally))[:2]
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        stored_rows(make.shelf, "x", Sample, Basis((make.source,), {}), stopped, silent)
    assert len(make.rows()[0]) == 5
    assert make.times == 2


def test_another_process_is_waited_for(tmp_path: Path) -> None:
    make = Maker(tmp_path)
    told = []

    def progress(_fraction: float, note: str) -> None:
        told.append(note)
        raise Cancelled(note)

    def meanwhile(tally: Tally) -> Iterator[Sample]:
        with pytest.raises(Cancelled):
            stored_rows(make.shelf, "x", Sample, Basis((make.source,), {}), make, progress)
        yield from make(tally)

    stored_rows(make.shelf, "x", Sample, Basis((make.source,), {}), meanwhile, silent)
    assert told == ["another process reads the data set"]
    assert make.times == 1


def test_a_folder_that_cannot_be_written_costs_memory_only(tmp_path: Path) -> None:
    make = Maker(tmp_path)
    make.shelf.write_bytes(b"a file is in the way")
    rows, failures = make.rows()
    assert len(rows) == 5
    assert len(failures) == 1


def test_rows_are_not_in_memory(tmp_path: Path) -> None:
    make = Maker(tmp_path)
    rows, _ = stored_rows(make.shelf, "x", Sample, Basis((make.source,), {}), make, silent)
    assert isinstance(rows, StoredRows)
    assert rows[3].codes.data_ptr() == rows[3].codes.data_ptr(), "both are places in the same map"


def test_other_weights_have_another_print() -> None:
    first, second = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    assert weights_print(first) == weights_print(first)
    assert weights_print(first) != weights_print(second)
    assert weights_print(None) == weights_print(None, None) != weights_print(first)


def test_a_second_training_reads_no_clip(
    recordings: Recordings, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = DatasetFolder(tmp_path / "buzz")
    shutil.copytree(recordings.dataset.path, dataset.path, ignore=shutil.ignore_patterns("shards"))
    (dataset.content / "clip2.wav.pt").unlink()
    library = Library(models, "cpu")
    net, encoder = library.sovits(LITE), library.content(LITE)
    first = read_flow_rows(dataset, LITE, net, encoder, silent)  # type: ignore[arg-type]
    monkeypatch.setattr(sovits_data, "sound_of", lambda *_: pytest.fail("a clip was decoded again"))
    second = read_flow_rows(dataset, LITE, net, encoder, silent)  # type: ignore[arg-type]
    assert [failure.file for failure in left_out(dataset, "train_sovits")] == ["clip2.wav"]
    assert [row.clip for row in second] == ["clip0.wav", "clip1.wav"]
    for one, other in zip(first, second, strict=True):
        assert isinstance(other, FlowRow)
        assert torch.equal(one.mel, other.mel)
        assert torch.equal(one.sound, other.sound)
    data = FlowData(second, 2, net.sizes, 0, takes_stretches=True)  # type: ignore[arg-type]
    assert data.load(data.draws(1)[0]).mel.shape[0] == 2
    for path in dataset.content.iterdir():
        path.unlink()
    monkeypatch.undo()
    with pytest.raises(TrainingFailed, match="none of the 3 clips"):
        read_flow_rows(dataset, LITE, net, encoder, silent)  # type: ignore[arg-type]
