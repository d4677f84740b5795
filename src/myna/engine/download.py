"""One file over HTTP, whole or not at all: a broken transfer goes on where it stopped, and what arrives is checked."""

from __future__ import annotations

import errno
import hashlib
import http.client
import re
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any

from myna.core.errors import DownloadFailed
from myna.core.progress import Progress
from myna.core.workspace import disk_errors

_BLOCK = 2**20
_TIMEOUT_S = 30.0
_TRIES = 5
"""In a row that bring nothing; one that brings something counts anew."""
_PAUSE_S = 1.0
_NOT_SATISFIABLE = 416
_TOO_MANY = 429
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EISDIR)
_RANGE = re.compile(r"^bytes (\d+)-\d+/(\d+|\*)$")
_BROKEN = (OSError, http.client.HTTPException)
"""What a connection that fails raises; `urllib.error.URLError` is an ``OSError``."""


def download(
    url: str,
    target: Path,
    *,
    size: int | None,
    sha256: str | None,
    progress: Progress,
) -> None:
    """Bring what ``url`` gives to ``target``; what has arrived so far lies beside it under a hidden name.

    Interrupted, by the network or by ``progress``, the next call goes on there. ``size`` in bytes and ``sha256`` are
    what was published, None: not known. Raises `DownloadFailed` for a hub that refuses or is out of reach, and for a
    file that is another one, of which nothing is kept; `WorkspaceError` for the disk.
    """
    part = part_of(target, sha256 or str(size))
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    tries = _TRIES
    while True:
        before = _length(part)
        try:
            _transfer(url, part, size, progress)
            break
        except _BROKEN as error:
            with disk_errors(target):
                _raise_if_final(error, url)
            tries = _TRIES if _length(part) > before else tries - 1
            if tries <= 0:
                advice = "run the same command again, or choose another hub or mirror"
                raise DownloadFailed(f"{url} cannot be had: {_reason(error)}; {advice}") from error
            time.sleep(_PAUSE_S)
    check(part, size, sha256, url, progress)
    with disk_errors(target):
        part.replace(target)


def part_of(target: Path, key: str) -> Path:
    """Where the arrived part of ``target`` lies; ``key`` tells its content from another's."""
    return target.with_name(f".part-{key[:16]}-{target.name}")


def check(path: Path, size: int | None, sha256: str | None, source: str, progress: Progress) -> None:
    """Raise `DownloadFailed` and remove ``path`` unless it has the published size and checksum, where known."""
    found = _length(path)
    if size is not None and found != size:
        path.unlink()
        raise DownloadFailed(f"{source} gave {found} bytes; {size} were published; nothing was kept")
    if sha256 is not None and digest(path, progress) != sha256:
        path.unlink()
        raise DownloadFailed(f"{source} gave another file than was published (its SHA-256 differs); nothing was kept")


def digest(path: Path, progress: Progress) -> str:
    """SHA-256 of a file, in hexadecimal."""
    state, done, size = hashlib.sha256(), 0, max(_length(path), 1)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            state.update(block)
            done += len(block)
            progress(1.0, f"checking {done / size:.0%}")
    return state.hexdigest()


def _transfer(url: str, part: Path, size: int | None, progress: Progress) -> None:
    """Bring what is missing of ``part``; raises ``OSError`` where the connection ends early."""
    there = _length(part)
    if size is not None and there == size:
        return
    headers = {"User-Agent": "myna", "Accept-Encoding": "identity"} | ({"Range": f"bytes={there}-"} if there else {})
    request = urllib.request.Request(url, headers=headers)
    try:
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code != _NOT_SATISFIABLE:
            raise
        error.close()
        part.unlink()  # it is longer than what the hub has: begin anew
        raise ConnectionError("the hub has less than is here") from error
    with answer:
        start, total = _span(answer, there)
        with part.open("r+b" if start else "wb") as file:
            file.seek(start)
            file.truncate()
            _copy(answer, file, start, total or size, size, progress)


def _span(answer: Any, there: int) -> tuple[int, int | None]:
    """Where the answer's bytes begin in the file, and how long that is: all of it, where the hub knows no ranges."""
    length = answer.headers.get("Content-Length")
    if answer.status != http.client.PARTIAL_CONTENT:
        return 0, int(length) if length else None
    found = _RANGE.match(answer.headers.get("Content-Range", ""))
    if not found or int(found[1]) != there:
        raise ConnectionError("the hub answered with another part than was asked for")
    return there, None if found[2] == "*" else int(found[2])


def _copy(answer: Any, file: IO[bytes], done: int, total: int | None, limit: int | None, progress: Progress) -> None:
    while block := answer.read(_BLOCK):
        done += len(block)
        file.write(block)
        if limit is not None and done > limit:
            return  # too long, which the check tells; the rest is not worth its way
        progress(done / total if total else 0.0, f"{done / 1e6:.0f} MB")
    if total is not None and done < total:
        raise ConnectionError(f"the connection ended after {done} of {total} bytes")


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _raise_if_final(error: BaseException, url: str) -> None:
    """Raise what no further try mends: a full disk, a file that the hub does not have or give."""
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        if error.code < 500 and error.code != _TOO_MANY:
            raise DownloadFailed(f"{url}: the hub answered {error.code} {error.reason}") from error
    if isinstance(error, OSError) and error.errno in _DISK:
        raise error


def _reason(error: BaseException) -> str:
    return str(getattr(error, "reason", None) or error) or type(error).__name__
