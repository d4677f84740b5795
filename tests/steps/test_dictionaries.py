"""Steps that read texts are done again when a dictionary has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from myna.core.card import read_card, write_card
from myna.core.progress import silent
from myna.core.speech import Voice
from myna.core.workspace import VoiceFolder, write_text
from myna.steps.extract import ExtractTextFeatures
from myna.steps.render import TestInference
from myna.steps.step import perform


@pytest.fixture
def voice(tmp_path: Path) -> VoiceFolder:
    folder = VoiceFolder(tmp_path / "voices" / "anna")
    write_text(folder.labels, "a.wav|anna|EN|A gif at noon.")
    return folder


def test_text_features_follow_the_dictionaries(voice: VoiceFolder, tmp_path: Path) -> None:
    step = ExtractTextFeatures(folder=voice.path, words=tmp_path, device="cpu")

    def phones() -> str:
        perform(step, silent)
        assert perform(step, silent).was_done_already
        return step.dataset.text_file.read_text(encoding="utf-8").split("\t")[1]

    assert "N UW1 N" in phones()
    write_text(tmp_path / "words.tsv", "gif\tJH IH1 F\nnoon\tN OW1 N\n")
    assert "JH IH1 F AE1 T N OW1 N" in phones()
    write_text(voice.words, "noon\tN AA1 N\n")
    assert "JH IH1 F AE1 T N AA1 N" in phones()
    voice.words.unlink()
    assert "JH IH1 F AE1 T N OW1 N" in phones()


def test_all_dictionaries_are_inputs_of_the_speech(voice: VoiceFolder, tmp_path: Path) -> None:
    step = TestInference(folder=voice.path, words=tmp_path)
    assert step.dictionaries == ()
    write_text(tmp_path / "words.tsv", "")
    write_text(voice.words, "")
    assert step.dictionaries == (tmp_path / "words.tsv", voice.words)
    assert set(step.dictionaries) <= set(step.inputs())


def test_the_card_knows_the_voices_dictionary(voice: VoiceFolder) -> None:
    write_text(voice.path / "clip.wav", "x")
    write_card(voice, Voice(reference=voice.path / "clip.wav", words=voice.path))
    assert '"words": null' in voice.card.read_text(encoding="utf-8")
    assert read_card(voice).words is None
    write_text(voice.words, "")
    assert read_card(voice).words == voice.path
    moved = VoiceFolder(voice.path.rename(voice.path.with_name("bella")))
    assert read_card(moved).words == moved.path
