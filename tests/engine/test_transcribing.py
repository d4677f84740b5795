from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from myna.audio.labels import read_labels
from myna.core.errors import BadInput
from myna.core.progress import silent
from myna.core.workspace import write_text
from myna.engine import transcribing
from myna.engine.transcribing import transcribe_clips
from tests.engine.clips import four_clips


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    return four_clips(tmp_path / "clips")


class Ears:
    """A recogniser that knows what each clip says; counts how often it was needed."""

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.num_heard = 0

    def transcribe(self, _samples: np.ndarray, _rate: int) -> Ears.Heard:
        self.num_heard += 1
        return self.Heard(self.words[self.num_heard - 1])

    class Heard:
        def __init__(self, text: str) -> None:
            self.text = text


def listen(clips: Path, transcript: Path | None, ears: Ears, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setattr(transcribing, "recogniser", lambda engine, language: ears)
    labels = clips.parent / "x.list"
    transcribe_clips(clips, labels, speaker="me", language="en", engine="ears", transcript=transcript, progress=silent)
    return {label.clip: label.text for label in read_labels(labels)}


def test_clips_are_heard_and_silent_ones_left_out(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ears = Ears(["one two", "", "three | four", "five"])
    assert list(listen(clips, None, ears, monkeypatch).values()) == ["one two", "three four", "five"]


def test_nothing_heard_is_an_error(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="no words were found"):
        listen(clips, None, Ears(["", "...", "", ""]), monkeypatch)


def test_a_timed_transcript_needs_no_ears(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clips / "you.wav_0000000000_0000032000.wav").unlink()
    write_text(
        tmp_path / "me.srt",
        "1\n00:00:00,000 --> 00:00:00,900\nOne.\n\n2\n00:00:01,100 --> 00:00:02,900\nTwo.\n\n"
        "3\n00:00:04,000 --> 00:00:05,000\nThree.\n",
    )
    ears = Ears([])
    assert list(listen(clips, tmp_path / "me.srt", ears, monkeypatch).values()) == ["One.", "Two.", "Three."]
    assert ears.num_heard == 0


def test_an_untimed_one_is_laid_along_what_is_heard(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = "me.wav_0000128000_0000160000.wav"
    write_text(tmp_path / "x.list", f"me.mp3|me|EN|One two. Three four.\n{clip}|me|EN|Five.\nyou.wav|me|EN|Six.")
    ears = Ears(["one to", "tree four"])
    texts = listen(clips, tmp_path / "x.list", ears, monkeypatch)
    assert list(texts.values()) == ["One two.", "Three four.", "Five.", "Six."]
    assert ears.num_heard == 2  # a recording that is one clip needs no ears


def test_a_transcript_of_other_recordings_is_refused(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_text(tmp_path / "x.list", "somebody.wav|me|EN|Hello.")
    with pytest.raises(BadInput, match="tells about somebody, which is none of the recordings"):
        listen(clips, tmp_path / "x.list", Ears([]), monkeypatch)
