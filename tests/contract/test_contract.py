"""Every contract case as a test, and the runner's own eyes: a wrong answer must not pass."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.cases import run_case
from tests.contract.expectations import Answer, Unsupported, problems
from tests.contract.rig import Rig

FOLDER = Path(__file__).parent / "cases"
DONE = ("api_v1", "api_v2", "seed000", "seed001", "seed002", "seed004")
"""Dialects whose doors are built."""


def cases() -> Iterator[Any]:
    for name in DONE:
        for case in json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")):
            yield pytest.param(case, id=case["id"])


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with Rig(tmp_path_factory.mktemp("contract")) as rig:
        yield rig


@pytest.mark.parametrize("case", list(cases()))
def test_case(rig: Rig, case: dict[str, Any]) -> None:
    try:
        found = run_case(rig, case)
    except Unsupported as reason:
        pytest.skip(str(reason))
    assert found == []


WAV = b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x00}\x00\x00\x00\xfa\x00\x00\x02\x00\x10\x00data"


@pytest.mark.parametrize(
    ("expect", "good", "bad"),
    [
        ({"status": [200, 201]}, Answer(201, {}, b""), Answer(500, {}, b"")),
        ({"json": {"a": 1}}, Answer(200, {}, b'{"a": 1}'), Answer(200, {}, b'{"a": 1, "b": 2}')),
        ({"json_subset": {"d": [{"x": 1}]}}, Answer(200, {}, b'{"d": [{"x": 1, "y": 2}]}'), Answer(200, {}, b"[]")),
        ({"json_keys": ["a"]}, Answer(200, {}, b'{"a": null}'), Answer(200, {}, b"[]")),
        ({"json_regex": {"m": "^no .*$"}}, Answer(200, {}, b'{"m": "no x"}'), Answer(200, {}, b'{"m": "yes"}')),
        ({"content_type_prefix": "audio/"}, Answer(200, {"content-type": "audio/wav"}, b""), Answer(200, {}, b"")),
        ({"chunked": False}, Answer(200, {}, b""), Answer(200, {"transfer-encoding": "chunked"}, b"")),
        (
            {"wav": {"header": "streaming", "sample_rate": 32000, "payload_bytes": "even, >0"}},
            Answer(200, {}, WAV.replace(b"RIFF\x24", b"RIFF\x24") + b"\0\0\0\0" + b"\1\0"),
            Answer(200, {}, WAV + b"\2\0\0\0" + b"\1\0"),
        ),
        ({"body_magic": "ADTS"}, Answer(200, {}, b"\xff\xf1\0"), Answer(200, {}, b"OggS")),
        ({"max_seconds": 1}, Answer(200, {}, b"", 0.5), Answer(200, {}, b"", 2.0)),
        ({"no_header": "x"}, Answer(200, {}, b""), Answer(200, {"x": "1"}, b"")),
        (
            {"json_schema": {"type": "object", "required": ["a"], "properties": {"a": {"const": False}}}},
            Answer(200, {}, b'{"a": false}'),
            Answer(200, {}, b'{"a": true}'),
        ),
    ],
)  # fmt: skip
def test_the_checks_see(expect: dict[str, Any], good: Answer, bad: Answer) -> None:
    assert problems(expect, good) == []
    assert problems(expect, bad) != []
