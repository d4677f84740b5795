"""Many pieces of work in several processes: in order, and what goes wrong is said."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

import pytest

from myna.core.errors import BadAudio, InstallationError
from myna.engine.crew import posted, shared


def where(number: int) -> tuple[int, int]:
    if number == 99:
        raise BadAudio("ninety-nine")
    if number == 66:
        os._exit(3)
    return number, os.getpid()


def test_answers_come_in_order_from_several_processes() -> None:
    answers = list(shared(where, range(40), 2))
    assert [number for number, _ in answers] == list(range(40))
    assert os.getpid() not in {process for _, process in answers}


def test_little_is_done_here() -> None:
    assert {process for _, process in shared(where, range(12), 2)} == {os.getpid()}
    assert {process for _, process in shared(where, range(40), 1)} == {os.getpid()}


def test_what_is_raised_there_is_raised_here() -> None:
    with pytest.raises(BadAudio, match="ninety-nine"):
        list(shared(where, [*range(20), 99, *range(20)], 2))


def test_a_process_that_dies_is_told() -> None:
    with pytest.raises(InstallationError, match="ended from outside"):
        list(shared(where, [*range(20), 66, *range(20)], 2))


def test_who_has_enough_stops_the_work() -> None:
    answers = shared(where, range(10**6), 2)
    _, process = next(answers)
    answers.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def posted_at(base: int, place: str) -> Callable[[int], tuple[int, str, int]]:
    return lambda number: (base + number, place, os.getpid())


def test_every_place_has_a_process() -> None:
    answers = list(posted(partial(posted_at, 100), range(60), ["a", "b"]))
    assert [number for number, *_ in answers] == list(range(100, 160))
    seen = {(place, process) for _, place, process in answers}
    assert {place for place, _ in seen} <= {"a", "b"}
    assert len({process for _, process in seen}) == len({place for place, _ in seen}) == len(seen)
    alone = list(posted(partial(posted_at, 0), range(3), ["a"]))
    assert {process for *_, process in alone} == {os.getpid()}
