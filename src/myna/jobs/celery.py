"""Jobs at scale: Celery carries their ids over RabbitMQ, and the job store stays the truth about them.

A message is only a nudge: whoever gets it takes the job of that id out of the store, under a lease as any worker does.
So a message that comes twice, late, or for a job that has ended does nothing, and one that never comes is made up for
by the `Sweep` of every worker. This file is also what Celery's own command line opens, a way in like `myna worker`::

    celery -A myna.jobs.celery worker --queues=cover
"""

from __future__ import annotations

import importlib
import logging
import queue
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from amqp.exceptions import ChannelError
from celery import Celery, signals
from celery.concurrency.thread import TaskPool
from celery.worker import state
from kombu import Exchange, Queue
from kombu.exceptions import KombuError

from myna.core.errors import MynaError, NotFound, StoreFailed
from myna.core.settings import Settings, read_settings
from myna.jobs.job import Job, Order, Status
from myna.jobs.portable import Places
from myna.jobs.store import JobStore, SqlJobStore
from myna.jobs.worker import Worker

QUEUES = ("cpu", "gpu", "cover")
"""One for each kind of job."""

TASK = "myna.jobs.run"
SWEEP_S = 5.0
_BUILD = "myna.cli.wiring:build_worker"  # named, as a worker's runner is: what builds stands above this floor
_EXCHANGE = Exchange("myna.jobs", type="direct", durable=True)
_RETRY = {"max_retries": 1, "interval_start": 0.2}
_PATIENCE_S = 4.0
_MOST_AT_ONCE = 100

_log = logging.getLogger(__name__)

Send = Callable[[Job], None]
"""Puts a message about a job into its queue; raises `KombuError` or `OSError`."""


def configuration(settings: Settings) -> dict[str, Any]:
    """What Celery is told. The broker is the setting's, else the queue service's, else RabbitMQ on this machine.

    Threads, because each only looks after a child process of its own; acknowledged late, so that the messages of a
    worker that dies go to another; one message for each thread, so that none waits behind a long job.
    """
    url = settings.celery_broker or settings.amqp_url
    return {
        **({"broker_url": url.get_secret_value()} if url else {}),
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_connection_timeout": _PATIENCE_S,
        "broker_transport_options": {"confirm_publish": True},
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        "task_acks_late": True,
        "task_default_queue": QUEUES[0],
        "task_queues": [Queue(name, _EXCHANGE, routing_key=name, durable=True) for name in QUEUES],
        "worker_pool": f"{__name__}:Threads",
        "worker_concurrency": settings.workers,
        "worker_prefetch_multiplier": 1,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
    }


def make_app(configure: Callable[[], Mapping[str, Any]]) -> Celery:
    """A Celery app; ``configure`` is asked when it is first needed."""
    made = Celery("myna", set_as_current=False)
    made.add_defaults(configure)
    made.task(name=TASK)(do_job)
    return made


def do_job(job_id: str) -> None:
    """Do the job of that id if it waits for somebody; what a worker does with a message."""
    crew = _CREWS[-1]
    crew.do(str(job_id))


class Crew:
    """The workers of this process, each for one job at a time, and their sweep."""

    def __init__(self, workers: Iterable[Worker], sweep: Sweep) -> None:
        self._free: queue.Queue[Worker] = queue.Queue()
        for worker in workers:
            self._free.put(worker)
        self.hurry, self._stop = threading.Event(), threading.Event()  # jobs in hand are given up; no sweep any more
        self._thread = threading.Thread(target=sweep.serve, args=(self._stop,), daemon=True)
        self._thread.start()

    def do(self, job_id: str) -> None:
        """Run the job to its end, unless somebody else has it, or it has ended, or is unknown."""
        worker = self._free.get()
        try:
            job = worker.store.take(job_id, worker.name, worker.lease_s)
            if job is None:
                _log.info("job %s is not waiting any more", job_id)
            else:
                worker.run(job, self.hurry)
        except NotFound as error:
            _log.warning("a message is of no use: %s", error)
        finally:
            self._free.put(worker)

    def stop(self) -> None:
        """End the sweep."""
        self._stop.set()
        self._thread.join(_PATIENCE_S)


_CREWS: list[Crew] = []
"""The crew of this process, once it is a worker."""


class Threads(TaskPool):  # type: ignore[misc]
    """Celery's threads. Those of a worker that must end at once give their jobs up: it waits for them."""

    def on_stop(self) -> None:
        """As `TaskPool.on_stop`. A cold shutdown comes here by itself; a warm one when the jobs have ended."""
        for crew in _CREWS if state.should_terminate else ():
            crew.hurry.set()
        super().on_stop()


