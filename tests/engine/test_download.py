"""A file arrives whole and as it was published, or not at all; broken transfers go on where they stopped."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from myna.core.errors import Cancelled, DownloadFailed, WorkspaceError
from myna.core.progress import silent
from myna.engine import download as module
from myna.engine.download import download
from tests.engine.hub_server import Hub, serving

DATA = bytes(range(256)) * 40_000
"""Ten blocks."""
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(module, "_PAUSE_S", 0.0)
    with serving(Hub({"model.pth": DATA})) as hub:
        yield hub


def get(hub: Hub, target: Path, size: int | None = len(DATA), sha256: str | None = SHA256) -> None:
    download(f"{hub.address}/resolve/main/model.pth", target, size=size, sha256=sha256, progress=silent)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives(hub: Hub, tmp_path: Path) -> None:
    seen: list[float] = []
    target = tmp_path / "deep" / "folder" / "model.pth"
    url = f"{hub.address}/resolve/main/model.pth"
    download(url, target, size=None, sha256=None, progress=lambda fraction, _note: seen.append(fraction))
    assert target.read_bytes() == DATA
    assert left(target.parent) == ["model.pth"]
    assert seen == sorted(seen)
    assert len(seen) > 5
    assert seen[-1] == 1.0


def test_a_broken_transfer_goes_on_where_it_stopped(hub: Hub, tmp_path: Path) -> None:
    hub.break_after = [3_000_000, 4_000_000]
    get(hub, tmp_path / "model.pth")
    assert (tmp_path / "model.pth").read_bytes() == DATA
    assert hub.transfers == ["", "bytes=3000000-", "bytes=7000000-"]
    assert left(tmp_path) == ["model.pth"]


def test_an_interrupted_command_goes_on_where_it_stopped(hub: Hub, tmp_path: Path) -> None:
    def stop(fraction: float, _note: str) -> None:
        if fraction > 0.4:
            raise Cancelled("stop")

    url, target = f"{hub.address}/resolve/main/model.pth", tmp_path / "model.pth"
    with pytest.raises(Cancelled):
        download(url, target, size=len(DATA), sha256=SHA256, progress=stop)
    assert not target.exists()
    part = tmp_path / left(tmp_path)[0]
    there = part.stat().st_size
    assert 0 < there < len(DATA)
    get(hub, target)
    assert target.read_bytes() == DATA
    assert hub.transfers == ["", f"bytes={there}-"]


def test_a_hub_without_ranges_begins_anew(hub: Hub, tmp_path: Path) -> None:
    hub.knows_ranges = False
    hub.break_after = [3_000_000]
    get(hub, tmp_path / "model.pth")
    assert (tmp_path / "model.pth").read_bytes() == DATA


def test_a_part_of_another_content_is_not_gone_on_with(hub: Hub, tmp_path: Path) -> None:
    module.part_of(tmp_path / "model.pth", "f" * 64).write_bytes(b"other" * 1000)
    get(hub, tmp_path / "model.pth")
    assert hub.transfers == [""]
    assert (tmp_path / "model.pth").read_bytes() == DATA


def test_a_part_that_cannot_be_gone_on_with_is_begun_anew_or_refused(hub: Hub, tmp_path: Path) -> None:
    part = module.part_of(tmp_path / "model.pth", SHA256)
    part.write_bytes(b"x" * len(DATA))
    with pytest.raises(DownloadFailed, match="SHA-256 differs"):
        get(hub, tmp_path / "model.pth")
    assert left(tmp_path) == []
    part.write_bytes(b"x" * (len(DATA) + 5))
    get(hub, tmp_path / "model.pth")
    assert hub.transfers == [f"bytes={len(DATA) + 5}-", ""]
    assert (tmp_path / "model.pth").read_bytes() == DATA


@pytest.mark.parametrize("spoiled", [b"an error page", DATA[:-1] + b"x", DATA + b"x" * 3_000_000])
def test_another_file_than_was_published_is_refused_and_not_kept(hub: Hub, tmp_path: Path, spoiled: bytes) -> None:
    target = tmp_path / "model.pth"
    target.write_bytes(b"what was there before")
    hub.spoiled = spoiled
    with pytest.raises(DownloadFailed, match=r"nothing was kept$"):
        get(hub, target)
    assert target.read_bytes() == b"what was there before"
    assert left(tmp_path) == ["model.pth"]
    hub.spoiled = b""
    get(hub, target)
    assert target.read_bytes() == DATA


def test_a_hub_that_stumbles_is_asked_again_and_one_that_refuses_is_not(hub: Hub, tmp_path: Path) -> None:
    hub.refusals = [503, 429]
    get(hub, tmp_path / "model.pth")
    assert len(hub.transfers) == 3
    hub.refusals = [403]
    with pytest.raises(DownloadFailed, match="the hub answered 403"):
        get(hub, tmp_path / "other.pth")
    assert len(hub.transfers) == 4
    hub.refusals = [500] * 20
    with pytest.raises(DownloadFailed, match=r"cannot be had: .*run the same command again"):
        get(hub, tmp_path / "other.pth")
    assert len(hub.transfers) == 9
    assert left(tmp_path) == ["model.pth"]


def test_a_hub_out_of_reach_is_one_line(hub: Hub, tmp_path: Path) -> None:
    url = "http://127.0.0.1:9/resolve/main/model.pth"
    with pytest.raises(DownloadFailed, match=r"^http://127.0.0.1:9/.* cannot be had: .*refused") as caught:
        download(url, tmp_path / "model.pth", size=None, sha256=None, progress=silent)
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_not_tried_again(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, "_copy", full)
    with pytest.raises(WorkspaceError, match="the disk is full"):
        get(hub, tmp_path / "model.pth")
    assert len(hub.transfers) == 1
