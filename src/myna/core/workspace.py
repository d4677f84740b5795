"""Where things lie: voices, their folders, the official dataset folder; and how a file is written whole or not at all.

A voice folder holds everything about one voice, in the order of the eleven steps::

    input_audio/    recordings as they came           transcripts/   the label file, a given transcript
    converted_wav/  32 kHz mono wav                   experiments/   the dataset folder of each experiment
    sliced/         clips cut at pauses               output/        speech of the inference test
    denoised/       clips without noise               voice.json     what `say` needs to know
    words.tsv       how words are read, if anything is to be read otherwise
    check/          what was found when the clips were looked through
    separated/      voices taken out of the recordings, if that was wished; accompaniment/  what sounded beside them

The dataset folder's names and formats are those of GPT-SoVITS, so either program can go on with the other's folder.
"""

from __future__ import annotations

import ctypes
import errno
import math
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from myna.core.errors import BadInput, NotFound, WorkspaceError

if TYPE_CHECKING:
    from myna.core.versions import ModelVersion

WORDS_FILE = "words.tsv"
"""A user's dictionary, in the folder of a workspace for all voices, in that of a voice for that one."""

_MAX_NAME_CHARS = 64
_MAX_NAME_BYTES, _MAX_PATH_BYTES = 255, 3072
_PART = ".part-"
_SHOWN_CHARS = 48


@dataclass(frozen=True)
class DatasetFolder:
    """One experiment: what training reads. Clips are named by their wav file's name, extension included."""

    path: Path

    @property
    def name(self) -> str:
        """The experiment's name, which saved weights carry."""
        return self.path.name

    @property
    def text_file(self) -> Path:
        """Lines ``clip TAB phones TAB word2ph TAB normalised text``."""
        return self.path / "2-name2text.txt"

    @property
    def bert(self) -> Path:
        """Folder of ``<clip>.pt``, each (1024, phones); Chinese only."""
        return self.path / "3-bert"

    @property
    def content(self) -> Path:
        """Folder of ``<clip>.pt``, each (1, C, T) at 50 frames per second."""
        return self.path / "4-cnhubert"

    @property
    def wav32k(self) -> Path:
        """Folder of level-mixed 32 kHz int16 mono clips."""
        return self.path / "5-wav32k"

    @property
    def semantic_file(self) -> Path:
        """Header ``item_name TAB semantic_audio``, then ``clip TAB tokens``."""
        return self.path / "6-name2semantic.tsv"

    @property
    def speaker(self) -> Path:
        """Folder of ``<clip>.pt``, each one voiceprint as (1, width)."""
        return self.path / "7-sv_cn"

    @property
    def left_out_file(self) -> Path:
        """JSON lines: which clips extraction and training left out, and why."""
        return self.path / "left_out.jsonl"

    @property
    def shards(self) -> Path:
        """What the trainings read, packed: made of all else in the folder, anew where that changes."""
        return self.path / "shards"

    def gpt_run(self, version: ModelVersion) -> Path:
        """State of the GPT training, to resume from."""
        return self.path / f"logs_s1{version.weights_suffix}"

    def sovits_run(self, version: ModelVersion) -> Path:
        """State of the SoVITS training, to resume from."""
        return self.path / f"logs_s2{version.weights_suffix}"


