"""What cases say in prose, made runnable: setups, whole scenarios, and looks that come after the answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from tests.contract.cases import Context
from tests.contract.expectations import Answer, problems

Setup = Callable[[Context], None]
Scenario = Callable[[Context], Iterator[str]]
Look = Callable[[Context, Any, Answer], Iterator[str]]


def _ignore(_context: Context) -> None:
    """What the rig has done already."""


def _change_reference(context: Context) -> None:
    context.ask(
        {
            "method": "GET",
            "path": "/change_refer",
            "query": context.filled({"refer_wav_path": "$REF5", "prompt_text": "参考", "prompt_language": "zh"}),
        }
    )


SRT_QUERY = {
    "text": "怎么了，亲爱的。今天天气不错！", "text_lang": "zh", "ref_audio_path": "$REF5", "prompt_lang": "zh",
    "prompt_text": "说得好像您带我以来我考好过几次一样", "text_split_method": "cut5", "media_type": "wav",
}  # fmt: skip


def _subtitled_sound(context: Context) -> Iterator[str]:
    made = context.ask({"method": "GET", "path": "/srt", "query": context.filled(SRT_QUERY)}).json
    path = {name: made[name].removeprefix(context.base) for name in ("audio", "srt")}
    sound = context.ask({"method": "GET", "path": path["audio"]})
    yield from problems({name: value for name, value in context.case["expect"].items() if name != "relation"}, sound)
    cues = context.ask({"method": "GET", "path": path["srt"]}).body.decode()
    hours, minutes, seconds, thousandths = map(int, re.findall(r"--> (\d+):(\d+):(\d+),(\d+)", cues)[-1])
    end = hours * 3600 + minutes * 60 + seconds + thousandths / 1000
    rate = int.from_bytes(sound.body[24:28], "little")
    length = (len(sound.body) - 44) / 2 / rate
    if not end - 0.001 <= length <= end + 0.5:
        yield f"the sound is {length:.3f} s long, the last cue ends at {end:.3f} s"


SETUPS: dict[str, Setup] = {
    "fresh server": _ignore,
    "GET /change_refer full": _change_reference,
}
"""By the words of the cases."""

CASES: dict[str, Scenario] = {"seed001.srt-audio": _subtitled_sound}
"""Whole scenarios by the case's id."""

AFTERWARDS: dict[str, Look] = {}
"""Expectations that need another look, by their key."""
