"""Where a recogniser's model lies: a folder that was named, or the models folder; and whether it is whole."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from myna.core.assets import find
from myna.core.errors import MissingAsset, UnknownChoice


def chosen_folder(size: str) -> Path | None:
    """The folder that ``size`` is, where it is no name of a size; None where it is one or empty."""
    folder = Path(size).expanduser()
    return folder if size and (folder.is_dir() or len(folder.parts) > 1) else None


def find_model(asset: str, models: Path, chosen: Path | None, needed: Iterable[str | tuple[str, ...]]) -> Path:
    """The folder of a model: ``chosen`` if given, else that of the asset in the ``models`` folder.

    ``needed`` are its files; of a tuple one is enough. Raises `MissingAsset` that says which file is not there, and how
    to get it.
    """
    folder = find(asset, models) if chosen is None else chosen
    for names in needed:
        each = (names,) if isinstance(names, str) else names
        if not any((folder / name).is_file() for name in each):
            raise MissingAsset(f"{folder} holds no {' or '.join(each)}, so it is no model that can be used here")
    return folder


def checked_size(engine: str, size: str, sizes: tuple[str, ...]) -> str:
    """One of ``sizes``: the first where none is asked for; raises `UnknownChoice`, which names a folder too."""
    if size and size not in sizes:
        raise UnknownChoice(
            f"size of {engine}", size, [*sizes, "the folder of a model"] if sizes else ["none: it has one"]
        )
    return size or (sizes[0] if sizes else "")
