"""A whole data set with known faults: verdicts, JSON lines, the page; names of every kind."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from myna.audio.io import decode, write_wav
from myna.audio.label_filter import read_facts
from myna.core.assets import bundled
from myna.core.errors import BadAudio, BadInput, Cancelled, NotFound
from myna.core.findings import Findings
from myna.core.progress import silent
from myna.engine.check import page as pages
from myna.engine.check.dataset import CheckOptions, check_dataset
from tests.engine.voices import LITE

TEXT = "You are about to enter an echo test in this mode."
VOID = {"meta", "img", "br", "link", "input"}
HOSTILE = (
    "-rf.wav",
    "a $(touch x) b.wav",
    '“it\'s "quoted"” & <b>.wav',
    "🎤 %20?#.wav",
    "é" * 120 + ".wav",
    "cafe\u0301.wav",
)


def options(**changes: Any) -> CheckOptions:
    return CheckOptions(
        **({"version": LITE, "models": Path("none"), "processes": 1, "asks_dnsmos": False, "listens": False} | changes)
    )


@pytest.fixture(scope="module")
def piece() -> Callable[[int], np.ndarray]:
    """Four seconds of one person, each piece another."""
    audio = decode(bundled("demo/recording.flac"), 16000)
    return lambda number: audio.samples[number * 8000 : number * 8000 + 64000]


def lines(path: Path) -> dict[str, dict[str, Any]]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    return {row["clip"]: row for row in rows}


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory, piece: Callable[[int], np.ndarray]) -> tuple[Path, Findings]:
    folder = tmp_path_factory.mktemp("set")
    clips = folder / "clips"
    labels = []
    for number in range(5):
        write_wav(clips / f"{number}.wav", piece(number), 16000)
        labels.append(f"{number}.wav|ann|EN|{TEXT} Number {number}.")
    write_wav(clips / "copy.wav", piece(0), 16000)
    write_wav(clips / "silent.wav", np.zeros(32000, np.float32), 16000)
    write_wav(clips / "clipped.wav", np.clip(20 * piece(6), -0.99, 0.99), 16000)
    (clips / "broken.wav").write_bytes(b"RIFF")
    labels += [f"copy.wav|ann|EN|{TEXT} Number 0.", "silent.wav|ann|EN|Silence here.", f"clipped.wav|ann|EN|{TEXT}"]
    labels += ["broken.wav|ann|EN|Broken.", "gone.wav|ann|EN|Gone.", "1.wav|ann|EN|", "no label", "fr.wav|ann|FR|Oui."]
    labels += ["1.wav|ann|EN|Twice."]
    (folder / "set.list").write_text("\n".join(labels), encoding="utf-8")
    findings = check_dataset(folder / "set.list", clips, folder / "out", options(), silent)
    return folder / "out", findings


def test_every_line_has_a_verdict_and_reasons(checked: tuple[Path, Findings]) -> None:
    rows = [json.loads(line) for line in (checked[0] / "check.jsonl").read_text(encoding="utf-8").splitlines()]
    verdicts = {
        f"{row['line']} {row['clip']}": (row["verdict"], [each["kind"] for each in row["findings"]]) for row in rows
    }
    assert len(rows) == 14
    assert verdicts["3 2.wav"] == ("ok", [])
    assert verdicts["6 copy.wav"] == ("leave out", ["twin", "same_text"])
    assert verdicts["7 silent.wav"] == ("leave out", ["silent"])
    assert verdicts["8 clipped.wav"][0] == "leave out"
    assert "clipping" in verdicts["8 clipped.wav"][1]
    assert verdicts["9 broken.wav"] == ("leave out", ["unreadable"])
    assert verdicts["10 gone.wav"] == ("leave out", ["missing"])
    assert verdicts["12 no label"] == ("leave out", ["line"])
    assert verdicts["13 fr.wav"] == ("leave out", ["line"])
    assert verdicts["14 1.wav"] == ("leave out", ["line"])
    good = rows[2]
    assert (good["seconds"], good["speaker"], good["language"], good["sample_rate"]) == (4.0, "ann", "en", 16000)
    assert good["phones_per_second"] == pytest.approx(good["phones"] / 4, abs=0.01)
    assert good["voice_likeness"] > 0.85
    assert {"snr_db", "loudness_lufs", "peak_dbfs", "clipped_share", "silence", "band_hz"} <= good.keys()


def test_totals_and_what_cannot_be_read_are_told(checked: tuple[Path, Findings]) -> None:
    out, findings = checked
    assert findings.pages == (out / "check.html",)
    assert [failure.file for failure in findings.failures] == [
        "broken.wav",
        "gone.wav",
        "1.wav",
        "no label",
        "fr.wav",
        "1.wav",
    ]
    assert re.match(
        r"14 clips, 0\.5 minutes: 5 ok, 0 to look at, 9 to leave out; 0\.3 minutes would", findings.notes[0]
    )


def test_the_label_editor_can_filter_by_it(checked: tuple[Path, Findings]) -> None:
    facts = read_facts(checked[0] / "check.jsonl")
    assert facts["copy.wav"].verdict == "leave out"
    assert facts["copy.wav"].kinds == {"twin", "same_text"}
    assert facts["2.wav"].seconds == 4.0


class Page(HTMLParser):
    """Checks that elements are closed, and collects addresses and rows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.rows: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag == "tr" and "data-verdict" in dict(attrs):
            self.rows.append(dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_else(checked: tuple[Path, Findings]) -> None:
    text = (checked[0] / "check.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert not re.search(r"https?://|@import|url\(", text)
    assert {address.partition(",")[0] for address in page.addresses} == {"data:audio/ogg;base64"}
    assert len(page.addresses) == 8
    seconds = [decode(base64.b64decode(address.partition(",")[2])).seconds for address in page.addresses[:2]]
    assert seconds == pytest.approx([4.0, 2.0], abs=0.1)
    verdicts = [row["data-verdict"] for row in page.rows]
    assert verdicts == ["leave out"] * 9 + ["ok"] * 5, "the worst first"
    assert "9</b><span>to leave out" in text
    assert text.count("<figure>") == 4


def test_of_many_clips_only_some_have_their_sound_in_the_page(
    tmp_path: Path, piece: Callable[[int], np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        write_wav(tmp_path / "clips" / f"{number} #ä.wav", piece(number), 16000)
    monkeypatch.setattr("myna.engine.check.dataset._ALL_PLAYED", 3)
    monkeypatch.setattr("myna.engine.check.dataset._SAMPLED", 2)
    check_dataset(tmp_path / "clips", None, tmp_path / "out", options(), silent)
    addresses = Page((tmp_path / "out" / "check.html").read_text(encoding="utf-8")).addresses
    assert [address.partition(",")[0] for address in addresses[::2]] == ["data:audio/ogg;base64"] * 2
    assert addresses[1::2] == ["../clips/1%20%23%C3%A4.wav", "../clips/3%20%23%C3%A4.wav"]
    monkeypatch.setattr(pages, "PLAYED_BYTES", 10_000)
    monkeypatch.setattr(pages, "MOST_ROWS", 3)
    check_dataset(tmp_path / "clips", None, tmp_path / "out", options(), silent)
    text = (tmp_path / "out" / "check.html").read_text(encoding="utf-8")
    assert "data:audio" not in text
    assert "1 more clips are ok and not shown here" in text


def test_a_folder_without_labels_is_checked_by_its_sound(tmp_path: Path, piece: Callable[[int], np.ndarray]) -> None:
    for number in range(3):
        write_wav(tmp_path / "clips" / f"{number}.wav", piece(number), 16000)
    write_wav(tmp_path / "clips" / "short.wav", piece(3)[:3200], 16000)
    (tmp_path / "clips" / "notes.txt").write_text("not a sound")
    findings = check_dataset(tmp_path / "clips", None, tmp_path / "out", options(), silent)
    rows = lines(tmp_path / "out" / "check.jsonl")
    assert {name: row["verdict"] for name, row in rows.items()} == {
        "0.wav": "ok",
        "1.wav": "ok",
        "2.wav": "ok",
        "short.wav": "leave out",
        "notes.txt": "leave out",
    }
    assert [failure.file for failure in findings.failures] == ["notes.txt"]


def test_names_of_every_kind(tmp_path: Path, piece: Callable[[int], np.ndarray]) -> None:
    labels = []
    for number, name in enumerate(HOSTILE):
        write_wav(tmp_path / "clips" / name, piece(number), 16000)
        labels.append(f"{name}|<i>ann</i>|EN|{TEXT} <script>alert({number})</script>")
    written = labels[5].replace("cafe\u0301", "caf\u00e9")
    (tmp_path / "set.list").write_text("\n".join([*labels[:5], written]), encoding="utf-8")
    findings = check_dataset(tmp_path / "set.list", tmp_path / "clips", tmp_path / "out", options(), silent)
    assert findings.failures == ()
    text = (tmp_path / "out" / "check.html").read_text(encoding="utf-8")
    assert Page(text).open == []
    assert "<script>alert" not in text
    assert "<i>ann" not in text
    assert not (tmp_path / "x").exists()


def test_clips_of_one_name_in_two_folders_are_both_heard(tmp_path: Path, piece: Callable[[int], np.ndarray]) -> None:
    for number, folder in enumerate(("one", "two")):
        write_wav(tmp_path / folder / "a.wav", piece(number), 16000)
    rows = [f"{folder}/a.wav|ann|EN|{TEXT} In {folder}." for folder in ("one", "two")]
    (tmp_path / "set.list").write_text("\n".join(["one/a.wav|ann|EN|", *rows]), encoding="utf-8")
    check_dataset(tmp_path / "set.list", None, tmp_path / "out", options(), silent)
    text = (tmp_path / "out" / "check.jsonl").read_text(encoding="utf-8")
    found = [(row["clip"], row["verdict"], row["seconds"]) for row in map(json.loads, text.splitlines())]
    assert found == [("a.wav", "leave out", None), ("a.wav", "ok", 4.0), ("two-a.wav", "ok", 4.0)]


def test_names_that_are_no_text(tmp_path: Path, piece: Callable[[int], np.ndarray]) -> None:
    write_wav(tmp_path / "clips" / "a\udcff.wav", piece(0), 16000)
    check_dataset(tmp_path / "clips", None, tmp_path / "out", options(), silent)
    assert list(lines(tmp_path / "out" / "check.jsonl")) == ["a?.wav"]


def test_several_processes_find_the_same(tmp_path: Path, piece: Callable[[int], np.ndarray]) -> None:
    for number in range(14):
        write_wav(tmp_path / "clips" / f"{number}.wav", piece(number)[:32000], 16000)
    for processes in (1, 2):
        check_dataset(tmp_path / "clips", None, tmp_path / str(processes), options(processes=processes), silent)
    one, two = (lines(tmp_path / str(processes) / "check.jsonl") for processes in (1, 2))
    assert one == two
    assert len(one) == 14


def test_nothing_usable_is_an_error_that_names_reasons(tmp_path: Path) -> None:
    (tmp_path / "set.list").write_text("gone.wav|ann|EN|Gone.\nno label", encoding="utf-8")
    with pytest.raises(BadAudio, match=r"no clip of set\.list can be heard: gone\.wav: there is no file .*; no label"):
        check_dataset(tmp_path / "set.list", tmp_path, tmp_path / "out", options(), silent)
    (tmp_path / "set.list").write_text("\n\n", encoding="utf-8")
    with pytest.raises(BadInput, match="holds no labels"):
        check_dataset(tmp_path / "set.list", tmp_path, tmp_path / "out", options(), silent)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="holds no files"):
        check_dataset(tmp_path / "empty", None, tmp_path / "out", options(), silent)
    with pytest.raises(NotFound, match="no label file"):
        check_dataset(tmp_path / "none.list", None, tmp_path / "out", options(), silent)
    assert not (tmp_path / "out").exists()


def test_it_stops_when_it_is_told_to(tmp_path: Path, piece: Callable[[int], np.ndarray]) -> None:
    write_wav(tmp_path / "clips" / "a.wav", piece(0), 16000)

    def stop(fraction: float, note: str) -> None:
        raise Cancelled("stop")

    with pytest.raises(Cancelled):
        check_dataset(tmp_path / "clips", None, tmp_path / "out", options(), stop)
    assert not (tmp_path / "out").exists()
