"""One line of a label file as its four fields, mended where it is certain what was meant.

The form is GPT-SoVITS's ``path|speaker|language|text``; its label editor also knows JSON, one object per line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from myna.core.errors import BadInput

LANGUAGES = {"zh": "zh", "ja": "ja", "jp": "ja", "en": "en", "ko": "ko", "yue": "yue"}
"""Spellings that label files use, in lower case, and the code each stands for."""

FORM = "path|speaker|language|text"

_OFFICIAL = frozenset("ZH zh JP jp JA ja EN en En KO Ko ko yue YUE Yue".split())
_MEANT = {
    **dict.fromkeys("cn cmn zho chi chinese mandarin 中文 汉语 漢語 国语 國語 普通话 普通話".split(), "zh"),
    **dict.fromkeys("eng english 英文 英语 英語 영어".split(), "en"),
    **dict.fromkeys("jpn japanese 日文 日语 日語 日本語".split(), "ja"),
    **dict.fromkeys("kr kor korean 韩文 韓文 韩语 韓語 한국어".split(), "ko"),
    **dict.fromkeys("cantonese zh-hk zh-yue yue-hk 粤语 粵語 广东话 廣東話".split(), "yue"),
}
"""What else people call the languages."""
_REGION = re.compile(r"(zh|ja|en|ko|yue)[-_][a-z]{2,4}")

_AROUND_PATHS = " \t\r\n\"'\u202a"  # what copying a path out of Windows leaves around it
_SOUND = re.compile(r"\.(wav|wave|mp3|flac|ogg|opus|m4a|mp4|aac|wma|webm|aiff?)$", re.IGNORECASE)
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_KANA = re.compile(r"[\u3041-\u30ff\u31f0-\u31ff]")
_HANGUL = re.compile(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]")
_LATIN = re.compile(r"[A-Za-z]")
_MAX_NAME_BYTES, _MAX_PATH_CHARS = 255, 2000

_JSON_KEYS = {
    "path": ("wav_path", "audio_path", "audio", "path", "wav"),
    "speaker": ("speaker", "speaker_name", "spk"),
    "language": ("language", "lang"),
    "text": ("text", "transcript"),
}
"""Names of the fields in JSON; the first ones are those that are written."""


@dataclass(frozen=True)
class Fields:
    """A line's fields: a path with slashes, a language's code ("" where a line of JSON tells none), a text (it may be
    empty, which is for others to judge). ``repairs`` say what was mended.
    """

    path: str
    speaker: str
    language: str
    text: str
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Habits:
    """Which speakers and languages the whole lines of a file have."""

    speakers: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()

    @property
    def speaker(self) -> str:
        """The only speaker; "" where there are others or none."""
        return next(iter(self.speakers)) if len(self.speakers) == 1 else ""

    @property
    def language(self) -> str:
        """The only language; "" where there are others or none."""
        return next(iter(self.languages)) if len(self.languages) == 1 else ""


def read_line(line: str, habits: Habits) -> Fields | str:
    """The fields of a line of a ``.list`` file, or why there are none."""
    parts = line.split("|")
    repairs: tuple[str, ...] = ()
    if len(parts) == 1:
        parts, repairs = _otherwise_parted(line)
    if len(parts) == 4:
        return _fields(parts, repairs)
    found = _longer(parts) if len(parts) > 4 else _shorter(parts, habits)
    if found is None:
        return f"{len(parts)} fields instead of 4 ({FORM}; the text may not hold '|')"
    return _fields(*found)


def write_line(fields: Fields) -> str:
    """The line of a ``.list`` file that GPT-SoVITS reads; raises `BadInput` where there is none."""
    parts = (fields.path, fields.speaker, fields.language.upper(), fields.text)
    for part in parts:
        if "|" in part or "\n" in part or "\r" in part:
            raise BadInput(f"{part!r} cannot stand in a label file; leave out '|' and line breaks")
    return "|".join(parts)


def read_json_line(line: str, habits: Habits) -> Fields | str:
    """The fields of a line of a JSON Lines file, or why there are none."""
    row = _json_object(line)
    if row is None:
        return 'no JSON object like {"wav_path": "a.wav", "text": "Hello."}'
    parts = {name: _value(row, names) for name, names in _JSON_KEYS.items()}
    spelled = parts["language"]
    if spelled:
        return _fields([parts["path"], parts["speaker"], spelled, parts["text"]], ())
    told = _told_language(parts["text"], habits)
    fields = _fields([parts["path"], parts["speaker"], told or "en", parts["text"]], ())
    if isinstance(fields, str):
        return fields
    repairs = (_language_told(told),) if told else ()
    return replace(fields, language=told, repairs=(*fields.repairs, *repairs))


def write_json_line(fields: Fields, before: str = "") -> str:
    """The line of a JSON Lines file: ``before`` with these fields, under the names it has; else under SubFix's."""
    row = _json_object(before) or {}
    for name, names in _JSON_KEYS.items():
        value = getattr(fields, name)
        there = next((key for key in names if isinstance(row.get(key), str)), None)
        if there or value:
            row[there or names[0]] = value
    return json.dumps(row, ensure_ascii=False)


def code_of(language: str) -> str:
    """The code that a language's spelling or name stands for, "" for none."""
    plain = language.strip().lower()
    named = LANGUAGES.get(plain) or _MEANT.get(plain)
    region = _REGION.fullmatch(plain)
    return named or (region[1] if region else "")


def clean_path(path: str) -> str:
    """A path without what copying it out of Windows leaves around it, with slashes (official rule)."""
    return path.strip(_AROUND_PATHS).replace("\\", "/").rstrip("/")


