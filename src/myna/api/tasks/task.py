"""A task: a folder with a configuration, whose state is that of its jobs.

Nothing of a task is kept in memory, so any number of server processes see the same ones.
"""

from __future__ import annotations

import json
import logging
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from myna.core.errors import BadInput, Conflict, NotFound
from myna.core.fields import parse
from myna.core.workspace import checked_name, make_folder, write_text
from myna.studio import Job, Status, Studio

_log = logging.getLogger(__name__)

FOLDER = "api_tasks"
CONFIG_FILE = "task_config.json"
LOG_FILE = "training.log"
MISSING = "任务不存在"
RUNNING = "任务正在运行中"
NO_LOG = "暂无日志"

WEIGHTS: Mapping[str, int] = {
    "convert_audio": 3, "slice_audio": 5, "denoise_audio": 8, "asr_transcribe": 10, "extract_text_features": 8,
    "extract_audio_features": 12, "extract_speaker_vectors": 8, "extract_semantic_features": 10, "train_sovits": 20,
    "train_gpt": 20, "test_inference": 6,
}  # fmt: skip
"""How much of the way each step is."""

_WAITS = (Status.CREATED, Status.QUEUED, Status.RUNNING)


class Config(BaseModel):
    """What a task is to make; further fields are kept and handed back."""

    model_config = ConfigDict(extra="allow")

    exp_name: str = "my_speaker"
    language: str = "zh"
    batch_size: int = Field(16, ge=1, le=512)
    epochs_s2: int = Field(50, ge=1, le=10000)
    epochs_s1: int = Field(15, ge=1, le=10000)
    gpu_id: str = "0"

    @field_validator("exp_name")
    @classmethod
    def _is_a_folder(cls, name: str) -> str:
        try:
            return checked_name("exp_name", name)
        except BadInput as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def _can_be_kept(self) -> Config:
        json.dumps(self.model_extra, allow_nan=False, ensure_ascii=False).encode()  # a ValueError where it cannot
        return self


class Creation(BaseModel):
    """The body of ``task/create``."""

    model_config = ConfigDict(extra="ignore")

    task_name: str = Field(min_length=1, max_length=200)
    config: Config = Field(default_factory=Config)


class Told(BaseModel):
    """A task as clients see it. Times are ISO's without a zone, in UTC."""

    task_id: str
    task_name: str
    status: Literal["created", "running", "completed", "failed", "cancelled"]
    config: Config
    created_at: str
    updated_at: str
    current_step: str | None
    progress: float = Field(description="per cent of the eleven steps")
    error_message: str | None
    last_step_params: dict[str, Any] | None


class Record(BaseModel):
    """What is written beside a task."""

    model_config = ConfigDict(extra="ignore")

    task_id: str
    task_name: str
    config: Config
    created_at: float
    user: str = ""


