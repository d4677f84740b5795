"""What cases say in prose, made runnable: setups, whole scenarios, and looks that come after the answer."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from myna.steps.catalog import PIPELINE
from tests.contract import queue_scenarios
from tests.contract.cases import Context
from tests.contract.expectations import Answer, Unsupported, problems, subset
from tests.contract.rig import BARE, BROKER_DOWN

Setup = Callable[[Context], None]
Scenario = Callable[[Context], Iterator[str]]
Look = Callable[[Context, Any, Answer], Iterator[str]]


def _cover(context: Context) -> None:
    files = context.filled({"reference_voice": "$REF5", "song": "$SONG"})
    headers = context.filled({"X-API-Key": "$API_KEY"})
    answer = context.ask({"method": "POST", "path": "/api/v1/cover/jobs", "headers": headers, "files": files})
    context.ids["job_id"] = answer.json["job_id"]


def _at(server: str) -> Setup:
    """Ask another server than the dialect's own."""

    def do(context: Context) -> None:
        context.server = server

    return do


def _fresh(context: Context) -> None:
    """A server that nobody has given a task yet."""
    shutil.rmtree(context.rig.home / "api_tasks", ignore_errors=True)


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


CONFIG = {"exp_name": "my_speaker", "language": "zh", "batch_size": 16, "epochs_s2": 50, "epochs_s1": 15, "gpu_id": "0"}
_DEADLINE_S = 60.0


def _create(context: Context) -> None:
    body = {"task_name": "t", "config": CONFIG}
    answer = context.ask({"method": "POST", "path": "/api/v1/task/create", "json": body})
    context.ids["task_id"] = answer.json["task_id"]


def _upload(fixture: str, name: str) -> Setup:
    def do(context: Context) -> None:
        path = context.filled("/api/v1/task/{task_id}/files/upload")
        files = {"file": context.filled(f"{fixture} as {name}")}
        answer = context.ask({"method": "POST", "path": path, "files": files})
        assert answer.status == 200, answer.body

    return do


def _step(name: str) -> Setup:
    def do(context: Context) -> None:
        path = context.filled(f"/api/v1/task/{{task_id}}/step/{name}")
        answer = context.ask({"method": "POST", "path": path, "json": {"params": {}}})
        assert answer.status == 200, answer.body
        ended = _ended(context)
        assert ended["status"] == "completed", ended

    return do


def _task(context: Context) -> Any:
    return context.ask({"method": "GET", "path": context.filled("/api/v1/task/{task_id}")}).json


def _ended(context: Context) -> Any:
    """The task once its step has ended."""
    deadline = time.monotonic() + _DEADLINE_S
    while (task := _task(context))["status"] not in ("completed", "failed", "cancelled"):
        assert time.monotonic() < deadline, f"no end within {_DEADLINE_S:g} s: {task}"
        time.sleep(0.05)
    return task


def _tree(context: Context) -> Iterator[str]:
    _create(context)
    yield from _file_exists(context, context.filled(context.case["expect"])["file_exists"], Answer(200, {}, b""))


def _file_exists(context: Context, wanted: str, _answer: Answer) -> Iterator[str]:
    if not (context.rig.home / wanted).is_file():
        yield f"{wanted} is not there"


def _after(context: Context, wanted: Any, _answer: Answer) -> Iterator[str]:
    if "poll" in wanted:
        task = _ended(context)
        for key, value in wanted["json_subset"].items():
            near = isinstance(value, float) and abs(task[key] - value) <= wanted.get("tolerance", 0)
            if not near and task[key] != value:
                yield f"{key} is {task[key]!r}, not {value!r}"
    else:
        answer = context.ask({"method": "GET", "path": wanted["get"]})
        if answer.status != wanted["status"]:
            yield f"status is {answer.status}"


def _immediately(context: Context, wanted: Any, _answer: Answer) -> Iterator[str]:
    task = _task(context)
    if task["status"] not in wanted["status_in"] or not subset(wanted["json_subset"], task):
        yield f"the task is {task}"


def _effective_slicer(context: Context, wanted: Any, _answer: Answer) -> Iterator[str]:
    task = _ended(context)
    names = {
        "threshold": "threshold_db", "min_length": "min_length_ms", "min_interval": "min_interval_ms",
        "hop_size": "hop_size_ms", "max_sil_kept": "max_sil_kept_ms", "_max": "peak_level", "alpha": "level_share",
    }  # fmt: skip
    effective = {name: task["last_step_params"][ours] for name, ours in names.items()}
    if effective != wanted:
        yield f"{effective}"


