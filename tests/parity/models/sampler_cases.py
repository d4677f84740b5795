"""Golden cases of the order in which the official trainers draw clips."""

from __future__ import annotations

import torch

from myna.engine.training import sovits_order
from myna.engine.training.gpt_order import official_order
from tests.parity.models.golden import Case

_BATCH = 4
_LONGEST_FRAMES = sovits_order.LONGEST_FRAMES_VITS


def orders(case: Case) -> None:
    """The batches of both trainers in their first epochs."""
    seconds = case.inputs["seconds"].tolist()
    epochs = sorted(name for name in case.outputs if name.startswith("s1_epoch"))
    for name in epochs:
        batches = official_order(seconds, _BATCH, int(name.removeprefix("s1_epoch")))
        case.check(name, torch.tensor([row for batch in batches for row in batch]))
        assert [len(batch) for batch in batches[:-1]] == [_BATCH] * (len(batches) - 1)
    _check_sovits(case)


def _check_sovits(case: Case) -> None:
    frames = case.inputs["frames"].tolist()
    for name in sorted(name for name in case.outputs if name.startswith("s2_epoch")):
        batches = sovits_order.official_order(frames, _BATCH, int(name.removeprefix("s2_epoch")), _LONGEST_FRAMES)
        case.check(name, torch.tensor(batches))
        case.check("s2_num_batches", torch.tensor(len(batches)))
