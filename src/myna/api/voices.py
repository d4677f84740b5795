"""Voices, ``/api/v1/voices``: made of uploads, listed, sampled, renamed, removed, sent and received as one file."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path
from typing import Any

from fastapi import APIRouter, BackgroundTasks, Depends, File, Form, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from myna.api.access import Caller
from myna.api.described import file_of, media
from myna.api.dialect import Dialect, routes
from myna.api.door import House
from myna.api.jobs import Failure, Told, reply, told
from myna.api.problems import SPEAKING
from myna.api.stage import joined
from myna.api.uploads import file_name, keep
from myna.audio.encode import encode
from myna.core.card import CONSENT, read_card
from myna.core.errors import BadAudio, BadInput, Conflict, NotFound, TooBusy, UnknownChoice
from myna.core.fields import build
from myna.core.speech import SpeechRequest
from myna.core.versions import version
from myna.core.voice_archive import ICONS, export_voice, import_voice
from myna.core.workspace import VoiceFolder, checked_name, files_in
from myna.steps.catalog import PIPELINE, known_parameters, make_step
from myna.studio import Owner, Status, Wishes

_SOUNDS = (".wav", ".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac", ".webm", ".mp4")
_TEXTS = (".txt", ".srt", ".vtt", ".lrc", ".json", ".list")
_SAMPLE_CHARS = 300
_SUFFIX = ".myna.zip"


class Rename(BaseModel):
    """A voice's new name."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="new name")


