"""The fork's additions: ``/srt`` (speech with subtitles), ``/speakers``, ``/tts_to_audio/``."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from myna.api.described import file_of, json_of, media
from myna.api.dialect import routes
from myna.api.door import House
from myna.api.problems import SPEAKING as MAY_GO_WRONG
from myna.api.stage import joined
from myna.api.tts.answers import media_type, whole
from myna.api.tts.bodies import read_body, read_query
from myna.api.tts.current import Choice, Current
from myna.api.tts.official import SPEAKING, body_of, query_of
from myna.api.tts.wishes import Refused, Wishes, check, speech_request
from myna.audio.encode import encode
from myna.core.errors import BadInput, NotFound
from myna.core.speech import AudioChunk
from myna.core.workspace import files_in, inside, write_bytes, write_text

_SOUNDS = (".wav", ".mp3", ".flac", ".ogg", ".m4a", ".opus")
_ALIASES = {"tts-out.srt": ".srt", "audio.wav": ".wav"}
"""Names under which the fork's clients find the latest result."""
_SUBRIP = "application/x-subrip"
_KINDS_OF_SPEAKERS = ("female_calm", "female", "male")


class SrtWishes(Wishes):
    """As ``/tts``; ``streaming_mode`` is accepted, and nothing is streamed."""

    batch_size: int = Field(10, ge=1, description="sentences at once")
    format: str = Field("", description="srt: the subtitles themselves, in place of two addresses")
    srt_include_pause: bool = Field(False, description="a cue lasts until the next one begins")


class Line(BaseModel):
    """The body of ``/tts_to_audio/``."""

    model_config = ConfigDict(extra="ignore")

    text: str = Field(description="what to say")
    speaker_wav: str = Field("", description="a name out of /speakers; empty: the default reference")
    language: str = Field("auto", description="its language")


class Made(BaseModel):
    """Where the speech and its subtitles are fetched; the code is a word, as the fork has it."""

    code: str
    srt: str
    audio: str


class Clip(BaseModel):
    """A reference clip, twice by its name."""

    name: str
    voice_id: str


def door(house: House, clock: Callable[[], float] = time.time) -> APIRouter:
    """The routes."""
    current = Current(house.settings.home, house.settings.speaks_version)
    router = APIRouter()
    router.include_router(_speaking(house, current, clock))
    router.include_router(_having(house))
    return router


def _speaking(house: House, current: Current, clock: Callable[[], float]) -> APIRouter:
    folder = house.settings.home / "subtitles"
    router = routes(SPEAKING, dependencies=[Depends(house.guard.needs("speak"))])

    async def answer(request: Request, wishes: SrtWishes) -> Response:
        made = await _make(house, current.get(), wishes, folder, clock, request)
        if wishes.format == "srt" or _SUBRIP in request.headers.get("accept", ""):
            return FileResponse(made.with_suffix(".srt"), media_type=f"{_SUBRIP}; charset=utf-8")
        place = f"{str(request.base_url).rstrip('/')}/srt"
        return JSONResponse({"code": "200", "srt": f"{place}/{made.stem}.srt", "audio": f"{place}/{made.name}"})

    failing = SPEAKING.raises(Refused, *MAY_GO_WRONG)
    written: dict[str, Any] = {"summary": "Say a text, and write its subtitles", "responses": json_of(Made) | failing}
    written["responses"][200]["content"] |= media(_SUBRIP)[200]["content"]

    @router.get("/srt", openapi_extra=query_of(SrtWishes), **written)
    async def get_srt(request: Request) -> Response:
        return await answer(request, read_query(request, SrtWishes))

    @router.post("/srt", openapi_extra=body_of(SrtWishes), **written)
    async def post_srt(request: Request) -> Response:
        return await answer(request, await read_body(request, SrtWishes))

    said: dict[str, Any] = {"response_class": Response, "responses": {**media("audio/wav"), **failing}}

    @router.post("/tts_to_audio/", summary="Say a line like a clip of /speakers", openapi_extra=body_of(Line), **said)
    async def post_line(request: Request) -> Response:
        line, choice = await read_body(request, Line), current.get()
        wishes = _wishes_of(line, choice, house.settings.clips_folder)
        check(wishes, choice.record)
        return await whole(await house.stage.say(speech_request(house, wishes, choice)), "wav", request)

    return router


