"""The waist every door goes through: say, submit, cancel, watch.

Doors take the words of jobs (`Job`, `Owner`, `Status`) and of keys (`Key`) from here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from myna.audio.container import identify
from myna.audio.io import decode
from myna.core.errors import MynaError, NotConfigured, NotFound, TooBusy
from myna.core.speech import AudioChunk, Heard, Speaker, SpeechRequest
from myna.core.workspace import VoiceFolder, Workspace
from myna.jobs.files import OneFolder, SharedFiles
from myna.jobs.job import Event, Job, Order, Owner, Status
from myna.jobs.keys import SCOPES, Key, KeyRing
from myna.jobs.outbox import Outbox
from myna.jobs.store import JobStore
from myna.steps.catalog import CHAIN
from myna.steps.step import Step

__all__ = ["SCOPES", "Event", "Job", "Key", "Owner", "Status", "Studio", "Wishes"]

_RETRY_S = 10.0
_COUNT_S = 0.5


Examine = Callable[[Path, str], str]
"""Tells the version of a file of weights, see `Studio.examine`."""


Listen = Callable[[Path, str], Heard]
"""Hears a recording, see `Studio.listen`."""


@dataclass(frozen=True)
class Wishes:
    """What else belongs to a job: see `Order`."""

    owner: Owner = field(default_factory=Owner)
    notify: tuple[str, ...] = ()
    tells_steps: bool = False
    key: str | None = None


class _Queue:
    """How many jobs may wait. They are counted when a place might be missing, and else twice a second."""

    def __init__(self, jobs: JobStore, most: int) -> None:
        self._jobs, self._most, self._lock = jobs, most, Lock()
        self._waiting, self._counted_at = most, 0.0

    def take_place(self) -> None:
        """A place for one more job; raises `TooBusy` where there is none."""
        with self._lock:
            now = time.monotonic()
            if self._waiting >= self._most or now - self._counted_at > _COUNT_S:
                self._waiting, self._counted_at = self._jobs.count(Status.QUEUED), now
            if self._waiting >= self._most:
                raise TooBusy(f"{self._waiting} jobs are waiting already, as many as may; try again later", _RETRY_S)
            self._waiting += 1


@dataclass(frozen=True)
class SharedWorkspace(Workspace):
    """The voices of an installation, those included that only other hosts have seen by now."""

    files: SharedFiles

    @property
    def voices(self) -> list[VoiceFolder]:
        """As `Workspace.voices`."""
        folder = self.root / "voices"
        self.files.pull([folder / name for name in self.files.below(folder)])
        return super().voices

    def existing_voice(self, name: str) -> VoiceFolder:
        """As `Workspace.existing_voice`."""
        self.files.pull([self.voice(name).path])
        return super().existing_voice(name)


class Studio:
    """One installation as its doors see it: a speaker that says, and a store of jobs that workers do.

    ``max_queued`` is how many jobs may wait; ``logs`` is the folder of the jobs' logs; ``files`` is how hosts share
    theirs that see no common folder.
    """

    def __init__(
        self,
        speaker: Speaker,
        jobs: JobStore,
        *,
        workspace: Workspace,
        logs: Path,
        files: SharedFiles | None = None,
        keys: KeyRing | None = None,
        examine: Examine | None = None,
        listen: Listen | None = None,
        max_queued: int = 1000,
        num_gpus: int = 0,
    ) -> None:
        self.num_gpus = num_gpus
        self._speaker, self._jobs, self._keys, self._examine, self._listen = speaker, jobs, keys, examine, listen
        self.workspace, self._logs, self._queue = workspace, logs, _Queue(jobs, max_queued)
        self.files: SharedFiles = files or OneFolder()
        if files is not None:
            self.workspace = SharedWorkspace(workspace.root, files)

    def say(self, request: SpeechRequest) -> Iterator[AudioChunk]:
        """The speech of ``request``, chunk by chunk."""
        return self._speaker.say(request)

    def examine(self, weights: Path, kind: str) -> str:
        """The version of a file of ``gpt`` or ``sovits`` weights, which is read to the end: it can speak.

        Raises `NotFound`, `BadCheckpoint`, and `NotConfigured` where this installation has no nets.
        """
        if self._examine is None:
            raise NotConfigured("this installation cannot read weights; install its engine: pip install 'myna[engine]'")
        return self._examine(weights, kind)

    def listen(self, recording: Path, language: str) -> Heard:
        """What a recording says; ``language`` is a code, or ``auto``.

        Raises `NotFound`, `BadAudio`, `UnknownChoice` for a language that is not understood, and `NotConfigured` where
        this installation cannot hear.
        """
        if self._listen is None:
            raise NotConfigured("this installation cannot hear; install its engine: pip install 'myna[engine]'")
        return self._listen(recording, language)

    def seconds_of(self, recording: Path) -> float:
        """How long a recording is; raises `NotFound`, `BadAudio` and `LimitExceeded`."""
        return decode(recording).seconds

    def require_sound(self, file: Path) -> None:
        """Raise `BadAudio` where the first bytes of ``file`` are none of a sound that can be read."""
        with file.open("rb") as stream:
            identify(stream)

    def submit(self, step: Step, wishes: Wishes = Wishes()) -> Job:
        """Queue ``step`` as a job; raises `TooBusy` where too many wait."""
        return self._order(step.name, step.model_dump(mode="json"), step.queue, wishes)

    def submit_chain(self, steps: Sequence[Step], wishes: Wishes = Wishes()) -> Job:
        """Queue ``steps``, to be done one after the other, as one job; raises `TooBusy` where too many wait."""
        payload = {"steps": [[step.name, step.model_dump(mode="json")] for step in steps]}
        queue = next((step.queue for step in steps if step.queue != Step.queue), Step.queue)
        return self._order(CHAIN, payload, queue, wishes)

    def refuse(self, kind: str, payload: Mapping[str, Any], error: MynaError, wishes: Wishes) -> Job:
        """A job that has failed before it began, so that whoever waits for it is told."""
        order = self._ordered(kind, payload, Step.queue, wishes)
        return self._jobs.refuse(order, str(error), {"kind": error.kind})

    def outbox(self, scheme: str) -> Outbox:
        """The events to be sent to destinations that begin with ``scheme``."""
        return self._jobs.outbox(scheme)

    def job(self, job_id: str, user: str = "") -> Job:
        """The job as it is now; raises `NotFound`, also where it is another ``user``'s."""
        job = self._jobs.get(job_id)
        if user and job.owner.user != user:
            raise NotFound(f"there is no job {job_id[:64]!r}")
        if job.status.is_terminal:
            self.files.pull(self.files.named(job.payload))  # whoever knows that it has ended finds what it has made
        return job

    def jobs(
        self, *, user: str = "", session: str | None = None, task: str | None = None,
        statuses: Sequence[Status] = (), limit: int = 100,
    ) -> list[Job]:  # fmt: skip
        """The newest jobs first; of everybody where ``user`` is empty."""
        return self._jobs.list(user=user or None, session=session, task=task, statuses=statuses, limit=limit)

    def count(self, status: Status) -> int:
        """How many jobs are in ``status``."""
        return self._jobs.count(status)

    def cancel(self, job_id: str, user: str = "") -> Job:
        """Stop the job, or keep it from starting; a finished one stays as it is. Raises `NotFound`."""
        self.job(job_id, user)
        return self._jobs.cancel(job_id)

    def forget(self, job_id: str, user: str = "") -> None:
        """Remove a job that has ended, and its log; raises `NotFound` and `Conflict`."""
        job = self.job(job_id, user)
        self._jobs.forget(job_id)
        (self._logs / job.log_name).unlink(missing_ok=True)
        self.files.forget(self._logs / job.log_name)

    def log(self, job_id: str, user: str = "") -> str:
        """What the job wrote while it ran; empty where it has not begun. Raises `NotFound`."""
        file = self._logs / self.job(job_id, user).log_name
        self.files.pull([file])
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""

    def watch(self, job_id: str, user: str = "", every_s: float = 0.2) -> Iterator[Job]:
        """The job each time it has changed, up to and with its terminal status. Raises `NotFound`."""
        seen: Job | None = None
        while seen is None or not seen.status.is_terminal:
            job = self.job(job_id, user)
            if job != seen:
                seen = job
                yield job
            else:
                time.sleep(every_s)

    def key(self, key: str) -> Key | None:
        """Whose ``key`` is; None where it is nobody's."""
        return self._keys.find(key) if self._keys is not None else None

    @property
    def has_keys(self) -> bool:
        """Whether anybody has a key of this installation."""
        return self._keys is not None and bool(self._keys.list())

    def _order(self, kind: str, payload: Mapping[str, Any], queue: str, wishes: Wishes) -> Job:
        self._queue.take_place()
        self.files.push(self.files.named(payload))
        return self._jobs.submit(self._ordered(kind, payload, queue, wishes))

    def _ordered(self, kind: str, payload: Mapping[str, Any], queue: str, wishes: Wishes) -> Order:
        return Order(
            kind, payload, wishes.owner, queue, notify=wishes.notify, tells_steps=wishes.tells_steps, key=wishes.key
        )
