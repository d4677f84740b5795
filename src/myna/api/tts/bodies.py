"""Reads a body that may be JSON or a form into a record, with the errors that FastAPI itself would answer."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, TypeAdapter, ValidationError

Record = TypeVar("Record", bound=BaseModel)
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


async def read_body(request: Request, record: type[Record]) -> Record:
    """The ``record`` that the body spells; raises `RequestValidationError`."""
    is_form = request.headers.get("content-type", "").partition(";")[0].strip().lower() in _FORMS
    return validated(await (_form(request, record) if is_form else _json(request)), record)


def read_query(request: Request, record: type[Record]) -> Record:
    """The ``record`` that the query spells; raises `RequestValidationError`."""
    query, lists = request.query_params, _lists(record)
    values = {name: query.getlist(name) if name in lists else query[name] for name in query}
    return validated(values, record, "query")


def validated(values: object, record: type[Record], place: str = "body") -> Record:
    """``values`` as a record; raises `RequestValidationError`."""
    try:
        return TypeAdapter(record).validate_python(values, from_attributes=True)
    except ValidationError as error:
        raise RequestValidationError(
            [{**item, "loc": (place, *item["loc"])} for item in error.errors(include_url=False)]
        ) from None


def _lists(record: type[BaseModel]) -> set[str]:
    """Fields that may be given several times."""
    return {name for name, field in record.model_fields.items() if "list" in str(field.annotation)}


async def _json(request: Request) -> Any:
    body = await request.body()
    if not body:
        raise RequestValidationError([{"type": "missing", "loc": ("body",), "msg": "Field required", "input": None}])
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        place, reason = ("body", error.pos), {"error": error.msg}
    except UnicodeDecodeError:
        place, reason = ("body", 0), {"error": "not UTF-8"}
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets of thousands of floors
        place, reason = ("body", 0), {"error": str(error)}
    raise RequestValidationError(
        [{"type": "json_invalid", "loc": place, "msg": "JSON decode error", "input": {}, "ctx": reason}]
    )


async def _form(request: Request, record: type[BaseModel]) -> dict[str, Any]:
    """A form's fields; those of the record that are lists may be repeated."""
    form, lists = await request.form(), _lists(record)
    return {name: form.getlist(name) if name in lists else form[name] for name in form}
