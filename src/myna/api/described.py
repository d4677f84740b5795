"""What OpenAPI tells of the server: statuses and their forms by the dialects, examples by ``examples.json``.

Tests run each of those examples, as it stands there, and compare what it says of the answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from pydantic import TypeAdapter

from myna.api.dialect import REFERENCE, SECURITY

_FILE = files("myna.api") / "examples.json"
EXAMPLES: Mapping[str, Mapping[str, Any]] = json.loads(_FILE.read_text(encoding="utf-8"))
"""By method and path: ``parameters`` by name, ``request`` by media type, and ``replies`` by status and media type.

A request and a reply have a word for each of their examples. Of a file that is sent stands its name; of sound that is
answered its beginning, with ``?`` for whatever differs each time.
"""

_AUTOMATIC = ("HTTPValidationError", "ValidationError")
"""The form of wrong requests that FastAPI believes in; each dialect has told its own."""


class Described(FastAPI):
    """An app that tells of itself what clients and tests need to know."""

    def openapi(self) -> dict[str, Any]:
        """The description, made once."""
        is_new = self.openapi_schema is None
        told = super().openapi()
        if is_new:
            _complete(told)
        return told


def media(*types: str, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """How OpenAPI tells of an answer that is no JSON."""
    return {status: {"content": {kind: {"schema": _schema(kind)} for kind in types}}}


def file_of(*types: str) -> dict[int | str, dict[str, Any]]:
    """How OpenAPI tells of a file, of which a part can be asked for by ``Range``."""
    told = media(*types)
    told[206] = {"description": "the part that was asked for", "content": told[200]["content"]}
    told[416] = {"description": "it is shorter than that", "content": {"text/plain": {"schema": {"type": "string"}}}}
    return told


def json_of(form: Any) -> dict[int | str, dict[str, Any]]:
    """How OpenAPI tells of JSON that a route makes itself; ``form`` is its type."""
    return {200: {"content": {"application/json": {"schema": TypeAdapter(form).json_schema(ref_template=REFERENCE)}}}}


def _schema(kind: str) -> dict[str, str]:
    """Text is a text, events are what each reader makes of them, all else is bytes."""
    if kind == "text/event-stream":
        return {"description": "server-sent events"}
    return {"type": "string"} if kind.startswith("text/") else {"type": "string", "contentMediaType": kind}


def _complete(told: dict[str, Any]) -> None:
    schemes: dict[str, Any] = {
        SECURITY[0]: {"type": "apiKey", "in": "header", "name": SECURITY[0]},
        SECURITY[1]: {"type": "http", "scheme": "bearer"},
    }
    about = "A key, see `myna keys`. A server without keys wants none, and answers its own machine only."
    components = told.setdefault("components", {})
    components["securitySchemes"] = {name: {**scheme, "description": about} for name, scheme in schemes.items()}
    for name, operation in _operations(told):
        _drop_automatic(operation["responses"])
        _illustrate(operation, EXAMPLES.get(name, {}))
        components.setdefault("schemas", {}).update(_parts(operation["responses"]))
    for name in _AUTOMATIC:
        components.get("schemas", {}).pop(name, None)


def _operations(told: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation with its method and path."""
    for path, operations in told["paths"].items():
        for method, operation in operations.items():
            yield f"{method.upper()} {path}", operation


def _parts(responses: Mapping[str, Any]) -> dict[str, Any]:
    """The schemas that others refer to, taken out of those."""
    parts: dict[str, Any] = {}
    for response in responses.values():
        for content in response.get("content", {}).values():
            parts |= content.get("schema", {}).pop("$defs", {})
    return parts


def _drop_automatic(responses: dict[str, Any]) -> None:
    schema = responses.get("422", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if schema.get("$ref", "").endswith(_AUTOMATIC[0]):
        del responses["422"]


def _illustrate(operation: dict[str, Any], examples: Mapping[str, Any]) -> None:
    """Put the examples where OpenAPI has them."""
    for parameter in operation.get("parameters", ()):
        if parameter["name"] in examples.get("parameters", {}):
            parameter["example"] = examples["parameters"][parameter["name"]]
    _add(operation.get("requestBody", {}), examples.get("request", {}))
    for status, replies in examples.get("replies", {}).items():
        _add(operation["responses"].get(status, {}), replies)


def _add(place: dict[str, Any], examples: Mapping[str, Mapping[str, Any]]) -> None:
    for kind, named in examples.items():
        if kind in place.get("content", {}):
            shown = place["content"][kind].setdefault("examples", {})
            shown.update({name: {"value": value} for name, value in named.items()})
