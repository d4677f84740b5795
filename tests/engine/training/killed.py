"""Trainings that are killed on the way, in processes of their own: ``python -m tests.engine.training.killed``.

Arguments: what is trained, a folder to work in, and moments to kill at: a number of steps, or ``state`` and
``weights``, which are being written then. Each moment is another process that goes on where the last one was killed;
then one is let through. Afterwards the same training runs unbroken, in the folder's ``unbroken``.
"""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from myna.core.progress import silent
from myna.engine.training import loop
from myna.steps.train import TrainGpt, TrainSovits
from tests.engine.training.toy import duel_recipe, plan, toy_net, toy_recipe, weighted_loss


def toy(folder: Path) -> None:
    """A net with dropout; weights that take a while to write."""
    net = toy_net()
    net.register_parameter("ballast", nn.Parameter(torch.zeros(300_000)))
    loop.Training(toy_recipe(folder / "weights", net), plan(epochs=4), folder / "run").train(silent)


def accumulated(folder: Path) -> None:
    """Steps of two batches; what an epoch leaves over goes on in the next."""
    recipe = toy_recipe(folder / "weights", loss=weighted_loss, ends_update=lambda index, num: index == 1)
    loop.Training(recipe, plan(epochs=4), folder / "run").train(silent)


def duel(folder: Path) -> None:
    """Two nets in turn."""
    loop.Training(duel_recipe(folder / "weights"), plan(epochs=4), folder / "run").train(silent)


def gpt(folder: Path) -> None:
    """The GPT of the tiny base, by its own trainer."""
    TrainGpt(folder=folder, models=folder.parent / "models", epochs=2, batch_size=20, save_every=1, device="cpu").run(
        silent
    )


def sovits(folder: Path) -> None:
    """The SoVITS of the tiny base, by its own trainer."""
    TrainSovits(
        folder=folder, models=folder.parent / "models", epochs=2, batch_size=20, save_every=1, device="cpu"
    ).run(silent)


KINDS: dict[str, Callable[[Path], None]] = {
    function.__name__: function for function in (toy, accumulated, duel, gpt, sovits)
}


def main(kind: str, folder: Path, moments: list[str]) -> None:
    """Kill at the moments, go on to the end, and train unbroken."""
    torch.set_num_threads(1)
    for name in (
        "torch._dynamo",
        "myna.engine.training.launch",
        "myna.engine.training.gpt",
        "myna.engine.training.sovits",
    ):
        importlib.import_module(name)  # once, and not in every process again
    loop._SAVE_SECONDS, loop._SAVE_SHARE = 0.0, 1e9
    for moment in moments:
        child = started(kind, folder / "broken")
        wait_for(moment, folder / "broken", child)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            sys.exit(f"the training was over before {moment}")
    for name in ("broken", "unbroken"):
        _, status = os.waitpid(started(kind, folder / name), 0)
        if status:
            sys.exit(f"{name}: the training ended with {status}")


def started(kind: str, folder: Path) -> int:
    """A process that trains."""
    child = os.fork()
    if child:
        return child
    try:
        KINDS[kind](folder)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)


def wait_for(moment: str, folder: Path, child: int) -> None:
    """Until the curve has so many points more than now, or a file of that kind is half written."""
    before = num_points(folder)
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if moment.isdigit():
            if num_points(folder) >= before + int(moment):
                return
        elif list(folder.rglob(f".part-*{'state' if moment == 'state' else '_e'}*")):
            return
        time.sleep(0.0005)
    sys.exit(f"the training was over before {moment}")


def num_points(folder: Path) -> int:
    """Points of the curve that is there."""
    return sum(len(path.read_bytes().splitlines()) for path in folder.rglob("losses.jsonl"))


if __name__ == "__main__":
    for part in ("broken", "unbroken"):
        dataset = Path(sys.argv[2]) / "buzz"
        if dataset.is_dir():
            shutil.copytree(dataset, Path(sys.argv[2]) / part / "experiments" / part)
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
