"""What a training tells: its curve as JSON lines, TensorBoard events, a picture of the losses, progress, and notes."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from myna.core.errors import BadInput
from myna.core.progress import Progress
from myna.core.workspace import disk_errors, make_folder, write_text
from myna.engine.pictures import curves_svg
from myna.engine.training.events import Events, open_events

CURVE = "losses.jsonl"
PICTURE = "losses.svg"
NOTES = "notes.json"
EVENTS = "tensorboard"

_PLACE = ("epoch", "step")
_RECENT = 0.2
"""Weight of the newest step in the speed that is shown."""
_MAX_NOTES = 20


class Teller:
    """Tells about one training whose files are in the folder ``run``.

    A point of the curve is ``epoch``, ``step``, losses and figures by name, and, one floor down so that they are no
    curves, the learning rate of each phase (``rates``) and the speed (``clips_per_s``, ``seconds``).
    """

    def __init__(self, run: Path, epochs: int, num_batches: int) -> None:
        self.run, self.epochs, self.total = run, epochs, epochs * num_batches
        self.writes = False
        """Only between `begin` and `end`: of several processes one writes."""
        self.notes: list[str] = []
        self._news = ""
        self._events: Events | None = None
        self._last = time.monotonic()
        self._begun = self._last
        self._step_s = self._clips_per_s = 0.0

    def begin(self, step: int, notes: Sequence[str]) -> None:
        """Go on behind ``step``: later points and events are made again."""
        self.notes, self.writes = list(notes), True
        make_folder(self.run)
        self._write_notes()
        _trim(self.run / CURVE, step)
        self._events = open_events(self.run / EVENTS, step)
        self._begun = self._last = time.monotonic()

    def end(self) -> None:
        """Close the files."""
        if self._events is not None:
            self._events.close()

    def note(self, text: str) -> None:
        """Something worth telling a person: with the next progress, and at the end."""
        self._news = text
        if text not in self.notes and len(self.notes) < _MAX_NOTES:
            self.notes.append(text)
            if self.writes:
                self._write_notes()

    def points(self, points: Sequence[Mapping[str, float]], rates: Mapping[str, float], num_clips: int) -> None:
        """Append the points of one optimiser step, in which ``num_clips`` clips were seen on all devices."""
        now = time.monotonic()
        seconds, self._last = max(now - self._last, 1e-9), now
        is_first = not self._step_s
        weight = 1.0 if is_first else _RECENT
        self._step_s += weight * (seconds / len(points) - self._step_s)
        self._clips_per_s += weight * (num_clips / seconds - self._clips_per_s)
        speed = {"clips_per_s": round(self._clips_per_s, 3), "seconds": round(now - self._begun, 3)}
        lines = [_rounded(point) | {"rates": dict(rates), "speed": speed} for point in points]
        path = self.run / CURVE
        with disk_errors(path), path.open("a", encoding="utf-8") as file:
            file.write("".join(json.dumps(line) + "\n" for line in lines))
        if self._events is not None:
            self._add_events(self._events, points, rates)

    def paused(self) -> None:
        """What happened since the last step (saving, speaking) does not count as training time."""
        self._last = time.monotonic()

    def progress(self, point: Mapping[str, float], progress: Progress) -> None:
        """Say where the training stands, after ``point``."""
        step = int(point["step"])
        shown = [self._news] if self._news else []
        shown += [f"{name} {value:.3f}" for name, value in point.items() if name not in _PLACE]
        self._news = ""
        shown.append(f"{self._clips_per_s:.1f} clips/s")
        left = _duration(self._step_s * (self.total - step))
        place = f"epoch {int(point['epoch'])} of {self.epochs}, step {step} of {self.total}"
        progress(min(step / self.total, 1.0), f"{place}, {', '.join(shown)}, {left} left")

    def draw(self) -> None:
        """Draw the losses so far."""
        curves = read_curves(self.run / CURVE)
        picture = curves_svg(curves)
        if picture:
            write_text(self.run / PICTURE, picture)

    def _write_notes(self) -> None:
        write_text(self.run / NOTES, json.dumps(self.notes))

    def _add_events(self, events: Events, points: Sequence[Mapping[str, float]], rates: Mapping[str, float]) -> None:
        for point in points:
            losses = {f"loss/{name}": value for name, value in point.items() if name not in _PLACE}
            events.add(losses, int(point["step"]))
        speed = {"clips_per_second": self._clips_per_s}
        events.add({f"learning_rate/{name}": rate for name, rate in rates.items()} | speed, int(points[-1]["step"]))


def read_curves(file: Path) -> dict[str, list[float]]:
    """The numbers of a training's JSON lines by name, ``epoch`` and ``step`` left out; empty where there are none."""
    curves: dict[str, list[float]] = {}
    if not file.is_file():
        return curves
    for line in file.read_text(encoding="utf-8").splitlines():
        for name, value in json.loads(line).items():
            if name not in _PLACE and isinstance(value, int | float):
                curves.setdefault(name, []).append(float(value))
    return curves


def notes_of(run: Path) -> tuple[str, ...]:
    """What the last training in the folder ``run`` had to tell; raises `BadInput` where its file is damaged."""
    path = run / NOTES
    if not path.is_file():
        return ()
    try:
        return tuple(str(note) for note in json.loads(path.read_text(encoding="utf-8")))
    except ValueError:
        raise BadInput(f"{path} is damaged; remove it") from None


def _trim(path: Path, step: int) -> None:
    """Drop the points behind ``step``: those steps are made again."""
    if not path.is_file():
        return
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = lines[:step]
    if kept != lines:
        write_text(path, "".join(kept))


def _rounded(point: Mapping[str, float]) -> dict[str, Any]:
    return {name: value if name in _PLACE else round(value, 5) for name, value in point.items()}


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
