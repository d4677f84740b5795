"""Covers, ``/api/v1/cover/jobs*``: a voice and a song in, the song in that voice out, as a job."""

from __future__ import annotations

import secrets
import shutil
import sys
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, Depends, File, Form, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, Field

from myna.api.access import Caller
from myna.api.described import file_of
from myna.api.dialect import Dialect, routes
from myna.api.door import House
from myna.api.uploads import file_name, keep
from myna.api.voice import Failure, reply
from myna.core.errors import BadAudio, BadInput, Conflict, NotConfigured, NotFound, TooBusy
from myna.core.fields import build
from myna.core.workspace import checked_name, make_folder
from myna.steps.cover import CoverSong
from myna.studio import Job, Owner, Status, Wishes

FOLDER = "covers"
STAGES = ("queued", "preprocess", "separate", "infer", "mix", "finalize")
SUFFIXES = (".wav", ".mp3", ".flac", ".ogg", ".m4a", ".aac", ".opus")
MOST_SECONDS = 480.0
_STATUSES = {
    Status.CREATED: "queued", Status.QUEUED: "queued", Status.RUNNING: "running", Status.COMPLETED: "succeeded",
    Status.FAILED: "failed", Status.CANCELLED: "canceled",
}  # fmt: skip


class Begun(BaseModel):
    """A cover that is to be made."""

    job_id: str
    task_id: str
    status: str
    stage: str


class Told(BaseModel):
    """How a cover is. Times are ISO's, with their zone."""

    job_id: str
    task_id: str
    status: Literal["queued", "running", "succeeded", "failed", "canceled"]
    stage: Literal["queued", "preprocess", "separate", "infer", "mix", "finalize"]
    progress: int = Field(description="0 to 100")
    model_id: str | None
    pitch_shift: int
    error_message: str | None
    created_at: str
    updated_at: str


class Stopped(BaseModel):
    """That a cover is stopped."""

    job_id: str
    status: str
    message: str


def door(house: House, clock: Callable[[], float] = time.time) -> APIRouter:
    """The routes."""
    dialect = Dialect("covers", reply, max_body_bytes=house.settings.max_upload_bytes, error=Failure)
    router = APIRouter(prefix="/api/v1/cover")
    router.include_router(_making(house, dialect, clock))
    router.include_router(_having(house, dialect))
    return router


def _making(house: House, dialect: Dialect, clock: Callable[[], float]) -> APIRouter:
    refusals = dialect.raises(BadInput, BadAudio, TooBusy, NotConfigured)
    router, asks = routes(dialect), Depends(house.guard.needs("make", always_a_key=True))
    root = house.settings.home / FOLDER

    @router.post("/jobs", summary="Begin a cover", responses=refusals)
    async def create(
        reference_voice: UploadFile = File(),  # noqa: B008 (FastAPI's way)
        song: UploadFile = File(),  # noqa: B008
        model_id: str = Form(""),
        pitch_shift: int = Form(0, ge=-24, le=24),
        caller: Caller = asks,
    ) -> Begun:
        _require_configured(house)
        await run_in_threadpool(_clear, house, clock() - house.settings.keep_results_h * 3600)
        folder = make_folder(root / secrets.token_hex(16))
        try:
            step = await _step(house, folder, reference_voice, song, model_id, pitch_shift)
            owner = Owner(caller.user, task=_task(folder))
            job = await run_in_threadpool(house.studio.submit, step, Wishes(owner))
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return Begun(job_id=_uuid(job), task_id=job.id, status="queued", stage="queued")

    return router


def _having(house: House, dialect: Dialect) -> APIRouter:
    missing, ended = dialect.raises(BadInput, NotFound), dialect.raises(BadInput, NotFound, Conflict)
    router, asks = routes(dialect), Depends(house.guard.needs("make", always_a_key=True))

    @router.get("/jobs/{job_id}", summary="How a cover is", responses=missing)
    def get(job_id: str, caller: Caller = asks) -> Told:
        return _told(_job(house, job_id, caller))

    sung = {**file_of("audio/wav"), **ended}

    @router.get("/jobs/{job_id}/result", summary="The cover", response_class=Response, responses=sung)
    def result(job_id: str, caller: Caller = asks) -> Response:
        job = _job(house, job_id, caller)
        if job.status is not Status.COMPLETED:
            raise Conflict(f"the cover is {_STATUSES[job.status]}")
        path = Path(job.payload["folder"]) / "result.wav"
        if not path.is_file():
            raise NotFound("the cover has been cleared away")
        return FileResponse(path, media_type="audio/wav", filename=f"{job_id}.wav")

    @router.post("/jobs/{job_id}/cancel", summary="Stop a cover", responses=ended)
    def cancel(job_id: str, caller: Caller = asks) -> Stopped:
        job = _job(house, job_id, caller)
        if job.status in (Status.COMPLETED, Status.FAILED):
            raise Conflict(f"the cover has {_STATUSES[job.status]} already")
        house.studio.cancel(job.id)
        return Stopped(job_id=job_id, status="canceled", message="Job cancellation requested")

    return router


