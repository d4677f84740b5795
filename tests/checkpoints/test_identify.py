"""Generations are told as the official program tells them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from myna.checkpoints import identify as module
from myna.checkpoints.identify import HEADS, Identity, identify, told_by
from myna.core.errors import BadCheckpoint, NotFound

FILES = Path(__file__).parent / "files"
EXPECTED: dict[str, Any] = json.loads((FILES / "expected.json").read_text())
DETECTED = sorted(name for name in EXPECTED if "detected" in EXPECTED[name])


def as_list(identity: Identity) -> list[object]:
    return [identity.symbols, identity.version, identity.is_lora]


@pytest.mark.parametrize("name", DETECTED)
def test_files_of_the_official_writers(name: str) -> None:
    assert as_list(identify(FILES / name)) == EXPECTED[name]["detected"]
    assert (FILES / name).read_bytes()[:2].decode() == EXPECTED[name]["first_two_bytes"]


@pytest.mark.parametrize(
    "row", EXPECTED["_detection"]["rows"], ids=lambda row: f"{row['first_two_bytes']}-{row.get('size')}"
)
def test_heads_and_sizes(row: dict[str, Any]) -> None:
    start = row["first_two_bytes"].encode() + bytes(100)
    assert as_list(told_by(start, row.get("size", 5000))) == row["detected"]


def test_the_published_files_are_the_known_ones() -> None:
    known = EXPECTED["_detection"]["known"]
    assert {digest: as_list(identity) for digest, identity in module._PUBLISHED.items()} == known


def test_the_digest_goes_before_the_head(monkeypatch: pytest.MonkeyPatch) -> None:
    start = b"05" + bytes(10_000)
    digest = hashlib.md5(start[:8192], usedforsecurity=False).hexdigest()
    monkeypatch.setattr(module, "_PUBLISHED", {digest: Identity("v2", "v4")})
    assert told_by(start, len(start)) == Identity("v2", "v4")
    assert told_by(start[:5000], 5000) == HEADS[b"05"]


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    for data in (b"", b"P", b"07\x03\x04", b"RIFF", b"\x80\x02"):
        path.write_bytes(data)
        with pytest.raises(BadCheckpoint, match="is no GPT-SoVITS file"):
            identify(path)
    with pytest.raises(NotFound):
        identify(tmp_path / "absent.pth")
    with pytest.raises(NotFound):
        identify(tmp_path)
