"""Hearing a folder of clips: each is decoded once, measured and heard, in batches; what is done is kept at once.

The journal is a file of JSON lines beside the label file. An interrupted run goes on after its last whole line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from myna.audio.io import Audio, decode
from myna.core.errors import CallerError
from myna.core.findings import Tally, printable
from myna.core.progress import Progress
from myna.core.workspace import disk_errors, write_text
from myna.engine.asr import Recogniser, Transcript, Word
from myna.engine.measures import Judge, measure_all

_MOST_SECONDS = 600.0
"""Sound that is held at a time."""
_MOST_MEASURED = 16
"""Clips that are measured at a time where none is heard."""


@dataclass(frozen=True)
class HeardClip:
    """A clip by its file's name: what it says (None where it was not to be heard), and its measures as plain values."""

    name: str
    said: Transcript | None
    measures: Mapping[str, Any]

    @property
    def seconds(self) -> float:
        """Its length."""
        return float(self.measures["seconds"])

    def as_line(self) -> str:
        """One line of JSON."""
        said = None if self.said is None else asdict(self.said)
        return json.dumps({"name": self.name, "said": said, "measures": self.measures})

    @classmethod
    def from_line(cls, line: str) -> HeardClip:
        """What `as_line` gave; raises `ValueError`, `KeyError` or `TypeError` for anything else."""
        row = json.loads(line)
        said = row["said"]
        if said is not None:
            said = Transcript(**{**said, "words": tuple(Word(**word) for word in said["words"])})
        return cls(row["name"], said, row["measures"])


class Journal:
    """The clips that are done, in a file that grows with them; in ``with``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clips: dict[str, HeardClip] = {}

    def __enter__(self) -> Journal:
        """Read what is there (a line that was being written when all ended is dropped), and be ready for more."""
        if self.path.is_file():
            for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    clip = HeardClip.from_line(line)
                except (ValueError, KeyError, TypeError):
                    break
                self.clips[clip.name] = clip
        write_text(self.path, "".join(f"{clip.as_line()}\n" for clip in self.clips.values()))
        with disk_errors(self.path):
            self._file = self.path.open("a", encoding="ascii")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._file.close()

    def add(self, clips: Sequence[HeardClip]) -> None:
        """Keep ``clips``, whatever happens next."""
        with disk_errors(self.path):
            self._file.writelines(f"{clip.as_line()}\n" for clip in clips)
            self._file.flush()
        self.clips |= {clip.name: clip for clip in clips}


class Ears:
    """A recogniser that is only loaded when something must be heard; in ``with``."""

    def __init__(self, make: Callable[[], Recogniser], name: str) -> None:
        self._make, self._name = make, name
        self._recogniser: Recogniser | None = None

    def __enter__(self) -> Ears:
        return self

    def __exit__(self, *_: object) -> None:
        if self._recogniser is not None:
            self._recogniser.close()

    def ready(self, progress: Progress) -> Recogniser:
        """The recogniser, loaded now if it was not."""
        if self._recogniser is None:
            progress(0.0, f"loading {self._name}")
            self._recogniser = self._make()
        return self._recogniser


def hear_clips(
    paths: Sequence[Path],
    is_heard: Callable[[Path], bool],
    *,
    ears: Ears,
    judge: Judge | None,
    journal: Journal,
    tally: Tally,
    progress: Progress,
) -> dict[str, HeardClip]:
    """Every clip that can be decoded, by its name, measured and, where ``is_heard``, heard; the others go to ``tally``.

    Clips that the journal holds are not heard again. Raises what making the recogniser raises.
    """

    def is_done(path: Path) -> bool:
        clip = journal.clips.get(path.name)
        return clip is not None and (clip.said is not None or not is_heard(path))

    waiting = [path for path in paths if not is_done(path)]
    for wanted in (True, False):
        group = [path for path in waiting if is_heard(path) is wanted]
        recogniser = ears.ready(progress) if group and wanted else None
        at_once = recogniser.at_once if recogniser else _MOST_MEASURED
        for batch in _batches(group, at_once, tally):
            sounds = [sound for _, sound in batch]
            progress((len(journal.clips) + len(tally.failures)) / len(paths), printable(batch[0][0].name))
            measures = measure_all(sounds, judge)
            said = recogniser.hear(sounds) if recogniser else [None] * len(sounds)
            journal.add(
                [
                    HeardClip(path.name, words, numbers.as_json())
                    for (path, _), words, numbers in zip(batch, said, measures, strict=True)
                ]
            )
    return {path.name: journal.clips[path.name] for path in paths if path.name in journal.clips}


def _batches(paths: Sequence[Path], at_once: int, tally: Tally) -> Iterator[list[tuple[Path, Audio]]]:
    """The sounds of the files that can be decoded, ``at_once`` at a time, fewer of very long ones."""
    batch: list[tuple[Path, Audio]] = []
    for path in paths:
        try:
            batch.append((path, decode(path)))
        except CallerError as error:
            tally.add(path, error)
            continue
        if len(batch) >= at_once or sum(sound.seconds for _, sound in batch) > _MOST_SECONDS:
            yield batch
            batch = []
    if batch:
        yield batch
