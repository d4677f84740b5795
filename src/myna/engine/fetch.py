"""Brings published models into the models folder: from a hub, or from a checkout of GPT-SoVITS."""

from __future__ import annotations

import fcntl
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from myna.core.assets import Asset, AssetFile, how_to_get, size_text, wanted
from myna.core.errors import BadCheckpoint, Conflict, DownloadFailed, MissingAsset, NotFound, WorkspaceError
from myna.core.progress import Progress, named, part
from myna.core.workspace import disk_errors, make_folder, writing
from myna.engine.download import digest, download, part_of
from myna.engine.hubs import Hub

_MAX_UNPACKED = 4 * 2**30
_BLOCK = 2**20
_PRETRAINED = Path("GPT_SoVITS", "pretrained_models")


@dataclass(frozen=True)
class Piece:
    """One file to have: what it is, and where in the models folder it belongs."""

    row: Asset
    file: AssetFile
    target: Path

    @property
    def is_there(self) -> bool:
        """Whether it, or what does as well, is here in the published size."""
        if self.file.instead and (self.target.parent / self.file.instead).exists():
            return True
        return self.target.is_file() and self.file.size in (None, self.target.stat().st_size)

    @property
    def num_arrived(self) -> int:
        """Bytes that an interrupted download left here."""
        begun = part_of(self.target, self.file.sha256 or str(self.file.size))
        return begun.stat().st_size if begun.exists() else 0

    @property
    def title(self) -> str:
        """The path under which it is published."""
        whole = Path(self.row.file, self.file.path)
        return str(self.file.path or whole.name) if self.row.is_flat else str(whole)


def pieces(names: Iterable[str], models: Path) -> list[Piece]:
    """Every file of what is wanted (`core.assets.wanted`), whether it is there or not; raises `UnknownChoice`."""
    return [Piece(row, file, models / row.file / file.path) for row in wanted(names) for file in row.files]


