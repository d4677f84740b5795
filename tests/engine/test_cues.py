"""Files that hold words with times, as people have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from myna.core.errors import BadInput
from myna.engine.transcript import Cue, read_transcript


def read(folder: Path, suffix: str, text: str) -> list[Cue]:
    file = folder / f"me{suffix}"
    file.write_bytes(text.encode("utf-8"))
    return read_transcript(file, ["me"])["me"]


def test_web_subtitles_with_everything_they_may_have(tmp_path: Path) -> None:
    text = (
        "\ufeffWEBVTT - a talk\r\nKind: captions\r\n\r\nSTYLE\r\n::cue { color: red }\r\n\r\n"
        "NOTE this is\r\nno cue\r\n\r\n"
        "intro 1\r\n00:01.500 --> 00:04.000 align:start position:0%\r\n<v Anna>Hello <i>there</i>,\r\n"
        "<00:00:02.000><c.loud>my friend</c> &amp; you.\r\n\r\n"
        "01:00:04.250 --> 01:00:05.000\r\n{\\an8}3 &lt; 4\r\n\r\n00:07.000 --> 00:08.000\r\n\r\n"
    )
    assert read(tmp_path, ".vtt", text) == [
        Cue("Hello there, my friend & you.", 1.5, 4.0),
        Cue("3 < 4", 3604.25, 3605.0),
    ]


def test_subtitles_without_numbers_hours_or_fractions(tmp_path: Path) -> None:
    text = "0:0:1 --> 0:0:2,5\nOne.\n\n00:00:03,000 --> 00:00:04,000\nTwo\nthree.\n"
    assert read(tmp_path, ".srt", text) == [Cue("One.", 1.0, 2.5), Cue("Two three.", 3.0, 4.0)]


def test_lyrics(tmp_path: Path) -> None:
    text = "[ar:Anna]\n[offset:+500]\n[00:12.50]First line\n[00:15.00]\n[01:20.5][00:20.00]Again <00:20.50>and again\n"
    assert read(tmp_path, ".lrc", text) == [
        Cue("First line", 12.0, 14.5),
        Cue("Again and again", 19.5, 80.0),
        Cue("Again and again", 80.0, 81.2),
    ]


def test_what_whisper_wrote(tmp_path: Path) -> None:
    first = '{"text": " Hi. Bye.", "language": "en", "segments": [{"start": 0.0, "end": 1.5, "text": " Hi."},'
    first += ' {"start": 2, "end": 3, "text": " Bye."}, {"start": 3, "end": 4, "text": " "}]}'
    assert read(tmp_path, ".json", first) == [Cue("Hi.", 0.0, 1.5, "en"), Cue("Bye.", 2.0, 3.0, "en")]
    second = '{"transcription": [{"offsets": {"from": 500, "to": 1500}, "text": " Hi."}]}'
    assert read(tmp_path, ".json", second) == [Cue("Hi.", 0.5, 1.5)]
    assert read(tmp_path, ".json", '{"text": " Hi  there."}') == [Cue("Hi there.")]


@pytest.mark.parametrize(
    ("suffix", "text", "says"),
    [
        (".vtt", "WEBVTT\n\nHello.", "no times like 00:00:01,500"),
        (".lrc", "Hello.", r"no times like \[00:01.50\]"),
        (".json", "Hello.", "is no JSON"),
        (".json", '{"a": 1}', "no segments like"),
        (".json", '[{"text": "Hi."}]', "no start and end"),
        (".srt", "1\n00:00:01,000 --> 00:00:02,000\n\n", "no times"),
    ],
)
def test_files_without_words_or_times_are_refused(tmp_path: Path, suffix: str, text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        read(tmp_path, suffix, text)
