"""A speaker that is another server: one of GPT-SoVITS, or another of ours."""

from __future__ import annotations

import http.client
import io
import json
import mimetypes
import secrets
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path

from myna.audio.io import decode
from myna.core.errors import BadInput, PeerFailed, PeerTimedOut
from myna.core.speech import AudioChunk, SpeechRequest

_MISSING = (404, 405)
_MAX_ANSWER_BYTES = 512 * 2**20


class RemoteSpeaker:
    """Says requests by asking the server at ``base_url``.

    It is first asked by ``/synthesize``, to which the reference is sent; a server without that is asked by ``/tts``,
    with the reference's path, which it must be able to read. The answer comes as one chunk.
    """

    def __init__(self, base_url: str, timeout_s: float) -> None:
        parts = urllib.parse.urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(f"{base_url!r} is no address of a server; give one as http://localhost:9880")
        self._parts, self._timeout_s = parts, timeout_s

    def say(self, request: SpeechRequest) -> Iterator[AudioChunk]:
        """As `Speaker.say`; raises `PeerFailed` and `PeerTimedOut`."""
        status, kind, body = self._post("/synthesize", *_multipart(request))
        if status in _MISSING:
            status, kind, body = self._post("/tts", json.dumps(_fields(request)).encode(), "application/json")
        if status != http.client.OK or not kind.startswith("audio/"):
            told = body[:300].decode("utf-8", errors="replace")
            raise PeerFailed(f"the speech server at {self._parts.netloc} answered {status}: {' '.join(told.split())}")
        audio = decode(io.BytesIO(body))
        return iter([AudioChunk(audio.samples, audio.sample_rate, 0.0, 0, request.text)])

    def is_there(self, timeout_s: float = 5.0) -> bool:
        """Whether the server answers at all."""
        try:
            self._ask("GET", "/health", b"", {}, timeout_s)
        except PeerFailed:
            return False
        return True

    def _post(self, path: str, body: bytes, kind: str) -> tuple[int, str, bytes]:
        return self._ask("POST", path, body, {"Content-Type": kind}, self._timeout_s)

    def _ask(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], timeout_s: float
    ) -> tuple[int, str, bytes]:
        """Status, media type and body of an answer."""
        make = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        connection = make(self._parts.hostname or "", self._parts.port, timeout=timeout_s)
        place = self._parts.netloc
        try:
            connection.request(method, self._parts.path.rstrip("/") + path, body or None, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.headers.get_content_type(), answer.read(_MAX_ANSWER_BYTES)
        except TimeoutError:
            raise PeerTimedOut(f"the speech server at {place} did not answer within {timeout_s:g} s") from None
        except (OSError, http.client.HTTPException) as error:
            raise PeerFailed(f"the speech server at {place} cannot be reached: {error}") from None
        finally:
            connection.close()


def _fields(request: SpeechRequest) -> dict[str, object]:
    """The request in the words of ``/tts``."""
    voice = request.voice
    return {
        "text": request.text,
        "text_lang": request.language,
        "ref_audio_path": str(voice.reference),
        "prompt_text": voice.reference_text,
        "prompt_lang": voice.reference_language,
        "speed_factor": request.speed,
        "temperature": 1.0 if request.temperature is None else request.temperature,
        "seed": -1 if request.seed is None else request.seed % 2**32,
    }


def _multipart(request: SpeechRequest) -> tuple[bytes, str]:
    """The request in the words of ``/synthesize``, its reference included; and the body's media type."""
    fields = {"text": request.text, "language": request.language, "speed": str(request.speed)}
    fields |= {"temperature": str(1.0 if request.temperature is None else request.temperature)}
    fields |= {"prompt_text": request.voice.reference_text, "prompt_lang": request.voice.reference_language}
    mark = secrets.token_hex(16)
    body = bytearray()
    for name, value in fields.items():
        body += f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    reference = Path(request.voice.reference)
    kind = mimetypes.guess_type(reference.name)[0] or "audio/wav"
    head = f'name="reference_audio"; filename="reference{reference.suffix}"'
    body += f"--{mark}\r\nContent-Disposition: form-data; {head}\r\nContent-Type: {kind}\r\n\r\n".encode()
    body += reference.read_bytes() + f"\r\n--{mark}--\r\n".encode()
    return bytes(body), f"multipart/form-data; boundary={mark}"
