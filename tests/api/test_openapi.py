"""The OpenAPI: it tells every status in the door's own form, and each of its examples does what it says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema_rs
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from myna.api.described import EXAMPLES
from tests.api.world import World

JSON, FORM, PARTS = "application/json", "application/x-www-form-urlencoded", "multipart/form-data"
WITHOUT_KEY = {"GET /health", "GET /ready"}


class Example(NamedTuple):
    """One request of the OpenAPI."""

    operation: str
    media: str
    name: str
    body: Any

    def __str__(self) -> str:
        return " ".join(part for part in (self.operation, self.media, self.name) if part)


def _examples() -> list[Example]:
    return [
        Example(operation, media, name, body)
        for operation, about in EXAMPLES.items()
        for media, named in (about.get("request") or {"": {"": None}}).items()
        for name, body in named.items()
    ]


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("world"))
    yield world
    world.close()


@pytest.fixture
def world(standing: World) -> World:
    standing.furnish()
    return standing


@pytest.fixture(scope="module")
def told(standing: World) -> dict[str, Any]:
    """The description as clients get it."""
    described: dict[str, Any] = TestClient(standing.app).get("/openapi.json").json()
    return described


@pytest.fixture(scope="module")
def operations(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {f"{method.upper()} {path}": op for path, methods in told["paths"].items() for method, op in methods.items()}


def test_every_operation_has_examples(operations: dict[str, dict[str, Any]]) -> None:
    assert set(EXAMPLES) == set(operations)
    for name, operation in operations.items():
        about = EXAMPLES[name]
        parameters = {parameter["name"]: parameter for parameter in operation.get("parameters", ())}
        assert set(about.get("parameters", ())) <= set(parameters), name
        assert not parameters or any("example" in parameter for parameter in parameters.values()), name
        for parameter in parameters.values():
            assert "example" in parameter or not parameter.get("required"), (name, parameter["name"])
        content = operation.get("requestBody", {}).get("content", {})
        assert set(content) == set(about.get("request", ())), name
        assert all(kind["examples"] for kind in content.values()), name
        for status, replies in about["replies"].items():
            for media, named in replies.items():
                shown = operation["responses"][status]["content"][media]["examples"]
                assert {key: value["value"] for key, value in shown.items()} == named, (name, media)


def test_every_status_is_told_with_a_form_and_examples_of_that_form(
    told: dict[str, Any], operations: dict[str, dict[str, Any]]
) -> None:
    for name, operation in operations.items():
        assert {"413", "500"} <= set(operation["responses"]), name
        assert ({"401", "403", "429"} <= set(operation["responses"])) is (name not in WITHOUT_KEY), name
        for status, response in operation["responses"].items():
            assert response["description"], (name, status)
            if status == "204":
                continue
            for content in response["content"].values():
                check = _checker(told, content["schema"])
                for example in content.get("examples", {}).values():
                    check.validate(example["value"])
            assert int(status) < 400 or status == "416" or response["content"][JSON]["examples"], (name, status)
            assert (status == "429") is ("Retry-After" in response.get("headers", {})), (name, status)


def test_the_description_is_sound(told: dict[str, Any], operations: dict[str, dict[str, Any]]) -> None:
    named = set(told["components"]["schemas"])
    refers = set(re.findall(r'"\$ref": "#/components/schemas/([^"]+)"', json.dumps(told)))
    assert refers <= named
    assert "$defs" not in json.dumps(told)
    assert not {"HTTPValidationError", "ValidationError"} & named
    ids = [operation["operationId"] for operation in operations.values()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("example", _examples(), ids=str)
def test_an_example_does_what_it_says(
    world: World, told: dict[str, Any], operations: dict[str, dict[str, Any]], example: Example
) -> None:
    with TestClient(world.app) as client:
        answer = asked(client, world, example, {"X-API-Key": world.keys["all"]})
    replies = EXAMPLES[example.operation]["replies"]
    assert str(answer.status_code) in replies, answer.text
    named = _by_media(answer, replies[str(answer.status_code)])
    if answer.status_code == 204:
        assert answer.content == b""
        return
    response = operations[example.operation]["responses"][str(answer.status_code)]
    content = _by_media(answer, response["content"])
    if _media(answer) == JSON:
        _checker(told, content["schema"]).validate(answer.json())
    shown = named[example.name] if example.name in named else next(iter(named.values()))
    assert_alike(shown, answer.json() if _media(answer) == JSON else answer.content.decode("latin-1"))


def asked(client: TestClient, world: World, example: Example, headers: Mapping[str, str]) -> Response:
    """What is answered to an example."""
    method, path = example.operation.split(" ")
    query = {}
    for name, value in EXAMPLES[example.operation].get("parameters", {}).items():
        if f"{{{name}}}" in path:
            path = path.replace(f"{{{name}}}", value)
        else:
            query[name] = value
    body: dict[str, Any] = {}
    if example.media == JSON:
        body["json"] = example.body
    elif example.media == FORM:
        body["data"] = example.body
    elif example.media == PARTS:
        body["files"] = [part for name, value in example.body.items() for part in _parts(world, name, value)]
    return client.request(method, path, params=query, headers=dict(headers), **body)


def _parts(world: World, name: str, value: Any) -> list[tuple[str, tuple[str | None, bytes]]]:
    """A field of a form in parts, where names of files stand for files."""
    values = value if isinstance(value, list) else [value]
    return [(name, (each, world.files[each]) if each in world.files else (None, str(each).encode())) for each in values]


def assert_alike(shown: Any, real: Any, place: str = "") -> None:
    """What an example shows is there, and of that kind; a text as it stands but for its ``?`` and ``*``."""
    if isinstance(shown, dict):
        assert isinstance(real, dict), place
        for name, value in shown.items():
            assert name in real, f"{place}.{name}"
            assert_alike(value, real[name], f"{place}.{name}")
    elif isinstance(shown, list):
        assert isinstance(real, list), place
        assert len(real) >= len(shown), place
        for number, (one, other) in enumerate(zip(shown, real, strict=False)):
            assert_alike(one, other, f"{place}[{number}]")
    elif isinstance(shown, str) and not place:
        pattern = re.escape(shown.encode().decode("latin-1")).replace(r"\?", ".").replace(r"\*", ".*")
        assert re.fullmatch(pattern, real, re.DOTALL), real[:200]
    else:
        assert type(shown) is type(real), f"{place}: {real!r}"


def _media(answer: Response) -> str:
    return str(answer.headers.get("content-type", "")).partition(";")[0]


def _by_media(answer: Response, by_media: Mapping[str, Any]) -> Any:
    """What stands for the media type of an answer."""
    return by_media.get(_media(answer), by_media.get("*/*", {}))


def _checker(told: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    return jsonschema_rs.Draft202012Validator({**schema, "components": told["components"]})


def _first_examples() -> list[Example]:
    """One of each operation."""
    return list({example.operation: example for example in reversed(_examples())}.values())


def _refused(told: dict[str, Any], operation: Mapping[str, Any], answer: Response, status: int) -> None:
    """It is that status, and in the form that the OpenAPI tells of it."""
    assert answer.status_code == status, answer.text
    content = operation["responses"][str(status)]["content"][JSON]
    _checker(told, content["schema"]).validate(answer.json())
    shapes = [set(example["value"]) for example in content["examples"].values()]
    assert set(answer.json()) in shapes


@pytest.mark.parametrize("example", _first_examples(), ids=lambda example: example.operation)
def test_whoever_may_not_is_told_so_in_the_doors_own_form(
    world: World, told: dict[str, Any], operations: dict[str, dict[str, Any]], example: Example
) -> None:
    """Without a key, with a wrong one, with the keys of all other scopes; the one that OpenAPI names opens."""
    operation = operations[example.operation]
    if example.operation in WITHOUT_KEY:
        assert "security" not in operation
        return
    (scope,) = operation["security"][0]["X-API-Key"]
    assert operation["security"] == [{"X-API-Key": [scope]}, {"Bearer": [scope]}]
    with TestClient(world.app) as client:
        for headers in ({}, {"X-API-Key": "wrong"}, {"Authorization": "Bearer wrong"}):
            _refused(told, operation, asked(client, world, example, headers), 401)
        for other in {"speak", "make", "control"} - {scope}:
            _refused(told, operation, asked(client, world, example, {"X-API-Key": world.keys[other]}), 403)
        opened = asked(client, world, example, {"Authorization": f"Bearer {world.keys[scope]}"})
    assert opened.status_code not in (401, 403), opened.text


@pytest.mark.parametrize("example", _first_examples(), ids=lambda example: example.operation)
def test_a_body_that_is_announced_too_large_is_refused_in_the_doors_own_form(
    world: World, told: dict[str, Any], operations: dict[str, dict[str, Any]], example: Example
) -> None:
    headers = {"X-API-Key": world.keys["all"], "Content-Length": str(2**40)}
    with TestClient(world.app) as client:
        answer = client.request(*_place(example), headers=headers)
    _refused(told, operations[example.operation], answer, 413)


def test_too_many_requests_are_refused_in_every_doors_own_form(
    tmp_path: Path, told: dict[str, Any], operations: dict[str, dict[str, Any]]
) -> None:
    world = World(tmp_path, {"requests_per_minute": 1})
    with TestClient(world.app) as client:
        client.get("/v1/models", headers={"X-API-Key": world.keys["all"]})
        for example in _first_examples():
            if example.operation not in WITHOUT_KEY:
                answer = asked(client, world, example, {"X-API-Key": world.keys["all"]})
                _refused(told, operations[example.operation], answer, 429)
                assert 1 <= int(answer.headers["retry-after"]) <= 60
    world.close()


def _place(example: Example) -> tuple[str, str]:
    """Method and path, with its parameters filled in."""
    method, path = example.operation.split(" ")
    for name, value in EXAMPLES[example.operation].get("parameters", {}).items():
        path = path.replace(f"{{{name}}}", str(value))
    return method, path
