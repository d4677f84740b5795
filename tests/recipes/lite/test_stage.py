"""A training in pieces is the training in one piece; what it writes is small, and it goes on without a jump."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from stage import LEAST, WARM_UP, Figures, Stage, Task, mean_of, mean_weights, without_weights
from state import PART_BYTES, has_state, read_about, read_state, write_state
from torch import Tensor, nn

from myna.core.errors import BadCheckpoint


@dataclass
class Rows:
    x: Tensor
    y: Tensor


def batch_at(step: int) -> Rows:
    generator = torch.Generator().manual_seed(step)
    x = torch.randn(16, 8, generator=generator)
    return Rows(x, x[:, :4] - x[:, 4:])


def options(work: Path, **changed: object) -> argparse.Namespace:
    told = {
        "work": work,
        "steps": 60,
        "budget_minutes": 1e9,
        "learning_rate": 1e-2,
        "save_minutes": 1e9,
        "grain": 10,
        "device": "cpu",
        "no_compile": False,
        "from_shipped": False,
    }
    return argparse.Namespace(**told | changed)


def stage_of(work: Path, **changed: object) -> Stage:
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 4))
    return Stage("tiny", net, options(work, **changed))


def loss_of(stage: Stage, rows: Rows) -> tuple[Tensor, dict[str, Tensor]]:
    # The noise is drawn from torch's own numbers, as losses do.
    made = stage.net(rows.x + 0.01 * torch.randn_like(rows.x)).float()
    loss = (made - rows.y).square().mean()
    return loss, {"loss": loss.detach()}


def train(stage: Stage) -> Stage:
    @torch.no_grad()
    def judge() -> Figures:
        return {"loss": float(loss_of(stage, batch_at(10_000))[0])}

    stage.train(Task(batch_at, lambda rows: loss_of(stage, rows), judge))
    return stage


def test_two_pieces_give_the_weights_of_one(tmp_path: Path) -> None:
    whole = train(stage_of(tmp_path / "one"))
    # No time for a second grain: the piece ends at the first, and once more.
    for expected in (10, 20):
        assert train(stage_of(tmp_path / "two", budget_minutes=0.0)).step == expected
    rest = train(stage_of(tmp_path / "two"))
    assert rest.step == whole.step == 60
    for name, value in whole.net.state_dict().items():
        assert torch.equal(value, rest.net.state_dict()[name]), name
    for name, value in whole.average.items():
        assert torch.equal(value, rest.average[name]), name
    first, second = (
        [json.loads(line) for line in (tmp_path / each / "state/tiny/metrics.jsonl").read_text().splitlines()]
        for each in ("one", "two")
    )
    assert [row["held_loss"] for row in first[-1:]] == [row["held_loss"] for row in second[-1:]]


def test_training_goes_on_without_a_jump(tmp_path: Path) -> None:
    def error(stage: Stage) -> float:
        rows = batch_at(20_000)
        with torch.no_grad():
            return float((stage.net(rows.x) - rows.y).square().mean())

    untrained = error(stage_of(tmp_path / "other"))
    stage = train(stage_of(tmp_path, steps=2000, grain=400, budget_minutes=0.0))
    before = error(stage)
    assert stage.step == 400
    assert before < 0.05 * untrained
    again = stage_of(tmp_path, steps=2000)
    assert error(again) == before
    # The moments are kept well enough: the steps behind the state are as good as those before it.
    errors = []
    for _ in range(30):
        again._run(Task(batch_at, lambda rows: loss_of(again, rows), dict), again.step + 1)
        errors.append(error(again))
    assert max(errors) < 2 * before + 0.002 * untrained


def test_rounding_to_the_small_form_costs_next_to_nothing(tmp_path: Path) -> None:
    stage = train(stage_of(tmp_path, steps=40, grain=40))
    stage._run(Task(batch_at, lambda rows: loss_of(stage, rows), dict), 55)
    exact = {name: value.clone() for name, value in stage.net.state_dict().items()}
    stage._settle()
    for name, value in stage.net.state_dict().items():
        away = float((value - exact[name]).abs().max())
        assert away < 2e-3 * float(exact[name].abs().max()), name


def test_the_rate_warms_up_stays_and_falls(tmp_path: Path) -> None:
    stage = stage_of(tmp_path, steps=1000, learning_rate=1.0)
    rates = []
    for step in (0, WARM_UP // 2 - 1, WARM_UP, 799, 900, 1000):
        stage.step = step
        rates.append(stage.rate())
    assert rates[:4] == pytest.approx([1 / WARM_UP, 0.5, 1.0, 1.0])
    assert LEAST < rates[4] < 0.6
    assert rates[5] == pytest.approx(LEAST)


def test_what_a_killed_piece_told_behind_its_state_is_forgotten(tmp_path: Path) -> None:
    train(stage_of(tmp_path, steps=20))
    metrics = tmp_path / "state/tiny/metrics.jsonl"
    kept = metrics.read_text()
    metrics.write_text(kept + json.dumps({"step": 25, "loss": 1.0}) + "\n")
    stage_of(tmp_path)
    assert metrics.read_text() == kept


def test_a_batch_that_is_no_number_is_passed_over(tmp_path: Path) -> None:
    def broken(step: int) -> Rows:
        rows = batch_at(step)
        return Rows(rows.x * float("nan"), rows.y) if step == 5 else rows

    stage = stage_of(tmp_path, steps=10)
    stage.train(Task(broken, lambda rows: loss_of(stage, rows), dict))
    assert all(value.isfinite().all() for value in stage.net.state_dict().values())
    assert stage.steepness > 0


def test_every_save_judges_the_mean_weights_and_speaks(tmp_path: Path) -> None:
    stage, spoken = stage_of(tmp_path, save_minutes=0.0), []

    def speak(folder: Path) -> None:
        assert not stage.net.training
        spoken.append((folder, stage.net.state_dict()["0.weight"].clone()))

    stage.train(Task(batch_at, lambda rows: loss_of(stage, rows), dict, speak))
    assert [folder.name for folder, _ in spoken][:2] == ["0000010", "0000020"]
    assert torch.equal(spoken[-1][1], stage.average["0.weight"])
    with mean_weights(stage):
        assert torch.equal(stage.net.state_dict()["0.weight"], stage.average["0.weight"])
    assert not torch.equal(stage.net.state_dict()["0.weight"], stage.average["0.weight"])


def test_a_state_is_small_and_lies_in_parts(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(*(nn.Linear(1500, 1500) for _ in range(4)))
    stage = Stage("large", net, options(tmp_path, steps=2, grain=1))
    stage.train(Task(lambda step: Rows(torch.ones(1, 1500), torch.ones(1)), lambda r: (net(r.x).sum(), {}), dict))
    parts = sorted((tmp_path / "state/large").glob("part-*"))
    sizes = [part.stat().st_size for part in parts]
    assert len(parts) == 2
    assert max(sizes) <= PART_BYTES
    assert sum(sizes) < 3.1 * sum(p.numel() for p in net.parameters())
    held = [name for part in parts for name in load_file(part)]
    assert len(held) == len(set(held))


def test_a_state_is_whole_or_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    assert not has_state(folder)
    write_state(folder, {"a": torch.ones(3)}, {"step": 1})
    write_state(folder, {"a": torch.zeros(3)}, {"step": 2})
    tensors, about = read_state(folder)
    assert about == read_about(folder) == {"step": 2}
    assert torch.equal(tensors["a"], torch.zeros(3))
    assert len(list(folder.glob("part-*"))) == 1
    next(folder.glob("part-*")).unlink()
    with pytest.raises(BadCheckpoint, match="no whole training state"):
        read_state(folder)


def test_a_state_of_another_net_is_refused(tmp_path: Path) -> None:
    train(stage_of(tmp_path, steps=10))
    with pytest.raises(BadCheckpoint, match="another net"):
        Stage("tiny", nn.Linear(8, 5), options(tmp_path))


def test_what_the_repository_keeps_has_no_weights(tmp_path: Path) -> None:
    train(stage_of(tmp_path, steps=10))
    tensors, _ = read_state(tmp_path / "state/tiny")
    kept = without_weights(tensors)
    assert kept
    assert all(name.startswith("square") for name in kept)
    assert set(mean_of("tiny", tmp_path)) == {"0.weight", "0.bias", "2.weight", "2.bias"}