@dataclass(frozen=True)
class VoiceFolder:
    """Everything about one voice; see the module's text for the layout."""

    path: Path

    @property
    def name(self) -> str:
        """The voice's name."""
        return self.path.name

    @property
    def input_audio(self) -> Path:
        """Recordings as they came, in any format."""
        return self.path / "input_audio"

    @property
    def separated(self) -> Path:
        """Voices taken out of the recordings."""
        return self.path / "separated"

    @property
    def accompaniment(self) -> Path:
        """What sounded beside those voices: music, reverberation, echoes."""
        return self.path / "accompaniment"

    @property
    def converted_wav(self) -> Path:
        """Recordings as 32 kHz mono int16 wav."""
        return self.path / "converted_wav"

    @property
    def sliced(self) -> Path:
        """Clips, named ``<recording>_<first sample>_<end sample>.wav`` in 32 kHz samples."""
        return self.path / "sliced"

    @property
    def denoised(self) -> Path:
        """The same clips, without noise."""
        return self.path / "denoised"

    @property
    def transcripts(self) -> Path:
        """The label file, and the transcript somebody gave."""
        return self.path / "transcripts"

    @property
    def labels(self) -> Path:
        """The label file (``path|speaker|language|text``), named after the folder of its clips."""
        return self.transcripts / "denoised.list"

    @property
    def check(self) -> Path:
        """What was found when the clips and their labels were looked through."""
        return self.path / "check"

    @property
    def output(self) -> Path:
        """What the trained voice said."""
        return self.path / "output"

    @property
    def card(self) -> Path:
        """The `Voice` record as JSON: a voice is finished when this is there."""
        return self.path / "voice.json"

    @property
    def words(self) -> Path:
        """The voice's own dictionary, where its user has written one."""
        return self.path / WORDS_FILE

    @property
    def stamps(self) -> Path:
        """What each finished step did, from which input."""
        return self.path / ".steps"

    def dataset(self, experiment: str = "") -> DatasetFolder:
        """The dataset folder of ``experiment``; by default the voice's own name."""
        return DatasetFolder(self.path / "experiments" / checked_name("experiment", experiment or self.name))

    def gpt_weights(self, version: ModelVersion) -> Path:
        """Folder of trained GPT weights, ``<experiment>-e<epoch>.safetensors``."""
        return self.path / f"GPT_weights{version.weights_suffix}"

    def sovits_weights(self, version: ModelVersion) -> Path:
        """Folder of trained SoVITS weights, ``<experiment>_e<epoch>_s<step>.safetensors``."""
        return self.path / f"SoVITS_weights{version.weights_suffix}"


@dataclass(frozen=True)
class Workspace:
    """All voices of an installation, below ``root/voices``."""

    root: Path

    @property
    def voices(self) -> list[VoiceFolder]:
        """The voices that exist, finished or not, by name."""
        folder = self.root / "voices"
        if not folder.is_dir():
            return []
        return [VoiceFolder(path) for path in sorted(folder.iterdir()) if path.is_dir() and path.name[0] != "."]

    def voice(self, name: str) -> VoiceFolder:
        """The folder of a voice, which need not exist yet; raises `BadInput` where the name cannot be a folder's."""
        return VoiceFolder(self.root / "voices" / checked_name("voice", name))

    def existing_voice(self, name: str) -> VoiceFolder:
        """The folder of a voice that exists; raises `NotFound` naming those that do."""
        voice = self.voice(name)
        if not voice.path.is_dir():
            there = ", ".join(other.name for other in self.voices) or "none yet; make one with `myna clone`"
            raise NotFound(f"there is no voice {name!r}; voices here: {there}")
        return voice


def checked_name(what: str, name: str) -> str:
    """``name`` itself; raises `BadInput` unless it is 1 to 64 letters, digits, spaces or ``_ - .``, no dot first."""
    letters = all(char.isalnum() or char in "_-. " for char in name)
    if not letters or not 0 < len(name) <= _MAX_NAME_CHARS or name[0] in ". -" or name != name.strip():
        raise BadInput(
            f"{what} name {name[:80]!r} cannot be used; take 1 to {_MAX_NAME_CHARS} letters, digits, spaces, '_', '-' "
            "or '.', beginning with a letter, a digit or '_'"
        )
    return name


def inside(root: Path, relative: str | Path) -> Path:
    """``root / relative``, resolved; raises `BadInput` where that leaves ``root`` (``..``, absolute, symbolic link)."""
    _require_usable(relative)
    whole = root.resolve()
    path = (whole / relative).resolve()
    if path != whole and whole not in path.parents:
        raise BadInput(f"path {str(relative)!r} leads out of its folder; give one that stays inside")
    return path


def _require_usable(given: str | Path) -> None:
    """Raise `BadInput` for a path that no file system can have: an error of the system wherever it went."""
    try:
        name = os.fsencode(str(given))
    except UnicodeEncodeError:
        raise BadInput("a path must be text that can be written as UTF-8") from None
    if b"\0" in name:
        raise BadInput("a path must not contain a zero byte")
    if len(name) > _MAX_PATH_BYTES or any(len(part) > _MAX_NAME_BYTES for part in name.split(b"/")):
        raise BadInput(f"path {str(given)[:80]!r}… is too long")


