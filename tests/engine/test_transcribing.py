from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from myna.audio.io import Audio
from myna.audio.labels import read_labels
from myna.core.errors import BadInput, UnknownChoice
from myna.core.findings import Findings
from myna.core.progress import silent
from myna.core.workspace import write_text
from myna.engine import transcribing
from myna.engine.asr import Recogniser, Wish, Word
from myna.engine.asr import Transcript as Said
from myna.engine.measures import Opinion
from myna.engine.transcribing import journal_of, transcribe_clips
from tests.engine.clips import four_clips

Listen = Callable[..., Findings]


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    return four_clips(tmp_path / "clips")


class Ear(Recogniser):
    """Knows what each clip says; counts how often it was needed."""

    at_once = 2

    def __init__(self, words: list[str], language: str = "en") -> None:
        self.words, self.language = words, language
        self.num_heard = 0

    def hear(self, clips: Sequence[Audio]) -> list[Said]:
        first, self.num_heard = self.num_heard, self.num_heard + len(clips)
        said = self.words[first : self.num_heard]
        return [Said(text, (Word(text, 0.1, 0.2, 0.5),) if text else (), 0.5, self.language) for text in said]


class Judge:
    """Likes everything."""

    def opinions(self, sounds: Sequence[Audio]) -> list[Opinion | None]:
        return [Opinion(4.0, 4.1, 4.2) for _ in sounds]


@pytest.fixture
def listen(clips: Path, monkeypatch: pytest.MonkeyPatch) -> Listen:
    """Transcribe the clips with an ear of the test's."""

    def run(ear: Ear, transcript: Path | None = None, language: str = "en", engine: str = "pocketsphinx") -> Findings:
        monkeypatch.setattr(transcribing, "recogniser", lambda engine, language, wish: ear)
        monkeypatch.setattr(transcribing, "judge_in", lambda models: Judge())
        wish = Wish(language=language, models=clips.parent / "models")
        labels = clips.parent / "x.list"
        return transcribe_clips(
            clips, labels, speaker="me", engine=engine, wish=wish, transcript=transcript, progress=silent
        )

    return run


def texts(clips: Path) -> dict[str, str]:
    return {label.clip: label.text for label in read_labels(clips.parent / "x.list")}


def rows(clips: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (clips.parent / "x.jsonl").read_text(encoding="utf-8").splitlines()]


def test_clips_are_heard_and_silent_ones_left_out_and_named(clips: Path, listen: Listen) -> None:
    found = listen(Ear(["one two", "", "three | four", "five"]))
    assert list(texts(clips).values()) == ["one two", "three four", "five"]
    assert [(failure.file, failure.reason) for failure in found.failures] == [
        ("me.wav_0000032000_0000096000.wav", "no words were heard in it")
    ]
    assert found.notes == ("3 clips with words (3 en), by pocketsphinx",)


def test_the_label_file_is_the_official_one(clips: Path, listen: Listen) -> None:
    (clips / "a b.wav").write_bytes((clips / "you.wav_0000000000_0000032000.wav").read_bytes())
    listen(Ear(["one", "two", "three", "four", "five"]))
    lines = (clips.parent / "x.list").read_bytes().decode().split("\n")
    assert lines[0] == f"{clips / 'a b.wav'}|me|EN|one"
    assert lines == sorted(lines)
    assert lines[-1].endswith("|EN|five")


def test_the_lines_of_json_tell_all_that_was_found_out(clips: Path, listen: Listen) -> None:
    listen(Ear(["one two", "three", "", "five"]))
    first = rows(clips)[0]
    assert [row["text"] for row in rows(clips)] == ["one two", "three", "five"]
    assert first["path"] == str(clips / "me.wav_0000000000_0000032000.wav")
    assert (first["language"], first["by"], first["confidence"]) == ("en", "pocketsphinx", 0.5)
    assert first["words"] == [{"text": "one two", "start_s": 0.1, "end_s": 0.2, "confidence": 0.5}]
    assert first["seconds"] == pytest.approx(1.0)
    assert first["phones_per_second"] == pytest.approx(5.0)  # W AH1 N T UW1
    assert first["dnsmos"] == {"overall": 4.0, "speech": 4.1, "background": 4.2}
    assert {"loudness_lufs", "peak_dbfs", "snr_db", "clipped_share", "silent_share"} <= set(first)


def test_a_clip_that_cannot_be_decoded_stops_nothing(clips: Path, listen: Listen) -> None:
    (clips / "broken.wav").write_bytes(b"RIFF")
    (clips / "notes.txt").write_text("hello")
    (clips / "folder").mkdir()
    found = listen(Ear(["one", "two", "three", "four"]))
    assert len(texts(clips)) == 4
    assert {failure.file for failure in found.failures} == {"broken.wav", "notes.txt", "folder"}


def test_names_that_a_label_file_cannot_hold_are_left_out(clips: Path, listen: Listen) -> None:
    odd = ["-rf.wav", "$(id) 'x'.wav", "a|b.wav", "🐶.wav", "cafe\u0301.wav", "x" * 236 + ".wav"]
    for name in odd:
        (clips / name).write_bytes((clips / "you.wav_0000000000_0000032000.wav").read_bytes())
    sound = (clips / "you.wav_0000000000_0000032000.wav").read_bytes()
    there = {path.name for path in clips.iterdir()}
    Path(os.fsdecode(bytes(clips) + b"/\xff.wav")).write_bytes(sound)
    found = listen(Ear([f"word {number}" for number in range(11)]))
    assert {failure.file for failure in found.failures} == {"a|b.wav", "?.wav"}
    assert {Path(row["path"]).name for row in rows(clips)} == there - {"a|b.wav"}
    assert len(read_labels(clips.parent / "x.list")) == 9


