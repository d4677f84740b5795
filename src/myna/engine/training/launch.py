"""Training on the devices of a plan: in this process on one, in a process for each on several, by torchrun's launcher.

The processes are told all by pickling, so a trainer is a function of a module. The first one reports progress and
errors through a queue, and stops, leaving a state, when the caller's progress call says so or this process ends.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import distributed
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from myna.core.errors import BadInput, CallerError, Cancelled, InstallationError, MynaError, TrainingFailed
from myna.core.progress import Progress
from myna.core.training import TrainingPlan
from myna.core.versions import ModelVersion
from myna.core.workspace import DatasetFolder
from myna.engine.training.devices import devices_of, precision_on

Trainer = Callable[..., Path]
"""``trainer(dataset, weights, *, version, plan, progress)``: `train_gpt`, `train_sovits`."""

_POLL_SECONDS = 0.05
_STOP_SECONDS = 60.0
_PEER_MINUTES = 30
"""How long a process waits for the others, of which the first one may be saving, or speaking, meanwhile."""


@dataclass(frozen=True)
class _Job:
    """What each process does, on its own one of ``devices``."""

    trainer: Trainer
    dataset: DatasetFolder
    weights: Path
    version: ModelVersion
    plan: TrainingPlan
    devices: Sequence[str]


@dataclass(frozen=True)
class _Line:
    """Between the caller and the processes: what they tell, and what they are asked."""

    told: Any
    stop: Any
    save: Any


@dataclass
class _Result:
    """What became of the processes."""

    path: Path | None = None
    failures: list[tuple[str, str]] = field(default_factory=list)
    """Kind and text of the errors, in their order."""


def run_training(
    trainer: Trainer,
    dataset: DatasetFolder,
    weights: Path,
    *,
    version: ModelVersion,
    plan: TrainingPlan,
    progress: Progress,
) -> Path:
    """What ``trainer`` answers, on all of the plan's devices.

    Raises `BadInput` for devices that are not there and a precision that they do not have, and what ``trainer`` raises.
    """
    devices = devices_of(plan)
    for device in devices:
        precision_on(device, plan.precision)
    if len(devices) == 1:
        plan = plan.model_copy(update={"device": str(devices[0]), "gpu_numbers": ""})
        return trainer(dataset, weights, version=version, plan=plan, progress=progress)
    job = _Job(trainer, dataset, weights, version, plan, [str(device) for device in devices])
    return run_together(job, progress)


def run_together(job: _Job, progress: Progress) -> Path:
    """What the trainer answers in the first of as many processes as there are devices; errors as `run_training`."""
    context = multiprocessing.get_context("spawn")
    line = _Line(context.SimpleQueue(), context.Event(), context.Event())
    result = _Result()
    # Its own words about processes that end are told better here.
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    launcher = threading.Thread(target=_launch, args=(job, line, result), daemon=True)
    with _save_signals(line):
        launcher.start()
        try:
            while launcher.is_alive() or not line.told.empty():
                _listen(line, result, progress)
                launcher.join(_POLL_SECONDS)
        except (Cancelled, KeyboardInterrupt):
            line.stop.set()
            _drained(launcher, line)
            raise
    if result.path is None or result.failures:
        raise _error(result.failures)
    return result.path


def _launch(job: _Job, line: _Line, result: _Result) -> None:
    """Run the processes to their end."""
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=len(job.devices),
        run_id=f"myna-{job.dataset.name}",
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        max_restarts=0,
        start_method="spawn",
    )
    try:
        result.path = elastic_launch(config, _worker)(job, line)[0]
    except ChildFailedError as error:
        _, failure = error.get_first_failure()
        line.told.put(("failed", TrainingFailed.kind, f"process {failure.local_rank} ended: {failure.message}"))


def _worker(job: _Job, line: _Line) -> Path:
    """One of the processes."""
    parent = multiprocessing.parent_process()
    if parent is None or not parent.is_alive():
        raise Cancelled("nobody waits for this training any more")
    on_gpu = torch.device(job.devices[0]).type == "cuda"
    distributed.init_process_group("nccl" if on_gpu else "gloo", timeout=timedelta(minutes=_PEER_MINUTES))
    rank = distributed.get_rank()
    if on_gpu:
        torch.cuda.set_device(job.devices[rank])
    plan = job.plan.model_copy(update={"device": job.devices[rank], "gpu_numbers": ""})

    def progress(fraction: float, note: str) -> None:
        if line.stop.is_set() or not parent.is_alive():
            raise Cancelled("somebody asked for the work to stop")
        if rank == 0:
            line.told.put(("progress", fraction, note))
            if line.save.is_set():
                line.save.clear()
                signal.raise_signal(signal.SIGUSR1)

    try:
        return job.trainer(job.dataset, job.weights, version=job.version, plan=plan, progress=progress)
    except BaseException as error:
        kind = error.kind if isinstance(error, MynaError) else TrainingFailed.kind
        told = str(error) if isinstance(error, MynaError) else f"process {rank}: {type(error).__name__}: {error}"
        line.told.put(("failed", kind, told))
        raise
    finally:
        distributed.destroy_process_group()


def _listen(line: _Line, result: _Result, progress: Progress) -> None:
    """Take what the processes have told by now."""
    while not line.told.empty():
        what, *told = line.told.get()
        if what == "progress":
            progress(*told)
        else:
            result.failures.append((told[0], told[1]))


def _drained(launcher: threading.Thread, line: _Line) -> None:
    """Wait for the processes to write their state and end."""
    waited = 0.0
    while launcher.is_alive() and waited < _STOP_SECONDS:
        while not line.told.empty():
            line.told.get()
        launcher.join(_POLL_SECONDS)
        waited += _POLL_SECONDS


@contextmanager
def _save_signals(line: _Line) -> Iterator[None]:
    """SIGUSR1 asks the first process for weights."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def asked(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 (the shape of a handler)
        line.save.set()

    before = signal.signal(signal.SIGUSR1, asked)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)


def _error(failures: Sequence[tuple[str, str]]) -> MynaError:
    """The first error that was raised on purpose, else the first: others follow from it."""
    own = [one for one in failures if one[0] != TrainingFailed.kind]
    kind, text = next(iter([*own, *failures]), (TrainingFailed.kind, "the processes ended without a word"))
    kinds: dict[str, type[MynaError]] = {
        one.kind: one for root in (MynaError, CallerError, InstallationError) for one in root.__subclasses__()
    }
    known = kinds.get(kind, TrainingFailed)
    return (
        BadInput(text) if issubclass(known, CallerError) and known.__init__ is not Exception.__init__ else known(text)
    )
