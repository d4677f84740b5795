"""Optimiser steps: large batches in parts, broken steps left out, several batches to one step, two nets in turn."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from myna.checkpoints.native import read_weights
from myna.core.errors import TrainingFailed
from myna.core.progress import silent
from myna.engine.training.loop import Training
from myna.engine.training.recipe import Figures, pieces
from myna.engine.training.telling import notes_of
from tests.engine.training.toy import Points, ToyData, duel_recipe, plan, toy_net, toy_recipe, weighted_loss


def curve(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "losses.jsonl").read_text().splitlines()]


def small_memory(most: int) -> Callable[[nn.Module, Points], tuple[Tensor, Figures]]:
    """The loss on a device that has room for ``most`` clips."""

    def loss(net: nn.Module, batch: Points) -> tuple[Tensor, Figures]:
        if len(batch.seen) > most:
            raise torch.OutOfMemoryError(f"no room for {len(batch.seen)} clips")
        return weighted_loss(net, batch)

    return loss


def assert_same_weights(first: Path, second: Path, tolerance: float) -> None:
    ours, theirs = read_weights(first).tensors, read_weights(second).tensors
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        torch.testing.assert_close(value, theirs[name], rtol=tolerance, atol=tolerance, msg=name)


@pytest.mark.parametrize(("room", "parts"), [(2, 2), (1, 4)])
def test_a_batch_that_does_not_fit_goes_in_parts_to_the_same_weights(tmp_path: Path, room: int, parts: int) -> None:
    whole, cut = (toy_recipe(tmp_path / name, toy_net(dropout=0.0)) for name in ("whole", "cut"))
    cut = toy_recipe(tmp_path / "cut", cut.modules["toy"], loss=small_memory(room))
    first = Training(whole, plan(), tmp_path / "run whole").train(silent)
    second = Training(cut, plan(), tmp_path / "run cut").train(silent)
    assert_same_weights(first, second, 1e-6)
    for one, other in zip(curve(tmp_path / "run whole"), curve(tmp_path / "run cut"), strict=True):
        assert one["loss"] == pytest.approx(other["loss"], abs=2e-5)
    notes = notes_of(tmp_path / "run cut")
    assert f"did not fit the memory at step 1: since then each goes through the device in {parts} parts" in notes[-1]
    assert notes_of(tmp_path / "run whole") == ()


def test_an_allocator_of_the_cpu_that_refuses_is_the_same(tmp_path: Path) -> None:
    def loss(net: nn.Module, batch: Points) -> tuple[Tensor, Figures]:
        if len(batch.seen) > 2:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory")
        return weighted_loss(net, batch)

    Training(toy_recipe(tmp_path, loss=loss), plan(), tmp_path / "run").train(silent)
    assert "in 2 parts" in notes_of(tmp_path / "run")[0]


def test_other_errors_of_a_loss_are_not_taken_for_lack_of_memory(tmp_path: Path) -> None:
    def loss(net: nn.Module, batch: Points) -> tuple[Tensor, Figures]:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes do not match"):
        Training(toy_recipe(tmp_path, loss=loss), plan(), tmp_path / "run").train(silent)


def test_a_clip_that_does_not_fit_alone_ends_the_training(tmp_path: Path) -> None:
    with pytest.raises(TrainingFailed, match="a single clip does not fit the device's memory; leave out the longest"):
        Training(toy_recipe(tmp_path, loss=small_memory(0)), plan(), tmp_path / "run").train(silent)


def broken_in(*broken: int) -> Callable[[nn.Module, Points], tuple[Tensor, Figures]]:
    """A loss that is no number in the calls of these numbers, from 1."""
    calls = iter(range(1, 1000))

    def loss(net: nn.Module, batch: Points) -> tuple[Tensor, Figures]:
        value, figures = weighted_loss(net, batch)
        return value * (float("nan") if next(calls) in broken else 1.0), figures

    return loss


def test_a_step_whose_loss_is_no_number_is_left_out_and_named(tmp_path: Path) -> None:
    recipe, told = toy_recipe(tmp_path, loss=broken_in(2, 5, 6)), list[str]()
    last = Training(recipe, plan(), tmp_path / "run").train(lambda fraction, note: told.append(note))
    assert ["is not a number" in line for line in told] == [step in (2, 5, 6) for step in range(1, 10)], "at once"
    assert all(value.isfinite().all() for value in read_weights(last).tensors.values())
    notes = notes_of(tmp_path / "run")
    assert [note.split(" (")[0] for note in notes] == [
        f"the loss of the toy is not a number at step {step}" for step in (2, 5, 6)
    ]
    second = ToyData().draws(1)[1]
    assert f"(clips {', '.join(f'clip{row}.wav' for row in second)}): this step was left out" in notes[0]
    points = curve(tmp_path / "run")
    assert [point["step"] for point in points] == list(range(1, 10))
    assert ["loss" in point for point in points] == [step not in (2, 5, 6) for step in range(1, 10)]


def test_losses_that_stay_no_numbers_end_the_training_with_advice(tmp_path: Path) -> None:
    recipe = toy_recipe(tmp_path, loss=broken_in(2, 4, 5, 6))
    with pytest.raises(TrainingFailed, match=r"step 6 \(clips .*for the 3rd time in a row; lower .*\(it is 0.01\)"):
        Training(recipe, plan(), tmp_path / "run").train(silent)
    assert all(weight.isfinite().all() for weight in recipe.modules["toy"].parameters())


def every_other(index: int, num_batches: int) -> bool:
    return index % 2 == 1 or index == num_batches - 1


def test_batches_of_one_step_count_as_one_large_batch(tmp_path: Path) -> None:
    """Two batches of two for every step, of which the last has one, is as batches of four."""
    small, large = ToyData(10, 2), ToyData(10, 4)
    small.draws = lambda epoch: [
        draw[at : at + 2] for draw in ToyData(10, 4).draws(epoch) for at in (0, 2) if draw[at:]
    ]
    recipes = (
        toy_recipe(tmp_path / "small", toy_net(0.0), small, ends_update=every_other, rate=lambda moment: 1.0),
        toy_recipe(tmp_path / "large", toy_net(0.0), large, rate=lambda moment: 1.0),
    )
    first, second = (
        Training(recipe, plan(), tmp_path / str(number)).train(silent) for number, recipe in enumerate(recipes)
    )
    assert_same_weights(first, second, 1e-6)


def test_what_is_left_of_an_epoch_goes_on_in_the_next(tmp_path: Path) -> None:
    """Three batches an epoch and a step after the second: one step in the first epoch, and so in each."""
    steps: list[int] = []

    def loss(net: nn.Module, batch: Points) -> tuple[Tensor, Figures]:
        steps.append(len(batch.seen))
        return weighted_loss(net, batch)

    training = Training(
        toy_recipe(tmp_path, loss=loss, ends_update=lambda index, num_batches: index == 1), plan(), tmp_path / "run"
    )
    training.train(silent)
    assert training.updates == 3
    assert training.step == 2 + 3 + 3
    assert [point["step"] for point in curve(tmp_path / "run")] == list(range(1, 9))
    assert [point["epoch"] for point in curve(tmp_path / "run")] == [1, 1, 1, 2, 2, 2, 3, 3]


def test_a_recipe_that_would_never_step_is_refused(tmp_path: Path) -> None:
    recipe = toy_recipe(tmp_path, ends_update=lambda index, num_batches: index == 4)
    with pytest.raises(TrainingFailed, match="an epoch of 3 batches makes no step; lower batch_size or add clips"):
        Training(recipe, plan(), tmp_path / "run").train(silent)


def test_two_nets_are_trained_in_turn(tmp_path: Path) -> None:
    recipe = duel_recipe(tmp_path)
    before = {name: [weight.clone() for weight in net.parameters()] for name, net in recipe.modules.items()}
    Training(recipe, plan(), tmp_path / "run").train(silent)
    for name, net in recipe.modules.items():
        assert all(not torch.equal(old, new) for old, new in zip(before[name], net.parameters(), strict=True)), name
    assert {"judge", "maker", "made"} <= curve(tmp_path / "run")[0].keys()
    assert curve(tmp_path / "run")[0]["rates"] == {"judge": 0.01, "maker": 0.01}


def test_pieces_keep_every_clip_once() -> None:
    batch = ToyData(7, 7).load(list(range(7)))
    assert [len(piece.seen) for piece in pieces(batch, 3)] == [2, 2, 3]
    assert torch.equal(torch.cat([piece.lens for piece in pieces(batch, 3)]), batch.lens)
    assert len(pieces(batch, 20)) == 7
    scaled = replace(batch, wanted=torch.tensor(0.5))
    assert [float(piece.wanted) for piece in pieces(scaled, 2)] == [0.5, 0.5], "of the whole batch"
    assert pieces(batch, 1) == [batch]
