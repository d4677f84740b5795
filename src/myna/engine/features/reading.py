"""What the nets of a version can be given to read: a language that they have learnt, and the user's dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path

from myna.checkpoints.names import read_names
from myna.core.assets import asset, place
from myna.core.errors import BadInput, MissingExtra, UnknownChoice
from myna.core.versions import ModelVersion
from myna.text.en.official.words import use_names
from myna.text.frontend import LANGUAGES, modes, use_polyphone_model
from myna.text.markup import parse
from myna.text.segment import segments
from myna.text.words import FILE_NAME, Words, read_words

POLYPHONES = asset("g2pw").file
"""The folder of the g2pW model below that of the models, as in the official program."""

_SHOWN_CHARS = 20


def readable_modes(version: ModelVersion) -> list[str]:
    """The modes of a text (see `myna.text.segment`) in which nets of ``version`` can speak."""
    known = ("auto", *version.languages)
    return [mode for mode in modes(version.symbols) if mode.rpartition("_")[2] in known]


def mode_for(text: str, language: str, version: ModelVersion) -> str:
    """The mode in which ``text``, given as being in ``language``, is read for nets of ``version``.

    It is ``language`` itself, except that a version of one language reads numbers alone in that one. Raises
    `UnknownChoice` for a mode that is none or not one of the version's, `BadInput` for markup that is wrong, and where
    a part of the text is in a language that the nets have not learnt.
    """
    known = readable_modes(version)
    if language not in known:
        what = f"language for version {version.name!r}" if language in modes(version.symbols) else "language"
        raise UnknownChoice(what, language, known)
    if set(version.languages) >= set(LANGUAGES):
        return language
    for segment in segments(parse(text).text, language):
        if segment.language not in version.languages and any(map(str.isalpha, segment.text)):
            shown = " ".join(segment.text.split())
            shown = shown if len(shown) <= _SHOWN_CHARS else f"{shown[:_SHOWN_CHARS]}…"
            raise BadInput(
                f"version {version.name!r} cannot say {shown!r}, which is in {segment.language!r}; its languages: "
                f"{', '.join(version.languages)}"
            )
    return version.languages[0] if len(version.languages) == 1 else language


def choose_polyphones(models: Path) -> str | None:
    """From now on the g2pW model reads Chinese polyphones, if it is in the folder ``models``.

    Returns what is in use; None where no such model was looked at, for want of its folder or of Chinese.
    """
    folder = models / POLYPHONES
    if folder.is_dir():
        with suppress(MissingExtra):  # reading Chinese says so
            return use_polyphone_model(folder, place("bert", models))
    return None


def choose_names(models: Path) -> Path | None:
    """From now on the official reading of English knows the names of the official list, if ``models`` has it.

    Returns the list's path; None where it is not there. It is read when that reading meets a word that the dictionary
    does not have: our own reading never needs it.
    """
    path = place("english_names", models)
    is_there = path.is_file()
    use_names(partial(read_names, path) if is_there else None)
    return path if is_there else None


def dictionary(folders: Sequence[Path | None]) -> Words:
    """The user's dictionaries in ``folders``, the last folder's entries first; kept until a file changes.

    Raises as `read_words`.
    """
    there = [folder for folder in folders if folder is not None]
    return _read(tuple(there), tuple(_state(folder / FILE_NAME) for folder in there))


@lru_cache(maxsize=8)
def _read(folders: tuple[Path, ...], _states: tuple[tuple[int, int] | None, ...]) -> Words:
    return read_words(folders)


def _state(path: Path) -> tuple[int, int] | None:
    """What changes when the file does; None where there is none."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size
