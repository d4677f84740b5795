"""What a training tells: points, events, a picture, progress, notes."""

from __future__ import annotations

import builtins
import errno
import json
import re
import struct
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from myna.core.errors import BadInput, WorkspaceError
from myna.core.progress import silent
from myna.engine.pictures import curves_svg
from myna.engine.training import telling
from myna.engine.training.events import open_events
from myna.engine.training.loop import Training
from myna.engine.training.telling import Teller, notes_of, read_curves
from tests.engine.training.toy import duel_recipe, plan, toy_recipe


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, as its only element."""
    now = [100.0]
    monkeypatch.setattr(telling.time, "monotonic", lambda: now[0])
    return now


def test_speed_and_time_left_are_those_of_training_alone(tmp_path: Path, clock: list[float]) -> None:
    told: list[tuple[float, str]] = []
    teller = Teller(tmp_path, epochs=2, num_batches=50)
    teller.begin(0, [])
    for step in range(1, 4):
        clock[0] += 2.0
        teller.points([{"epoch": 1, "step": step, "loss": 0.5}], {"toy": 1e-3}, num_clips=8)
        clock[0] += 500.0
        teller.paused()
    teller.progress({"epoch": 1, "step": 3, "loss": 0.51234}, lambda *line: told.append(line))
    teller.end()
    assert told == [(0.03, "epoch 1 of 2, step 3 of 100, loss 0.512, 4.0 clips/s, 3 min 14 s left")]
    last = json.loads((tmp_path / "losses.jsonl").read_text().splitlines()[-1])
    assert last["speed"]["clips_per_s"] == 4.0
    assert last["rates"] == {"toy": 1e-3}
    assert read_curves(tmp_path / "losses.jsonl") == {"loss": [0.5, 0.5, 0.5]}


def test_steps_of_several_batches_share_their_time(tmp_path: Path, clock: list[float]) -> None:
    told: list[str] = []
    teller = Teller(tmp_path, epochs=1, num_batches=4000)
    teller.begin(0, [])
    clock[0] += 8.0
    points = [{"epoch": 1, "step": step, "loss": 0.5} for step in range(1, 5)]
    teller.points(points, {}, num_clips=16)
    teller.progress(points[-1], lambda fraction, note: told.append(note))
    teller.end()
    assert told == ["epoch 1 of 1, step 4 of 4000, loss 0.500, 2.0 clips/s, 2 h 13 min left"]


def scalars(folder: Path) -> Iterator[tuple[int, str, float]]:
    """(step, name, value) of the scalars in TensorBoard's files: records of length, check, protobuf, check."""
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            record, data = data[12 : 12 + length], data[16 + length :]
            found = re.search(rb"\n[\x01-\x7f]([\x20-\x7e]+)\x15(....)", record, re.DOTALL)
            step = re.search(rb"\x10([\x00-\x7f])\x2a", record)
            if found:
                yield step[1][0] if step else 0, found[1].decode(), struct.unpack("<f", found[2])[0]


def test_tensorboard_gets_every_loss_rate_and_speed(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    Training(duel_recipe(tmp_path), plan(), tmp_path / "run").train(silent)
    found = list(scalars(tmp_path / "run" / "tensorboard"))
    assert {name for _, name, _ in found} == {
        "loss/judge",
        "loss/maker",
        "loss/made",
        "learning_rate/judge",
        "learning_rate/maker",
        "clips_per_second",
    }
    curve = read_curves(tmp_path / "run" / "losses.jsonl")["maker"]
    assert [step for step, name, _ in found if name == "loss/maker"] == list(range(1, 10))
    assert [value for _, name, value in found if name == "loss/maker"] == pytest.approx(curve, abs=1e-5)


def test_without_the_library_there_are_no_events_and_all_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *more: Any) -> Any:
        if name.startswith("tensorboardX"):
            raise ModuleNotFoundError(name=name)
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", absent)
    Training(toy_recipe(tmp_path), plan(), tmp_path / "run").train(silent)
    assert not (tmp_path / "run" / "tensorboard").exists()
    assert (tmp_path / "run" / "losses.jsonl").is_file()


def test_the_losses_are_drawn(tmp_path: Path) -> None:
    Training(toy_recipe(tmp_path), plan(), tmp_path / "run").train(silent)
    picture = ET.fromstring((tmp_path / "run" / "losses.svg").read_text())
    lines = picture.findall(".//{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 4, "loss and its figure, each with its mean"
    assert len(lines[0].attrib["points"].split()) == 9
    assert curves_svg({"loss": [1.0], "none": []}) == ""
    assert "a &lt; b" in curves_svg({"a < b": [1.0, 2.0]})


def test_notes_stay_for_whoever_asks(tmp_path: Path) -> None:
    assert notes_of(tmp_path) == ()
    teller = Teller(tmp_path, 1, 1)
    teller.begin(0, ["of an earlier run"])
    for note in ("one", "two", "one"):
        teller.note(note)
    teller.end()
    assert notes_of(tmp_path) == ("of an earlier run", "one", "two")
    (tmp_path / "notes.json").write_text("{")
    with pytest.raises(BadInput, match=r"notes.json is damaged"):
        notes_of(tmp_path)


def test_events_of_a_resumed_training_say_what_counts_no_more(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    for step in (0, 2):
        written = open_events(tmp_path, step)
        assert written is not None
        written.add({"loss/toy": 0.5}, step + 1)
        written.close()
    files = sorted(tmp_path.iterdir(), key=lambda path: path.suffix)
    assert [path.suffix for path in files] == [".0", ".2"]
    assert b"\x10\x03\x3a\x02\x08\x01" in files[1].read_bytes(), "step 3, session start"


def test_a_full_disk_at_the_events_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tensorboardX")
    events = open_events(tmp_path, 0)
    assert events is not None

    def full(event: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(events._file, "write_event", full)
    with pytest.raises(WorkspaceError, match="the disk is full"):
        events.add({"loss": 1.0}, 1)
    events.close()
