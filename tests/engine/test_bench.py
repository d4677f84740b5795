"""The benchmark: its counting, its speakers, and one small run of all of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from myna.audio.io import Audio, write_wav
from myna.core.errors import BadInput, UnknownChoice
from myna.core.progress import silent
from myna.engine import bench
from myna.engine.asr import Transcript
from myna.engine.bench import STAGES, bench_voice, plain_phones, sentences, spoken_form
from myna.engine.bench_phones import probe, read_frames
from myna.engine.bench_speech import Utterance, _person, joined, read_people
from myna.engine.edit_distance import edits
from myna.engine.measures import Opinion
from tests.engine.voices import RATE, buzz

SAID = "The words are these."


def test_edits_are_counted() -> None:
    for wanted, heard, count in (
        ("a b c", "a b c", 0),
        ("a b c", "a x c", 1),
        ("a b c", "a c", 1),
        ("a b c", "a b b c", 1),
        ("a b c", "", 3),
        ("", "a", 1),
        ("k i t t e n", "s i t t i n g", 3),
    ):
        assert edits(wanted.split(), heard.split()) == count


def test_texts_are_compared_as_they_are_spoken() -> None:
    assert spoken_form("It's 12 o'clock, Mr. Lee!") == "it's twelve o'clock mister lee"
    assert plain_phones("The cat.") == ["DH", "AH", "K", "AE", "T"]
    assert plain_phones("") == []


def test_there_are_twenty_sentences() -> None:
    found = sentences()
    assert len(found) == len(set(found)) == 20
    assert all(7 <= len(one.split()) <= 14 for one in found)


def write_speech(folder: Path) -> Path:
    """Ten speakers of different pitch: one native with a transcript, two without, seven learners (and an eighth)."""
    tested, trained = ["file\tlanguage\tspeaker\ttext\tseconds"], ["path\tspeaker\tlanguage\ttext\tseconds"]
    (folder / "test").mkdir(parents=True)
    (folder / "train").mkdir()
    for number, name in enumerate(("LJ", "watson_en-GB1", "watson_en-GB2")):
        for part, seconds in enumerate((3.2, 2.0) if name == "LJ" else (11.0,)):
            file = f"{name}{part}.wav"
            write_wav(folder / "test" / file, buzz(seconds, 80 + 20 * number, seed=part), RATE)
            tested.append(f"{file}\ten\t{name}\t{SAID if name == 'LJ' else ''}\t{seconds}")
    for number in range(8):
        for part, seconds in enumerate((2.0, 3.4) if number < 7 else (3.0,)):
            file = f"so762_{number}_{part}.wav"
            write_wav(folder / "train" / file, buzz(seconds, 140 + 25 * number, seed=part), RATE)
            trained.append(f"{file}\tso762_{number}\ten\t{SAID}\t{seconds}")
    (folder / "test" / "transcripts.tsv").write_text("\n".join(tested) + "\n")
    (folder / "train" / "manifest.tsv").write_text("\n".join(trained) + "\n")
    return folder


def test_the_speakers_are_those_kept_out_of_training(tmp_path: Path) -> None:
    people = read_people(write_speech(tmp_path), silent)
    assert [one.name for one in people] == [
        "LJ",
        "watson_en-GB1",
        "watson_en-GB2",
        *(f"so762_{number}" for number in range(7)),
    ]
    for one in people:
        assert 3.0 <= one.reference.seconds <= 10.0
        assert len(one.others) == 1
    assert people[0].reference.text == SAID
    assert people[1].reference.text == ""
    assert people[1].reference.seconds + people[1].others[0].seconds == pytest.approx(11.0)


def test_without_speech_it_says_what_it_needs(tmp_path: Path, models: Path) -> None:
    with pytest.raises(BadInput, match=r"--speech .*transcripts\.tsv.*manifest\.tsv"):
        bench_voice(models=models, device="cpu", speech=None, utterances=1, progress=silent)
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "transcripts.tsv").write_text("file\tlanguage\tspeaker\ttext\tseconds\n")
    with pytest.raises(BadInput, match="held-out speech"):
        bench_voice(models=models, device="cpu", speech=tmp_path, utterances=1, progress=silent)


def test_a_reference_is_joined_of_clips_up_to_ten_seconds() -> None:
    def clip(seconds: float, text: str) -> Utterance:
        return Utterance(np.full(round(seconds * RATE), seconds, np.float32), text)

    clips = [
        clip(3.0, "three"),
        clip(4.5, "four"),
        clip(8.0, "eight"),
        clip(2.0, "two"),
        clip(1.5, "one"),
        clip(4.0, "x"),
    ]
    person = _person("ann", clips)
    assert person.reference.text == "four x"
    assert person.reference.seconds == pytest.approx(8.7)
    assert [one.text for one in person.others] == ["three", "eight", "two", "one"]
    assert joined([clips[0], clip(1.0, "")]).text == ""
    short = _person("bob", [clip(2.0, "a"), clip(2.2, "b"), clip(1.9, "c")])
    assert (short.reference.text, [one.text for one in short.others]) == ("b a", ["c"])


PHONE_ROWS = {
    "content: phone error rate",
    "content: phone error rate of frames",
    "content: speaker told",
    "mel: speaker told",
    "codes: phone error rate",
    "codes: speaker told",
    "codes: perplexity",
    "gpt: phone error rate",
    "gpt: bad ends",
}


class Ear:
    """Hears the same words in everything."""

    def transcribe(self, samples: object, sample_rate: int) -> Transcript:
        return Transcript("the words are those", (), 1.0)


class Listener:
    """Finds everything fair."""

    def opinions(self, sounds: list[Audio]) -> list[Opinion]:
        return [Opinion(3.0, 3.5, 4.0) for _ in sounds]


def test_every_kind_of_speech_is_measured(tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "recogniser", lambda engine, language: Ear())
    monkeypatch.setattr(bench, "sentences", lambda: ["The words."])
    monkeypatch.setattr(bench, "judge_in", lambda models: Listener())
    fractions: list[float] = []
    result = bench_voice(
        models=models,
        device="cpu",
        speech=write_speech(tmp_path),
        utterances=2,
        progress=lambda fraction, note: fractions.append(fraction),
    )
    assert fractions == sorted(fractions)
    rows = {row.name: row.value for row in result.rows}
    assert set(rows) == {
        *(
            f"{kind}: {what}"
            for kind in ("natural", "vocoder", "tokens", "speech")
            for what in (
                "word error rate",
                "letter error rate",
                "phone error rate",
                "right speaker of ten",
                "similarity to the speaker",
                "similarity to the others",
                "DNSMOS OVRL",
            )
        ),
        *PHONE_ROWS,
        "speech: real-time factor",
    }
    # Of the two utterances one is a speaker's whose words nobody wrote down; of the other's four words one is wrong.
    assert rows["natural: word error rate"] == 1 / 4
    assert rows["speech: word error rate"] == 2 / 2
    assert rows["natural: right speaker of ten"] == 1.0
    assert rows["natural: similarity to the speaker"] > rows["natural: similarity to the others"]
    assert rows["speech: real-time factor"] > 0
    assert rows["natural: DNSMOS OVRL"] == 3.0
    # Nets that know nothing hear nothing right, and what they answer tells nobody apart as well as the sound does.
    assert rows["content: phone error rate"] > 0.5
    assert rows["codes: phone error rate"] > 0.5
    assert rows["mel: speaker told"] == 1.0
    assert 1 <= rows["codes: perplexity"] <= 512


def test_a_stage_is_measured_alone(tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "recogniser", lambda engine, language: Ear())
    monkeypatch.setattr(bench, "judge_in", lambda models: None)
    speech = write_speech(tmp_path)
    found = {}
    for stage in ("content", "vocoder"):
        result = bench_voice(models=models, device="cpu", speech=speech, utterances=1, progress=silent, stage=stage)
        found[stage] = {row.name.partition(":")[0] for row in result.rows}
    assert found == {"content": {"content", "mel"}, "vocoder": {"natural", "vocoder"}}
    with pytest.raises(UnknownChoice, match=r"codebook.*content, tokens, gpt, flow"):
        bench_voice(models=models, device="cpu", speech=speech, utterances=1, progress=silent, stage="codebook")
    assert STAGES == ("content", "tokens", "gpt", "flow", "vocoder")


def test_frames_are_read_as_phones() -> None:
    # 0 is silence, 1 AA, 2 AE; classes behind the English phones are nobody's here.
    assert read_frames(torch.tensor([0, 1, 1, 2, 2, 0, 2, 1, 77])) == ["AA", "AE", "AE", "AA"]
    assert read_frames(torch.tensor([], dtype=torch.long)) == []


def test_a_probe_tells_what_can_be_told() -> None:
    generator = torch.Generator().manual_seed(0)

    def people(apart: float) -> list[list[torch.Tensor]]:
        # Four persons, six utterances of two seconds each, eight numbers a frame of which four tell who speaks.
        return [
            [torch.randn(50, 8, generator=generator) + apart * torch.eye(8)[who] for _ in range(6)] for who in range(4)
        ]

    assert probe(people(3.0)) > 0.9
    assert probe(people(0.0)) < 0.6
