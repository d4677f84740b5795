"""The runner of contract cases: whatever a folder holds, it says what passed, what failed and what it cannot run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract.run import main

SPOKEN = {
    "text": "你好。今天天气不错！", "text_lang": "zh", "ref_audio_path": "$REF5", "prompt_lang": "zh",
    "prompt_text": "参考",
}  # fmt: skip


def case(name: str, expect: Any, *, setup: list[str] | None = None, **request: Any) -> dict[str, Any]:
    asked = {"method": "GET", "path": "/tts", "query": SPOKEN} | request
    row = {"id": name, "dialect": "api_v2", "transport": "http", "policy": "same", "request": asked, "expect": expect}
    return row | ({"setup": setup} if setup else {})


OK = {"status": 200}
CASES = [
    case("good", OK | {"wav": {"sample_rate": "$MODEL_SR", "channels": 1}}),
    case("switched", OK | {"wav": {"sample_rate": 48000}}, setup=["GET /set_sovits_weights?weights_path=$V4_SOVITS"]),
    case("rate", OK | {"wav": {"sample_rate": "$MODEL_SR"}}, setup=["GET /set_sovits_weights?weights_path=$V4_SOVITS"]),
    case("forgotten", OK | {"wav": {"sample_rate": [24000, 32000]}}),
    case("bad", {"status": 418}),
    case("crash", {"json_in": {"a": 5}}, path="/health"),
    case("setup", OK, setup=["turn the moon off"]),
    case("fixture", OK, query={"ref_audio_path": "$NO_SUCH_THING"}),
    case("place", OK, path="/api/v1/task/{task_id}"),
    case("key", OK | {"smell": "sweet"}),
    case("bad key", {"status": 418, "smell": "sweet"}),
    case("wav key", OK | {"wav": {"smell": "sweet"}}),
    case("prose", OK | {"never": "a cloud"}),
    case("later", OK | {"then": "it rains"}),
    case("schema", OK | {"json_schema": {"type": "object", "oneOf": []}}, path="/health"),
    case("part", OK, cookies={"a": "b"}),
    case("steps", {"relation": "it is warm"}, steps=["wait for summer"]),
    {**case("pigeon", OK), "transport": "pigeon"},
    {**case("web", OK), "dialect": "seed003", "transport": "gradio_client"},
    {**case("other", OK), "policy": "improved"},
]


def test_every_case_is_accounted_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "any.json").write_text(json.dumps(CASES), encoding="utf-8")
    (tmp_path / "broken.json").write_text("[{", encoding="utf-8")
    (tmp_path / "half.json").write_text('[{"id": "x"}]', encoding="utf-8")
    assert main([str(tmp_path), "-v", "--policy", "same"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("passed ")] == [
        "good",
        "switched",
        "rate",
        "forgotten",
    ]
    failed = [line.removeprefix("FAILED   ").partition(":")[0] for line in lines if line.startswith("FAILED")]
    assert failed == ["bad", "crash", "bad key"]
    reasons = {
        name: line for line in lines if line.startswith("not run") for name in line[9:].partition(":")[0].split(", ")
    }
    assert "turn the moon off" in reasons["setup"]
    assert "$NO_SUCH_THING" in reasons["fixture"]
    assert "{task_id}" in reasons["place"]
    assert "smell" in reasons["key"]
    assert "wait for summer" in reasons["steps"]
    assert "web interface" in reasons["web"]
    assert set(reasons) == {
        "setup", "fixture", "place", "key", "wav key", "prose", "later", "schema", "part", "steps", "pigeon", "web",
    }  # fmt: skip
    assert "UNREADABLE broken.json: Expecting" in "\n".join(lines)
    assert "UNREADABLE half.json: case 1 has no dialect, transport, request, expect" in lines
    assert lines[-1] == "all: 4 passed, 3 failed, 12 not run"


def test_how_it_ends(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 2, "no cases"
    (tmp_path / "broken.json").write_text("{}", encoding="utf-8")
    assert main([str(tmp_path)]) == 2
    (tmp_path / "broken.json").unlink()
    (tmp_path / "any.json").write_text(json.dumps(CASES), encoding="utf-8")
    assert main([str(tmp_path), "--only", "^(good|web)$"]) == 0
    assert main([str(tmp_path), "--only", "^(good|web)$", "--strict"]) == 1