def test_a_link_out_of_the_folder_is_not_followed(clips: Path, listen: Listen, tmp_path: Path) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes((clips / "you.wav_0000000000_0000032000.wav").read_bytes())
    (clips / "link.wav").symlink_to(secret)
    found = listen(Ear(["one", "two", "three", "four"]))
    assert [failure.file for failure in found.failures] == ["link.wav"]
    assert len(texts(clips)) == 4


def test_nothing_heard_is_an_error_that_names_clips(clips: Path, listen: Listen) -> None:
    with pytest.raises(
        BadInput, match=r"no words were found .*: me\.wav_0.*: no words were heard in it; .* and 1 more"
    ):
        listen(Ear(["", "...", "", ""]))


def test_languages_are_those_heard_and_others_are_left_out(clips: Path, listen: Listen) -> None:
    ear = Ear(["one", "deux", "three", "four"])
    ear.hear = lambda clips, hear=ear.hear: [  # type: ignore[method-assign]
        replace(said, language="fr") if said.text == "deux" else said for said in hear(clips)
    ]
    found = listen(ear, language="auto")
    assert {label.language for label in read_labels(clips.parent / "x.list")} == {"en"}
    assert [failure.reason for failure in found.failures] == [
        "its language is 'fr'; a voice can be trained on: zh, ja, en, ko, yue"
    ]


def test_an_interrupted_run_does_not_hear_again(clips: Path, listen: Listen) -> None:
    class Failing(Ear):
        def hear(self, clips: Sequence[Audio]) -> list[Said]:
            if self.num_heard:
                raise KeyboardInterrupt
            return super().hear(clips)

    with pytest.raises(KeyboardInterrupt):
        listen(Failing(["one", "two"]))
    journal = journal_of(clips.parent / "x.list")
    assert journal.read_text().count("\n") == 2
    with journal.open("a") as file:
        file.write('{"name": "me.wav_0000128000_00001600')  # it was killed while writing
    rest = Ear(["three", "four"])
    listen(rest)
    assert (rest.num_heard, list(texts(clips).values())) == (2, ["one", "two", "three", "four"])
    assert [row["words"][0]["text"] for row in rows(clips)] == ["one", "two", "three", "four"]
    assert not journal.exists()


def test_a_timed_transcript_needs_no_ears(clips: Path, listen: Listen, tmp_path: Path) -> None:
    (clips / "you.wav_0000000000_0000032000.wav").unlink()
    write_text(
        tmp_path / "me.srt",
        "1\n00:00:00,000 --> 00:00:00,900\nOne.\n\n2\n00:00:01,100 --> 00:00:02,900\nTwo.\n\n"
        "3\n00:00:04,000 --> 00:00:05,000\nThree.\n",
    )
    ear = Ear([])
    found = listen(ear, tmp_path / "me.srt", engine="given")
    assert list(texts(clips).values()) == ["One.", "Two.", "Three."]
    assert ear.num_heard == 0
    assert [(row["by"], row["words"]) for row in rows(clips)] == [("given", [])] * 3
    assert rows(clips)[0]["loudness_lufs"] is not None
    assert found.notes == ("3 clips with words (3 en), from the transcript",)


def test_an_untimed_one_is_laid_along_what_is_heard(clips: Path, listen: Listen, tmp_path: Path) -> None:
    clip = "me.wav_0000128000_0000160000.wav"
    write_text(tmp_path / "x2.list", f"me.mp3|me|EN|One two. Three four.\n{clip}|me|EN|Five.\nyou.wav|me|ZH|你好。")
    ear = Ear(["one to", "tree four"])
    listen(ear, tmp_path / "x2.list", language="auto")
    assert list(texts(clips).values()) == ["One two.", "Three four.", "Five.", "你好。"]
    assert [label.language for label in read_labels(clips.parent / "x.list")] == ["en", "en", "en", "zh"]
    assert ear.num_heard == 2  # a recording that is one clip needs no ears


def test_a_transcript_of_other_recordings_is_refused(clips: Path, listen: Listen, tmp_path: Path) -> None:
    write_text(tmp_path / "y.list", "somebody.wav|me|EN|Hello.")
    with pytest.raises(BadInput, match="tells about somebody, which is none of the recordings"):
        listen(Ear([]), tmp_path / "y.list")


def test_an_ear_that_does_not_hear_the_language_is_told_of(clips: Path, tmp_path: Path) -> None:
    (clips / "you.wav_0000000000_0000032000.wav").unlink()
    write_text(tmp_path / "me.txt", "你好")
    wish = Wish(language="zh", models=tmp_path)
    with pytest.raises(BadInput, match=r"me\.txt has no times.*English only.* give one with times"):
        transcribe_clips(
            clips, tmp_path / "x.list", speaker="me", wish=wish, transcript=tmp_path / "me.txt", progress=silent
        )
    with pytest.raises(BadInput, match="give a transcript"):
        transcribe_clips(clips, tmp_path / "x.list", speaker="me", engine="given", wish=wish, progress=silent)
    with pytest.raises(UnknownChoice, match=r"unknown recogniser 'ears'; choose one of: .*sensevoice.*, given"):
        transcribe_clips(clips, tmp_path / "x.list", speaker="me", engine="ears", wish=wish, progress=silent)
