"""The model files: which there are, which come with the package, where the others are published and belong.

Official files keep the path that they are published under, so the models folder has the form of ``pretrained_models``
in a checkout of GPT-SoVITS. Sizes and SHA-256 are those of the hub's own listing, each found in two public places or
more (pointers of large files in repositories that carry a copy, checksum lists of other programs).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from myna.core.errors import MissingAsset, UnknownChoice

PACKAGE = Path(str(files("myna.assets")))
"""The folder of what ships."""


@dataclass(frozen=True)
class AssetFile:
    """One published file of an asset; size and checksum are None where they are not known."""

    path: str = ""
    """Its path below the asset's place; empty: the asset is this file."""
    size: int | None = None
    """Bytes."""
    sha256: str | None = None
    instead: str = ""
    """Another file below the asset's place that does as well."""
    is_needed: bool = True
    """Whether the net cannot be loaded without it."""


@dataclass(frozen=True)
class Asset:
    """One model file or folder.

    ``kind`` says which net it is: gpt, sovits, discriminator, content, vocoder, bert, voiceprint, polyphones,
    super_resolution, opinion, recogniser, denoiser or separator; names is a list of words. ``versions`` are those that
    it is fetched with.
    ``file`` is its place: below the models folder of the settings, where it carries the name it is published under;
    where ``is_bundled``, below the package's assets, unless the models folder has a file of that name, which then
    stands in for it.
    """

    name: str
    file: str
    kind: str
    purpose: str
    versions: tuple[str, ...]
    is_bundled: bool = False
    published: str = ""
    """Hugging Face repository that has it under the path ``file``; empty: that hub has it not."""
    modelscope: str = ""
    """ModelScope repository that has it, with the folder there in which ``file`` lies; empty: that hub has it not."""
    is_flat: bool = False
    """Whether the repositories have the files at their root, without the path ``file``."""
    is_by_name_only: bool = False
    """Whether it is one choice among many, so that only its name fetches it, and "all" does not."""
    files: tuple[AssetFile, ...] = (AssetFile(),)
    archive: AssetFile | None = None
    """A zip in the repositories that holds the files in a folder; None: they lie there one by one."""
    checkout: str = ""
    """Its place in a checkout of GPT-SoVITS; empty: ``GPT_SoVITS/pretrained_models/`` and ``file``."""
    link: str = ""
    """A page to download it from by hand, where no hub has it; empty where only a checkout does."""

    @property
    def size(self) -> int | None:
        """Bytes of all files (of the archive, where there is one); None where one is not known."""
        return total_size(self.files if self.archive is None else (self.archive,))


def _row(fields: dict[str, Any]) -> Asset:
    published = tuple(AssetFile(**file) for file in fields.pop("files", [{}]))
    archive = fields.pop("archive", None)
    versions = tuple(fields.pop("versions"))
    return Asset(**fields, versions=versions, files=published, archive=AssetFile(**archive) if archive else None)


ASSETS: dict[str, Asset] = {
    row.name: row for row in map(_row, json.loads((files("myna.core") / "assets.json").read_text(encoding="utf-8")))
}
"""The rows of ``assets.json``."""


def asset(name: str) -> Asset:
    """The row called ``name``; raises `UnknownChoice`."""
    try:
        return ASSETS[name]
    except KeyError:
        raise UnknownChoice("asset", name, ASSETS) from None


def wanted(names: Iterable[str]) -> list[Asset]:
    """The rows, bundled ones left out, of versions, of assets by name, or of "all"; raises `UnknownChoice`."""
    rows = [row for row in ASSETS.values() if not row.is_bundled]
    versions = list(dict.fromkeys(version for row in rows for version in row.versions))
    chosen = set(names)
    known = {"all", *versions, *(row.name for row in rows)}
    if strange := sorted(chosen - known):
        raise UnknownChoice("model", strange[0], ["all", *versions, *(row.name for row in rows)])
    return [row for row in rows if chosen & {row.name, *row.versions} or ("all" in chosen and not row.is_by_name_only)]


def place(name: str, models: Path) -> Path:
    """Where the asset lies, or would lie, with ``models`` as the models folder."""
    row = asset(name)
    own = models / row.file
    return bundled(row.file) if row.is_bundled and not own.exists() else own


def lacking(name: str, models: Path) -> list[AssetFile]:
    """The files without which the asset cannot be used and which are not there."""
    path = place(name, models)
    return [
        file
        for file in asset(name).files
        if file.is_needed and not any((path / each).exists() for each in (file.path, file.instead or file.path))
    ]


def find(name: str, models: Path, version: str = "") -> Path:
    """The asset's path; raises `MissingAsset` with its size and how to get it, for ``version`` where that is given."""
    missing = lacking(name, models)
    path = place(name, models)
    if not missing:
        return path
    row = asset(name)
    told = row.purpose if row.is_bundled else f"{row.purpose}; {size_text(total_size(missing))}"
    raise MissingAsset(f"{path / missing[0].path} is missing ({told}); {how_to_get(name, version)}")


def find_for(version: str, kind: str, models: Path) -> Path:
    """The path of a version's asset of one ``kind``; raises `MissingAsset` that says how to get it."""
    for row in ASSETS.values():
        if row.kind == kind and version in row.versions:
            return find(row.name, models, version)
    raise MissingAsset(f"no {kind} model is known for version {version!r}")


def how_to_get(name: str, version: str = "") -> str:
    """One sentence: where the asset comes from; ``version`` is what it is wanted for."""
    row = asset(name)
    if row.is_bundled:
        return "it ships with the package: install myna again"
    if not row.published and not row.modelscope:
        from_checkout = f"take it from a GPT-SoVITS checkout with: myna fetch {name} --from FOLDER"
        by_hand = f"download it from {row.link} into {row.file} of the models folder, or "
        return f"{by_hand if row.link else ''}{from_checkout}"
    only = row.versions[0] if len(row.versions) == 1 else name
    return f"get it with: myna fetch {version or only}"


def total_size(published: Iterable[AssetFile]) -> int | None:
    """Bytes of all of them; None where one is not known."""
    sizes = [file.size for file in published]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def size_text(size: int | None) -> str:
    """A size for people, in decimal units as the hubs show them."""
    if size is None:
        return "size unknown"
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size} bytes"


def bundled(file: str) -> Path:
    """Path of a file that ships with the package; it may be missing in a damaged install."""
    return PACKAGE / file
