"""Words with their times, out of the files in which people keep them: SubRip, WebVTT, LRC, and what Whisper writes."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from myna.core.errors import BadInput

_CLOCK = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})(?:[,.](\d{1,3}))?"
_CUE_TIMES = re.compile(rf"{_CLOCK}[ \t]*-->[ \t]*{_CLOCK}")
_LRC_TIME = re.compile(r"\[(\d+):(\d{1,2})(?:[.:](\d{1,3}))?\]")
_LRC_OFFSET = re.compile(r"^\[offset:\s*([+-]?\d+)\]", re.IGNORECASE | re.MULTILINE)
_LRC_WORD_TIME = re.compile(r"<\d+:\d{1,2}(?:[.:]\d{1,3})?>")
_MARKS = re.compile(r"</?[a-zA-Z][^<>]*>|</?\d[\d:.]*>|\{\\[^{}]*\}")
"""What tells a player how to show a cue: ``<i>``, ``<v Anna>``, ``<00:01.500>``, ``{\\an8}``."""
_CHAR_S = 0.08
"""Seconds of a letter, where nothing says when a cue ends."""


@dataclass(frozen=True)
class Cue:
    """Words of a recording; times in seconds, both 0.0 where they are not known. ``language``: a code, if told."""

    text: str
    start_s: float = 0.0
    end_s: float = 0.0
    language: str = ""

    @property
    def has_times(self) -> bool:
        """Whether it is known when this was said."""
        return self.end_s > self.start_s


def _subtitles(text: str) -> list[Cue]:
    """The cues of SubRip or WebVTT. What has no times (a title, notes, styles) is none."""
    cues = []
    for block in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").replace("\r", "\n")):
        lines = block.splitlines()
        for number, line in enumerate(lines):
            found = _CUE_TIMES.search(line)
            if found:
                words = _shown(lines[number + 1 :])
                if words:
                    cues.append(Cue(words, _seconds(*found.groups()[:4]), _seconds(*found.groups()[4:])))
                break
    if not cues:
        raise BadInput("the transcript holds no times like 00:00:01,500 --> 00:00:04,000; name it .txt if it has none")
    return cues


def _shown(lines: Iterable[str]) -> str:
    """A cue's lines as one, without marks and with their entities (``&amp;``) resolved."""
    return " ".join(html.unescape(_MARKS.sub("", " ".join(lines))).split())


def _seconds(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + int((fraction or "0").ljust(3, "0")) / 1000


def _lyrics(text: str) -> list[Cue]:
    """The cues of LRC: each lasts until the next one, or a time without words."""
    offset = _LRC_OFFSET.search(text)
    shift_s = int(offset[1]) / 1000 if offset else 0.0
    lines = sorted(_lyric_lines(text), key=lambda line: line[0])
    cues = []
    for number, (start, words) in enumerate(lines):
        if words:
            end = lines[number + 1][0] if number + 1 < len(lines) else start + max(1.0, len(words) * _CHAR_S)
            cues.append(Cue(words, max(0.0, start - shift_s), max(0.0, end - shift_s)))
    if not cues:
        raise BadInput("the transcript holds no times like [00:01.50]; name it .txt if it has none")
    return cues


def _lyric_lines(text: str) -> Iterator[tuple[float, str]]:
    for line in text.splitlines():
        times = list(_LRC_TIME.finditer(line))
        if times and line.lstrip().startswith("["):
            words = " ".join(_LRC_WORD_TIME.sub("", line[times[-1].end() :]).split())
            yield from ((_seconds(None, *time.groups()), words) for time in times)


def _whisper(text: str) -> list[Cue]:
    """The segments of Whisper's JSON, of its first implementation or of whisper.cpp; without times its whole text."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise BadInput(f"the transcript is no JSON: {error}") from None
    rows = found if isinstance(found, list) else _field(found, "segments", "transcription")
    language = str(found.get("language") or "") if isinstance(found, dict) else ""
    if isinstance(rows, list):
        return [cue for row in rows if isinstance(row, dict) if (cue := _segment(row, language)).text]
    if isinstance(found, dict) and isinstance(found.get("text"), str):
        return [Cue(" ".join(found["text"].split()), language=language)]
    raise BadInput('the transcript has no segments like {"start": 1.5, "end": 4.0, "text": "Hello."}')


def _segment(row: Mapping[str, Any], language: str) -> Cue:
    offsets = row.get("offsets")
    try:
        if isinstance(offsets, dict):
            start, end = float(offsets["from"]) / 1000, float(offsets["to"]) / 1000
        else:
            start, end = float(row["start"]), float(row["end"])
    except (KeyError, TypeError, ValueError):
        raise BadInput("a segment of the transcript has no start and end in seconds") from None
    return Cue(" ".join(str(row.get("text") or "").split()), start, end, language)


def _field(found: object, *names: str) -> object:
    return next((found[name] for name in names if name in found), None) if isinstance(found, dict) else None


def _plain(text: str) -> list[Cue]:
    return [Cue(" ".join(text.split()))]


READERS: Mapping[str, Callable[[str], list[Cue]]] = MappingProxyType(
    {".srt": _subtitles, ".vtt": _subtitles, ".lrc": _lyrics, ".json": _whisper, ".txt": _plain}
)
"""How a file of each kind, which tells of one recording, is read."""
