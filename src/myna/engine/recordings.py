"""The first two steps over whole folders: recordings become 32 kHz wav, and are cut into clips.

Recordings go by in blocks, so their length costs no memory. Each file is written under a temporary name first.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from myna.audio.clip_names import shortened
from myna.audio.io import DecodeLimits, decode_blocks
from myna.audio.loudness import Extent
from myna.audio.slicer import CLIP_RATE_HZ, SliceSettings, slice_file
from myna.audio.wave_file import write_wav_blocks
from myna.core.errors import BadAudio, BadInput, NotFound
from myna.core.findings import Findings, Tally, printable
from myna.core.progress import Progress, named
from myna.core.workspace import bring_to_disk, inside, make_folder
from myna.engine.processes import each_shared, num_cores, num_processes
from myna.engine.voice_activity import VoiceActivity

_SHORTEST_S = 0.1
_MOST_NAME_BYTES = 160  # what later steps add to a clip's name has to fit too


@dataclass(frozen=True)
class RecordingLimits:
    """How much sound all recordings must hold together, and what one may hold at most."""

    min_seconds: float
    max_seconds: float
    max_bytes: int


def convert_recordings(
    source: Path,
    folder: Path,
    *,
    limits: RecordingLimits,
    num_parts: int = 0,
    root: Path | None = None,
    progress: Progress,
) -> Findings:
    """Every recording in ``source`` as 32 kHz mono int16 wav in ``folder``; those that cannot be used are told.

    ``num_parts`` processes share the files (0: one per core). Links may lead anywhere in ``root``, by default
    ``source``.

    Raises:
        NotFound: there is no ``source``.
        BadAudio: no recording can be used (each with its reason), or they are together shorter than
            ``limits.min_seconds``.
    """
    tally = Tally()
    recordings = plain_files(source, root or source, tally)
    names = dict(zip(recordings, clip_safe_names(recordings), strict=True))
    processes = num_processes(recordings, num_parts)
    work = _Converting(folder, names, limits, len(recordings) == 1, _has_core_to_spare(processes))
    done = each_shared(recordings, work, processes, tally, progress)
    tally.require(len(done), BadAudio, "no recording can be used")
    held = sum(seconds for _, seconds in done)
    if held < limits.min_seconds:
        tally.require(
            0, BadAudio, f"the recordings hold {held:.1f} s together; give at least {limits.min_seconds:g} s of speech"
        )
    return tally.findings()


@dataclass(frozen=True)
class _Converting:
    """Converts one recording; answers its seconds."""

    folder: Path
    names: dict[Path, str]
    limits: RecordingLimits
    is_only: bool
    ahead: bool

    def __call__(self, recording: Path, progress: Progress) -> float:
        extent = Extent()
        limits = DecodeLimits(max_bytes=self.limits.max_bytes, max_seconds=self.limits.max_seconds)
        shortest = self.limits.min_seconds if self.is_only else _SHORTEST_S

        def checked() -> Iterator[np.ndarray]:
            told = named(progress, printable(recording.name))
            for block in decode_blocks(recording, CLIP_RATE_HZ, limits=limits, ahead=self.ahead, progress=told):
                extent.feed(block)
                yield block
            extent.check(CLIP_RATE_HZ, min_seconds=shortest, max_seconds=limits.max_seconds)

        return write_wav_blocks(self.folder / self.names[recording], checked(), CLIP_RATE_HZ) / CLIP_RATE_HZ


def clip_safe_names(recordings: Sequence[Path]) -> list[str]:
    """A wav name for each recording, fit for label files and all different, whatever the file system calls equal."""
    names: dict[str, str] = {}
    for recording in recordings:
        composed = unicodedata.normalize("NFC", recording.stem)
        letters = "".join(char if _is_of_a_word(char) or char in "_-. " else "_" for char in composed)
        stem = shortened(letters.strip(". ") or "recording", _MOST_NAME_BYTES)
        name, number = stem, 2
        while name.casefold() in names:
            name, number = f"{stem}-{number}", number + 1
        names[name.casefold()] = f"{name}.wav"
    return list(names.values())


def _is_of_a_word(char: str) -> bool:
    """Letters, digits, and the marks that many scripts write vowels and tones with."""
    return char.isalnum() or unicodedata.category(char) in ("Mn", "Mc")


def slice_recordings(
    source: Path,
    folder: Path,
    *,
    settings: SliceSettings,
    voice_threshold: float | None = None,
    num_parts: int = 0,
    share: tuple[int, int] = (0, 1),
    root: Path | None = None,
    progress: Progress,
) -> Findings:
    """Cut a recording, or every one in the folder ``source``, into clips in ``folder``.

    A pause is silence, or with a ``voice_threshold`` where nobody is as likely to speak (`VoiceActivity`). ``share``
    (i, n) cuts every n-th recording beginning with number i; the other arguments are as in `convert_recordings`.

    Raises:
        NotFound: there is no ``source``.
        BadInput: ``folder`` is ``source``, or there is no such share.
        BadAudio: no recording gives a clip (each with its reason).
        MissingExtra: what finds voices is not installed.
    """
    part, num_shares = share
    if not 0 <= part < num_shares:
        raise BadInput(f"i_part is {part} of all_part {num_shares}; it must be between 0 and {num_shares - 1}")
    if source.resolve() == folder.resolve():
        raise BadInput(f"clips cannot lie among the recordings in {source}; name another folder for them")
    tally = Tally()
    recordings = plain_files(source, root or source, tally)[part::num_shares]
    make_folder(folder)
    processes = num_processes(recordings, num_parts)
    work = _Slicing(folder, settings, voice_threshold, _has_core_to_spare(processes))
    done = each_shared(recordings, work, processes, tally, progress)
    bring_to_disk(folder)
    if num_shares == 1 or tally.failures:
        tally.require(len(done), BadAudio, "no recording gives a clip")
    return tally.findings(f"{sum(count for _, count in done)} clips of {len(done)} recordings")


@dataclass(frozen=True)
class _Slicing:
    """Cuts one recording; answers how many clips it gave."""

    folder: Path
    settings: SliceSettings
    voice_threshold: float | None
    ahead: bool

    def __call__(self, recording: Path, progress: Progress) -> int:
        told = named(progress, printable(recording.name))
        clips = slice_file(
            recording,
            self.folder,
            self.settings,
            pauses=self._pauses(),
            ahead=self.ahead,
            progress=told,
        )
        count = sum(1 for _ in clips)
        if not count:
            raise BadAudio(self._why_nothing())
        return count

    def _pauses(self) -> VoiceActivity | None:
        if self.voice_threshold is None:
            return None
        return VoiceActivity(self.settings.in_frames(CLIP_RATE_HZ).hop, self.voice_threshold)

    def _why_nothing(self) -> str:
        if self.voice_threshold is None:
            return f"nothing in it is above {self.settings.threshold:g} dBFS; record louder, or lower that threshold"
        return "no voice was found in it; cut it at silence (method silence) if there is one"


def plain_files(source: Path, root: Path, tally: Tally) -> list[Path]:
    """``source`` itself if it is a file, else what lies in it, by name; what is no file of it goes to ``tally``.

    Hidden and half-written files are left out silently. Links may lead anywhere in ``root``.

    Raises:
        NotFound: there is neither.
    """
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise NotFound(f"there is no file or folder {source}; give a recording or a folder of recordings")
    files = []
    for entry in sorted(source.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_symlink() and not _leads_inside(entry, root):
            tally.add(entry, "it is a link that leads out of the folder; put a copy of the file there")
        elif entry.is_dir():
            tally.add(entry, "it is a folder; give it by itself, or put its files beside the others")
        elif not entry.is_file():
            tally.add(entry, "it is no file that can be read")
        else:
            files.append(entry)
    return files


def _leads_inside(link: Path, root: Path) -> bool:
    try:
        inside(root, link.resolve())
    except (BadInput, OSError, RuntimeError):  # the last two: links in a circle
        return False
    return True


def _has_core_to_spare(processes: int) -> bool:
    """Whether each of so many processes may decode in a thread of its own."""
    return num_cores() >= 2 * processes
