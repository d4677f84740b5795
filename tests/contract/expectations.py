"""Whether an answer is what a contract case expects. Every check answers what is wrong, or nothing."""

from __future__ import annotations

import io
import json
import math
import re
import struct
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import soundfile


class Unsupported(Exception):
    """A case that nobody here knows how to run or to judge; the reason stands in it."""


@dataclass
class Answer:
    """What came back: ``parts`` are the chunks of a chunked body as they arrived."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float = 0.0
    parts: list[bytes] = field(default_factory=list)
    broken: str = ""

    @property
    def json(self) -> Any:
        """The body as JSON; `NO_JSON` where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return NO_JSON


NO_JSON = object()


def problems(expect: Mapping[str, Any], answer: Answer) -> list[str]:
    """Everything that is not as expected. Keys that need more than one answer are the scenarios' own."""
    found = [f"body broke off: {answer.broken}"] if answer.broken else []
    for key, wanted in expect.items():
        check = CHECKS.get(key)
        found += [f"{key}: {problem}" for problem in check(wanted, answer)] if check else []
    return found


def require_known(expect: Mapping[str, Any], others: Collection[str] = ()) -> None:
    """Raise `Unsupported` naming the expectations that nobody judges, here or by ``others``."""
    unknown = [key for key in expect if key not in CHECKS and key not in others and key not in _TOLD]
    if unknown:
        raise Unsupported(f"nobody judges {', '.join(unknown)}; all else is as expected")


