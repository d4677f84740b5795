"""A step: pydantic fields are its parameters, its name is derived from its class, `run` does it.

`perform` runs one and remembers: beside the voice lies a stamp with the step's parameters and the fingerprints of what
it read and wrote. A step whose stamp still tells the truth is skipped; one that was interrupted goes on from what is
there; one whose input or parameters changed first clears away what it had made.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from myna.core.errors import Conflict, MissingExtra, NotFound
from myna.core.findings import Findings
from myna.core.progress import Progress
from myna.core.workspace import (
    VoiceFolder,
    clear_unfinished,
    disk_errors,
    files_in,
    make_folder,
    write_text,
)

_HASHED_AT_ONCE = 1 << 22  # bytes; in smaller blocks hashing would wait for the interpreter most of the time


class Step(BaseModel, ABC):
    """Something to do in one voice folder. Subclasses add parameters and say what they read and write."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    name: ClassVar[str] = ""
    """What the step is called everywhere: the class's name in snake case."""

    title: ClassVar[str] = ""
    """What a person is told while it runs."""

    queue: ClassVar[str] = "cpu"
    """Which workers do it: those for ``cpu``, ``gpu`` or ``cover`` jobs."""

    enters: ClassVar[str] = ""
    """The module that `run` enters, if it takes its time to import: that is done beside other work."""

    extends: ClassVar[frozenset[str]] = frozenset()
    """Parameters whose change adds to the work done and does not spoil it (more epochs)."""

    indifferent: ClassVar[frozenset[str]] = frozenset({"folder", "device", "models"})
    """Parameters that do not decide what comes out."""

    folder: Path = Field(description="the voice folder")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.name = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    @property
    def voice(self) -> VoiceFolder:
        """The voice that is worked on."""
        return VoiceFolder(self.folder)

    @property
    def stamp_name(self) -> str:
        """What the stamp is called: one for each set of outputs."""
        return self.name

    def inputs(self) -> tuple[Path, ...]:
        """Files and folders that are read; the first one must be there and not empty."""
        return ()

    def assets(self) -> tuple[Path, ...]:
        """Model files that decide what comes out; raises `MissingAsset` where one is not there."""
        return ()

    def outputs(self) -> tuple[Path, ...]:
        """Files and folders that are written and belong to this step alone, as far as they are known by now."""
        return ()

    def state(self) -> tuple[Path, ...]:
        """Folders that hold the work between start and end, as a training's checkpoints do."""
        return ()

    @property
    def owns_outputs(self) -> bool:
        """Whether all that lies in the outputs is this step's to clear away; else only what its stamp lists."""
        return True

    @abstractmethod
    def run(self, progress: Progress) -> Findings | None:
        """Do it, and tell what was found on the way. Raises `MynaError`s; `Cancelled` when ``progress`` does."""


class WorkshopStep(Step):
    """A step over sound files that also works elsewhere than in a voice: from any file or folder into any folder.

    Without a voice, ``folder`` is the target: the stamp lies there.
    """

    source: Path | None = Field(default=None, description="file or folder to read; empty: the voice's own")
    target: Path | None = Field(default=None, description="folder to write into; empty: the voice's own")

    @property
    def stamp_name(self) -> str:
        """One stamp per target."""
        if self.target is None:
            return self.name
        return f"{self.name}-{hashlib.blake2b(str(self.target.absolute()).encode(), digest_size=4).hexdigest()}"

    @property
    def owns_outputs(self) -> bool:
        """A target that somebody named may hold other things, which are left alone."""
        return self.target is None


@dataclass(frozen=True)
class Outcome:
    """How a step ended: ``seconds`` is what it took when it ran, interrupted attempts included."""

    step: str
    was_done_already: bool
    seconds: float
    findings: Findings = field(default_factory=Findings)


def perform(step: Step, progress: Progress) -> Outcome:
    """Run ``step`` unless its stamp says it is done.

    Raises:
        NotFound: what the step reads is not there.
        MissingAsset: a model file is not there.
        Conflict: another process works on this voice.
        MynaError: whatever the step's `run` raises.
    """
    require_inputs(step)
    with exclusive(step.voice):
        stamp, parameters = read_stamp(step), _parameters(step)
        with _importing("" if stamp.get("finished") else step.enters):
            inputs = fingerprint((*step.inputs(), *step.assets()))
        if (
            stamp.get("finished")
            and stamp["parameters"] == parameters
            and stamp["inputs"] == inputs
            and _has_all(step, stamp)
        ):
            progress(1.0, "done already")
            return Outcome(step.name, True, stamp["seconds"], Findings.from_json(stamp.get("findings", {})))
        spent = 0.0
        if _goes_on(step, stamp, parameters, inputs):
            spent = stamp["seconds"]
        else:
            clear(step)
            stamp = {}
        known = {"parameters": parameters, "inputs": inputs, "outputs": stamp.get("outputs", [])}
        return _run(step, progress, known, spent)


@contextmanager
def _importing(module: str) -> Iterator[None]:
    """Import ``module``, if any, while the body runs. What is wrong with it is told to whoever imports it then."""
    with ThreadPoolExecutor(1) as pool:
        if module:
            pool.submit(import_module, module)
        yield


