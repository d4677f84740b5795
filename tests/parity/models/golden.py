"""Golden cases: inputs and outputs of the official GPT-SoVITS code, read for the parity tests.

``cases/*.npz`` hold ``in_*`` (float16 values are exact), ``out_*`` and a JSON ``meta``; ``keys/*.json`` the published
key lists. Weights are not stored: `fill_module` gives a net the synthetic weights that both sides agree on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.parity.models.fill import fill, is_constant

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One golden case: ``inputs`` as tensors (float32 or int64), ``outputs`` as stored, names without in_/out_."""

    name: str
    inputs: dict[str, torch.Tensor]
    outputs: dict[str, torch.Tensor]
    meta: dict[str, Any]

    def tolerance(self, name: str) -> float:
        """Allowed error of output ``name`` relative to its largest value."""
        noise = self.meta["stats"].get(name, {}).get("fp32_vs_fp64_rel", 0.0)
        return min(max(50 * noise, 1e-4), 1e-2)

    def check(self, name: str, got: torch.Tensor, tolerance: float | None = None) -> None:
        """Compare ``got`` with output ``name``: exactly for integers, relative to the largest value for floats."""
        want = self.outputs[name]
        got = got.detach().cpu()
        assert got.shape == want.shape, f"{self.name} {name}: shape {tuple(got.shape)}, golden {tuple(want.shape)}"
        if not want.is_floating_point():
            assert torch.equal(got.to(torch.int64), want), f"{self.name} {name}: {got} is not {want}"
            return
        got = got.to(torch.float32)
        finite = torch.isfinite(want)
        assert torch.equal(finite, torch.isfinite(got)), f"{self.name} {name}: infinities differ"
        assert torch.equal(got[~finite], want[~finite]), f"{self.name} {name}: infinities differ"
        if not finite.any():
            return
        scale = max(float(want[finite].abs().max()), 1e-12)
        error = float((got[finite] - want[finite]).abs().max()) / scale
        allowed = self.tolerance(name) if tolerance is None else tolerance
        assert error <= allowed, f"{self.name} {name}: relative error {error:.3e} > {allowed:.1e}"


def _tensor(array: np.ndarray) -> torch.Tensor:
    if array.dtype == np.bool_:
        return torch.from_numpy(np.array(array))
    kind = np.float32 if np.issubdtype(array.dtype, np.floating) else np.int64
    return torch.from_numpy(np.array(array, dtype=kind))


def load_case(name: str) -> Case:
    """The case ``cases/<name>.npz``; KeyErrors on its dictionaries name what it lacks."""
    with np.load(HERE / "cases" / f"{name}.npz", allow_pickle=False) as data:
        meta = json.loads(str(data["meta"]))
        arrays = {key: _tensor(data[key]) for key in data.files if key != "meta"}
    inputs = {key[3:]: value for key, value in arrays.items() if key.startswith("in_")}
    outputs = {key[4:]: value for key, value in arrays.items() if key.startswith("out_")}
    meta.setdefault("stats", {})
    return Case(name, inputs, outputs, meta)


def case_names(prefix: str) -> list[str]:
    """Names of all shipped cases that begin with ``prefix``, sorted; fails when there is none."""
    names = sorted(path.stem for path in (HERE / "cases").glob(f"{prefix}*.npz"))
    if not names:
        pytest.fail(f"no golden case begins with {prefix!r}")
    return names


def published_shapes(model: str) -> dict[str, tuple[int, ...]]:
    """Key -> shape of the published file ``model`` (``keys/<model>.json``)."""
    entries = json.loads((HERE / "keys" / f"{model}.json").read_text())
    return {key: tuple(shape) for key, (shape, _dtype) in entries.items()}


def fill_module(module: nn.Module, prefix: str = "", salt: int = 0) -> None:
    """Give ``module`` the synthetic weights of its keys (``prefix`` + key); computed constants stay."""
    state = module.state_dict()
    weights = fill({prefix + key: tuple(value.shape) for key, value in state.items()}, salt)
    filled = {
        key: value if is_constant(prefix + key) else torch.from_numpy(weights[prefix + key])
        for key, value in state.items()
    }
    module.load_state_dict(filled, strict=True)