class Sweep:
    """Sends messages for jobs that wait and that no message can speak of any more.

    Those are the jobs that lost their worker, and those that wait while their queue is empty, twice in a row: a
    message may be on its way. Several workers may sweep at once; a message too many does no harm.
    """

    def __init__(
        self, store: JobStore, send: Send, depth: Callable[[str], int], queues: Sequence[str], every_s: float = SWEEP_S
    ) -> None:
        self._store, self._send, self._depth, self._queues = store, send, depth, queues
        self._every_s = every_s
        self._forgotten: set[str] = set()

    def serve(self, stop: threading.Event) -> None:
        """Sweep now and then, until ``stop`` is set."""
        while not stop.wait(self._every_s):
            try:
                self.once()
            except (KombuError, OSError, StoreFailed, ChannelError) as error:
                _log.warning("the jobs cannot be looked through now: %s", error)

    def once(self) -> None:
        """Look through the jobs once."""
        for job in self._store.rescue(self._queues):
            _log.warning("job %s lost its worker and is sent again", job.id)
            self._send(job)
        idle = [name for name in self._queues if self._depth(name) == 0]
        waiting = [job for name in idle for job in self._store.waiting(name, _MOST_AT_ONCE)]
        for job in waiting:
            if job.id in self._forgotten:
                _log.info("job %s waits without a message and is sent again", job.id)
                self._send(job)
        self._forgotten = {job.id for job in waiting}


def send_by(app: Celery) -> Send:
    """What puts messages into the queues of ``app``; it answers when the broker has them."""

    def send(job: Job) -> None:
        app.send_task(TASK, [job.id], queue=job.order.queue, task_id=job.id, retry=True, retry_policy=_RETRY)

    return send


def depth(app: Celery, name: str) -> int:
    """How many messages wait in a queue, which is made where it is missing."""
    with app.connection_for_write() as connection, connection.channel() as channel:
        _, count, _ = app.amqp.queues[name].bind(channel).queue_declare()
        return int(count)


class Post:
    """Sends messages from a thread of its own, so that nobody waits for a broker: what it cannot send, a sweep does."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def __call__(self, job: Job) -> None:
        """Send a message about ``job`` soon."""
        with self._lock:  # begun when first needed: a server's processes are forked before that
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, daemon=True)
                self._thread.start()
        self._jobs.put(job)

    def _serve(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                self._send(job)
            except (KombuError, OSError) as error:
                _log.warning("the message about job %s was not sent; a worker's sweep will: %s", job.id, error)


class CeleryJobStore(SqlJobStore):
    """A job store that tells workers of what is queued: the row first, then the message."""

    def __init__(self, url: str, post: Callable[[Job], None], places: Places | None = None) -> None:
        super().__init__(url, places=places)
        self._post = post

    def submit(self, order: Order) -> Job:
        """As `JobStore.submit`."""
        return self._told(super().submit(order))

    def enqueue(self, job_id: str) -> Job:
        """As `JobStore.enqueue`."""
        return self._told(super().enqueue(job_id))

    def _told(self, job: Job) -> Job:
        if job.status is Status.QUEUED:
            self._post(job)
        return job


def submitting_store(settings: Settings, places: Places | None = None) -> CeleryJobStore:
    """The job store of a server whose workers are Celery's; ``places`` as in `SqlJobStore`."""
    return CeleryJobStore(settings.jobs_url, Post(send_by(make_app(lambda: configuration(settings)))), places)


def _begin(sender: Any, **_more: Any) -> None:
    """A worker has started: put its crew together. One that cannot work must not take messages, so it ends."""
    try:
        _CREWS.append(_crew(sender))
    except MynaError as error:
        _log.critical("this worker cannot work: %s", error)
        raise SystemExit(2) from None


def _crew(sender: Any) -> Crew:
    settings = read_settings()
    logging.getLogger("myna").setLevel(settings.log_level)
    module, _, name = _BUILD.partition(":")
    build: Callable[..., Worker] = getattr(importlib.import_module(module), name)
    queues = tuple(sender.app.amqp.queues.consume_from)
    workers = [build(settings, queues, number) for number in range(int(sender.controller.concurrency))]
    every_s = min(SWEEP_S, settings.lease_s / 2)
    sweep = Sweep(workers[0].store, send_by(sender.app), lambda name: depth(sender.app, name), queues, every_s)
    return Crew(workers, sweep)


def _end(**_more: Any) -> None:
    while _CREWS:
        _CREWS.pop().stop()


signals.worker_ready.connect(_begin)
signals.worker_shutdown.connect(_end)
app = make_app(lambda: configuration(read_settings()))
