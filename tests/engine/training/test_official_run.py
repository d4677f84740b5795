"""Going on where the official program stopped: its files, made as its trainer makes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from myna.core.errors import BadCheckpoint
from myna.core.progress import silent
from myna.core.versions import ModelVersion
from myna.core.workspace import make_folder
from myna.engine.training.official_run import official_pair, take_over, take_over_pair
from myna.engine.training.sovits import train_sovits
from myna.engine.training.sovits_vits import SLOW_PARTS, phases
from myna.engine.training.telling import notes_of
from myna.engine.weights import load_discriminators, load_vits
from tests.engine.training.published import plan, tiny, write_published, write_published_base

FIXED = ("ssl_proj.", "quantizer.")


def official_optimiser(net: nn.Module, slow_parts: tuple[str, ...]) -> torch.optim.AdamW:
    """Grouped as by the official trainer: the rest, then each slow part; what is never taught counts too."""
    slow = [[weight for name, weight in net.named_parameters() if name.startswith(f"{part}.")] for part in slow_parts]
    taken = {id(weight) for group in slow for weight in group}
    rest = [weight for weight in net.parameters() if id(weight) not in taken]
    return torch.optim.AdamW([{"params": group} for group in (rest, *slow)], 1e-4, betas=(0.8, 0.99), eps=1e-9)


def taught(net: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """A step in which every weight learns but those that officially get no gradient."""
    optimiser.zero_grad()
    for number, (name, weight) in enumerate(net.named_parameters()):
        if not name.startswith(FIXED):
            weight.grad = torch.full_like(weight, 0.01 * (1 + number % 7))
    optimiser.step()


@pytest.fixture
def official(tmp_path: Path) -> tuple[ModelVersion, dict[str, nn.Module], dict[str, torch.optim.Optimizer]]:
    """Both files in the folder of the run, epoch 2; what they were written from."""
    record = tiny("v2")
    models = tmp_path / "models"
    write_published_base(models, record)
    nets: dict[str, nn.Module] = {
        "G": load_vits(record, None, models),
        "D": load_discriminators(record, None, models),
    }
    optimisers: dict[str, torch.optim.Optimizer] = {}
    folder = make_folder(tmp_path / "buzz" / "logs_s2_v2")
    for letter, net in nets.items():
        optimisers[letter] = official_optimiser(net, SLOW_PARTS if letter == "G" else ())
        taught(net, optimisers[letter])
        state: dict[str, Any] = {
            "model": net.state_dict(),
            "iteration": 2,
            "optimizer": optimisers[letter].state_dict(),
            "learning_rate": 1e-4,
        }
        torch.save(state, folder / f"{letter}_233333333333.pth")
    return record, nets, optimisers


def test_the_next_step_is_the_official_programs(official: Any, tmp_path: Path) -> None:
    record, nets, optimisers = official
    ours = load_vits(record, None, tmp_path / "models"), load_discriminators(record, None, tmp_path / "models")
    for name in ("quantizer", "ssl_proj"):
        ours[0].get_submodule(name).requires_grad_(False)
    judging, generating = phases(*ours, record, 1e-4, 1.0)
    folder = tmp_path / "buzz" / "logs_s2_v2"
    assert take_over_pair(folder, generating, judging, SLOW_PARTS) == 2
    for letter, phase in (("G", generating), ("D", judging)):
        taught(nets[letter], optimisers[letter])
        taught(phase.module, phase.optimiser)
        for name, weight in phase.module.state_dict().items():
            torch.testing.assert_close(weight, nets[letter].state_dict()[name], rtol=1e-6, atol=1e-8, msg=name)


def test_a_training_goes_on_behind_the_official_epochs(
    official: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("myna.engine.training.vits_data.repeats", lambda num: 1)
    record = official[0]
    dataset = write_published(tmp_path / "buzz", record)
    given = plan(tmp_path / "models", epochs=3)
    last = train_sovits(dataset, tmp_path / "weights", version=record, plan=given, progress=silent)
    run = dataset.sovits_run(record)
    epochs = {json.loads(line)["epoch"] for line in (run / "losses.jsonl").read_text().splitlines()}
    assert epochs == {3}
    assert last.name.startswith("buzz_e3_")
    assert "goes on behind epoch 2 of another program's training" in notes_of(run)
    assert (run / "G_233333333333.pth").is_file()


def test_the_newest_whole_pair_counts(tmp_path: Path) -> None:
    assert official_pair(tmp_path / "none") is None
    for name in ("G_10.pth", "D_10.pth", "G_9.pth", "D_9.pth", "G_11.pth", "G_best.pth", "D_best.pth"):
        (tmp_path / name).touch()
    assert official_pair(tmp_path) == (tmp_path / "G_10.pth", tmp_path / "D_10.pth")


@pytest.mark.parametrize("spoil", ["optimizer", "iteration", "count", "shape"])
def test_files_that_do_not_fit_are_refused(spoil: str, official: Any, tmp_path: Path) -> None:
    record = official[0]
    path = tmp_path / "buzz" / "logs_s2_v2" / "D_233333333333.pth"
    state = torch.load(path, weights_only=True)
    if spoil == "count":
        state["optimizer"]["param_groups"][0]["params"].append(999)
    elif spoil == "shape":
        state["optimizer"]["state"][0]["exp_avg"] = torch.zeros(2)
    else:
        del state[spoil]
    torch.save(state, path)
    judges = load_discriminators(record, None, tmp_path / "models")
    judging, _ = phases(load_vits(record, None, tmp_path / "models"), judges, record, 1e-4, 1.0)
    with pytest.raises(BadCheckpoint, match=r"D_233333333333.pth"):
        take_over(path, judging)
