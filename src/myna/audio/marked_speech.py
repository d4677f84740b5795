"""Speakers and converters whose speech bears the mark of `myna.audio.watermark`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from myna.audio.watermark import Marker
from myna.core.progress import Progress, silent
from myna.core.speech import AudioChunk, ConversionRequest, Converter, Speaker, SpeechRequest


class MarkingSpeaker:
    """What another speaker says, marked."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker

    def say(self, request: SpeechRequest) -> Iterator[AudioChunk]:
        """As `Speaker.say`; no chunk comes later for the mark."""
        return marked(self._speaker.say(request))


class MarkingConverter:
    """What another converter makes, marked."""

    def __init__(self, converter: Converter) -> None:
        self._converter = converter

    def convert(self, request: ConversionRequest, progress: Progress = silent) -> Iterator[AudioChunk]:
        """As `Converter.convert`."""
        return marked(self._converter.convert(request, progress))


def marked(chunks: Iterable[AudioChunk]) -> Iterator[AudioChunk]:
    """The chunks of one stream, marked as one."""
    marker: Marker | None = None
    for chunk in chunks:
        if marker is None or marker.rate != chunk.sample_rate:
            marker = Marker(chunk.sample_rate)
        yield replace(chunk, samples=marker.marked(chunk.samples))
