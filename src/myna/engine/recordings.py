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
from myna.core.errors import BadAudio
from myna.core.findings import Findings, Tally, each
from myna.core.progress import Progress
from myna.core.workspace import files_in, make_folder

_SHORTEST_S = 0.1


@dataclass(frozen=True)
class RecordingLimits:
    """How much sound all recordings must hold together, and what one may hold at most."""

    min_seconds: float
    max_seconds: float
    max_bytes: int


def convert_recordings(source: Path, folder: Path, *, limits: RecordingLimits, progress: Progress) -> Findings:
    """Every recording in ``source`` as 32 kHz mono int16 wav in ``folder``; those that cannot be used are told.

    Raises:
        BadAudio: no recording can be used (each with its reason), or they are together shorter than
            ``limits.min_seconds``.
    """
    decoding = DecodeLimits(max_bytes=limits.max_bytes, max_seconds=limits.max_seconds)
    recordings, tally = files_in(source), Tally()
    shortest = limits.min_seconds if len(recordings) == 1 else _SHORTEST_S
    names = dict(zip(recordings, clip_safe_names(recordings), strict=True))

    def convert(recording: Path) -> float:
        audio = decode(recording, CLIP_RATE_HZ, limits=decoding)
        check_recording(audio, min_seconds=shortest, max_seconds=limits.max_seconds)
        write_wav(folder / names[recording], audio.samples, audio.sample_rate)
        return audio.seconds

    seconds = [seconds for _, seconds in each(recordings, convert, tally, progress)]
    tally.require(len(seconds), BadAudio, "no recording can be used")
    if sum(seconds) < limits.min_seconds:
        held = f"the recordings hold {sum(seconds):.1f} s together; give at least {limits.min_seconds:g} s of speech"
        tally.require(0, BadAudio, held)
    return tally.findings()


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


def slice_recordings(source: Path, folder: Path, *, settings: SliceSettings, progress: Progress) -> Findings:
    """Cut a recording, or every one in the folder ``source``, into clips in ``folder``.

    Raises:
        BadAudio: no recording gives a clip.
    """
    make_folder(folder)
    recordings, tally = [source] if source.is_file() else files_in(source), Tally()

    def cut(recording: Path) -> int:
        clips = slice_file(recording, folder, settings)
        if not clips:
            raise BadAudio(f"nothing in it is above {settings.threshold:g} dBFS; record louder, or lower the threshold")
        return len(clips)

    counts = [count for _, count in each(recordings, cut, tally, progress)]
    tally.require(len(counts), BadAudio, "no recording gives a clip")
    return tally.findings(f"{sum(counts)} clips of {len(counts)} recordings")
