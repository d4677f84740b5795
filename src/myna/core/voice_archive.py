"""A voice as one file: a zip of its card, its weights, its references, its words, its licence and its picture.

Only what the card names goes in, and only names that a voice has come out again: nothing in a file can choose where it
is written, and none is larger than it says.
"""

from __future__ import annotations

import json
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from myna.core.card import read_card, write_card
from myna.core.errors import BadInput, Conflict, LimitExceeded
from myna.core.fields import build
from myna.core.speech import Voice
from myna.core.workspace import WORDS_FILE, VoiceFolder, make_folder, writing

CARD = "voice.json"
LICENCE = "LICENSE.txt"
ICONS = ("icon.png", "icon.jpg", "icon.webp")
MOST_BYTES = 4 * 2**30
_WEIGHTS = (".safetensors", ".pth", ".ckpt")
_SOUNDS = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac")
_MOST_FILES = 64
_BLOCK = 2**20


def export_voice(folder: VoiceFolder, path: Path) -> Path:
    """Write the voice as the file ``path``; raises `Conflict` where it is unfinished, `NotFound`, `WorkspaceError`."""
    voice = read_card(folder)
    files = dict(_files_of(folder, voice))
    card = {name: _named(value, files) for name, value in voice.model_dump(exclude={"words"}).items()}
    with writing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(CARD, json.dumps(card, ensure_ascii=False, indent=1))
        for name, file in files.items():
            archive.write(file, name)
    return path


def import_voice(stream: BinaryIO, folder: VoiceFolder, *, most_bytes: int = MOST_BYTES) -> VoiceFolder:
    """Make a voice of such a file; nothing of it stays where something is wrong.

    Raises `Conflict` where the folder is there, `BadInput` for a file that is no voice, `LimitExceeded` for one that
    holds more than ``most_bytes``, `WorkspaceError`.
    """
    if folder.path.exists():
        raise Conflict(f"there is a voice {folder.name!r} already; choose another name, or remove that")
    try:
        with zipfile.ZipFile(stream) as archive:
            voice, members = _checked(archive, most_bytes)
            make_folder(folder.path)
            for member in members:
                _extract(archive, member, folder.path / member.filename)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        shutil.rmtree(folder.path, ignore_errors=True)
        raise BadInput(f"this is no voice of Myna: {error}") from None
    except BaseException:
        shutil.rmtree(folder.path, ignore_errors=True)
        raise
    write_card(folder, _placed(voice, folder.path))
    return folder


def _files_of(folder: VoiceFolder, voice: Voice) -> Iterator[tuple[str, Path]]:
    """What goes in, by its name there."""
    for kind, file in (("gpt", voice.gpt), ("sovits", voice.sovits), ("reference", voice.reference)):
        if file is not None:
            yield f"{kind}{file.suffix.lower()}", file
    for number, file in enumerate(voice.other_references, 1):
        yield f"reference-{number}{file.suffix.lower()}", file
    for name in (WORDS_FILE, LICENCE, *ICONS):
        if (folder.path / name).is_file():
            yield name, folder.path / name


def _named(value: object, files: dict[str, Path]) -> object:
    """A path of the card by its name in the file."""
    names = {path: name for name, path in files.items()}
    if isinstance(value, Path):
        return names[value]
    if isinstance(value, tuple):
        return [names[path] for path in value]
    return value


def _checked(archive: zipfile.ZipFile, most_bytes: int) -> tuple[Voice, list[zipfile.ZipInfo]]:
    """The card, and the other members; raises `BadInput` and `LimitExceeded`."""
    members = archive.infolist()
    if len(members) > _MOST_FILES:
        raise BadInput(f"{len(members)} files are more than a voice has")
    total = sum(member.file_size for member in members)
    if total > most_bytes:
        raise LimitExceeded(f"the voice holds {total // 2**20} MiB; {most_bytes // 2**20} are taken here")
    names = [member.filename for member in members]
    strange = [name for name in names if name != CARD and not _is_known(name)]
    if strange or len(set(names)) < len(names) or CARD not in names:
        what = f"it holds {strange[0][:80]!r}" if strange else f"it must hold one {CARD}, and each file once"
        raise BadInput(f"this is no voice of Myna: {what}")
    if archive.getinfo(CARD).file_size > _BLOCK:
        raise BadInput(f"{CARD} is too large")
    try:
        card = json.loads(archive.read(CARD))
    except ValueError:
        raise BadInput(f"{CARD} is no JSON") from None
    if not isinstance(card, dict):
        raise BadInput(f"{CARD} is no JSON object")
    voice = build(Voice, {**card, **_paths(card, names), "words": None})
    return voice, [member for member in members if member.filename != CARD]


def _is_known(name: str) -> bool:
    """Whether a voice has a file of that name."""
    stem, suffix = PurePosixPath(name).stem, PurePosixPath(name).suffix
    if "/" in name or "\\" in name or name != f"{stem}{suffix}":
        return False
    is_weights = stem in ("gpt", "sovits") and suffix in _WEIGHTS
    number = stem.removeprefix("reference-")
    is_sound = suffix in _SOUNDS and (stem == "reference" or (number != stem and number.isdecimal()))
    return is_weights or is_sound or name in (WORDS_FILE, LICENCE, *ICONS)


def _paths(card: dict[str, object], names: list[str]) -> dict[str, object]:
    """The card's names as paths; raises `BadInput` for one that is not in the file."""
    found: dict[str, object] = {}
    for key in ("gpt", "sovits", "reference"):
        if card.get(key) is not None:
            found[key] = Path(_there(card[key], names))
    others = card.get("other_references") or []
    if not isinstance(others, list):
        raise BadInput("other_references must be a list")
    return found | {"other_references": tuple(Path(_there(name, names)) for name in others)}


def _there(name: object, names: list[str]) -> str:
    if not isinstance(name, str) or name not in names:
        raise BadInput(f"the card names {str(name)[:80]!r}, which is not in the file")
    return name


def _placed(voice: Voice, root: Path) -> Voice:
    """The voice with its files where they are now."""
    paths = {key: root / path for key in ("gpt", "sovits", "reference") if (path := getattr(voice, key)) is not None}
    return voice.model_copy(update={**paths, "other_references": tuple(root / path for path in voice.other_references)})


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
    """Write one member, no more of it than it says."""
    left = member.file_size
    with writing(path) as temporary, archive.open(member) as source, temporary.open("wb") as target:
        while block := source.read(_BLOCK):
            left -= len(block)
            if left < 0:
                raise BadInput(f"{member.filename} is larger than it says")
            target.write(block)