@dataclass(frozen=True)
class Tasks:
    """The tasks below ``root``."""

    root: Path
    studio: Studio

    def create(self, wanted: Creation, user: str) -> Told:
        """A new task, as it is told."""
        record = Record(
            task_id=str(uuid.uuid4()), task_name=wanted.task_name, config=wanted.config,
            created_at=datetime.now(UTC).timestamp(), user=user,
        )  # fmt: skip
        folder = make_folder(self.root / record.task_id)
        make_folder(folder / "input_audio")
        write_text(folder / CONFIG_FILE, record.model_dump_json(indent=1) + "\n")
        self.studio.files.push([folder])
        return self.told(record)

    def get(self, task_id: str, user: str) -> Record:
        """The task; raises `NotFound`, also where it is another user's."""
        try:
            folder = self.folder(str(uuid.UUID(task_id)))
        except ValueError:
            raise NotFound(MISSING) from None
        self.studio.files.pull([folder])
        if not (folder / CONFIG_FILE).is_file():
            raise NotFound(MISSING)
        record = parse(Record, (folder / CONFIG_FILE).read_bytes())
        if user and record.user != user:
            raise NotFound(MISSING)
        return record

    def all(self, user: str) -> list[Told]:
        """All tasks of ``user`` (all there are, where that is empty), the newest last."""
        self.studio.files.pull([self.folder(name) / CONFIG_FILE for name in self.studio.files.below(self.root)])
        files = self.root.glob(f"*/{CONFIG_FILE}") if self.root.is_dir() else ()
        records = [parse(Record, file.read_bytes()) for file in files]
        records.sort(key=lambda record: record.created_at)
        return [self.told(record) for record in records if not user or record.user == user]

    def folder(self, task_id: str) -> Path:
        """Where a task lies."""
        return self.root / task_id

    def jobs(self, task_id: str) -> list[Job]:
        """The task's jobs, the newest first: by their turns, because clocks may be set back."""
        return sorted(self.studio.jobs(task=task_id, limit=1000), key=_turn, reverse=True)

    def next_key(self, task_id: str) -> str:
        """The key of the task's next job: so two that start one at the same moment start the same one."""
        turns = [_turn(job) for job in self.jobs(task_id)[:1]]
        return f"task:{task_id}:{turns[0] + 1 if turns else 0}"

    def require_rest(self, task_id: str) -> None:
        """Raise `Conflict` while a step runs."""
        if any(job.status in _WAITS for job in self.jobs(task_id)):
            raise Conflict(RUNNING)

    def delete(self, task_id: str) -> None:
        """Remove the task and everything in its folder; raises `Conflict` while a step runs."""
        self.require_rest(task_id)
        for job in self.jobs(task_id):
            self.studio.forget(job.id)
        shutil.rmtree(self.folder(task_id), ignore_errors=True)
        self.studio.files.forget(self.folder(task_id))

    def note(self, task_id: str, line: str) -> None:
        """Add a line to the task's log; where the disk takes none, what the line tells of is true all the same."""
        stamp = datetime.now(UTC).isoformat(timespec="seconds")
        try:
            with (self.folder(task_id) / LOG_FILE).open("a", encoding="utf-8") as file:
                file.write(f"{stamp} {line}\n")
        except OSError as error:
            _log.warning("the log of task %s cannot be written: %s", task_id, error)

    def log(self, task_id: str) -> str:
        """What has been written down about the task, and what its steps wrote."""
        file = self.folder(task_id) / LOG_FILE
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        for job in reversed(self.jobs(task_id)):
            own = self.studio.log(job.id)
            text += f"--- {job.kind} ---\n{own}" if own else ""
            text += f"{job.kind}: {job.error}\n" if job.error else ""
        return text or NO_LOG

    def told(self, record: Record) -> Told:
        """The task as clients see it."""
        jobs = self.jobs(record.task_id)
        newest = jobs[0] if jobs else None
        about = {
            "task_id": record.task_id,
            "task_name": record.task_name,
            "status": _status(newest),
            "config": record.config,
            "created_at": _iso(record.created_at),
            "updated_at": _iso(max([record.created_at, *(job.updated_at for job in jobs[:1])])),
            "current_step": newest.kind if newest else None,
            "progress": _progress(newest),
            "error_message": (newest.error or None) if newest else None,
            "last_step_params": dict(newest.payload) if newest else None,
        }
        return Told.model_validate(about)


def _turn(job: Job) -> int:
    """Which of its task's jobs it is, from 0."""
    number = (job.order.key or "").rpartition(":")[2]
    return int(number) if number.isdigit() else 0


def _status(job: Job | None) -> str:
    if job is None:
        return Status.CREATED.value
    return Status.RUNNING.value if job.status in _WAITS else job.status.value


def _progress(job: Job | None) -> float:
    """Per cent of the whole way: that of the steps before, and of this one what is done."""
    if job is None or job.kind not in WEIGHTS:
        return 0.0
    names = list(WEIGHTS)
    before = sum(WEIGHTS[name] for name in names[: names.index(job.kind)])
    return round(100 * (before + WEIGHTS[job.kind] * job.progress) / sum(WEIGHTS.values()), 2)


def _iso(time: float) -> str:
    """As the service writes times: without a zone, in UTC."""
    return datetime.fromtimestamp(time, UTC).replace(tzinfo=None).isoformat()
