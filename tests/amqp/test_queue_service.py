"""The queue service against a real RabbitMQ, with foreign peers that speak plain AMQP."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from myna.amqp.broker import Broker
from myna.amqp.consumer import Consumer, understood
from myna.amqp.orders import Orders
from myna.amqp.producer import Producer
from myna.amqp.requests import OneClickRequest, QueueRequest, SliceRequest
from myna.amqp.stages import DEAD
from myna.audio.io import write_wav
from myna.core.errors import BadInput, PeerFailed, StoreFailed
from myna.studio import Job, Status
from tests.amqp.conftest import Peer, Running
from tests.contract.fixtures import speech
from tests.rabbit import Rabbit


@pytest.fixture
def wavs(tmp_path: Path) -> Path:
    for name in ("a.wav", "b.wav"):
        write_wav(tmp_path / "wavs" / name, speech(5.0), 32000)
    return tmp_path / "wavs"


def slicing(folder: object, session: str = "s-1", **more: object) -> dict[str, object]:
    return {"inp": str(folder), "session_id": session, **more}


def test_a_foreign_producer_is_served_and_told_once(house: Running, peer: Peer, wavs: Path) -> None:
    house.everything()
    ends = peer.listen("slice", "endslice", "end")
    peer.send("slice", slicing(wavs, tool="slice"))
    (key, body, _), *more = peer.heard(ends)
    assert more == []
    assert key == "endslice"
    assert body["dur"] >= 0
    assert {name: body[name] for name in ("type", "model", "status", "message", "session_id")} == {
        "type": "end_message", "model": "slice", "status": "completed", "message": "slice阶段完成", "session_id": "s-1",
    }  # fmt: skip
    clips = list((house.settings.home / "sessions").rglob("*.wav"))
    assert len(clips) == 2


def test_an_end_without_a_tool_goes_by_the_stage_and_by_the_plain_key(house: Running, peer: Peer, wavs: Path) -> None:
    house.everything()
    ends = peer.listen("slice", "endslice", "end")
    peer.send("slice", slicing(wavs))
    heard = peer.heard(ends, count=2)
    assert sorted(key for key, _, _ in heard) == ["end", "endslice"]
    assert len({message_id for _, _, message_id in heard}) == 1


def test_nothing_is_lost_before_a_listener_exists(house: Running, peer: Peer, wavs: Path) -> None:
    house.everything()
    peer.send("slice", slicing(wavs, tool="slice"))
    assert [body["status"] for _, body, _ in peer.heard("end_slice_queue")] == ["completed"]


@pytest.mark.parametrize(
    ("folder", "message"), [("/path/to/audio.wav", "slice阶段失败"), ("{home}/none", "path_not_exist")]
)
def test_what_cannot_be_done_fails_with_a_message(
    house: Running, peer: Peer, tmp_path: Path, folder: str, message: str
) -> None:
    house.everything()
    peer.send("slice", slicing(folder.format(home=tmp_path), tool="slice"))
    ((_, body, _),) = peer.heard("end_slice_queue")
    assert (body["status"], body["message"]) == ("failed", message)
    assert body["error"]


def test_the_same_message_twice_is_one_job(house: Running, peer: Peer, wavs: Path) -> None:
    house.everything()
    for message_id in (None, "m-1"):
        for _ in range(2):
            peer.send("slice", slicing(wavs, session=f"s-{message_id}", tool="slice"), message_id=message_id)
    assert len(peer.heard("end_slice_queue", count=2)) == 2
    assert len(house.studio.jobs()) == 2


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"not json", "this is not JSON"),
        (b"[1, 2]", "no JSON object"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"session_id": "s"}', "inp: Field required"),
        (b'{"session_id": "s", "inp": "x", "threshold": "loud"}', "threshold"),
        (b"x" * 100_000_000, "100000000 bytes are more"),
    ],
    ids=lambda value: f"{len(value)} bytes" if isinstance(value, bytes) else "",
)
def test_a_message_that_nobody_understands_is_put_aside(
    house: Running, peer: Peer, wavs: Path, body: bytes, reason: str
) -> None:
    house.everything()
    peer.send("slice", body)
    peer.send("slice", slicing(wavs, tool="slice"))  # and the next one is served
    assert [told["status"] for _, told, _ in peer.heard("end_slice_queue")] == ["completed"]
    ((_, aside, _),) = peer.heard(DEAD)
    assert reason in aside["reason"]
    assert (aside["stage"], aside["bytes"]) == ("slice", len(body))
    assert len(house.studio.jobs()) == 1


class Clumsy(Orders):
    """Has a bug, and a job store that is away once."""

    num_taken = 0

    def take(self, stage: str, request: QueueRequest, key: str | None = None) -> Job:
        self.num_taken += 1
        if request.session_id == "bug":
            raise ZeroDivisionError("division by zero")
        if self.num_taken < 4:
            raise StoreFailed("the job store cannot be used now")
        return super().take(stage, request, key)


def test_our_own_errors_hold_up_no_other_message(house: Running, peer: Peer, wavs: Path, rabbit: Rabbit) -> None:
    house.start(Consumer(Broker(rabbit.url), Clumsy(house.studio, house.settings)).serve)
    peer.send("slice", slicing(wavs, session="bug"))
    peer.send("slice", slicing(wavs, session="good"))
    ((_, aside, _),) = peer.heard(DEAD)
    assert aside["reason"] == "twice an error of this program: ZeroDivisionError: division by zero"
    deadline = time.monotonic() + 30
    while not house.studio.jobs() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [job.owner.session for job in house.studio.jobs()] == ["good"]


def test_a_message_encoded_twice_is_understood() -> None:
    request = understood("slice", json.dumps(json.dumps({"inp": "x", "session_id": "s", "_max": 0.5})).encode())
    assert isinstance(request, SliceRequest)
    assert (request.max, request.threshold) == (0.5, -34)


def test_a_null_is_the_default_but_not_of_what_is_required() -> None:
    assert understood("slice", b'{"inp": "x", "session_id": "s", "alpha": null}').model_dump()["alpha"] == 0.25
    with pytest.raises(BadInput, match="inp"):
        understood("slice", b'{"inp": null, "session_id": "s"}')


def test_jobs_and_ends_outlive_the_broker(house: Running, peer: Peer, wavs: Path, rabbit: Rabbit) -> None:
    for number in range(3):
        peer.send("slice", slicing(wavs, session=f"s-{number}", tool="slice"))
    peer.close()
    rabbit.stop()
    house.everything()  # it waits for the broker
    time.sleep(0.5)
    rabbit.start()
    other = Peer(rabbit.url)
    heard = other.heard("end_slice_queue", seconds=60, count=3)
    other.close()
    peer.__init__(rabbit.url)  # type: ignore[misc]
    assert sorted(body["session_id"] for _, body, _ in heard) == ["s-0", "s-1", "s-2"]
    assert {body["status"] for _, body, _ in heard} == {"completed"}


def test_an_end_that_could_not_be_sent_is_sent_when_the_broker_is_back(
    house: Running, peer: Peer, wavs: Path, rabbit: Rabbit
) -> None:
    house.everything()
    peer.send("slice", slicing(wavs, tool="slice"))
    deadline = time.monotonic() + 30
    while not house.studio.jobs() and time.monotonic() < deadline:
        time.sleep(0.02)
    peer.close()
    rabbit.stop()
    while house.studio.count(Status.COMPLETED) == 0 and time.monotonic() < deadline:
        time.sleep(0.05)
    rabbit.start()
    other = Peer(rabbit.url)
    heard = other.heard("end_slice_queue", seconds=60)
    other.close()
    peer.__init__(rabbit.url)  # type: ignore[misc]
    assert {body["status"] for _, body, _ in heard} == {"completed"}
    assert len({message_id for _, _, message_id in heard}) == 1


def test_one_click_tells_of_its_stages_and_of_its_failure(house: Running, peer: Peer, wavs: Path) -> None:
    house.everything()
    request = {**slicing(wavs), "exp_name": "spk", "user_id": "u1", "asr_model": "pocketsphinx", "asr_lang": "en"}
    peer.send("one_click", request)
    heard = peer.heard("end_one_click_queue", seconds=60, count=8)
    told = [(body.get("model"), body["status"]) for _, body, _ in heard]
    assert told[:3] == [("slice", "start"), ("slice", "completed"), ("denoise", "start")]
    assert told[-1] == ("end", "failed")
    assert (None, "error") in told
    assert {key for key, _, _ in heard} == {"process", "endone_click"}
    folder = house.settings.home / "users" / "u1" / "spk"
    assert len(list((folder / "sliced").glob("*.wav"))) == 2


def test_foreign_peers_may_declare_what_we_have_declared(peer: Peer) -> None:
    peer._channel.exchange_declare("slice", "direct", durable=True)
    peer._channel.queue_declare("start_slice_queue", durable=True)


def test_the_producer_fills_in_all_defaults(peer: Peer, rabbit: Rabbit) -> None:
    Producer(Broker(rabbit.url)).start("slice", SliceRequest(inp="/x", session_id="s"))
    ((key, body, message_id),) = peer.heard("start_slice_queue")
    assert (key, body["max"], body["n_parts"], body["tool"], len(message_id)) == ("start", 0.9, 4, "", 32)


def test_a_broker_that_is_away_is_an_error_at_once() -> None:
    begun = time.monotonic()
    with pytest.raises(PeerFailed, match=r"127\.0\.0\.1:1 cannot be reached"):
        Producer(Broker("amqp://guest:secret@127.0.0.1:1/")).start("slice", SliceRequest(inp="/x", session_id="s"))
    assert time.monotonic() - begun < 10


def test_users_and_experiments_are_names_of_folders(house: Running, peer: Peer, wavs: Path) -> None:
    house.everything()
    request = OneClickRequest(inp=str(wavs), session_id="s", exp_name="../../x", user_id="u").model_dump()
    peer.send("one_click", request)
    heard = peer.heard("end_one_click_queue", count=2)
    assert "cannot be used" in heard[-1][1]["error"]
