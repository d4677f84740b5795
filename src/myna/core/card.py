"""A voice's card: the file that makes a finished voice, and says which weights and which reference it speaks with."""

from __future__ import annotations

from pathlib import Path

from myna.core.errors import Conflict, NotFound
from myna.core.fields import parse
from myna.core.speech import Voice
from myna.core.workspace import VoiceFolder, write_text

CONSENT = "Use a voice only if it is your own or its owner agreed to it, and never to deceive."
"""What whoever makes a voice is told."""

_PATHS = ("gpt", "sovits", "reference")


def write_card(folder: VoiceFolder, voice: Voice) -> None:
    """Write ``voice`` as the folder's card; files inside the folder by relative path, so that it can be moved."""
    relative = {name: _relative(folder.path, path) for name in _PATHS if (path := getattr(voice, name))}
    others = tuple(_relative(folder.path, path) for path in voice.other_references)
    fields = {**relative, "other_references": others, "words": None}  # the folder knows its words
    write_text(folder.card, voice.model_copy(update=fields).model_dump_json(indent=1) + "\n")


def read_card(folder: VoiceFolder) -> Voice:
    """The voice of ``folder``, with absolute paths, and the folder's dictionary where there is one.

    Raises:
        Conflict: the voice is not finished.
        NotFound: a file that the card names is gone.
        BadInput: the card is damaged.
    """
    if not folder.card.is_file():
        raise Conflict(f"voice {folder.name!r} is not finished; run the same `myna clone` again, it goes on")
    voice = parse(Voice, folder.card.read_bytes())
    paths = {name: (folder.path / path).resolve() for name in _PATHS if (path := getattr(voice, name))}
    others = tuple((folder.path / path).resolve() for path in voice.other_references)
    for name, path in (*paths.items(), *(("other reference", other) for other in others)):
        if not path.is_file():
            raise NotFound(f"the {name} of voice {folder.name!r} is gone: {path}; run `myna clone` again")
    words = folder.path.resolve() if folder.words.is_file() else None
    return voice.model_copy(update={**paths, "other_references": others, "words": words})


def _relative(root: Path, path: Path) -> Path:
    """``path`` seen from ``root`` where it lies inside, else absolute."""
    whole, place = root.resolve(), path.resolve()
    return place.relative_to(whole) if whole in place.parents else place