def _run(step: Step, progress: Progress, stamp: dict[str, Any], spent: float) -> Outcome:
    """Run with the stamp saying "started", whatever happens; "finished" only at the end."""
    begun = time.monotonic()
    for path in (*step.outputs(), *step.state()) if step.owns_outputs else ():
        clear_unfinished(path)
    others = set() if step.owns_outputs else set(_written(step)) - set(stamp["outputs"])
    _write_stamp(step, {**stamp, "finished": False, "seconds": spent})

    def end(finished: bool, findings: Findings) -> float:
        seconds = spent + time.monotonic() - begun
        written = [name for name in _written(step) if name not in others]
        ended = {"finished": finished, "seconds": seconds, "outputs": written, "findings": findings.as_json()}
        _write_stamp(step, {**stamp, **ended})
        return seconds

    try:
        with engine_needed(step.name):
            findings = step.run(progress) or Findings()
    except BaseException:
        end(False, Findings())
        raise
    seconds = end(True, findings)
    progress(1.0, "done")
    return Outcome(step.name, False, seconds, findings)


def _written(step: Step) -> list[str]:
    """What lies in the step's outputs: paths within its folder, whole ones outside it."""
    root = step.folder
    files = _files(step.outputs())
    return [str(file.relative_to(root) if file.is_relative_to(root) else file.absolute()) for file in files]


@contextmanager
def engine_needed(what: str, extra: str = "engine") -> Iterator[None]:
    """Turn a library that is not installed into a `MissingExtra` that says how to get it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "myna":
            raise
        raise MissingExtra(f"{what} needs {error.name}; install it with: pip install 'myna[{extra}]'") from None


def require_inputs(step: Step) -> None:
    """Raise `NotFound` where the step's first input is missing or an empty folder."""
    for path in step.inputs()[:1]:
        try:
            is_there = bool(files_in(path)) if path.is_dir() else path.is_file()
        except OSError as error:  # a name that no file can have, a folder that may not be read
            raise NotFound(f"{step.name} cannot read {path}: {error.strerror}") from None
        if not is_there:
            raise NotFound(f"{step.name} found nothing in {path}; run the steps before it first")


@contextmanager
def exclusive(voice: VoiceFolder) -> Iterator[None]:
    """Hold the voice for this process; raises `Conflict` where another one does."""
    make_folder(voice.stamps)
    with disk_errors(voice.stamps), (voice.stamps / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"voice {voice.name!r} is being worked on; wait for that to end, or stop it") from None
        yield


def clear(step: Step) -> None:
    """Remove what the step made before, so that nothing of another input or parameter is left."""
    if not step.owns_outputs:
        for name in read_stamp(step).get("outputs", []):
            with disk_errors(step.folder / name):
                (step.folder / name).unlink(missing_ok=True)
        return
    for path in (*step.outputs(), *step.state()):
        with disk_errors(path):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def fingerprint(paths: tuple[Path, ...]) -> dict[str, str]:
    """Content hash of every file below ``paths``; times and places do not count, so a copied voice stays done."""
    prints = {}
    for number, path in enumerate(paths):
        for file in _files((path,)):
            digest = hashlib.blake2b(digest_size=16)
            with file.open("rb") as stream:
                while block := stream.read(_HASHED_AT_ONCE):
                    digest.update(block)
            prints[f"{number}/{file.name}"] = digest.hexdigest()
    return prints


def read_stamp(step: Step) -> dict[str, Any]:
    """What the last run of this step left; empty where there is none or it is damaged."""
    try:
        stamp = json.loads(_stamp_file(step).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError, UnicodeDecodeError):
        return {}
    complete = isinstance(stamp, dict) and {"parameters", "inputs", "outputs", "seconds", "finished"} <= stamp.keys()
    return stamp if complete else {}


def _goes_on(step: Step, stamp: dict[str, Any], parameters: dict[str, Any], inputs: dict[str, str]) -> bool:
    """Whether what an earlier run left can be used."""
    if not stamp or stamp["inputs"] != inputs:
        return False
    before = stamp["parameters"]
    changed = {key for key in parameters.keys() | before.keys() if parameters.get(key) != before.get(key)}
    return changed <= step.extends


def _parameters(step: Step) -> dict[str, Any]:
    """The parameters that decide the result. A file counts by its content, which is among the inputs."""
    values = step.model_dump(exclude=set(step.indifferent))
    return {name: value.suffix if isinstance(value, Path) else value for name, value in values.items()}


def _has_all(step: Step, stamp: dict[str, Any]) -> bool:
    """Whether every file the step wrote is still there (it may have been edited: that is its owner's right)."""
    return all((step.folder / name).is_file() for name in stamp["outputs"])


def _files(paths: tuple[Path, ...]) -> Iterator[Path]:
    """Every plain file at or directly below ``paths``, in order."""
    for path in paths:
        if path.is_file():
            yield path
        else:
            yield from files_in(path)


def _stamp_file(step: Step) -> Path:
    return step.voice.stamps / f"{step.stamp_name}.json"


def _write_stamp(step: Step, stamp: dict[str, Any]) -> None:
    write_text(_stamp_file(step), json.dumps(stamp, indent=1))