def inside_roots(roots: tuple[Path, ...], given: str | Path) -> Path:
    """``given``, resolved, if it lies in one of ``roots``; relative ones are looked for in each of them.

    Raises `BadInput`.
    """
    if not str(given).strip():
        raise BadInput("a path must not be empty")
    _require_usable(given)
    path = Path(given)
    places = [path.resolve()] if path.is_absolute() else [(root / path).resolve() for root in roots]
    allowed = [place for place in places if any(place == root or root in place.parents for root in roots)]
    found = next((place for place in allowed if place.exists()), None)
    if found is not None:
        return found
    if not allowed:
        raise BadInput(f"path {str(given)!r} leads out of the folders that requests may name; see the setting `roots`")
    return allowed[0]


@contextmanager
def writing(path: Path, *, is_one_of_many: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` (same suffix): renamed to it on success, removed on any failure.

    Folders on the way are made. Where it ``is_one_of_many``, the disk may have the name before it has the bytes, until
    `bring_to_disk` is called for all. Raises `WorkspaceError` where the folder cannot be written or the disk is full.
    """
    # Of the name only its end, because with a mark before it the longest names would be too long.
    temporary = path.with_name(f"{_PART}{secrets.token_hex(4)}-{path.name[-_SHOWN_CHARS:]}")
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            if not is_one_of_many:
                _flush(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def bring_to_disk(folder: Path) -> None:
    """Wait until all that was written on the file system of ``folder`` is on the disk; errors as in `writing`.

    For many files that is several times quicker than to wait for each. Source: syncfs(2).
    """
    with disk_errors(folder):
        number = os.open(folder, os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).syncfs(number):
                failed = ctypes.get_errno()
                raise OSError(failed, os.strerror(failed))
        except AttributeError:  # a system that has only the like for all its disks
            os.sync()
        finally:
            os.close(number)


def clear_unfinished(folder: Path, before: float = math.inf) -> None:
    """Remove what `writing` was at in ``folder`` when its process was killed.

    Nobody else may be writing there; or only what was last written before that time, in seconds since 1970, is removed.
    """
    if folder.is_dir():
        for path in folder.glob(f"{_PART}*"):
            with suppress(FileNotFoundError):  # it was finished, or removed, by somebody else
                if path.stat().st_mtime < before:
                    path.unlink()


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` whole or not at all; errors as in `writing`."""
    with writing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8 whole or not at all; errors as in `writing`."""
    write_bytes(path, text.encode("utf-8"))


def make_folder(path: Path) -> Path:
    """Make ``path`` and its parents where they are missing; returns it. Errors as in `writing`."""
    with disk_errors(path):
        path.mkdir(parents=True, exist_ok=True)
    return path


def files_in(folder: Path) -> list[Path]:
    """The plain files of ``folder`` by name, hidden and half-written ones left out; empty where it is missing."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_file() and path.name[0] != ".")


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals around ``path`` into a one-line `WorkspaceError`."""
    try:
        yield
    except OSError as error:
        told = disk_error(path, error)
        if told is None:
            raise
        raise told from error


def disk_error(what: object, error: OSError) -> WorkspaceError | None:
    """The one line for an operating system's refusal to write ``what``; None where it is about something else."""
    reason = _REASONS.get(error.errno or 0)
    return WorkspaceError(f"cannot write {what}: {reason}") if reason is not None else None


def _flush(path: Path) -> None:
    """Bring the bytes to the disk, so that a rename never outruns them."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


_REASONS = {
    errno.ENOSPC: "the disk is full; free some space and run the same command again",
    errno.EDQUOT: "the disk quota is used up; free some space and run the same command again",
    errno.EFBIG: "the file is larger than this file system takes; choose another folder",
    errno.EACCES: "no permission; choose a folder you may write to",
    errno.EPERM: "no permission; choose a folder you may write to",
    errno.EROFS: "the file system is read-only; choose a folder you may write to",
    errno.ENOTDIR: "a part of the path is a file, not a folder; choose another folder",
    errno.EEXIST: "a file is in the way; move it or choose another folder",
    errno.EISDIR: "a folder is in the way; move it or choose another name",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}
