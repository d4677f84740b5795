"""Speech as these servers send it: whole files, or parts whose framing their clients rely on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from myna.api.stage import Speech, joined
from myna.audio.encode import encode
from myna.core.speech import AudioChunk

_PART_HEAD = 44


def media_type(name: str) -> str:
    """What stands in ``Content-Type``."""
    return f"audio/{name}"


async def whole(speech: Speech, form: str, client: Request) -> Response:
    """All of it, with its length."""
    return Response(encode(joined(await speech.whole(client)), speech.sample_rate, form), media_type=media_type(form))


def in_parts(speech: Speech, form: str) -> Response:
    """What is ready, as soon as it is, as one part of the body: a sentence, or a part of one.

    ``wav`` begins with a head whose lengths say nothing (36 and 0), then comes bare PCM; each part of ``ogg`` and of
    ``aac`` is a file of its own, because some clients decode every part by itself.
    """
    parts = _parts(speech.chunks, speech.sample_rate, form)
    return StreamingResponse(speech.each(parts), media_type=media_type(form))


def silence(sample_rate: int, form: str) -> Response:
    """A second of silence: the answer to a text of blanks."""
    return Response(encode(np.zeros(sample_rate, np.float32), sample_rate, form), media_type=media_type(form))


def _parts(chunks: Iterator[AudioChunk], sample_rate: int, form: str) -> Iterator[bytes]:
    head = streaming_head(sample_rate) if form == "wav" else b""
    for chunk in chunks:
        yield head + (encode(chunk.samples, sample_rate, "raw" if form == "wav" else form))
        head = b""


def streaming_head(sample_rate: int) -> bytes:
    """The head of a wav whose length nobody knows yet, as these servers write it."""
    nothing = encode(np.zeros(0, np.float32), sample_rate, "wav")
    return nothing[:_PART_HEAD]