async def _step(
    house: House, folder: Path, reference: UploadFile, song: UploadFile, model_id: str, pitch_shift: int
) -> CoverSong:
    """Keep both files, and say what is to be done with them; raises `BadAudio`, `BadInput`, `LimitExceeded`."""
    settings = house.settings
    places: dict[str, Path] = {}
    for name, upload, most in (
        ("reference", reference, settings.max_reference_bytes),
        ("song", song, settings.max_upload_bytes),
    ):
        own = f"{name}{Path(file_name(upload.filename, SUFFIXES)).suffix.lower()}"
        places[name] = await keep(upload, folder, house.studio, name=own, max_bytes=most)
    seconds = house.studio.seconds_of(places["song"])
    if seconds > MOST_SECONDS:
        raise BadInput(f"the song is {seconds:.0f} s long; {MOST_SECONDS:.0f} s are taken")
    voice = house.studio.workspace.voice(checked_name("model_id", model_id)) if model_id else None
    values: dict[str, Any] = {
        "folder": folder,
        **places,
        "singer": voice.path if voice is not None and voice.card.is_file() else None,
        "version": settings.speaks_version,
        "pitch_shift": pitch_shift,
        "model": settings.cover_uvr_model or "centre",
        "model_id": model_id,
        "models": settings.models_folder,
        "device": settings.device,
    }
    if settings.covers == "external":
        values |= {
            "separate_command": settings.cover_separate_command,
            "infer_command": settings.cover_infer_command,
            "python_exec": settings.cover_python or sys.executable,
            "project_root": settings.cover_project_root,
        }
    return build(CoverSong, values)


def _require_configured(house: House) -> None:
    settings = house.settings
    if settings.covers == "off":
        raise NotConfigured("this server makes no covers; see the setting `covers`")
    if settings.covers == "external" and not (settings.cover_separate_command and settings.cover_infer_command):
        raise NotConfigured(
            "set COVER_SEPARATE_CMD_TEMPLATE and COVER_INFER_CMD_TEMPLATE, or the setting `covers` to own"
        )


def _job(house: House, job_id: str, caller: Caller) -> Job:
    """The cover's job; raises `BadInput` for what is no id, `NotFound`."""
    try:
        known = uuid.UUID(job_id).hex
    except ValueError:
        raise BadInput(f"{job_id[:64]!r} is no id of a job") from None
    job = house.studio.job(known, caller.user)
    if job.kind != CoverSong.name:
        raise NotFound(f"there is no cover {job_id!r}")
    return job


def _told(job: Job) -> Told:
    word = job.note.partition(":")[0]
    stage = word if word in STAGES and job.started_at is not None else STAGES[0]
    about = {
        "job_id": _uuid(job),
        "task_id": job.id,
        "status": _STATUSES[job.status],
        "stage": STAGES[-1] if job.status is Status.COMPLETED else stage,
        "progress": round(100 * job.progress),
        "model_id": job.payload["model_id"] or None,
        "pitch_shift": job.payload["pitch_shift"],
        "error_message": job.error or None,
        "created_at": _iso(job.created_at),
        "updated_at": _iso(job.updated_at),
    }
    return Told.model_validate(about)


def _clear(house: House, before: float) -> None:
    """Remove covers that were begun before that time and have ended: a clock may have been set."""
    root = house.settings.home / FOLDER
    unfinished = [status for status in Status if not status.is_terminal]
    for folder in root.iterdir() if root.is_dir() else ():
        is_old = folder.stat().st_mtime < before
        if is_old and not house.studio.jobs(task=_task(folder), statuses=unfinished, limit=1):
            shutil.rmtree(folder, ignore_errors=True)
            house.studio.files.forget(folder)


def _task(folder: Path) -> str:
    return f"cover:{folder.name}"


def _uuid(job: Job) -> str:
    return str(uuid.UUID(job.id))


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