def set_up(context: Context, words: str) -> None:
    """Do what a line of a case's setup says; raises `Unsupported` for what nobody can."""
    asked = re.fullmatch(r"(GET|POST) (/\S+)(?: .*)?", words)
    step = re.fullmatch(r"(\w+)( completed)?", words)
    upload = re.fullmatch(r"upload (\S+)", words)
    reached = re.fullmatch(r"…(\w+)", words)
    if words in SETUPS:
        SETUPS[words](context)
    elif asked:
        context.ask({"method": asked[1], "path": context.filled(asked[2])})
    elif step and step[1] in STEPS:
        _step(step[1])(context)
    elif upload and (name := upload[1].lstrip("$")).upper().replace(".", "_") in context.rig.fixtures.values:
        _upload(f"${name.upper().replace('.', '_')}", name if "." in name else f"{name}.wav")(context)
    elif reached and reached[1] in STEPS:
        for name in ("create", "upload", *STEPS[: STEPS.index(reached[1]) + 1]):
            set_up(context, name)
    else:
        raise Unsupported(f"nobody can set up {words!r}")


def _then(context: Context, wanted: str, answer: Answer) -> Iterator[str]:
    if wanted.startswith("status completed; sliced/"):
        task = _ended(context)
        clips = sorted(path.name for path in (_folder(context) / "sliced").glob("*.wav"))
        expected = [f"tones_3x.wav_{start:010d}_{end:010d}.wav" for start, end in TONES_3X]
        if task["status"] != "completed":
            yield f"the task is {task}"
        elif "min_interval" not in str(context.case["request"]["json"]) and clips != expected:
            yield f"{clips}"
    elif wanted.startswith("status failed") and answer.status == 200:
        task = _ended(context)
        if task["status"] != "failed" or not task["error_message"]:
            yield f"the task is {task}"
    elif not wanted.startswith("status failed"):
        raise Unsupported(f"nobody can look whether then {wanted}")


def _never(context: Context, wanted: str, _answer: Answer) -> Iterator[str]:
    if wanted == "a file outside input_audio/":
        stray = [path for path in context.rig.folder.rglob("evil*") if path.parent.name != "input_audio"]
        yield from (f"{path}" for path in stray)
    elif wanted.startswith("api_tasks/"):
        if _folder(context).exists():
            yield f"{_folder(context)}"
    elif wanted != "truncated chunked body":  # every broken body is told
        raise Unsupported(f"nobody can look for {wanted}")


def _folder(context: Context) -> Path:
    return context.rig.home / "api_tasks" / context.ids["task_id"]


STEPS = tuple(PIPELINE)
TONES_3X = ((0, 160640), (169280, 346240), (354880, 515520))
"""Where the golden signal is cut."""

SETUPS: dict[str, Setup] = {
    "fresh server": _fresh,
    "GET /change_refer full": _change_reference,
    "create": _create,
    "upload": _upload("$REF5", "audio1.wav"),
    "upload tones_3x.wav": _upload("$TONES_3X_WAV", "tones_3x.wav"),
    "stop the broker": _at(BROKER_DOWN),
    "SOVITS_TIMEOUT=1, engine sleeps 5 s": _at("engine sleeps"),
    "templates empty": _at(BARE),
    "cover-create": _cover,
    "engine stopped": _at("engine down"),
    "engine answers 500": _at("engine fails"),
}
"""By the words of the cases."""

CASES: dict[str, Scenario] = {
    "seed000.end-single-encoded": queue_scenarios.single_encoded,
    "seed000.busy-second-job": queue_scenarios.both_end,
    "seed000.ack-after-work": queue_scenarios.redelivered,
    "seed000.queue-durable": queue_scenarios.durable,
    "seed001.srt-audio": _subtitled_sound,
    "seed002.tree": _tree,
}
"""Whole scenarios by the case's id."""

AFTERWARDS: dict[str, Look] = {
    "after": _after,
    "immediately": _immediately,
    "effective_slicer": _effective_slicer,
    "then": _then,
    "never": _never,
    "file_exists": _file_exists,
    "amqp": queue_scenarios.published,
    "amqp_end": queue_scenarios.ended,
}
"""Expectations that need another look, by their key."""
