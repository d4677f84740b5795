"""``/api/v1/task…``: create, upload, run steps, watch, fetch, cancel, delete."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, UploadFile
from fastapi.responses import FileResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from myna.api.access import Caller
from myna.api.described import file_of
from myna.api.dialect import Dialect, routes
from myna.api.door import House
from myna.api.health import Failure
from myna.api.problems import Problem
from myna.api.tasks.parameters import step_of
from myna.api.tasks.task import FOLDER, RUNNING, Creation, Tasks, Told
from myna.api.uploads import file_name, keep
from myna.core.errors import BadAudio, BadInput, Conflict, NotFound, TooBusy, UnknownChoice
from myna.core.workspace import inside
from myna.steps.step import require_inputs
from myna.studio import Owner, Wishes

SUFFIXES = (".wav", ".mp3", ".m4a", ".aac", ".flac")
NO_FILE = "文件不存在"


class StepCall(BaseModel):
    """The body of a step."""

    model_config = ConfigDict(extra="ignore")

    params: dict[str, Any] = Field(default_factory=dict, description="the step's parameters")


class Message(BaseModel):
    """What has been done."""

    message: str


class Uploaded(Message):
    """Where an upload lies."""

    filename: str
    path: str


class Begun(Message):
    """That a step has begun."""

    task_id: str


class Logs(BaseModel):
    """What the task's steps wrote."""

    logs: str


def _reply(problem: Problem) -> Response:
    """``{"detail": "…"}``; wrong forms and states are a 400 here."""
    status = 400 if problem.status in (409, 422) else problem.status
    return JSONResponse({"detail": problem.message}, status, dict(problem.headers))


def door(house: House) -> APIRouter:
    """The routes."""
    dialect = Dialect("training service", _reply, max_body_bytes=house.settings.max_upload_bytes, error=Failure)
    tasks = Tasks(house.settings.home / FOLDER, house.studio)
    router = APIRouter(prefix="/api/v1")
    router.include_router(_lives(house, dialect, tasks))
    router.include_router(_files(house, dialect, tasks))
    router.include_router(_work(house, dialect, tasks))
    return router


def _lives(house: House, dialect: Dialect, tasks: Tasks) -> APIRouter:
    router, asks = routes(dialect), Depends(house.guard.needs("make"))
    missing, ended = dialect.raises(NotFound), dialect.raises(NotFound, Conflict)

    @router.post("/task/create", summary="Create a task")
    def create(body: Creation, caller: Caller = asks) -> Told:
        given, settings = body.config, house.settings
        usual = {
            "epochs_s2": settings.task_epochs_s2,
            "epochs_s1": settings.task_epochs_s1,
            "batch_size": settings.task_batch_size,
        }
        usual = {name: value for name, value in usual.items() if name not in given.model_fields_set}
        return tasks.create(body.model_copy(update={"config": given.model_copy(update=usual)}), caller.user)

    @router.get("/task/{task_id}", summary="How a task is", responses=missing)
    def get(task_id: str, caller: Caller = asks) -> Told:
        return tasks.told(tasks.get(task_id, caller.user))

    @router.get("/tasks", summary="All tasks")
    def get_all(caller: Caller = asks) -> list[Told]:
        return tasks.all(caller.user)

    @router.post("/task/{task_id}/cancel", summary="Stop what the task is doing", responses=missing)
    def cancel(task_id: str, caller: Caller = asks) -> Message:
        record = tasks.get(task_id, caller.user)
        for job in tasks.jobs(record.task_id):
            if not job.status.is_terminal:
                house.studio.cancel(job.id)
        return Message(message="任务已取消")

    @router.delete("/task/{task_id}", summary="Remove a task and its files", responses=ended)
    def delete(task_id: str, caller: Caller = asks) -> Message:
        tasks.delete(tasks.get(task_id, caller.user).task_id)
        return Message(message="任务已删除")

    return router


def _files(house: House, dialect: Dialect, tasks: Tasks) -> APIRouter:
    router, asks = routes(dialect), Depends(house.guard.needs("make"))
    missing, refusals = dialect.raises(NotFound), dialect.raises(BadInput, BadAudio, NotFound)

    @router.post("/task/{task_id}/files/upload", summary="Add a recording", responses=refusals)
    async def upload(task_id: str, file: UploadFile, caller: Caller = asks) -> Uploaded:
        record = tasks.get(task_id, caller.user)
        name = file_name(file.filename, SUFFIXES)
        folder = tasks.folder(record.task_id) / "input_audio"
        path = await keep(file, folder, house.studio, name=name, max_bytes=house.settings.max_upload_bytes)
        return Uploaded(message="文件上传成功", filename=path.name, path=str(path))

    @router.get(
        "/task/{task_id}/files/download/{name:path}",
        summary="Fetch a file of the task",
        response_class=Response,
        responses={**file_of("*/*"), **dialect.raises(BadInput, NotFound)},
    )
    def download(task_id: str, name: str, caller: Caller = asks) -> Response:
        record = tasks.get(task_id, caller.user)
        folder = tasks.folder(record.task_id)
        for place in (folder / "output", folder / "experiments" / record.config.exp_name, folder):
            path = inside(folder, place.relative_to(folder) / name)
            if path.is_file() and not any(part.startswith(".") for part in Path(name).parts):
                return FileResponse(path, filename=path.name)
        raise NotFound(NO_FILE)

    @router.get("/task/{task_id}/logs", summary="What the task's steps wrote", responses=missing)
    def logs(task_id: str, caller: Caller = asks) -> Logs:
        return Logs(logs=tasks.log(tasks.get(task_id, caller.user).task_id))

    return router


def _work(house: House, dialect: Dialect, tasks: Tasks) -> APIRouter:
    router, asks = routes(dialect), Depends(house.guard.needs("make"))
    refusals = dialect.raises(BadInput, UnknownChoice, Conflict, NotFound, TooBusy)

    @router.post("/task/{task_id}/step/{step}", summary="Run a step", responses=refusals)
    def run(task_id: str, step: str, body: StepCall, caller: Caller = asks) -> Begun:
        record = tasks.get(task_id, caller.user)
        tasks.require_rest(record.task_id)
        folder = tasks.folder(record.task_id)
        made = step_of(house, record, folder, step, body.params)
        if not body.params.get("force"):
            try:
                require_inputs(made)
            except NotFound as error:
                raise BadInput(str(error)) from None
        # The key keeps two clients, or two server processes, from starting a step at the same moment.
        key = tasks.next_key(record.task_id)
        job = house.studio.submit(made, Wishes(Owner(caller.user, task=record.task_id), key=key))
        if job.kind != made.name:
            raise Conflict(RUNNING)
        tasks.note(record.task_id, f"{step} as job {job.id}: {made.model_dump_json(exclude={'folder'})}")
        return Begun(message=f"步骤 {step} 开始执行", task_id=record.task_id)

    return router
