"""api.py as its command line can make it: streams, other forms of sound, marks at which texts are cut."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import soundfile

from myna.audio.io import write_wav
from myna.testing.fake_speaker import FakeSpeaker
from tests.api.conftest import Make
from tests.contract.fixtures import speech


@pytest.fixture
def asked(tmp_path: Path) -> dict[str, Any]:
    write_wav(tmp_path / "home" / "ref.wav", speech(4.0), 32000)
    given = {"refer_wav_path": "ref.wav", "prompt_text": "well", "prompt_language": "en"}
    return given | {"text": "One, two. Three and four.", "text_language": "en"}


@pytest.mark.parametrize(
    ("settings", "form", "subtype"),
    [
        ({}, "WAV", "PCM_16"),
        ({"api_sub_type": "int32"}, "WAV", "PCM_32"),
        ({"api_media_type": "ogg"}, "OGG", "VORBIS"),
    ],
)
def test_the_form_of_sound(
    serve: Make, asked: dict[str, Any], settings: dict[str, Any], form: str, subtype: str
) -> None:
    answer = serve(speaks_version="v2", **settings).get("/", params=asked)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"audio/{form.lower()}"
    with soundfile.SoundFile(io.BytesIO(answer.content)) as sound:
        assert (sound.format, sound.subtype, sound.samplerate) == (form, subtype, 32000)
        assert sound.frames > 16000


def test_sentences_are_streamed_where_that_is_wished(serve: Make, asked: dict[str, Any], speaker: FakeSpeaker) -> None:
    answer = serve(speaks_version="v2", api_streams=True, api_media_type="ogg").get("/", params=asked)
    assert answer.content.count(b"OggS\x00\x02") == speaker.made == 2, "each sentence is a file of its own"


def test_marks_of_the_deployment_cut_where_a_request_names_none(
    serve: Make, asked: dict[str, Any], speaker: FakeSpeaker
) -> None:
    client = serve(speaks_version="v2", api_cut_punc=",")
    client.get("/", params=asked)
    client.get("/", params=asked | {"cut_punc": "."})
    client.get("/", params=asked | {"cut_punc": ""})
    assert [request.text.count("\n") for request in speaker.requests] == [1, 2, 0]
