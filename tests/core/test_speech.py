from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from myna.core.card import read_card, write_card
from myna.core.errors import BadInput, Conflict, NotFound
from myna.core.fields import build, parse
from myna.core.speech import MAX_TEXT_CHARS, AudioChunk, SpeechRequest, Voice
from myna.core.workspace import VoiceFolder, write_text

VOICE = Voice(reference=Path("clip.wav"), reference_text="hello")


@pytest.mark.parametrize("text", ["", "  \n", "...!?", "“”", "x" * (MAX_TEXT_CHARS + 1)])
def test_texts_that_cannot_be_said(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        build(SpeechRequest, {"text": text, "voice": VOICE})
    assert str(caught.value).startswith("text: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["Hi", "7", "你好", "x" * MAX_TEXT_CHARS])
def test_texts_that_can_be_said(text: str) -> None:
    assert build(SpeechRequest, {"text": text, "voice": VOICE}).text == text


def test_wrong_fields_are_named_with_the_valid_ones() -> None:
    with pytest.raises(BadInput, match=r"pitch: no such parameter; there are: text, voice"):
        build(SpeechRequest, {"text": "hi", "voice": VOICE, "pitch": 3})
    with pytest.raises(BadInput, match=r"speed: .*less than or equal to 2"):
        build(SpeechRequest, {"text": "hi", "voice": VOICE, "speed": 9.0})
    with pytest.raises(BadInput, match="seed: "):
        build(SpeechRequest, {"text": "hi", "voice": VOICE, "seed": "7"})


def test_a_chunk_knows_where_it_ends() -> None:
    chunk = AudioChunk(np.zeros(12000, np.float32), 24000, start_s=1.5, piece=0, text="hi")
    assert chunk.end_s == 2.0


def test_a_card_moves_with_its_folder(tmp_path: Path) -> None:
    folder = VoiceFolder(tmp_path / "anna")
    for name in ("gpt.safetensors", "clip.wav"):
        write_text(folder.path / name, "x")
    outside = tmp_path / "base.safetensors"
    write_text(outside, "x")
    voice = Voice(
        gpt=folder.path / "gpt.safetensors", sovits=outside, reference=folder.path / "clip.wav", reference_text="hello"
    )
    write_card(folder, voice)
    assert read_card(folder) == voice
    moved = VoiceFolder((tmp_path / "anna").rename(tmp_path / "bella"))
    assert read_card(moved).gpt == moved.path / "gpt.safetensors"
    assert read_card(moved).sovits == outside


def test_an_unfinished_or_broken_voice_says_what_to_do(tmp_path: Path) -> None:
    folder = VoiceFolder(tmp_path / "anna")
    with pytest.raises(Conflict, match="not finished"):
        read_card(folder)
    write_card(folder, Voice(reference=folder.path / "gone.wav"))
    with pytest.raises(NotFound, match="reference of voice 'anna' is gone"):
        read_card(folder)
    write_text(folder.card, '{"reference": 3}')
    with pytest.raises(BadInput, match="reference: "):
        read_card(folder)


def test_json_spells_paths() -> None:
    assert parse(Voice, '{"reference": "a.wav"}').reference == Path("a.wav")
