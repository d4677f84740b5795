from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from myna.audio.marked_speech import MarkingConverter, MarkingSpeaker
from myna.audio.watermark import Marker
from myna.core.progress import Progress, silent
from myna.core.speech import AudioChunk, ConversionRequest, SpeechRequest, Voice

NOISE = np.random.default_rng(0).normal(size=4000).astype(np.float32) * 0.1
VOICE = Voice(reference=Path("clip.wav"))


class Chunks:
    """Says and converts everything as the same noise, in two chunks."""

    def say(self, request: SpeechRequest) -> Iterator[AudioChunk]:
        yield AudioChunk(NOISE[:1500], 24000, 0.0, 0, request.text, pause_s=0.1, notices=("listen",))
        yield AudioChunk(NOISE[1500:], 24000, 1500 / 24000, 0, request.text)

    def convert(self, request: ConversionRequest, progress: Progress = silent) -> Iterator[AudioChunk]:
        progress(1.0, "")
        return self.say(SpeechRequest(text="a", voice=request.voice))


def test_all_chunks_of_a_request_are_marked_as_one_stream() -> None:
    wanted = Marker(24000).marked(NOISE)
    speaker = MarkingSpeaker(Chunks())
    for _ in range(2):  # every request begins anew
        first, second = speaker.say(SpeechRequest(text="Hello.", voice=VOICE))
        assert np.allclose(np.concatenate((first.samples, second.samples)), wanted, atol=1e-6)
    assert (first.text, first.pause_s, first.notices) == ("Hello.", 0.1, ("listen",))
    assert second.start_s == 1500 / 24000


def test_converted_speech_is_marked_too() -> None:
    chunks = MarkingConverter(Chunks()).convert(ConversionRequest(source=Path("a.wav"), voice=VOICE))
    sound = np.concatenate([chunk.samples for chunk in chunks])
    assert np.allclose(sound, Marker(24000).marked(NOISE), atol=1e-6)
