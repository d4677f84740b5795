"""Whether an answer is what a contract case expects. Every check answers what is wrong, or nothing."""

from __future__ import annotations

import io
import json
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import soundfile


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
        if not isinstance(got.get(key), _KINDS[kind]):
            yield f"{key} is {got.get(key)!r}, no {kind}"


def _type(wanted: str, answer: Answer) -> Iterator[str]:
    if not isinstance(answer.json, _KINDS[wanted]):
        yield answer.body[:200].decode(errors="replace")


def _items(wanted: list[str], answer: Answer) -> Iterator[str]:
    for item in answer.json if isinstance(answer.json, list) else []:
        yield from (f"{key} is missing in {item}" for key in wanted if key not in item)


def _schema(wanted: Mapping[str, Any], answer: Answer) -> Iterator[str]:
    """As much of JSON Schema as the cases use."""
    got = answer.json
    if not isinstance(got, _KINDS[wanted.get("type", "object")]):
        yield f"is {answer.body[:200]!r}"
        return
    yield from (f"{key} is missing" for key in wanted.get("required", ()) if key not in got)
    for key, rule in wanted.get("properties", {}).items():
        if key in got:
            yield from (f"{key}: {problem}" for problem in _rule(rule, got[key]))


def _rule(rule: Mapping[str, Any], value: Any) -> Iterator[str]:
    kinds = rule.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if kinds and not any(isinstance(value, _KINDS[kind]) for kind in kinds):
        yield f"{value!r} is no {' or '.join(kinds)}"
    if "const" in rule and value != rule["const"]:
        yield f"{value!r} is not {rule['const']!r}"
    if "enum" in rule and value not in rule["enum"]:
        yield f"{value!r} is none of {rule['enum']}"
    if "pattern" in rule and not re.search(rule["pattern"], str(value)):
        yield f"{value!r} does not match {rule['pattern']}"
    if ("minimum" in rule and value < rule["minimum"]) or ("maximum" in rule and value > rule["maximum"]):
        yield f"{value!r} is out of range"


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
    for name, value in facts.items():
        if name in wanted and str(wanted[name]) != str(value):
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
    if not is_right[wanted.split()[0]]:
        yield f"{body[:8]!r}"


def _each_part(wanted: str, answer: Answer) -> Iterator[str]:
    if wanted != "is a complete Ogg Vorbis file":
        yield f"nobody can check {wanted!r}"
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