def joined_texts(texts: Sequence[str]) -> str:
    """Texts of several clips as one: a space between them except between Han, kana and full-width marks."""
    whole = ""
    for text in filter(None, (text.strip() for text in texts)):
        is_dense = not whole or _is_dense(whole[-1]) or _is_dense(text[0])
        whole += text if is_dense else f" {text}"
    return whole


def _is_dense(char: str) -> bool:
    """Whether no space is written beside this character."""
    return bool(_HAN.match(char) or _KANA.match(char)) or "\u3000" <= char <= "\u303f" or "\uff00" <= char <= "\uff65"


def _fields(parts: Sequence[str], repairs: tuple[str, ...]) -> Fields | str:
    """Four fields, each as it should be."""
    path = clean_path(parts[0])
    speaker, spelled, text = (part.strip() for part in parts[1:])
    language = code_of(spelled)
    if not path or path.endswith("/..") or path in (".", ".."):
        return "the path is empty" if not path else f"{path!r} names no file"
    if "\0" in path:
        return "the path holds a zero byte"
    if max(len(part.encode()) for part in path.split("/")) > _MAX_NAME_BYTES or len(path) > _MAX_PATH_CHARS:
        return f"a name in the path has more than {_MAX_NAME_BYTES} bytes, more than file systems take"
    if not language:
        return f"unknown language {spelled!r}; choose one of: {', '.join(LANGUAGES)}"
    if "\r" in text:
        text, repairs = " ".join(text.split()), (*repairs, "a line break in the text became a space")
    if spelled not in _OFFICIAL:
        repairs += (f"language {spelled!r} is written {language.upper()}",)
    return Fields(path, speaker, language, text, repairs)


def _otherwise_parted(line: str) -> tuple[list[str], tuple[str, ...]]:
    """Four fields with other marks between them; else the line whole."""
    for mark, name in (("｜", "'｜'"), ("\t", "tabs")):
        parts = line.split(mark)
        if len(parts) == 4 and code_of(parts[2]) and _has_sound(parts[0]):
            return parts, (f"fields were parted by {name}",)
    return [line], ()


def _longer(parts: list[str]) -> tuple[list[str], tuple[str, ...]] | None:
    """More than four fields: a path or a text that holds '|', or what other programs add behind the text."""
    if len(parts) == 7 and code_of(parts[2]) and _is_phones(*parts[4:]):
        return parts[:4], ("phones behind the text were left out",)
    places = [at for at in range(2, len(parts) - 1) if code_of(parts[at])]
    sure = [at for at in places if _has_sound("|".join(parts[: at - 1]))]
    if len(sure) == 1 or (not sure and places[:1] == [2]):
        at = (sure or places)[0]
        if at > 2:
            return None  # a path that holds '|' cannot be written
        text = " ".join(part.strip() for part in parts[3:] if part.strip())
        return [*parts[:3], text], ("'|' in the text became a space",)
    return None


def _is_phones(phones: str, tones: str, counts: str) -> bool:
    """What Bert-VITS2 writes behind a text: phones, a tone for each, how many each character has."""
    numbers = [*tones.split(), *counts.split()]
    return bool(numbers) and all(map(str.isdigit, numbers)) and len(phones.split()) == len(tones.split())


def _shorter(parts: list[str], habits: Habits) -> tuple[list[str], tuple[str, ...]] | None:
    """Two or three fields, where it is sure which are missing."""
    if len(parts) < 2 or not _has_sound(parts[0]) or code_of(parts[-1]):
        return None
    path, text = parts[0], parts[-1]
    if text.strip() in habits.speakers:
        return None  # more likely the text is missing
    no_speaker = f"the speaker was missing: {habits.speaker!r} as in all other lines" if habits.speaker else ""
    no_speaker = no_speaker or "the speaker was missing, and stays empty"
    if len(parts) == 3 and code_of(parts[1]):
        return [path, habits.speaker, parts[1], text], (no_speaker,)
    language = _told_language(text, habits)
    if not language:
        return None
    if len(parts) == 3:
        return [path, parts[1], language, text], (_language_told(language),)
    return [path, habits.speaker, language, text], (no_speaker, _language_told(language))


def _has_sound(path: str) -> bool:
    return bool(_SOUND.search(clean_path(path)))


def _language_told(language: str) -> str:
    return f"the language was missing: {language}, by its letters and the other lines"


def _told_language(text: str, habits: Habits) -> str:
    """The language that a text is in for certain, by its letters or because all others of the file are; else ""."""
    return _told_by_script(text) or (habits.language if _suits(text, habits.language) else "")


def _told_by_script(text: str) -> str:
    """The language that only one script is written in; "" where letters do not tell."""
    if _HANGUL.search(text) and not _KANA.search(text):
        return "ko"
    return "ja" if _KANA.search(text) and not _HANGUL.search(text) else ""


def _suits(text: str, language: str) -> bool:
    """Whether a text may well be in ``language``, by its letters."""
    if language in ("zh", "yue", "ja"):
        return bool(_HAN.search(text)) and not _HANGUL.search(text)
    return language == "en" and bool(_LATIN.search(text)) and not _HAN.search(text)


def _json_object(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (json.JSONDecodeError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _value(row: dict[str, Any], names: Sequence[str]) -> str:
    """The first of the names that has a text; line breaks in it are spaces."""
    found = next((row[name] for name in names if isinstance(row.get(name), str)), "")
    return " ".join(str(found).splitlines())
