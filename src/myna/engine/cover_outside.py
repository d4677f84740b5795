"""A cover by external commands: one that separates the song, one that sings; we mix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from myna.core.progress import Progress
from myna.core.workspace import make_folder, writing
from myna.engine.cover import mixed, stage
from myna.engine.outside import run


@dataclass(frozen=True)
class Commands:
    """The templates of both commands, and what stands for their places."""

    separate: str
    infer: str
    python_exec: str
    project_root: str
    uvr_model: str
    model_id: str


def make_outside(
    song: Path, reference: Path, work: Path, commands: Commands, pitch_shift: int, progress: Progress
) -> Path:
    """The cover as ``work/result.wav``; raises `NotConfigured` and `InstallationError`, see `run`."""
    make_folder(work)
    vocals, rest, sung = work / "vocals.wav", work / "rest.wav", work / "sung.wav"
    values = {
        "python_exec": commands.python_exec,
        "project_root": commands.project_root,
        "song_input": str(song),
        "uvr_model": commands.uvr_model,
        "reference_voice": str(reference),
        "input_vocal": str(vocals),
        "model_id": commands.model_id,
        "pitch_shift": str(pitch_shift),
    }
    for name, template, outputs in (
        ("separate", commands.separate, {"vocal_output": vocals, "inst_output": rest}),
        ("infer", commands.infer, {"output_vocal": sung}),
    ):
        if not all(path.is_file() for path in outputs.values()):
            stage(progress, name)(0.0, "by an external command")
            _run(template, values, outputs)
    stage(progress, "mix")(0.0, "")
    return mixed(sung, vocals, rest, work / "result.wav")


def _run(template: str, values: Mapping[str, str], outputs: Mapping[str, Path]) -> None:
    """Run a command whose ``outputs`` get their names when it has ended well: half a file is never gone on with."""
    places = {name: path.with_name(f"unfinished-{path.name}") for name, path in outputs.items()}
    for place in places.values():
        place.unlink(missing_ok=True)
    run(template, {**values, **{name: str(place) for name, place in places.items()}}, tuple(places.values()))
    for name, path in outputs.items():
        with writing(path) as temporary:
            places[name].replace(temporary)