class Sample(BaseModel):
    """What a voice shall say to be heard."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=_SAMPLE_CHARS, description="a sentence")
    language: str = Field("", description="its language; empty: the reference's")


class About(BaseModel):
    """A voice in our own words; what is told of finished ones only comes last."""

    name: str
    is_finished: bool
    recordings: list[str]
    licence: bool
    version: str = ""
    languages: list[str] = []
    reference_text: str = ""
    reference_language: str = ""
    is_trained: bool = False


class Begun(BaseModel):
    """A voice that is being made, the job that makes it, and whose voices may be made."""

    name: str
    job: Told
    reminder: str = Field("", description="empty where the setting `i_have_consent` says that this is known")


def door(house: House) -> APIRouter:
    """The routes."""
    dialect = Dialect("voices", reply, max_body_bytes=house.settings.max_upload_bytes, error=Failure)
    router = APIRouter(prefix="/api/v1")
    router.include_router(_making(house, dialect))
    router.include_router(_having(house, dialect))
    router.include_router(_changing(house, dialect))
    router.include_router(_moving(house, dialect))
    return router


def _making(house: House, dialect: Dialect) -> APIRouter:
    router, asks = routes(dialect), Depends(house.guard.needs("make"))
    refusals = dialect.raises(BadInput, BadAudio, UnknownChoice, Conflict, TooBusy)

    @router.post("/voices", summary="Make a voice of recordings", status_code=202, responses=refusals)
    async def create(
        name: str = Form(description="what to call it"),
        recordings: list[UploadFile] = File(description="recordings of one person, who agreed to it"),  # noqa: B008 (FastAPI's way)
        transcript: UploadFile | None = File(None, description="their words, where they are known"),  # noqa: B008
        language: str = Form("en"),
        model_version: str = Form("", description="model version; empty: this installation's"),
        caller: Caller = asks,
    ) -> Begun:
        folder = house.studio.workspace.voice(name)
        if folder.path.exists():
            raise Conflict(f"there is a voice {name!r} already; choose another name, or remove that")
        wishes: dict[str, Any] = {"folder": folder.path, "models": house.settings.models_folder}
        wishes |= {"device": house.settings.device, "words": house.settings.home, "language": language}
        wishes |= {"target_language": language, "version": model_version or house.settings.speaks_version}
        try:
            for upload in recordings:
                own = file_name(upload.filename, _SOUNDS)
                await keep(upload, folder.input_audio, house.studio, name=own, max_bytes=dialect.max_body_bytes)
            if transcript is not None:
                suffix = Path(file_name(transcript.filename, _TEXTS)).suffix.lower()
                given = await keep(
                    transcript, folder.transcripts, house.studio,
                    name=f"given{suffix}", max_bytes=dialect.max_body_bytes, is_sound=False,
                )  # fmt: skip
                wishes["transcript"] = given
            steps = [make_step(step, known_parameters(step, wishes)) for step in PIPELINE]
            owner = Owner(caller.user, task=f"voice:{name}")
            job = await run_in_threadpool(house.studio.submit_chain, steps, Wishes(owner))
        except BaseException:
            shutil.rmtree(folder.path, ignore_errors=True)
            raise
        reminder = "" if house.settings.i_have_consent else CONSENT
        return Begun(name=name, job=told(job), reminder=reminder)

    return router


def _having(house: House, dialect: Dialect) -> APIRouter:
    router, asks = routes(dialect), Depends(house.guard.needs("make"))
    workspace = house.studio.workspace
    speaks = Depends(house.guard.needs("speak"))
    missing = dialect.raises(BadInput, NotFound)
    shown = {**file_of(*(f"image/{kind}" for kind in ("png", "jpeg", "webp"))), **missing}
    heard = {**media("audio/wav"), **dialect.raises(*SPEAKING, Conflict)}

    @router.get("/voices", summary="All voices", dependencies=[asks], response_model_exclude_unset=True)
    def voices() -> list[About]:
        return [_about(folder) for folder in workspace.voices]

    @router.get(
        "/voices/{name}", summary="One voice", dependencies=[asks], responses=missing, response_model_exclude_unset=True
    )
    def voice(name: str) -> About:
        return _about(workspace.existing_voice(name))

    @router.get(
        "/voices/{name}/icon",
        summary="A voice's picture",
        dependencies=[asks],
        responses=shown,
        response_class=Response,
    )
    def icon(name: str) -> Response:
        folder = workspace.existing_voice(name).path
        found = next((folder / known for known in ICONS if (folder / known).is_file()), None)
        if found is None:
            raise NotFound(f"voice {name!r} has no picture; put one of {', '.join(ICONS)} into its folder")
        return FileResponse(found)

    @router.post(
        "/voices/{name}/sample", summary="Hear a voice", dependencies=[speaks], responses=heard, response_class=Response
    )
    async def sample(name: str, body: Sample, request: Request) -> Response:
        spoken = read_card(workspace.existing_voice(name))
        values = {"text": body.text, "voice": spoken, "language": body.language or spoken.reference_language, "seed": 1}
        speech = await house.stage.say(build(SpeechRequest, values))
        return Response(encode(joined(await speech.whole(request)), speech.sample_rate, "wav"), media_type="audio/wav")

    return router


def _changing(house: House, dialect: Dialect) -> APIRouter:
    router, asks = routes(dialect), Depends(house.guard.needs("make"))
    workspace, taken = house.studio.workspace, dialect.raises(BadInput, NotFound, Conflict)

    @router.patch(
        "/voices/{name}",
        summary="Rename a voice",
        dependencies=[asks],
        responses=taken,
        response_model_exclude_unset=True,
    )
    def rename(name: str, body: Rename) -> About:
        folder = workspace.existing_voice(name)
        _require_rest(house, name)
        target = workspace.voice(body.name)
        if target.path.exists():
            raise Conflict(f"there is a voice {body.name!r} already")
        folder.path.rename(target.path)
        house.studio.files.push([target.path])
        house.studio.files.forget(folder.path)
        return _about(target)

    @router.delete(
        "/voices/{name}", summary="Remove a voice and its files", status_code=204, dependencies=[asks], responses=taken
    )
    def remove(name: str) -> Response:
        folder = workspace.existing_voice(name)
        _require_rest(house, name)
        shutil.rmtree(folder.path)
        house.studio.files.forget(folder.path)
        return Response(status_code=204)

    return router


def _moving(house: House, dialect: Dialect) -> APIRouter:
    router, asks = routes(dialect), Depends(house.guard.needs("make"))
    workspace, uploads = house.studio.workspace, house.settings.home / "uploads"

    sent = {**file_of("application/zip"), **dialect.raises(BadInput, NotFound, Conflict)}
    refusals = dialect.raises(BadInput, NotFound, Conflict)

    @router.get(
        "/voices/{name}/export",
        summary="A voice as one file",
        dependencies=[asks],
        responses=sent,
        response_class=Response,
    )
    def send(name: str, background: BackgroundTasks) -> Response:
        folder = workspace.existing_voice(name)
        made = export_voice(folder, uploads / f"{secrets.token_hex(8)}{_SUFFIX}")
        background.add_task(made.unlink, missing_ok=True)
        return FileResponse(
            made, media_type="application/zip", filename=f"{folder.name}{_SUFFIX}", background=background
        )

    @router.post(
        "/voices/import",
        summary="A voice out of one file",
        status_code=201,
        dependencies=[asks],
        responses=refusals,
        response_model_exclude_unset=True,
    )
    async def receive(
        file: UploadFile = File(),  # noqa: B008 (FastAPI's way)
        name: str = Form("", description="what to call it; empty: as the file is called"),
    ) -> About:
        given = name or file_name(file.filename, (".zip",)).removesuffix(".zip").removesuffix(".myna")
        target = workspace.voice(checked_name("voice", given))
        await run_in_threadpool(import_voice, file.file, target)
        await run_in_threadpool(house.studio.files.push, [target.path])
        return _about(target)

    return router


def _about(folder: VoiceFolder) -> About:
    """A voice in our own words."""
    about: dict[str, Any] = {"name": folder.name, "is_finished": folder.card.is_file()}
    about["recordings"] = [file.name for file in files_in(folder.input_audio)]
    about["licence"] = (folder.path / "LICENSE.txt").is_file()
    if about["is_finished"]:
        voice = read_card(folder)
        about |= {"version": voice.version, "languages": list(version(voice.version).languages)}
        about |= {"reference_text": voice.reference_text, "reference_language": voice.reference_language}
        about["is_trained"] = voice.sovits is not None
    return About.model_validate(about)


def _require_rest(house: House, name: str) -> None:
    """Raise `Conflict` while a job works on the voice."""
    waiting = [status for status in Status if not status.is_terminal]
    if house.studio.jobs(task=f"voice:{name}", statuses=waiting):
        raise Conflict(f"voice {name!r} is being worked on; cancel that job first")
