from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from myna.audio.io import decode, write_wav
from myna.audio.labels import Label, write_labels
from myna.core.assets import bundled
from myna.engine.report import ReportFacts, read_curves, write_report

VOID = {"meta", "img", "br", "link", "input"}


class Page(HTMLParser):
    """Collects a page's attributes and checks that its elements are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href"}]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("report")
    recording = decode(bundled("demo/recording.flac"))
    twelve_s = recording.samples[: 12 * recording.sample_rate]
    write_wav(folder / "me.wav", twelve_s, recording.sample_rate)
    write_wav(folder / "speech.wav", twelve_s[recording.sample_rate : 4 * recording.sample_rate], recording.sample_rate)
    lines = [json.dumps({"epoch": 1, "step": step, "loss": 3.0 / step, "accuracy": 0.1 * step}) for step in range(1, 6)]
    (folder / "losses.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_labels(folder / "me.list", [Label(Path("a.wav"), "me", "en", "One <script>alert(1)</script> $title")])
    (folder / "gpt.safetensors").write_bytes(bytes(1024))
    facts = ReportFacts(
        voice="A & B",
        version="lite",
        recording=folder / "me.wav",
        speech=folder / "speech.wav",
        text="New <b>words</b>.",
        labels=folder / "me.list",
        weights=[folder / "gpt.safetensors"],
        curves=[("GPT", folder / "losses.jsonl"), ("SoVITS", folder / "none.jsonl")],
        times=[("converting", 1.25), ("training", 125.0)],
    )
    write_report(facts, folder / "out" / "report.html")
    return (folder / "out" / "report.html").read_text(encoding="utf-8")


def test_the_page_is_whole_and_needs_nothing_else(page: str) -> None:
    parser = Page()
    parser.feed(page)
    assert parser.open == []
    kinds = [address.partition(";")[0] for address in parser.addresses]
    assert sorted(kinds) == ["data:audio/mpeg", "data:audio/wav", "data:image/png", "data:image/png"]
    assert not re.search(r"https?://|@import|url\(", page)
    assert "$" not in re.sub(r"data:[^\"]*|\$title</td>", "", page)


def test_what_people_wrote_is_text_and_not_code(page: str) -> None:
    assert "<script>alert" not in page
    assert "New &lt;b&gt;words&lt;/b&gt;." in page
    assert "Voice “A &amp; B”" in page


def test_the_players_hold_the_sounds(page: str) -> None:
    sounds = re.findall(r'src="data:audio/(?:mpeg|wav);base64,([^"]+)"', page)
    seconds = [decode(base64.b64decode(sound)).seconds for sound in sounds]
    assert np.allclose(seconds, [12.0, 3.0], atol=0.1)


def test_times_curves_and_likeness_are_told(page: str) -> None:
    assert "2 min 05 s" in page
    assert "1.2 s" in page
    assert "GPT: loss" in page
    assert "GPT: accuracy" in page
    assert "SoVITS:" not in page
    likeness = float(re.findall(r"<b>(0\.\d\d)</b><span class='soft'>voiceprint", page)[0])
    assert likeness > 0.8


def test_a_training_that_left_no_curve_has_none(tmp_path: Path) -> None:
    assert read_curves(tmp_path / "none.jsonl") == {}
