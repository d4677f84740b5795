"""The queue service as a process, while RabbitMQ, the service itself and the messages fail."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pika.exceptions import AMQPError

from myna.amqp.stages import DEAD
from myna.audio.io import write_wav
from tests.amqp.conftest import Peer
from tests.chaos.harness import Served, wait_for
from tests.contract.fixtures import speech
from tests.rabbit import Rabbit

pytestmark = pytest.mark.timeout(400)
NUM_MESSAGES = 40
MOST_MEMORY_MB = 600


@pytest.fixture
def served(tmp_path: Path, broker: Rabbit) -> Served:
    return Served(tmp_path / "home", {"MYNA_AMQP_URL": broker.url, "MYNA_ROOTS": str(tmp_path)})


@pytest.fixture
def wavs(tmp_path: Path) -> Path:
    write_wav(tmp_path / "wavs" / "take.wav", speech(5.0), 32000)
    return tmp_path / "wavs"


def order(number: int, wavs: Path) -> dict[str, Any]:
    """Every tenth order can be done; the others end at once, because what they name is not there."""
    return {"inp": str(wavs if number % 10 == 0 else wavs / "none"), "session_id": f"s-{number}", "tool": "slice"}


class Insistent(threading.Thread):
    """A foreign producer that sends a message again until the broker has confirmed it."""

    def __init__(self, url: str, wavs: Path) -> None:
        super().__init__(daemon=True)
        self._url, self._wavs = url, wavs
        self.num_sent = 0

    def run(self) -> None:
        peer = None
        while self.num_sent < NUM_MESSAGES:
            try:
                peer = peer or Peer(self._url)
                peer.send("slice", order(self.num_sent, self._wavs), message_id=f"m-{self.num_sent}")
                self.num_sent += 1
                time.sleep(0.02)
            except (AMQPError, OSError):
                peer = None
                time.sleep(0.2)
        if peer is not None:
            peer.close()


def ends(rabbit: Rabbit) -> Iterator[tuple[str, str]]:
    """The end messages, as (session, message id); one that comes twice is told by its id, as consumers do."""
    peer, seen = Peer(rabbit.url), set()
    for _, body, message_id in peer.heard("end_slice_queue", seconds=120, count=NUM_MESSAGES):
        if message_id not in seen:
            seen.add(message_id)
            yield body["session_id"], message_id
    peer.close()


def require_all_done_once(served: Served, rabbit: Rabbit) -> None:
    """Each message became one job, which has ended, and of which one end is told."""
    sessions = {f"s-{number}": 1 for number in range(NUM_MESSAGES)}
    store = served.store()
    wait_for(
        lambda: all(job.status.is_terminal for job in store.list(limit=1000)) and len(store.list(limit=1000)) >= 40
    )
    assert Counter(job.owner.session for job in store.list(limit=1000)) == sessions
    wait_for(lambda: store.outbox("amqp:").waiting() == 0)
    assert Counter(session for session, _ in ends(rabbit)) == sessions
    store.close()


def test_the_broker_dies_while_messages_are_published(served: Served, rabbit: Rabbit, wavs: Path) -> None:
    with served.running(), served.client() as client:
        producer = Insistent(rabbit.url, wavs)
        producer.start()
        wait_for(lambda: producer.num_sent > 10)
        rabbit.stop()
        request = order(0, wavs) | {"session_id": "never"}
        answer = client.post("/gpt_sovits/open_slice", json=request)
        assert (answer.status_code, "cannot be reached" in answer.json()["detail"]) == (500, True)
        rabbit.start()
        producer.join(120)
        require_all_done_once(served, rabbit)


def test_the_service_dies_with_messages_in_its_hands(served: Served, rabbit: Rabbit, wavs: Path) -> None:
    producer = Insistent(rabbit.url, wavs)
    producer.start()
    producer.join(120)
    store = served.store()
    for most in (5, 20):
        with served.running() as server:
            wait_for(lambda most=most: len(store.list(limit=1000)) > most)
            server.kill()
            server.wait()
    store.close()
    with served.running():
        require_all_done_once(served, rabbit)


def test_monsters_among_the_messages(served: Served, rabbit: Rabbit, wavs: Path) -> None:
    monsters: list[tuple[bytes | dict[str, Any], str]] = [
        (b"\x00" * 1000, "not JSON"),
        ({"session_id": "s", "what": "is this"}, "inp: Field required"),
        *[(bytes(100_000_000), "100000000 bytes are more")] * 3,
    ]
    with served.running() as server, closing(Peer(rabbit.url)) as peer:
        for body, _ in monsters:
            peer.send("slice", body)
        peer.send("slice", {"inp": "x" * 5000, "session_id": "long", "tool": "slice"})
        peer.send("slice", order(0, wavs))
        ends = {body["session_id"]: body["status"] for _, body, _ in peer.heard("end_slice_queue", 120, count=2)}
        assert ends == {"long": "failed", "s-0": "completed"}
        aside = [body["reason"] for _, body, _ in peer.heard(DEAD, count=len(monsters))]
        for (_, reason), found in zip(monsters, aside, strict=True):
            assert reason in found
        status = Path(f"/proc/{server.pid}/status").read_text(encoding="ascii")
        most_kb = int(status.partition("VmHWM:")[2].split()[0])
        assert most_kb < MOST_MEMORY_MB * 1024
