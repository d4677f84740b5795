"""Where published model files are: Hugging Face, through its own library, and ModelScope, by its addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from myna.core.assets import Asset
from myna.core.errors import BadInput, DownloadFailed, MissingExtra

_TIMEOUT_S = 15.0
_SHA256 = re.compile(r"^[0-9a-f]{64}$")


@dataclass(frozen=True)
class Found:
    """A file of a hub: where it can be had now; bytes and SHA-256 where the hub tells them."""

    url: str
    size: int | None = None
    sha256: str | None = None


class Hub(Protocol):
    """A place that models are fetched from."""

    def find(self, row: Asset, path: str) -> Found:
        """Where the file ``path`` of the row's repository is; raises `DownloadFailed`."""
        ...


class HuggingFace:
    """Hugging Face or a mirror of it. Only public files are asked for, so no token leaves this machine."""

    def __init__(self, address: str) -> None:
        self.address = _checked(address)

    def find(self, row: Asset, path: str) -> Found:
        """As `Hub.find`; raises `MissingExtra` where huggingface_hub is not installed."""
        try:
            from huggingface_hub import errors, get_hf_file_metadata, hf_hub_url
        except ModuleNotFoundError:
            raise MissingExtra(
                "fetching from Hugging Face needs huggingface_hub; install it with: pip install 'myna[fetch]', "
                "or take ModelScope: myna fetch --hub modelscope"
            ) from None
        url = hf_hub_url(row.published, path, endpoint=self.address)
        try:
            found = get_hf_file_metadata(url, token=False, timeout=_TIMEOUT_S)
        except (errors.HTTPError, OSError) as error:  # type: ignore[attr-defined]
            raise DownloadFailed(f"{url} cannot be had: {_first_line(error)}; choose another hub or mirror") from error
        # Large files have their SHA-256 as etag, small ones that of git.
        etag = found.etag or ""
        return Found(found.location, found.size, etag if _SHA256.match(etag) else None)


class ModelScope:
    """ModelScope or a mirror of it, over plain HTTP."""

    def __init__(self, address: str) -> None:
        self.address = _checked(address)

    def find(self, row: Asset, path: str) -> Found:
        """As `Hub.find`; whether the file is there shows when it is fetched."""
        if not row.modelscope:
            raise DownloadFailed(
                f"ModelScope does not have {path}; get it with: myna fetch {row.name} --hub huggingface"
            )
        owner, name, *folder = row.modelscope.split("/")
        place = quote("/".join((*folder, path)))
        return Found(f"{self.address}/models/{owner}/{name}/resolve/master/{place}")


def _checked(address: str) -> str:
    if not address.startswith(("https://", "http://")):
        raise BadInput(f"{address!r} is no address of a hub; give one that begins with https://")
    return address.rstrip("/")


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
