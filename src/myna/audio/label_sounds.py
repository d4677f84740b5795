"""The sounds behind labels: where they lie, joined, and cut in two. Originals stay unless they are asked to go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from myna.audio.encode import FORMATS, write_audio
from myna.audio.io import Audio, decode, resample
from myna.audio.labels import Label
from myna.core.errors import BadInput, NotFound

MIN_PART_S = 0.1
"""Neither half of a cut may be shorter."""
MAX_PAUSE_S = 10.0


def sound_file(label: Label, clips: Path | None, beside: Path | None = None, root: Path | None = None) -> Path:
    """The file of a label's sound.

    ``clips``: the folder of all clips; None: where the label says, first seen from the working folder, then from
    ``beside``. ``root``: the folder that must hold it, symbolic links followed.

    Raises:
        NotFound: there is no such file.
        BadInput: it lies outside ``root``.
    """
    path = located(label, clips, beside)
    if root is not None and not path.resolve().is_relative_to(root.resolve()):
        raise BadInput(f"{label.path} lies outside {root}; only sounds in that folder can be used")
    if not path.is_file():
        raise NotFound(f"there is no clip {path}")
    return path


def located(label: Label, clips: Path | None, beside: Path | None = None) -> Path:
    """Where a label's sound should be, there or not; see `sound_file`."""
    path = label.located(clips)
    if clips is None and beside is not None and not label.path.is_absolute() and not path.is_file():
        return Label(beside / label.path, "", "", "").located(None)
    return path


def joined(sounds: Sequence[Path], pause_s: float) -> Audio:
    """The sounds one after the other, with silence between, at the first one's rate.

    Raises:
        BadInput: fewer than two, or a pause outside 0 to 10 s.
        BadAudio, NotFound: a sound cannot be read.
    """
    if len(sounds) < 2:
        raise BadInput("at least two clips are needed to join them")
    if not 0.0 <= pause_s <= MAX_PAUSE_S:
        raise BadInput(f"a pause of {pause_s:g} s is outside 0 to {MAX_PAUSE_S:g} s")
    first, *others = (decode(path) for path in sounds)
    rate = first.sample_rate
    pause = np.zeros(round(pause_s * rate), np.float32)
    parts = [first.samples]
    for other in others:
        parts += [pause, resample(other.samples, other.sample_rate, rate)]
    return Audio(np.concatenate(parts), rate)


def halves(sound: Path, at_s: float) -> tuple[Audio, Audio]:
    """A sound cut at ``at_s`` seconds; raises `BadInput` where a half would be shorter than 0.1 s, and as `decode`."""
    audio = decode(sound)
    if not MIN_PART_S <= at_s <= audio.seconds - MIN_PART_S:
        raise BadInput(
            f"{sound.name} is {audio.seconds:.2f} s long; cut it between {MIN_PART_S:g} and "
            f"{audio.seconds - MIN_PART_S:.2f} s, not at {at_s:g} s"
        )
    cut = round(at_s * audio.sample_rate)
    return Audio(audio.samples[:cut], audio.sample_rate), Audio(audio.samples[cut:], audio.sample_rate)


def write_beside(path: Path, audio: Audio) -> Path:
    """Write ``audio`` as wav beside ``path`` under its name with a number that is free; returns the file."""
    number = 0
    while (target := path.with_name(f"{path.stem}_{number:02d}.wav")).exists():
        number += 1
    write_audio(target, audio.samples, audio.sample_rate)
    return target


def overwrite(path: Path, audio: Audio) -> None:
    """Write ``audio`` in place of ``path``, in its format; raises `BadInput` where it is none that can be written."""
    if path.suffix.lower().lstrip(".") not in FORMATS:
        raise BadInput(f"{path.name} cannot be overwritten in its format; write new files instead")
    write_audio(path, audio.samples, audio.sample_rate)
