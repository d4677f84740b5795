"""Work on the clips of a data set: shared between processes, decoded ahead, batched by like length.

Every clip's features are written as soon as they are there, so that work that is stopped loses little.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Generic, TypeVar

from myna.core.errors import CallerError
from myna.core.findings import Failure, Tally
from myna.core.progress import Progress
from myna.engine.crew import posted
from myna.engine.features.places import Place

Item = TypeVar("Item")
Ready = TypeVar("Ready")
Result = TypeVar("Result")

_PIECE = {"cpu": 8, "cuda": 64}
"""Clips that a process is given together: the fewer, the sooner it hears that it shall stop."""
_THREADS = 4
"""That decode and write, while the net computes."""

Piece = Sequence[tuple[str, Item]]
"""Clips of like length, each with its name."""


@dataclass(frozen=True)
class Answer(Generic[Result]):
    """What came of a clip, or the reason why nothing did. An error itself is not sent: not all can be pickled."""

    clip: str
    result: Result | None
    reason: str = ""


def each_clip(
    make: Callable[[Place], Callable[[Piece[Item]], Sequence[Answer[Result]]]],
    clips: Mapping[str, Item],
    places: Sequence[Place],
    tally: Tally,
    progress: Progress,
    length: Callable[[Item], float],
) -> dict[str, Result]:
    """What ``make(place)`` answers for each of ``clips``, in their order; what cannot be used goes to ``tally``.

    The longest come first, those of like ``length`` together: which ones does not depend on the number of ``places``.
    How processes are used, and what is raised: see `myna.engine.crew.posted`.
    """
    names = sorted(clips, key=lambda clip: -length(clips[clip]))
    size = _PIECE[places[0].device.partition(":")[0]] if names else 1
    pieces = [[(clip, clips[clip]) for clip in names[at : at + size]] for at in range(0, len(names), size)]
    answers: dict[str, Answer[Result]] = {}
    if not pieces:
        return {}
    with closing(posted(make, pieces, places)) as done:
        for piece in pieces:
            share = len(answers) / len(clips)
            progress(share, piece[0][0])
            for answer in next(done):
                answers[answer.clip] = answer
                if answer.result is None:
                    progress(share, f"left out {Failure(answer.clip, answer.reason)}")
    for clip in clips:
        if answers[clip].result is None:
            tally.add(clip, answers[clip].reason)
    return {clip: result for clip in clips if (result := answers[clip].result) is not None}


def worked(
    piece: Piece[Item],
    prepare: Callable[[Item], Ready],
    compute: Callable[[Sequence[Ready]], Sequence[Result | CallerError]],
    write: Callable[[Item, Ready, Result], None],
    at_once: int = 1,
) -> list[Answer[bool]]:
    """Every clip of ``piece`` prepared, computed with others, ``at_once`` at most, and written; or why it was not.

    Threads prepare and write while this one computes. ``prepare`` raises a `CallerError`, and ``compute`` gives it as
    its result, where the clip cannot be used; everything else concerns the whole work and is raised.
    """
    answers: list[Answer[bool]] = []
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="clips") as pool:
        coming = [(clip, item, pool.submit(prepare, item)) for clip, item in piece]
        written: list[Future[None]] = []
        for start in range(0, len(coming), at_once):
            ready: list[tuple[str, Item, Ready]] = []
            for clip, item, future in coming[start : start + at_once]:
                try:
                    ready.append((clip, item, future.result()))
                except CallerError as error:
                    answers.append(_unusable(clip, error))
            results = compute([one for _, _, one in ready]) if ready else []
            for (clip, item, one), result in zip(ready, results, strict=True):
                if isinstance(result, CallerError):
                    answers.append(_unusable(clip, result))
                else:
                    written.append(pool.submit(write, item, one, result))
                    answers.append(Answer(clip, True))
        for one_write in written:
            one_write.result()
    return answers


def _unusable(clip: str, error: CallerError) -> Answer[bool]:
    return Answer(clip, None, " ".join(str(error).split()))
