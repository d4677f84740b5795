"""Golden cases of the order in which the official trainers draw clips."""

from __future__ import annotations

import torch

from myna.engine.training.gpt_order import official_order
from tests.parity.models.golden import Case

_BATCH = 4


def orders(case: Case) -> None:
    """The GPT's batches in its first epochs."""
    seconds = case.inputs["seconds"].tolist()
    epochs = sorted(name for name in case.outputs if name.startswith("s1_epoch"))
    for name in epochs:
        batches = official_order(seconds, _BATCH, int(name.removeprefix("s1_epoch")))
        case.check(name, torch.tensor([row for batch in batches for row in batch]))
        assert [len(batch) for batch in batches[:-1]] == [_BATCH] * (len(batches) - 1)
