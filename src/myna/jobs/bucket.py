"""Contents of files where every host can reach them: by their hash, whole or not at all, on anything that fsspec knows.

Credentials are the backend's own affair (``AWS_…``, a role, ``FSSPEC_…``): they pass through none of our settings.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import fsspec

from myna.core.errors import BadInput, MissingExtra, PeerFailed
from myna.core.workspace import writing

try:
    from botocore.exceptions import BotoCoreError
except ModuleNotFoundError:  # only S3 has errors of its own; those of all others are the operating system's
    BotoCoreError = OSError

_WHOLE_AT_ONCE = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oci"}
"""Object stores: what is being uploaded cannot be seen. Elsewhere it is written beside its place and renamed."""
_BLOCK = 2**20


class Bucket:
    """Where ``url`` leads, as in ``s3://bucket/prefix``; raises `BadInput` and `MissingExtra`."""

    def __init__(self, url: str) -> None:
        if "://" not in url:
            raise BadInput("the setting `storage` is a URL, as in s3://bucket/prefix")
        parts = urlsplit(url)
        self.place = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"  # without who may come in
        try:
            self._files, root = fsspec.core.url_to_fs(url)
        except ImportError as error:
            raise MissingExtra(
                f"{parts.scheme} needs a library ({error}); for S3 get it with: pip install 'myna[storage]'"
            ) from None
        except ValueError as error:
            raise BadInput(f"the setting `storage` is of no kind that fsspec knows: {error}") from None
        self._root, self._is_atomic = str(root).rstrip("/"), parts.scheme in _WHOLE_AT_ONCE

    def keep(self, path: Path, name: str) -> None:
        """Store the content of ``path`` under its hash ``name``, unless it is there; raises `PeerFailed`."""
        key = self._key(name)
        with self._reached():
            if self._files.exists(key) and self._files.size(key) == path.stat().st_size:
                return
            if self._is_atomic:
                self._files.put_file(str(path), key)
                return
            self._files.makedirs(key.rpartition("/")[0], exist_ok=True)
            part = f"{key}.part-{secrets.token_hex(4)}"
            self._files.put_file(str(path), part)
            self._files.mv(part, key)

    def fetch(self, name: str, path: Path) -> None:
        """Write the content whose hash is ``name`` as ``path``, whole or not at all; raises `PeerFailed`."""
        with writing(path) as temporary:
            with self._reached():
                self._files.get_file(self._key(name), str(temporary))
            if content_hash(temporary) != name:
                raise PeerFailed(f"{self.place} gave another content for {path.name} than was stored")

    def _key(self, name: str) -> str:
        return f"{self._root}/contents/{name[:2]}/{name}"

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except (OSError, BotoCoreError) as error:
            raise PeerFailed(f"the storage {self.place} cannot be used: {type(error).__name__}: {error}") from None


def content_hash(path: Path) -> str:
    """What the content of a file is called: BLAKE2b, 32 bytes, as hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=32)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