@contextmanager
def exclusive(models: Path) -> Iterator[None]:
    """Hold the models folder for this process; raises `Conflict` where another one fetches into it."""
    make_folder(models)
    with disk_errors(models), (models / ".fetch-lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"another myna fetch is at work in {models}; wait for it to end, or stop it") from None
        yield


def check_room(todo: Iterable[Piece], models: Path) -> None:
    """Raise `WorkspaceError` where the disk has no room for what is still to come, as far as its size is known."""
    coming = {id(piece.row.archive or piece.file): piece for piece in todo}
    needed = sum(max(((piece.row.archive or piece.file).size or 0) - piece.num_arrived, 0) for piece in coming.values())
    free = shutil.disk_usage(models).free
    if needed > free:
        raise WorkspaceError(f"{models} has room for {size_text(free)}, and {size_text(needed)} are to be fetched")


def fetch(piece: Piece, hub: Hub, progress: Progress) -> None:
    """Download one file, checked against its published size and SHA-256; an interrupted one goes on where it was.

    Raises `MissingAsset` where no hub has it, and what `hubs` and `download` raise.
    """
    row = piece.row
    if not row.published and not row.modelscope:
        raise MissingAsset(f"no hub has {piece.title}; {how_to_get(row.name)}")
    if row.archive is not None:
        _fetch_archive(piece, row.archive, hub, progress)
        return
    found = hub.find(row, piece.title)
    size, sha256 = _agreed(piece.title, piece.file, found.size, found.sha256)
    download(found.url, piece.target, size=size, sha256=sha256, progress=progress)


def fetch_all(todo: Sequence[Piece], hub_of: Callable[[Asset], Hub], models: Path, progress: Progress) -> None:
    """Download all files of ``todo``; raises as `fetch`, `exclusive` and `check_room`."""
    with exclusive(models):
        check_room(todo, models)
        for number, piece in enumerate(todo):
            if not piece.is_there:  # an archive brings several at once
                share = part(progress, number / len(todo), (number + 1) / len(todo))
                fetch(piece, hub_of(piece.row), named(share, f"fetching {piece.title}"))


def _agreed(title: str, file: AssetFile, size: int | None, sha256: str | None) -> tuple[int | None, str | None]:
    """What is to be expected; raises `DownloadFailed` where the hub has another file than the one that is known."""
    if file.size is not None and size not in (None, file.size):
        raise DownloadFailed(f"the hub has a {title} of {size} bytes; {file.size} were published; nothing was fetched")
    if file.sha256 is not None and sha256 not in (None, file.sha256):
        raise DownloadFailed(f"the hub has another {title} than was published (its SHA-256 differs)")
    return file.size or size, file.sha256 or sha256


def _fetch_archive(piece: Piece, archive: AssetFile, hub: Hub, progress: Progress) -> None:
    """Download the zip that holds the row's files, take them out, and remove it."""
    packed = piece.target.with_name(f".{archive.path}")
    if not packed.is_file():
        found = hub.find(piece.row, archive.path)
        size, sha256 = _agreed(archive.path, archive, found.size, found.sha256)
        download(found.url, packed, size=size, sha256=sha256, progress=part(progress, 0.0, 0.9))
    folder = piece.target.parent if piece.file.path else piece.target
    try:
        with zipfile.ZipFile(packed) as zipped:
            for file in piece.row.files:
                _unpack(zipped, file, folder)
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise DownloadFailed(f"{archive.path} of {piece.row.published} is no zip that can be read: {error}") from error
    finally:
        packed.unlink(missing_ok=True)


def _unpack(zipped: zipfile.ZipFile, file: AssetFile, folder: Path) -> None:
    """Take one file out; only its own name decides where it goes."""
    members = [info for info in zipped.infolist() if f"/{info.filename}".endswith(f"/{file.path}")]
    if len(members) != 1 or members[0].file_size > _MAX_UNPACKED:
        raise DownloadFailed(f"the archive does not hold one {file.path} of a usable size")
    with writing(folder / file.path) as temporary, zipped.open(members[0]) as packed, temporary.open("wb") as out:
        shutil.copyfileobj(packed, out, _BLOCK)


@dataclass(frozen=True)
class Checkout:
    """A copy of GPT-SoVITS with its models, or only the folder of these."""

    pretrained: Path
    root: Path | None

    @classmethod
    def at(cls, folder: Path) -> Checkout:
        """The checkout that ``folder`` is, or that it is part of; raises `NotFound` where it is no folder."""
        if not folder.is_dir():
            raise NotFound(f"there is no folder {folder}")
        folder = folder.resolve()
        for root in (folder, folder.parent):
            if (root / _PRETRAINED).is_dir() and folder in (root, root / _PRETRAINED.parts[0]):
                return cls(root / _PRETRAINED, root)
        is_inside = folder.parts[-2:] == _PRETRAINED.parts
        return cls(folder, folder.parents[1] if is_inside else None)

    def source(self, piece: Piece) -> Path | None:
        """Where it has ``piece``; None where it has not."""
        if not piece.row.checkout:
            path = self.pretrained / piece.row.file / piece.file.path
        elif self.root is not None:
            path = self.root / piece.row.checkout / piece.file.path
        else:
            return None
        return path if path.is_file() else None


def adopt(piece: Piece, source: Path, *, link: bool, progress: Progress) -> None:
    """Copy or link one file of a checkout; raises `BadCheckpoint` where it is not the one that was published."""
    known = piece.file
    found = source.stat().st_size
    if known.size is not None and found != known.size:
        raise BadCheckpoint(f"{source} is not the published file: it has {found} bytes and not {known.size}")
    if known.sha256 is not None and digest(source, part(progress, 0.0, 0.5)) != known.sha256:
        raise BadCheckpoint(f"{source} is not the published file: its SHA-256 differs")
    with writing(piece.target) as temporary:
        if link:
            temporary.symlink_to(source.resolve())
        else:
            shutil.copyfile(source, temporary)
    progress(1.0, "")
