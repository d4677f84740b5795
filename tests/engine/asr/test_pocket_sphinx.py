"""PocketSphinx: words with times from real speech, the same in several processes, and clear refusals."""

from __future__ import annotations

import csv
from pathlib import Path

import jiwer
import numpy as np
import pytest

from myna.audio.io import Audio, decode
from myna.core.errors import BadAudio, InstallationError
from myna.engine.asr import Recogniser, Transcript, Wish, recogniser
from tests.engine.speech_sound import SAMPLE_RATE, speech_sound

SPEECH = Path(__file__).parents[3].parent / "shared" / "speech" / "test"


@pytest.fixture(scope="module")
def engine() -> Recogniser:
    return recogniser("pocketsphinx", "en")


def test_words_lie_in_order_within_the_sound(engine: Recogniser) -> None:
    transcript = engine.transcribe(speech_sound(0.7), SAMPLE_RATE)
    assert transcript.words, "something is always heard in voiced sound"
    assert transcript.text == " ".join(word.text for word in transcript.words)
    assert transcript.confidence is not None
    assert 0 <= transcript.confidence <= 1
    assert transcript.language == "en"
    end = 0.0
    for word in transcript.words:
        assert end - 0.02 <= word.start_s < word.end_s <= 0.75
        assert word.confidence is not None
        assert 0 <= word.confidence <= 1
        assert word.text == word.text.lower()
        assert not set(word.text) & set("()<>[]")
        end = word.end_s


def test_times_move_with_the_sound(engine: Recogniser) -> None:
    sound = speech_sound(0.7)
    early = engine.transcribe(sound, SAMPLE_RATE)
    late = engine.transcribe(np.concatenate([np.zeros(SAMPLE_RATE // 2, np.float32), sound]), SAMPLE_RATE)
    assert late.words[0].start_s - early.words[0].start_s == pytest.approx(0.5, abs=0.2)


@pytest.mark.parametrize("length", [0, 1, 100, 1599])
def test_too_short_holds_no_words(engine: Recogniser, length: int) -> None:
    assert engine.transcribe(np.ones(length, np.float32) * 0.1, SAMPLE_RATE) == Transcript("")


def test_silence_holds_no_words(engine: Recogniser) -> None:
    assert engine.transcribe(np.zeros(2 * SAMPLE_RATE, np.float32), SAMPLE_RATE).words == ()


def test_utterances_do_not_depend_on_each_other(engine: Recogniser) -> None:
    sound = speech_sound(0.7)
    first = engine.transcribe(sound, SAMPLE_RATE)
    engine.transcribe(sound[::-1].copy() * 0.01, SAMPLE_RATE)
    assert engine.transcribe(sound, SAMPLE_RATE) == first


@pytest.mark.parametrize("bad", [np.full(5000, np.nan), np.full(5000, np.inf), np.zeros((5000, 2))])
def test_unusable_samples_are_refused(engine: Recogniser, bad: np.ndarray) -> None:
    with pytest.raises(BadAudio):
        engine.transcribe(bad, SAMPLE_RATE)


def test_clips_are_heard_in_several_processes_as_alone(engine: Recogniser) -> None:
    clips = [Audio(speech_sound(seconds), SAMPLE_RATE) for seconds in (0.4, 0.7, 0.5, 0.05)]
    with recogniser("pocketsphinx", "en", Wish(processes=2)) as several:
        assert several.at_once > 1
        assert several.hear(clips) == [engine.transcribe(clip.samples, clip.sample_rate) for clip in clips]


@pytest.mark.skipif(not SPEECH.is_dir(), reason="needs recordings with transcripts")
def test_hears_most_words_of_a_clear_reader(engine: Recogniser) -> None:
    with (SPEECH / "transcripts.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    truth, heard = [], []
    for row in [row for row in rows if row["file"].startswith("en/voice_lj")][3:4]:
        audio = decode(SPEECH / row["file"])
        truth.append("".join(char for char in row["text"].lower().replace("-", " ") if char.isalpha() or char in " '"))
        heard.append(engine.transcribe(audio.samples, audio.sample_rate).text)
    assert jiwer.wer(truth, heard) < 0.45


def test_a_process_that_is_ended_from_outside_is_told_of() -> None:
    clips = [Audio(speech_sound(0.3), SAMPLE_RATE)] * 3
    with recogniser("pocketsphinx", "en", Wish(processes=2)) as several:
        several.hear(clips)
        for process in list(several._pool._processes.values()):  # type: ignore[attr-defined]
            process.kill()
        with pytest.raises(InstallationError, match="ended from outside"):
            several.hear(clips)