def _having(house: House) -> APIRouter:
    folder = house.settings.home / "subtitles"
    router = routes(SPEAKING, dependencies=[Depends(house.guard.needs("speak"))])
    kinds = (_SUBRIP, *(media_type(name) for name in ("wav", "ogg", "aac", "pcm")))
    kept = {**file_of(*kinds), **SPEAKING.raises(BadInput, NotFound)}

    @router.get("/srt/{name}", summary="What /srt has made", response_class=Response, responses=kept)
    def get_file(name: str) -> Response:
        path = _latest(folder, _ALIASES[name]) if name in _ALIASES else inside(folder, name)
        if path is None or not path.is_file():
            raise NotFound(f"there is no {name}; it may have been cleared away")
        kind = f"{_SUBRIP}; charset=utf-8" if path.suffix == ".srt" else media_type(path.suffix[1:])
        return FileResponse(path, media_type=kind)

    @router.get("/speakers", summary="The reference clips of this installation")
    def get_speakers() -> list[Clip]:
        return [Clip(name=clip.stem, voice_id=clip.stem) for clip in _clips(house.settings.clips_folder)]

    @router.get("/speakers_list", summary="Kinds of speakers that some clients ask for")
    def get_kinds() -> list[str]:
        return list(_KINDS_OF_SPEAKERS)

    return router


async def _make(
    house: House, choice: Choice, wishes: SrtWishes, folder: Path, clock: Callable[[], float], client: Request
) -> Path:
    """Speech and subtitles in ``folder``, under a name of their own; answers the sound."""
    check(wishes, choice.record)
    speech = await house.stage.say(speech_request(house, wishes, choice))
    chunks = await speech.whole(client)
    _clear(folder, clock() - house.settings.keep_results_h * 3600)
    sound = folder / f"{secrets.token_hex(8)}.{'pcm' if wishes.media_type == 'raw' else wishes.media_type}"
    write_bytes(sound, encode(joined(chunks), speech.sample_rate, wishes.media_type))
    write_text(sound.with_suffix(".srt"), subrip(chunks, with_pauses=wishes.srt_include_pause))
    return sound


def subrip(chunks: list[AudioChunk], *, with_pauses: bool) -> str:
    """The subtitles: a cue for each sentence, numbered with two digits as the fork does."""
    spans: dict[int, tuple[float, float, str]] = {}
    for chunk in chunks:
        start, _, _ = spans.get(chunk.piece, (chunk.start_s, 0.0, ""))
        spans[chunk.piece] = (start, chunk.end_s - (0.0 if with_pauses else chunk.pause_s), chunk.text)
    cues = [
        f"{number:02d}\n{_time(start)} --> {_time(max(end, start + 0.001))}\n{' '.join(text.split())}\n\n"
        for number, (start, end, text) in enumerate((span for span in spans.values() if span[2].strip()), 1)
    ]
    return "".join(cues)


def _time(seconds: float) -> str:
    total = int(seconds * 1000)
    return f"{total // 3_600_000:02d}:{total // 60_000 % 60:02d}:{total // 1000 % 60:02d},{total % 1000:03d}"


def _clear(folder: Path, before: float) -> None:
    """Remove what was made before that time."""
    for file in files_in(folder):
        if file.stat().st_mtime < before:
            file.unlink(missing_ok=True)


def _latest(folder: Path, suffix: str) -> Path | None:
    files = [file for file in files_in(folder) if file.suffix == suffix]
    return max(files, key=lambda file: file.stat().st_mtime_ns, default=None)


def _clips(folder: Path) -> list[Path]:
    return [file for file in files_in(folder) if file.suffix.lower() in _SOUNDS]


def _wishes_of(line: Line, choice: Choice, folder: Path) -> Wishes:
    """The line in the words of ``/tts``; raises `NotFound` for a speaker that is not there."""
    values: dict[str, Any] = {"text": line.text, "text_lang": line.language, "prompt_lang": choice.reference_language}
    values |= {"ref_audio_path": str(choice.reference or ""), "prompt_text": choice.reference_text}
    if line.speaker_wav:
        clips = {clip.stem: clip for clip in _clips(folder)}
        clip = clips.get(Path(line.speaker_wav).stem)
        if clip is None:
            raise NotFound(f"there is no speaker {line.speaker_wav!r}; there are: {', '.join(clips) or 'none'}")
        values |= {"ref_audio_path": str(clip), "prompt_text": ""}
    values["prompt_lang"] = values["prompt_lang"] or "auto"
    return Wishes(**values)
