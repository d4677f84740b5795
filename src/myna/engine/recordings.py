"""The first two steps over whole folders: recordings become 32 kHz wav, and are cut into clips.

Each writes one file per input under a temporary name first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from myna.audio.io import DecodeLimits, decode, write_wav
from myna.audio.loudness import check_recording
from myna.audio.slicer import CLIP_RATE_HZ, SliceSettings, slice_file
from myna.core.errors import BadAudio, BadInput
from myna.core.progress import Progress
from myna.core.workspace import files_in, make_folder

_SHORTEST_S = 0.1


@dataclass(frozen=True)
class RecordingLimits:
    """How much sound all recordings must hold together, and what one may hold at most."""

    min_seconds: float
    max_seconds: float
    max_bytes: int


def convert_recordings(source: Path, folder: Path, *, limits: RecordingLimits, progress: Progress) -> list[Path]:
    """Every recording in ``source`` as 32 kHz mono int16 wav in ``folder``.

    Raises:
        BadAudio: no audio, silent, or together shorter than ``limits.min_seconds``; the recording is named.
        LimitExceeded: longer or larger than the limits.
    """
    decoding = DecodeLimits(max_bytes=limits.max_bytes, max_seconds=limits.max_seconds)
    recordings = files_in(source)
    shortest = limits.min_seconds if len(recordings) == 1 else _SHORTEST_S
    total_s, written = 0.0, []
    for number, (recording, name) in enumerate(zip(recordings, clip_safe_names(recordings), strict=True)):
        progress(number / len(recordings), recording.name)
        try:
            audio = decode(recording, CLIP_RATE_HZ, limits=decoding)
            check_recording(audio, min_seconds=shortest, max_seconds=limits.max_seconds)
        except BadInput as error:
            raise type(error)(f"{recording.name}: {error}") from error
        write_wav(folder / name, audio.samples, audio.sample_rate)
        total_s += audio.seconds
        written.append(folder / name)
    if total_s < limits.min_seconds:
        raise BadAudio(
            f"the recordings hold {total_s:.1f} s together; give at least {limits.min_seconds:g} s of speech"
        )
    return written


def clip_safe_names(recordings: Sequence[Path]) -> list[str]:
    """A wav name for each recording, fit for label files and all different."""
    names: list[str] = []
    for recording in recordings:
        stem = "".join(char if char.isalnum() or char in "_-. " else "_" for char in recording.stem).strip(". ")
        name, number = stem or "recording", 2
        while f"{name}.wav" in names:
            name, number = f"{stem}-{number}", number + 1
        names.append(f"{name}.wav")
    return names


def slice_recordings(source: Path, folder: Path, *, settings: SliceSettings, progress: Progress) -> list[Path]:
    """Cut every wav in ``source`` into clips in ``folder``; raises `BadAudio` where none has one."""
    make_folder(folder)
    clips: list[Path] = []
    recordings = files_in(source)
    for number, recording in enumerate(recordings):
        progress(number / len(recordings), recording.name)
        clips += slice_file(recording, folder, settings)
    if not clips:
        raise BadAudio(
            f"nothing in the recordings is above {settings.threshold:g} dBFS; record louder, or lower that threshold"
        )
    return clips
