"""Where speech is made for requests: so many at once, so many waiting, never in the way of other answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

import anyio
import numpy as np
from anyio import CapacityLimiter, to_thread
from fastapi import Request

from myna.audio.encode import encode_stream
from myna.core.errors import BadInput, TooBusy
from myna.core.speech import AudioChunk, SpeechRequest
from myna.studio import Studio

Item = TypeVar("Item")
_RETRY_S = 5.0
_END = object()


@dataclass
class Speech:
    """Speech that has begun: everything that can be wrong with the request was, before this was made."""

    sample_rate: int
    chunks: Iterator[AudioChunk]
    _stage: Stage

    async def whole(self, client: Request) -> list[AudioChunk]:
        """All of it; no more is made once the ``client`` has gone."""
        said: list[AudioChunk] = []
        async with aclosing(self.each(self.chunks)) as chunks:
            async for chunk in chunks:
                said.append(chunk)
                if await client.is_disconnected():
                    break
        return said

    async def encoded(self, format: str) -> AsyncIterator[bytes]:  # noqa: A002
        """Its bytes in ``format`` as they come."""
        blocks = encode_stream((chunk.samples for chunk in self.chunks), self.sample_rate, format)
        async for data in self.each(blocks):
            yield data

    async def each(self, items: Iterator[Item]) -> AsyncGenerator[Item]:
        """``items``, which are made of `chunks`, as they come. The place is given back at the end, or when the client
        has gone."""
        try:
            while True:
                item = await to_thread.run_sync(next, items, _END, limiter=self._stage.threads)
                if item is _END:
                    return
                yield item  # type: ignore[misc]
        finally:
            with anyio.CancelScope(shield=True):
                for iterator in (items, self.chunks):
                    close = getattr(iterator, "close", None)
                    if close is not None:
                        await to_thread.run_sync(close, limiter=self._stage.threads)
            self._stage.leave()


class Stage:
    """Takes ``at_once`` speech requests at the same time and lets ``waiting`` more wait; others are sent away."""

    def __init__(self, studio: Studio, at_once: int, waiting: int) -> None:
        self._studio, self._most = studio, at_once + waiting
        self._places, self._at_once = 0, at_once
        self._turn: anyio.Semaphore | None = None
        self._threads: CapacityLimiter | None = None

    @property
    def threads(self) -> CapacityLimiter:
        """The threads that speech is made in: its own, so that nothing else waits for one."""
        if self._threads is None:
            self._threads = CapacityLimiter(self._at_once)
        return self._threads

    async def say(self, request: SpeechRequest) -> Speech:
        """Wait for a turn and begin; whoever gets the `Speech` must take all of it or close it.

        Raises `TooBusy` where too many wait, and whatever the speaker raises before its first sound.
        """
        if self._places >= self._most:
            raise TooBusy(f"{self._places} speech requests are at work or waiting, as many as may", _RETRY_S)
        if self._turn is None:
            self._turn = anyio.Semaphore(self._at_once)
        self._places += 1
        try:
            await self._turn.acquire()
        except BaseException:
            self._places -= 1
            raise
        try:
            return await to_thread.run_sync(self._begin, request, limiter=self.threads)
        except BaseException:
            self.leave()
            raise

    def leave(self) -> None:
        """Give a place back."""
        self._places -= 1
        if self._turn is not None:
            self._turn.release()

    def _begin(self, request: SpeechRequest) -> Speech:
        chunks = iter(self._studio.say(request))
        first = next(chunks, None)
        if first is None:
            raise BadInput("nothing was said")
        return Speech(first.sample_rate, _rest(first, chunks), self)


def _rest(first: AudioChunk, chunks: Iterator[AudioChunk]) -> Iterator[AudioChunk]:
    """The chunks from the first one on, as a generator, which can be closed."""
    yield from chain([first], chunks)


def joined(chunks: list[AudioChunk]) -> np.ndarray:
    """All samples of ``chunks``, (T,) float32."""
    return np.concatenate([chunk.samples for chunk in chunks])
