"""A speaker without nets: a tone per sentence, as long as the text wants. For tests of everything around speech."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from myna.core.speech import AudioChunk, SpeechRequest
from myna.core.versions import version

RATE_HZ = 24000
SECONDS_PER_LETTER = 0.06


@dataclass
class FakeSpeaker:
    """Says every sentence as one chunk of a 220 Hz tone, and remembers what it was asked."""

    requests: list[SpeechRequest] = field(default_factory=list)

    def say(self, request: SpeechRequest) -> Iterator[AudioChunk]:
        """One chunk per sentence, each followed by the pause that was asked for."""
        self.requests.append(request)
        start_s, rate_hz = 0.0, version(request.voice.version).output_rate_hz
        for piece, match in enumerate(re.finditer(r"\w[^.!?。！？]*[.!?。！？]?", request.text)):
            text = match.group()
            num_voiced = round(len(text) * SECONDS_PER_LETTER / request.speed * rate_hz)
            tone = np.sin(np.arange(num_voiced) * (2 * np.pi * 220 / rate_hz))
            samples = np.pad(0.3 * tone, (0, round(request.pause_s * rate_hz))).astype(np.float32)
            chunk = AudioChunk(samples, rate_hz, start_s, piece, text.strip(), request.pause_s, match.span())
            start_s = chunk.end_s
            yield chunk
