"""Parameters from outside become records, and what is wrong with them becomes one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from myna.core.errors import BadInput

Record = TypeVar("Record", bound=BaseModel)


def build(record: type[Record], values: Mapping[str, Any]) -> Record:
    """``record(**values)``; raises `BadInput` with one line that names each wrong field."""
    try:
        return record(**values)
    except ValidationError as error:
        raise BadInput(one_line(error, record)) from None


def parse(record: type[Record], json: str | bytes) -> Record:
    """The record that ``json`` spells; raises `BadInput` with one line that names each wrong field."""
    try:
        return record.model_validate_json(json)
    except ValidationError as error:
        raise BadInput(one_line(error, record)) from None


def one_line(error: ValidationError, record: type[BaseModel]) -> str:
    """``field: what is wrong; field: …`` without addresses; unknown fields are answered with the known ones."""
    parts = []
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        field = ".".join(str(place) for place in item["loc"])
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            message = f"no such parameter; there are: {', '.join(record.model_fields)}"
        parts.append(f"{field}: {message}" if field else message)
    return "; ".join(parts)
