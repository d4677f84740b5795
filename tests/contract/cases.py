"""Runs one case of a contract file against the rig."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx

from tests.contract.expectations import Answer, Unsupported, problems, require_known
from tests.contract.rig import WITH_BROKER, Rig
from tests.rabbit import is_installed

Case = Mapping[str, Any]


TRANSPORTS = ("http", "http+amqp", "amqp")
ELSEWHERE = {"seed003": "it speaks to the web interface (gradio, port 9874), which is no door of this server"}
"""Dialects that other programs answer."""
SERVERS = {"engine:9880": "api_v2"}
"""Other servers than the dialect's own that a request may be for, by the dialect that they speak."""
_PARTS = {"method", "path", "query", "json", "form", "files", "headers", "body"}


@dataclass
class Context:
    """What a case has gathered on its way: ids of tasks and jobs that its setup made."""

    rig: Rig
    case: Case
    client: httpx.Client
    ids: dict[str, str] = field(default_factory=dict)
    server: str = ""
    """Another server than the dialect's own."""

    @property
    def base(self) -> str:
        """The server's address."""
        return self.rig.address(self.server or str(self.case["dialect"]))

    def filled(self, value: Any) -> Any:
        """``value`` with fixtures and ids in place of their names."""
        if isinstance(value, dict):
            return {name: self.filled(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        if not isinstance(value, str):
            return value
        text = self.rig.fixtures.fill(value.replace("$MODEL_SR", str(self.rig.rate_hz)))
        for name, known in self.ids.items():
            text = text.replace(f"{{{name}}}", known)
        return text

    def ask(self, request: Mapping[str, Any]) -> Answer:
        """Send one request; the body is read part by part."""
        query = request.get("query")
        if isinstance(query, dict):
            query = {name: _as_query(value) for name, value in query.items()}
        elif isinstance(query, list):
            query = [(name, _as_query(value)) for name, value in query]
        sent: dict[str, Any] = {"headers": request.get("headers")}
        if "json" in request:
            sent["json"] = request["json"]
        if "body" in request:
            sent["content"] = request["body"].encode()
        if "form" in request:
            sent["data"] = request["form"]
        if "files" in request:
            sent["files"] = {name: upload(self, spec) for name, spec in request["files"].items()}
        begun = time.monotonic()
        path = self.base + request["path"]
        with self.client.stream(request["method"], path, params=query or None, **sent) as response:
            parts: list[bytes] = []
            broken = ""
            try:
                parts += response.iter_raw()
            except httpx.HTTPError as error:
                broken = repr(error)
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, headers, b"".join(parts), time.monotonic() - begun, parts, broken)


def run_case(rig: Rig, case: Case) -> list[str]:
    """What is wrong with the server's answer to one case; raises `Unsupported`."""
    from tests.contract.queue_scenarios import clean
    from tests.contract.scenarios import AFTERWARDS, CASES, set_up

    if case["transport"] not in TRANSPORTS or case["dialect"] in ELSEWHERE:
        raise Unsupported(ELSEWHERE.get(case["dialect"], f"nobody speaks {case['transport']}"))
    rig.forget()
    with httpx.Client(timeout=60.0, trust_env=False) as client:
        context = Context(rig, case, client)
        prose = CASES.get(case["id"])
        if case["dialect"] in WITH_BROKER:
            if not is_installed():
                raise Unsupported("RabbitMQ is not installed")
            clean(context)
        for words in case.get("setup", ()):
            set_up(context, words)
        if prose is not None:
            return list(prose(context))
        request = context.filled(case["request"])
        if server := request.pop("server", ""):
            context.server = SERVERS.get(server, "")
            if not context.server:
                raise Unsupported(f"there is no server {server}")
        _require_playable(request)
        answer = context.ask(request)
        expect = context.filled(case["expect"])
        found = problems(expect, answer) + list(_afterwards(context, expect, answer))
        if not found:
            require_known(expect, AFTERWARDS)
        return found


def _require_playable(request: Mapping[str, Any]) -> None:
    """Raise `Unsupported` where the request holds what nobody here can do, or names what there is not."""
    for name in request:
        if name not in _PARTS:
            raise Unsupported(f"nobody plays its {name}: {request[name]}")
    missing = re.search(r"\$[A-Z][A-Z0-9_]+|(?<=/)\{\w+\}", json.dumps(request))
    if missing:
        raise Unsupported(f"there is no {missing[0]} here")


def _afterwards(context: Context, expect: Mapping[str, Any], answer: Answer) -> Iterator[str]:
    """Expectations that need another look."""
    from tests.contract.scenarios import AFTERWARDS

    for key, look in AFTERWARDS.items():
        if key in expect:
            yield from (f"{key}: {problem}" for problem in look(context, expect[key], answer))


def _as_query(value: Any) -> Any:
    """A value as people's clients write it into an address."""
    return json.dumps(value) if isinstance(value, bool) else value


def upload(context: Context, spec: str) -> tuple[str, bytes, str]:
    """A file of a form: name, content, media type; ``PATH``, ``PATH as NAME`` or ``PATH encoded as NAME``."""
    if spec.startswith("random bytes"):
        return "random.wav", bytes(range(256)) * 40, "audio/wav"
    source, _, name = spec.partition(" encoded as ") if " encoded as " in spec else spec.partition(" as ")
    path = Path(source)
    if " encoded as " in spec:
        return name, _encoded(path, Path(name).suffix), "application/octet-stream"
    return name or path.name, path.read_bytes(), "audio/wav"


def _encoded(path: Path, suffix: str) -> bytes:
    """The sound of a wav in another format."""
    import io

    import av
    import soundfile

    from myna.audio.encode import FORMATS, encode

    samples, rate = soundfile.read(path, dtype="float32")
    if suffix.lstrip(".") in FORMATS:
        return encode(samples, rate, suffix.lstrip("."))
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=rate)
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return out.getvalue()
