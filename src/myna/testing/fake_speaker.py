"""A speaker without nets: a tone per sentence, as long as the text wants. For tests of everything around speech."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from myna.core.speech import AudioChunk, SpeechRequest
from myna.core.versions import version

RATE_HZ = 24000
SECONDS_PER_LETTER = 0.06
TOKENS_PER_S = 25


@dataclass
class FakeSpeaker:
    """Says every sentence as one chunk of a 220 Hz tone, and remembers what it was asked.

    Where parts are wished, versions of the VITS kind give parts of that many tokens. ``made`` counts chunks.
    """

    requests: list[SpeechRequest] = field(default_factory=list)
    made: int = 0

    def say(self, request: SpeechRequest) -> Iterator[AudioChunk]:
        """One chunk per sentence or several, each sentence followed by the pause that was asked for."""
        self.requests.append(request)
        record = version(request.voice.version)
        start_s, rate_hz = 0.0, record.output_rate_hz
        size = round(request.stream_tokens / TOKENS_PER_S * rate_hz)
        for piece, match in enumerate(re.finditer(r"\w[^.!?。！？]*[.!?。！？]?", request.text)):
            text = match.group()
            num_voiced = round(len(text) * SECONDS_PER_LETTER / request.speed * rate_hz)
            tone = np.sin(np.arange(num_voiced) * (2 * np.pi * 220 / rate_hz))
            samples = np.pad(0.3 * tone, (0, round(request.pause_s * rate_hz))).astype(np.float32)
            in_parts = record.vits is not None and request.stream != "pieces"
            ends = [*range(size, num_voiced, size), len(samples)] if in_parts else [len(samples)]
            for begin, end in pairwise([0, *ends]):
                pause_s = request.pause_s if end == len(samples) else 0.0
                chunk = AudioChunk(samples[begin:end], rate_hz, start_s, piece, text.strip(), pause_s, match.span())
                start_s = chunk.end_s
                self.made += 1
                yield chunk