def subset(wanted: Any, got: Any) -> bool:
    """Whether ``wanted`` is within ``got``: of objects by key, of lists each item in some item."""
    if isinstance(wanted, dict):
        return isinstance(got, dict) and all(key in got and subset(value, got[key]) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(got, list) and all(any(subset(item, other) for other in got) for item in wanted)
    if isinstance(wanted, float) or isinstance(got, float):
        return isinstance(wanted, int | float) and isinstance(got, int | float) and abs(wanted - got) < 1e-6
    return bool(wanted == got)


def _status(wanted: int | list[int], answer: Answer) -> Iterator[str]:
    if answer.status not in (wanted if isinstance(wanted, list) else [wanted]):
        yield f"{answer.status} with {answer.body[:200]!r}"


def _media(wanted: str, answer: Answer) -> Iterator[str]:
    if not answer.headers.get("content-type", "").startswith(wanted):
        yield answer.headers.get("content-type", "none")


def _chunked(wanted: bool, answer: Answer) -> Iterator[str]:
    if (answer.headers.get("transfer-encoding") == "chunked") != wanted:
        yield answer.headers.get("transfer-encoding", "not chunked")


def _equal(wanted: Any, answer: Answer) -> Iterator[str]:
    if answer.json != wanted:
        yield answer.body[:200].decode(errors="replace")


def _subset(wanted: Any, answer: Answer) -> Iterator[str]:
    if not subset(wanted, answer.json):
        yield answer.body[:200].decode(errors="replace")


def _keys(wanted: list[str], answer: Answer) -> Iterator[str]:
    got = answer.json if isinstance(answer.json, dict) else {}
    yield from (f"{key} is missing" for key in wanted if key not in got)


def _patterns(wanted: Mapping[str, str], answer: Answer) -> Iterator[str]:
    got = answer.json if isinstance(answer.json, dict) else {}
    for key, pattern in wanted.items():
        if not re.match(pattern, str(got.get(key))):
            yield f"{key} is {got.get(key)!r}"


def _types(wanted: Mapping[str, str], answer: Answer) -> Iterator[str]:
    got = answer.json if isinstance(answer.json, dict) else {}
    for key, kind in wanted.items():
        if not _is(kind, got.get(key)):
            yield f"{key} is {got.get(key)!r}, no {kind}"


def _type(wanted: str, answer: Answer) -> Iterator[str]:
    if not _is(wanted, answer.json):
        yield answer.body[:200].decode(errors="replace")


def _items(wanted: list[str], answer: Answer) -> Iterator[str]:
    for item in answer.json if isinstance(answer.json, list) else []:
        yield from (f"{key} is missing in {item}" for key in wanted if key not in item)


def _schema(wanted: Mapping[str, Any], answer: Answer) -> Iterator[str]:
    yield from _rule(wanted, answer.json, "body")


def _rule(rule: Mapping[str, Any], value: Any, place: str) -> Iterator[str]:
    """As much of JSON Schema as cases have use for."""
    if unknown := set(rule) - _KEYWORDS:
        raise Unsupported(f"nobody judges {', '.join(sorted(unknown))} of a schema")
    kinds = rule.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if kinds and not any(_is(kind, value) for kind in kinds):
        yield f"{place}: {str(value)[:200]!r} is no {' or '.join(kinds)}"
        return
    if "const" in rule and value != rule["const"]:
        yield f"{place}: {value!r} is not {rule['const']!r}"
    if "enum" in rule and value not in rule["enum"]:
        yield f"{place}: {value!r} is none of {rule['enum']}"
    if isinstance(value, str) and not re.search(rule.get("pattern", ""), value):
        yield f"{place}: {value!r} does not match {rule['pattern']}"
    size = len(value) if isinstance(value, str | list) else value
    if isinstance(size, int | float) and not _range(rule)[0] <= size <= _range(rule)[1]:
        yield f"{place}: {value!r} is out of range"
    yield from _inside(rule, value, place)


def _inside(rule: Mapping[str, Any], value: Any, place: str) -> Iterator[str]:
    """What a rule says of the parts of a value."""
    if isinstance(value, dict):
        known = rule.get("properties", {})
        yield from (f"{place}: {key} is missing" for key in rule.get("required", ()) if key not in value)
        if rule.get("additionalProperties") is False:
            yield from (f"{place}: {key} is too much" for key in value if key not in known)
        for key in known.keys() & value.keys():
            yield from _rule(known[key], value[key], f"{place}.{key}")
    if isinstance(value, list) and "items" in rule:
        for number, item in enumerate(value):
            yield from _rule(rule["items"], item, f"{place}[{number}]")


def _range(rule: Mapping[str, Any]) -> tuple[float, float]:
    """The least and the most that a number, or a length, may be."""
    least = max((rule[key] for key in ("minimum", "minLength", "minItems") if key in rule), default=-math.inf)
    return least, min((rule[key] for key in ("maximum", "maxLength", "maxItems") if key in rule), default=math.inf)


def _is(kinds: str, value: Any) -> bool:
    """Whether a value is of a JSON type; several stand with bars between."""
    for kind in kinds.split("|"):
        if kind.strip() not in _KINDS:
            raise Unsupported(f"nobody knows the type {kind!r}")
        if isinstance(value, _KINDS[kind.strip()]) and not (isinstance(value, bool) and kind.strip() != "boolean"):
            return True
    return False


def _among(wanted: Mapping[str, list[Any]], answer: Answer) -> Iterator[str]:
    got = answer.json if isinstance(answer.json, dict) else {}
    for key, values in wanted.items():
        if got.get(key) not in values:
            yield f"{key} is {got.get(key)!r}, none of {values}"


def _wav(wanted: Mapping[str, Any], answer: Answer) -> Iterator[str]:
    body = answer.body
    if body[:4] != b"RIFF" or len(body) < 44:
        yield f"no wav: {body[:20]!r}"
        return
    riff_size, data_size = struct.unpack("<I", body[4:8])[0], struct.unpack("<I", body[40:44])[0]
    channels, rate = struct.unpack("<HI", body[22:28])
    bits = struct.unpack("<H", body[34:36])[0]
    facts = {"channels": channels, "sample_rate": rate, "bits": bits}
    if unknown := set(wanted) - {*facts, "header", "payload_bytes"}:
        raise Unsupported(f"nobody judges {', '.join(sorted(unknown))} of a wav")
    for name, value in facts.items():
        allowed = wanted.get(name, value)
        if str(value) not in map(str, allowed if isinstance(allowed, list) else [allowed]):
            yield f"{name} is {value}, not {wanted[name]}"
    head, payload = wanted.get("header", ""), len(body) - 44
    if head.startswith("streaming") and (riff_size, data_size) != (36, 0):
        yield f"sizes are {riff_size} and {data_size}"
    if head.startswith("exact") and (data_size != payload or riff_size != len(body) - 8):
        yield f"sizes are {riff_size} and {data_size} of {len(body)} bytes"
    if "payload_bytes" in wanted and wanted["payload_bytes"] == 0 and payload:
        yield f"{payload} bytes of sound"
    wanted_payload = str(wanted.get("payload_bytes", ""))
    if wanted_payload.startswith("even") and (payload % 2 or (not payload and ">0" in wanted_payload)):
        yield f"{payload} bytes of sound"


def _magic(wanted: str, answer: Answer) -> Iterator[str]:
    body = answer.body
    is_adts = len(body) > 1 and body[0] == 0xFF and body[1] & 0xF0 == 0xF0
    is_right = {
        "OggS": body[:4] == b"OggS",
        "ADTS": is_adts,
        "raw": body[:4] not in (b"RIFF", b"OggS") and len(body) % 2 == 0 and len(body) > 0,
    }
    if wanted.split()[0] not in is_right:
        raise Unsupported(f"nobody knows how a body begins that is {wanted!r}")
    if not is_right[wanted.split()[0]]:
        yield f"{body[:8]!r}"


def _each_part(wanted: str, answer: Answer) -> Iterator[str]:
    if wanted != "is a complete Ogg Vorbis file":
        raise Unsupported(f"nobody can tell whether each part {wanted}")
    for part in answer.parts:
        try:
            samples, _ = soundfile.read(io.BytesIO(part))
        except soundfile.LibsndfileError as error:
            yield f"a part of {len(part)} bytes: {error}"
        else:
            if not len(samples):
                yield "a part without sound"


def _soon(wanted: float, answer: Answer) -> Iterator[str]:
    if answer.seconds > wanted:
        yield f"{answer.seconds:.1f} s"


def _headers(wanted: Mapping[str, str], answer: Answer) -> Iterator[str]:
    for name, value in wanted.items():
        if answer.headers.get(name) != value:
            yield f"{name} is {answer.headers.get(name)!r}"


def _no_header(wanted: str, answer: Answer) -> Iterator[str]:
    if wanted in answer.headers:
        yield f"{wanted} is {answer.headers[wanted]!r}"


def _disposition(wanted: str, answer: Answer) -> Iterator[str]:
    if wanted not in answer.headers.get("content-disposition", ""):
        yield answer.headers.get("content-disposition", "none")


_KINDS: dict[str, Any] = {
    "string": str, "array": list, "object": dict, "number": int | float, "integer": int, "boolean": bool,
    "null": type(None),
}  # fmt: skip

_KEYWORDS = {
    "type", "const", "enum", "pattern", "required", "properties", "additionalProperties", "items", "minimum", "maximum",
    "minLength", "maxLength", "minItems", "maxItems", "format", "description",
}  # fmt: skip
_TOLD = ("official_exception",)
"""What a case tells about the official program, and expects of nobody."""

CHECKS: dict[str, Callable[[Any, Answer], Iterator[str]]] = {
    "status": _status,
    "content_type_prefix": _media,
    "chunked": _chunked,
    "json": _equal,
    "json_subset": _subset,
    "json_keys": _keys,
    "json_regex": _patterns,
    "json_types": _types,
    "json_type": _type,
    "each_item_keys": _items,
    "json_schema": _schema,
    "json_in": _among,
    "wav": _wav,
    "body_magic": _magic,
    "each_http_chunk": _each_part,
    "max_seconds": _soon,
    "headers": _headers,
    "no_header": _no_header,
    "content_disposition_contains": _disposition,
}
