"""Puts an installation together from its settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING

from myna.core.memory import give_back, giving_back
from myna.core.settings import Settings
from myna.core.speech import AudioChunk, Converter, Heard, HeardWord, Speaker, SpeechRequest
from myna.core.workspace import Workspace
from myna.steps.step import engine_needed

if TYPE_CHECKING:
    from fastapi import FastAPI

    from myna.amqp.requests import QueueRequest
    from myna.api.serving import Processes, Server
    from myna.engine.asr import Recogniser
    from myna.engine.synthesis.speaker import LocalSpeaker
    from myna.jobs.keys import KeyRing
    from myna.jobs.portable import Places
    from myna.jobs.storage import Storage
    from myna.jobs.store import SqlJobStore
    from myna.jobs.worker import Worker
    from myna.studio import Studio

RUNNER = "myna.steps.catalog:run_job"
SHARING_RUNNER = "myna.cli.sharing:run_job"
HOST = "@host"
"""Where that one finds in a payload what it must know of its host."""
SEED_PORTS = (8000, 9880)
"""Where the programs listen whose dialects we speak: services, and speech."""
_GPUS = Path("/proc/driver/nvidia/gpus")


def build_workspace(settings: Settings) -> Workspace:
    """The voices of this installation."""
    return Workspace(settings.home)


def build_speaker(settings: Settings) -> LocalSpeaker:
    """The speaker of this process; raises `MissingExtra` in an install without torch."""
    with engine_needed("speech"):
        from myna.engine.device import use_threads
        from myna.engine.synthesis.speaker import LocalSpeaker

        use_threads(settings.threads)
        return LocalSpeaker(settings.models_folder, settings.device, settings.home)


def build_converter(settings: Settings) -> Converter:
    """The voice converter of this process; raises `MissingExtra` in an install without torch."""
    with engine_needed("voice conversion"):
        from myna.engine.device import use_threads
        from myna.engine.synthesis.conversion import LocalConverter
        from myna.engine.synthesis.speaker import LocalSpeaker

        use_threads(settings.threads)
        speaker = LocalSpeaker(settings.models_folder, settings.device, settings.home)
        converter: Converter = LocalConverter(speaker)
    return converter


class LateSpeaker:
    """A speaker that is built when somebody first speaks: a server without torch starts all the same."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._built: LocalSpeaker | None = None
        self._lock = Lock()

    def say(self, request: SpeechRequest) -> Iterator[AudioChunk]:
        """As `Speaker.say`; raises `MissingExtra` in an install without torch."""
        return giving_back(self._speaker().say(request))

    def examine(self, weights: Path, kind: str) -> str:
        """As `myna.engine.examine.examine`, into the speaker's own library."""
        speaker = self._speaker()
        from myna.engine.examine import examine

        return examine(speaker.library, weights, kind)

    def _speaker(self) -> LocalSpeaker:
        with self._lock:
            if self._built is None:
                self._built = build_speaker(self._settings)
            return self._built


