"""Sends what became of jobs, out of the outbox: each event once, and marked as sent when the broker has it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel

from myna.amqp.broker import Broker, publish
from myna.amqp.orders import SCHEME
from myna.amqp.stages import MODELS, ONE_CLICK, PROGRESS_KEY, STAGES, Stage
from myna.studio import Event, Studio

_IDLE_S = 0.3
_COMPLETED = "completed"

Message = tuple[str, Mapping[str, Any]]
"""A routing key and a body."""


class Sender:
    """Publishes events of queue jobs, until told to stop."""

    def __init__(self, broker: Broker, studio: Studio) -> None:
        self._broker, self._outbox = broker, studio.outbox(SCHEME)

    def serve(self, stop: threading.Event) -> None:
        """Send; the connection is made again whenever it breaks, and an event that was not confirmed goes again."""

        def work(connection: pika.BlockingConnection, channel: BlockingChannel) -> None:
            while not stop.is_set():
                event = self._outbox.claim()
                if event is None:
                    connection.process_data_events(_IDLE_S)
                    continue
                try:
                    stage, _, tool = event.destination.removeprefix(SCHEME).partition(":")
                    for key, body in messages(STAGES[stage], tool, event):
                        publish(channel, STAGES[stage].exchange, key, body, event.message_id)
                except BaseException as error:
                    self._outbox.failed(event, f"{type(error).__name__}: {error}")
                    raise
                self._outbox.sent(event)

        self._broker.keep(stop, work)


def messages(stage: Stage, tool: str, event: Event) -> Iterator[Message]:
    """What an event is in the words of the service: none, or one message, under each key that it goes by."""
    if event.topic == "end":
        if stage.name == ONE_CLICK and event.body["status"] != _COMPLETED:
            yield PROGRESS_KEY, {"type": "fail", "session_id": event.body["session"], "status": "error"}
        for key in stage.end_keys(tool):
            yield key, _end(stage, event.body)
    elif (told := _step(event)) is not None:
        yield PROGRESS_KEY, told


def _end(stage: Stage, about: Mapping[str, Any]) -> dict[str, Any]:
    is_done = about["status"] == _COMPLETED
    done = "全部任务已完成" if stage.name == ONE_CLICK else f"{stage.model}阶段完成"
    body = {
        "type": "end_message",
        "model": stage.model,
        "status": _COMPLETED if is_done else "failed",
        "message": done if is_done else _failure(stage, about),
        "session_id": about["session"],
        "dur": int(about["seconds"]),
        "job_id": about["job_id"],
    }
    return body if is_done else body | {"error": about["error"] or str(about["status"])}


def _failure(stage: Stage, about: Mapping[str, Any]) -> str:
    if about["result"].get("kind") == "not_found":
        return "path_not_exist"
    return f"{stage.model}阶段失败"


def _step(event: Event) -> dict[str, Any] | None:
    """The message of a step of one_click; None where another step's speaks for it."""
    name, state = event.body["step"], event.body["state"]
    for model, names in MODELS.items():
        if name not in names:
            continue
        says = {"started": name == names[0], "completed": name == names[-1], "failed": True}[state]
        if not says:
            return None
        word = {"started": "start"}.get(state, state)
        told = {"started": "开始", "completed": "完成", "failed": "失败"}[state]
        body = {"type": "step_message", "model": model, "status": word, "message": f"{model}阶段{told}"}
        body |= {"session_id": event.body["session"], "dur": int(event.body["seconds"])}
        return body | ({"error": event.body["note"]} if state == "failed" else {})
    return None
