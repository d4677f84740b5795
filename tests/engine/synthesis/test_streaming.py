"""Speech that is heard while it is being made: early, whole, without clicks, and only where the nets can."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from myna.core.speech import AudioChunk, SpeechRequest, Voice
from myna.core.versions import version
from myna.engine.synthesis.decoders import VitsDecoder, decoder_for
from myna.engine.synthesis.prompt import read_prompt
from myna.engine.synthesis.speaker import LocalSpeaker
from myna.engine.synthesis.streaming import VitsStream, streamed
from myna.models.gpt_decoding import GptDecoder
from myna.testing.tiny_base import write_tiny_vits
from tests.engine.voices import TEXTS, Recordings

HOP = 640
TOKEN = 2 * HOP
PHONES = torch.arange(20)[None]
CODES = [(7 * place) % 500 for place in range(100)]


@pytest.fixture(scope="module")
def speaker(tmp_path_factory: pytest.TempPathFactory) -> LocalSpeaker:
    return LocalSpeaker(tmp_path_factory.mktemp("streaming"), "cpu")


@pytest.fixture(scope="module")
def voice(speaker: LocalSpeaker, recordings: Recordings) -> Voice:
    gpt, sovits = write_tiny_vits(speaker.library.models, "v2")
    clip = recordings.clips / "clip0.wav"
    return Voice(version="v2", gpt=gpt, sovits=sovits, reference=clip, reference_text=TEXTS[0])


@pytest.fixture(scope="module")
def decoder(speaker: LocalSpeaker, voice: Voice) -> VitsDecoder:
    record = version("v2")
    found = decoder_for(voice, record, speaker.library, read_prompt(voice, record, speaker.library))
    assert isinstance(found, VitsDecoder)
    return found


def parts(decoder: VitsDecoder, size: int, *, speed: float = 1.0, overlap: int = 2, context: int = 16) -> list[Any]:
    stream = VitsStream(decoder, PHONES, speed=speed, seed=3, overlap=overlap, context=context)
    starts = range(0, len(CODES), size)
    return [stream.add(CODES[at : at + size], is_last=at + size >= len(CODES)) for at in starts]


@pytest.mark.parametrize("speed", [1.0, 0.7, 2.0])
@pytest.mark.parametrize("size", [9, 99, 100])
def test_parts_are_as_long_as_the_whole(decoder: VitsDecoder, size: int, speed: float) -> None:
    found = parts(decoder, size, speed=speed)
    whole = decoder.speak(torch.tensor([CODES]), PHONES, speed=speed, steps=1, seed=3)
    assert sum(map(len, found)) == len(whole)


def test_what_is_not_sure_yet_is_held_back(decoder: VitsDecoder) -> None:
    found = parts(decoder, 20, overlap=3)
    assert [len(part) for part in found] == [17 * TOKEN, *[20 * TOKEN] * 3, 23 * TOKEN]


def test_parts_say_what_the_whole_says(decoder: VitsDecoder) -> None:
    """The first part ends as it will, and the last one, which has heard everything, is that of the whole."""
    whole, found = np.concatenate(parts(decoder, 100)), np.concatenate(parts(decoder, 25))
    scale = np.abs(whole).max()
    assert np.abs(whole[-20 * TOKEN :] - found[-20 * TOKEN :]).max() < 0.05 * scale
    assert np.corrcoef(whole, found)[0, 1] > 0.98
    other = np.concatenate(parts(decoder, 25, context=0))
    assert np.abs(whole - other).sum() > np.abs(whole - found).sum(), "what it follows is heard"


@pytest.mark.parametrize("context", [16, 4])
def test_joins_do_not_click(decoder: VitsDecoder, context: int) -> None:
    found = parts(decoder, 16, context=context)
    steps = np.abs(np.diff(np.concatenate(found)))
    ends = np.cumsum([len(part) for part in found])[:-1]
    at_joins = max(steps[end - 2 : end + 2].max() for end in ends)
    assert at_joins <= steps.max() * 0.9
    hard = np.concatenate([part + (0.5 if number % 2 else 0.0) for number, part in enumerate(found)])
    assert np.abs(np.diff(hard))[ends[0] - 1] > steps.max() * 0.9, "a click would be seen"


def test_a_sentence_without_tokens_is_silent(decoder: VitsDecoder) -> None:
    assert len(VitsStream(decoder, PHONES, speed=1.0, seed=1, overlap=2, context=16).add([], is_last=True)) == 0


def request(voice: Voice, **options: Any) -> SpeechRequest:
    given: dict[str, Any] = {"seed": 7, "pause_s": 0.1, "stream": "fixed", **options}
    return SpeechRequest(text="A short test. Another one follows it.", voice=voice, cut="cut5", **given)


@pytest.mark.parametrize("way", ["fixed", "quiet"])
def test_a_part_is_heard_before_the_rest_is_drawn(
    speaker: LocalSpeaker, voice: Voice, decoder: VitsDecoder, way: str
) -> None:
    gpt, drawn = speaker.library.gpt(version("v2"), voice.gpt), []

    def tokens() -> Iterator[int]:
        for token in CODES:
            drawn.append(token)
            yield token

    found = streamed(request(voice, stream=way), decoder, gpt, PHONES, tokens(), 3)
    sound, is_last = next(found)
    assert len(sound) > 0
    assert not is_last
    assert 16 <= len(drawn) < 60
    rest = list(found)
    assert [last for _, last in rest] == [False] * (len(rest) - 1) + [True]
    assert len(sound) + sum(len(part) for part, _ in rest) == len(CODES) * TOKEN


def said(speaker: LocalSpeaker, asked: SpeechRequest) -> list[AudioChunk]:
    return list(speaker.say(asked))


@pytest.mark.parametrize("way", ["fixed", "quiet"])
def test_the_speaker_hands_parts_of_pieces_out(speaker: LocalSpeaker, voice: Voice, way: str) -> None:
    chunks = said(speaker, request(voice, stream=way))
    assert sorted({chunk.piece for chunk in chunks}) == [0, 1]
    assert len(chunks) > 2
    assert [chunk.start_s for chunk in chunks[1:]] == [pytest.approx(chunk.end_s) for chunk in chunks[:-1]]
    lasts = [number for number, chunk in enumerate(chunks) if chunk.pause_s]
    assert len(lasts) == 2, "a pause behind each piece"
    assert lasts[-1] == len(chunks) - 1
    again = said(speaker, request(voice, stream=way))
    assert all(np.array_equal(one.samples, other.samples) for one, other in zip(chunks, again, strict=True))


def test_whoever_stops_listening_stops_the_drawing(
    speaker: LocalSpeaker, voice: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    closed: list[bool] = []

    def generate(_decoder: GptDecoder, *_: Any, **__: Any) -> Iterator[int]:
        try:
            for token in CODES:
                drawn.append(token)
                yield token
        finally:
            closed.append(True)

    monkeypatch.setattr(GptDecoder, "generate", generate)
    chunks = speaker.say(request(voice))
    next(chunks)
    assert len(drawn) == 16
    chunks.close()  # type: ignore[attr-defined]
    assert closed == [True]
    assert len(drawn) == 16


def test_the_flow_kind_gives_pieces(models: Path, recordings: Recordings) -> None:
    flow = Voice(reference=recordings.clips / "clip0.wav", reference_text=TEXTS[0])
    chunks = said(LocalSpeaker(models, "cpu"), request(flow, sampling_steps=1))
    assert [chunk.piece for chunk in chunks] == [0, 1]