class LateListener:
    """A recogniser for each language, built when somebody first asks for it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._built: dict[str, Recogniser] = {}
        self._lock = Lock()

    def listen(self, recording: Path, language: str) -> Heard:
        """As `Studio.listen`; one recording at a time."""
        with engine_needed("transcription"):
            from myna.audio.io import decode
            from myna.engine.asr import Wish, recogniser

        audio = decode(recording)
        with self._lock:
            if language not in self._built:
                wish = Wish(models=self._settings.models_folder, device=self._settings.device)
                self._built[language] = recogniser(self._settings.asr_engine, language, wish)
            found = self._built[language].transcribe(audio.samples, audio.sample_rate)
        give_back()
        words = tuple(HeardWord(word.text, word.start_s, word.end_s) for word in found.words)
        return Heard(found.text, found.language or language, audio.seconds, words)


def build_places(settings: Settings) -> Places | None:
    """The folders that lie elsewhere on other hosts; None where all hosts see the same."""
    from myna.jobs.portable import Places

    return Places(home=settings.home, models=settings.models_folder) if settings.storage else None


def build_storage(settings: Settings) -> Storage | None:
    """Where hosts without a common home share their files; None where they see the same folder."""
    return open_storage(host_of(settings)) if settings.storage else None


def host_of(settings: Settings) -> dict[str, str]:
    """What the storage must know of this host, as JSON values."""
    url = settings.storage.get_secret_value() if settings.storage else ""
    places = {"home": str(settings.home), "models": str(settings.models_folder)}
    return {"storage": url, "database": settings.jobs_url, **places}


def open_storage(host: Mapping[str, str]) -> Storage:
    """The storage of a host, see `host_of`; raises `MissingExtra`."""
    with engine_needed("a shared storage", "storage"):
        from myna.jobs.bucket import Bucket
        from myna.jobs.database import open_database
        from myna.jobs.portable import Places
        from myna.jobs.storage import Storage

    home = Path(host["home"])
    places = Places(home=home, models=Path(host["models"]))
    return Storage(Bucket(host["storage"]), open_database(host["database"]), home, places)


def build_jobs(settings: Settings) -> SqlJobStore:
    """The job store of this installation."""
    from myna.jobs.store import SqlJobStore

    return SqlJobStore(settings.jobs_url, places=build_places(settings))


def build_orders(settings: Settings) -> SqlJobStore:
    """The job store of those who submit: with a Celery broker it tells the workers of what is queued."""
    if settings.celery_broker is None:
        return build_jobs(settings)
    with engine_needed("Celery", "cluster"):
        from myna.jobs.celery import submitting_store

    return submitting_store(settings, build_places(settings))


def build_keys(settings: Settings) -> KeyRing:
    """The keys of this installation."""
    from myna.jobs.keys import KeyRing

    return KeyRing(build_jobs(settings).engine)


def count_gpus() -> int:
    """How many NVIDIA cards the driver knows; asked without torch."""
    return len(list(_GPUS.iterdir())) if _GPUS.is_dir() else 0


def build_worker(settings: Settings, queues: Sequence[str] = (), number: int = 0) -> Worker:
    """The ``number``-th worker of this process, from 0; on a machine with several GPUs each has one of them."""
    from myna.jobs.worker import Worker

    gpus = count_gpus()
    device = f"cuda:{number % gpus}" if gpus > 1 and settings.device == "auto" else ""
    storage, logs = build_storage(settings), settings.home / "logs"
    if storage is None:
        return Worker(build_jobs(settings), RUNNER, logs, queues, device, settings.lease_s)
    return Worker(
        build_jobs(settings), SHARING_RUNNER, logs, queues, device, settings.lease_s,
        host={HOST: host_of(settings)}, keep_log=lambda log: storage.push([log]),
    )  # fmt: skip


def build_studio(settings: Settings) -> Studio:
    """What the doors go through."""
    from myna.audio.marked_speech import MarkingSpeaker
    from myna.jobs.keys import KeyRing
    from myna.remote import RemoteSpeaker
    from myna.studio import Studio

    jobs, speaker = build_orders(settings), LateSpeaker(settings)
    far = settings.sovits_base_url
    speaks: Speaker = RemoteSpeaker(far, settings.sovits_timeout_s) if far else speaker
    return Studio(
        MarkingSpeaker(speaks) if settings.watermark else speaks,
        jobs,
        workspace=build_workspace(settings),
        logs=settings.home / "logs",
        files=build_storage(settings),
        keys=KeyRing(jobs.engine),
        examine=speaker.examine,
        listen=LateListener(settings).listen,
        max_queued=settings.max_queued_jobs,
        num_gpus=count_gpus(),
    )


def build_asgi(
    settings: Settings,
    control: Callable[[str], None] | None = None,
    beside: Sequence[Callable[[Event], None]] = (),
) -> FastAPI:
    """The app of all doors, see `build_app`; raises `MissingExtra` in an install without the extra server."""
    with engine_needed("the server", "server"):
        from myna.api.server import build_app
        from myna.remote import RemoteSpeaker

        far = settings.sovits_base_url
        speaks = RemoteSpeaker(far, settings.sovits_timeout_s).is_there if far else has_engine
        order = build_order(settings)
        return build_app(build_studio(settings), settings, order=order, speaks=speaks, control=control, beside=beside)


def has_engine() -> bool:
    """Whether the libraries that make speech are installed; asked without loading them."""
    return find_spec("torch") is not None


def build_order(settings: Settings) -> Callable[[str, QueueRequest], object] | None:
    """What takes requests of the queue service in: RabbitMQ where there is one; None: they become jobs at once."""
    if settings.amqp_url is None:
        return None
    with engine_needed("the queue service", "cluster"):
        from myna.amqp.broker import Broker
        from myna.amqp.producer import Producer

    return Producer(Broker(settings.amqp_url.get_secret_value())).start


def build_webhooks(settings: Settings) -> list[Callable[[Event], None]]:
    """What tells web addresses of the end of jobs; nothing where none may be told."""
    if not settings.webhook_hosts:
        return []
    with engine_needed("webhooks", "server"):
        from myna.api.webhooks import Webhooks

    secret = settings.webhook_secret.get_secret_value() if settings.webhook_secret else ""
    return [Webhooks(build_studio(settings), secret).serve]


def build_peers(settings: Settings) -> list[Callable[[Event], None]]:
    """What takes messages out of RabbitMQ and sends answers; nothing where there is none."""
    if settings.amqp_url is None:
        return []
    with engine_needed("the queue service", "cluster"):
        from myna.amqp.broker import Broker
        from myna.amqp.consumer import Consumer
        from myna.amqp.orders import Orders
        from myna.amqp.sender import Sender

    broker, studio = Broker(settings.amqp_url.get_secret_value()), build_studio(settings)
    return [Consumer(broker, Orders(studio, settings)).serve, Sender(broker, studio).serve]


def build_beside(settings: Settings, workers: int | None = None) -> list[Callable[[Event], None]]:
    """What runs once beside a server's processes: workers, what sends and receives messages, webhooks.

    ``workers`` is how many jobs are done here at the same time; None: as the settings say, and none with Celery.
    """
    if workers is None:
        workers = 0 if settings.celery_broker else settings.workers
    crew = [build_worker(settings, (), number) for number in range(workers)]
    return [*(worker.serve for worker in crew), *build_peers(settings), *build_webhooks(settings)]


def build_server(settings: Settings, *, workers: int | None, seed_ports: bool) -> Server | Processes:
    """The server of ``myna serve``, with that many workers inside, see `build_beside`."""
    with engine_needed("the server", "server"):
        from myna.api.server import chosen_doors
        from myna.api.serving import Listener, Processes, Server
        from myna.cli.asgi import make_child

    chosen_doors(settings.doors)  # a wrong one is told here, and not by every process
    ports = list(dict.fromkeys((settings.port, *(SEED_PORTS if seed_ports else ()))))
    beside = build_beside(settings, workers)
    if settings.processes > 1:
        listeners = [Listener(None, settings.host, port) for port in ports]
        return Processes(partial(make_child, settings), settings.processes, listeners, beside, settings.log_level)
    server = Server(beside=beside, log_level=settings.log_level)
    app = build_asgi(settings, server.control)
    server.listeners = [Listener(app, settings.host, port) for port in ports]
    return server
