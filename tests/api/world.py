"""The installation that the examples of the OpenAPI speak of: everything they name is there, under the very names."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI

from myna.api.server import build_app
from myna.api.tts.official import Current
from myna.audio.encode import encode
from myna.audio.io import write_wav
from myna.core.card import write_card
from myna.core.errors import BadCheckpoint, NotFound
from myna.core.settings import Settings
from myna.core.speech import Heard, HeardWord, Voice
from myna.core.voice_archive import export_voice
from myna.core.workspace import VoiceFolder, Workspace, make_folder
from myna.jobs.job import Order, Owner, Status
from myna.jobs.keys import KeyRing
from myna.jobs.store import SqlJobStore
from myna.jobs.tables import JOBS, new_row
from myna.studio import Studio
from myna.testing.fake_speaker import FakeSpeaker

RATE_HZ = 16000
ENDED, WAITING = "7c9e6679742540de944be07fc1f90ae7", "16fd270693b34f3e9c8e2b1f0a4d5c6b"
SUNG, TO_SING = "9a1d5c8e2f3b4a6d8c7e0f1a2b3c4d5e", "4f8b2c1d6e7a4b3c9d0e1f2a3b4c5d6e"
TASK, TASK_AT_WORK = "3d2f6a8c-1b4e-4c7d-9a5f-0e1d2c3b4a59", "b7e4d1c2-5a6f-4e3d-8c9b-2a1f0e9d8c7b"
MADE = "5f0c1e2d3b4a5968"
_NOW = 1_760_000_000.0


def _sound(seconds: float) -> np.ndarray:
    return (0.3 * np.sin(np.arange(round(seconds * RATE_HZ)) / 7)).astype(np.float32)


CLIP, SONG = encode(_sound(5.0), RATE_HZ, "wav"), encode(_sound(6.0), RATE_HZ, "wav")
FILES: Mapping[str, bytes] = {
    "take.wav": CLIP,
    "anna.wav": CLIP,
    "song.wav": SONG,
    "words.srt": b"1\n00:00:00,000 --> 00:00:05,000\nGood morning.\n",
}
"""What a file's name stands for in an example; ``eva.myna.zip`` is made of the voice anna."""


@dataclass
class World:
    """One installation below ``folder``, and who has keys of it: everybody has one for what their name says."""

    folder: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    keys: dict[str, str] = field(init=False)
    app: FastAPI = field(init=False)
    store: SqlJobStore = field(init=False)
    commands: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.home = self.folder / "home"
        self.store = SqlJobStore(f"sqlite:///{self.home / 'jobs.sqlite'}")
        ring = KeyRing(self.store.engine)
        self.keys = {name: ring.add(name, [name]) for name in ("speak", "make", "control")}
        self.keys["all"] = "open sesame"
        values = {"home": self.home, "api_key": self.keys["all"], "speaks_version": "v2", "allow_control": True}
        known = Settings.model_validate(values | self.settings)
        studio = Studio(
            FakeSpeaker(),
            self.store,
            workspace=Workspace(self.home),
            logs=self.home / "logs",
            keys=ring,
            examine=_examine,
            listen=_listen,
            max_queued=known.max_queued_jobs,
        )
        self.app = build_app(studio, known, control=self.commands.append)
        self.furnish()
        self.files = dict(FILES) | {"eva.myna.zip": self._archive()}

    def furnish(self) -> None:
        """Put back what requests have taken away, and take away what they have brought."""
        self._clips_and_weights()
        self._voices()
        self._jobs()
        self._tasks()

    def close(self) -> None:
        """Let go of the store."""
        self.store.close()

    def _clips_and_weights(self) -> None:
        for place in ("references/anna.wav", "references/bella.wav", f"subtitles/{MADE}.wav"):
            _keep(self.home / place, CLIP)
        _keep(self.home / "subtitles" / f"{MADE}.srt", FILES["words.srt"])
        for name in ("anna.ckpt", "anna.pth"):
            _keep(self.home / "models" / name, b"PK\x03\x04 stands for weights")
        _keep(self.home / "anna.list", b"anna.wav|anna|EN|Good morning.\n")
        _keep(self.home / "logs" / f"{ENDED}.log", b"anna: 3 clips\n")
        current = Current(self.home, "v2")
        if current.get().reference is None:
            clip = self.home / "references" / "anna.wav"
            current.change(reference=clip, reference_text="Good morning.", reference_language="en")

    def _voices(self) -> None:
        for name in ("anna", "bella"):
            folder = VoiceFolder(self.home / "voices" / name)
            if not folder.card.is_file():
                write_wav(make_folder(folder.path) / "clip.wav", _sound(4.0), RATE_HZ)
                write_card(folder, Voice(reference=folder.path / "clip.wav", reference_text="one", version="v2"))
                _keep(folder.path / "icon.png", b"\x89PNG\r\n\x1a\n")
        for folder in (self.home / "voices").iterdir():
            if folder.name not in ("anna", "bella"):
                shutil.rmtree(folder, ignore_errors=True)

    def _jobs(self) -> None:
        slicing = Order("slice_audio", {"folder": str(self.home / "voices/anna")}, Owner(session="monday"))
        covers = {name: self._cover(name) for name in (SUNG, TO_SING)}
        task = Order("convert_audio", {}, Owner(task=TASK_AT_WORK))
        wanted = {
            ENDED: (slicing, Status.COMPLETED),
            WAITING: (slicing, Status.QUEUED),
            SUNG: (covers[SUNG], Status.COMPLETED),
            TO_SING: (covers[TO_SING], Status.QUEUED),
            TASK.replace("-", ""): (task, Status.RUNNING),
        }
        with self.store.engine.begin() as connection:
            connection.execute(JOBS.delete())
            for job_id, (order, status) in wanted.items():
                times = {"started_at": _NOW + 1, "finished_at": _NOW + 9} if status is Status.COMPLETED else {}
                progress = 1.0 if status is Status.COMPLETED else 0.0
                row = new_row(job_id, order, status, _NOW) | {"progress": progress, **times}
                connection.execute(JOBS.insert().values(**row))

    def _cover(self, name: str) -> Order:
        folder = self.home / "covers" / name
        _keep(folder / "result.wav", SONG)
        return Order("cover_song", {"folder": str(folder), "model_id": "", "pitch_shift": 2}, queue="cover")

    def _tasks(self) -> None:
        for task_id in (TASK, TASK_AT_WORK):
            folder = self.home / "api_tasks" / task_id
            record = {"task_id": task_id, "task_name": "anna", "config": {}, "created_at": _NOW}
            _keep(folder / "task_config.json", json.dumps(record).encode())
            _keep(folder / "input_audio" / "take.wav", CLIP)
            _keep(folder / "output" / "output.wav", CLIP)

    def _archive(self) -> bytes:
        path = self.folder / "eva.myna.zip"
        export_voice(VoiceFolder(self.home / "voices" / "anna"), path)
        return io.BytesIO(path.read_bytes()).getvalue()


def _keep(path: Path, content: bytes) -> None:
    if not path.is_file():
        make_folder(path.parent)
        path.write_bytes(content)


def _examine(weights: Path, kind: str) -> str:
    if not weights.is_file():
        raise NotFound(f"there is no file {weights.name}")
    if weights.suffix != {"gpt": ".ckpt", "sovits": ".pth"}[kind]:
        raise BadCheckpoint(f"{weights.name} holds no {kind} weights")
    return "v2"


def _listen(_recording: Path, language: str) -> Heard:
    return Heard("good morning", language, 5.0, (HeardWord("good", 0.2, 0.6), HeardWord("morning", 0.7, 1.2)))
