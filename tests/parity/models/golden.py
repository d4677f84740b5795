"""Golden cases: inputs and outputs of the official GPT-SoVITS code, read for the parity tests.

``cases/*.npz`` hold ``in_*`` (float16 values are exact), ``out_*`` and a JSON ``meta``; ``keys/*.json`` the published
key lists. Weights are not stored: `fill_module` gives a net the synthetic weights that both sides agree on.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.parity.models.fill import fill, is_constant

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Comparison:
    """One output beside the golden one: how far it is off, and how far it may be.

    ``error`` is the norm of the difference as a share of the golden norm; of integers the number of those that differ.
    """

    output: str
    error: float
    allowed: float

    @property
    def is_ok(self) -> bool:
        """Near enough; never where the error is no number."""
        return self.error <= self.allowed


@dataclass(frozen=True)
class Case:
    """One golden case: ``inputs`` as tensors (float32 or int64), ``outputs`` as stored, names without in_/out_.

    Whatever is compared is noted in ``comparisons``; where it ``is_strict``, a difference is an AssertionError at once.
    """

    name: str
    inputs: dict[str, torch.Tensor]
    outputs: dict[str, torch.Tensor]
    meta: dict[str, Any]
    is_strict: bool = True
    comparisons: list[Comparison] = field(default_factory=list)

    def tolerance(self, name: str) -> float:
        """Allowed error of output ``name``: fifty times the official rounding noise, within 1e-4 and 1e-2."""
        noise = self.meta["stats"].get(name, {}).get("fp32_vs_fp64_rel", 0.0)
        return min(max(50 * noise, 1e-4), 1e-2)

    def check(self, name: str, got: torch.Tensor, tolerance: float | None = None) -> None:
        """Compare ``got`` with output ``name``: integers exactly, floats by the norm of their difference."""
        want, got = self.outputs[name], got.detach().cpu()
        if want.is_floating_point():
            allowed = self.tolerance(name) if tolerance is None else tolerance
            found = Comparison(name, relative_error(got, want), allowed)
        else:
            same = got.shape == want.shape
            found = Comparison(name, float((got != want).sum()) if same else float("inf"), 0.0)
        self.note(found, f"{tuple(got.shape)} against {tuple(want.shape)}")

    def check_items(self, name: str, got: Sequence[object], want: Sequence[object]) -> None:
        """Compare items, such as the tokens of a part of an output, one by one."""
        differing = sum(mine != theirs for mine, theirs in zip_longest(got, want))
        self.note(Comparison(name, float(differing), 0.0), f"{list(got)} against {list(want)}")

    def note(self, found: Comparison, about: str = "") -> None:
        """Keep a comparison; raise AssertionError for a bad one where the case is strict."""
        self.comparisons.append(found)
        if self.is_strict and not found.is_ok:
            raise AssertionError(
                f"{self.name} {found.output}: error {found.error:.3e}, allowed {found.allowed:.1e}; {about}"
            )

    @property
    def worst(self) -> Comparison | None:
        """The comparison that comes nearest to its limit, or is farthest beyond it; None before any."""
        return max(self.comparisons, key=_strain, default=None)


def _strain(found: Comparison) -> float:
    share = found.error / found.allowed if found.allowed else found.error
    return float("inf") if math.isnan(share) else share


def relative_error(got: torch.Tensor, want: torch.Tensor) -> float:
    """``|got - want| / |want|`` over what is finite; infinite where shapes or infinities differ."""
    if got.shape != want.shape:
        return float("inf")
    got, want = got.double(), want.double()
    finite = torch.isfinite(want)
    if not torch.equal(finite, torch.isfinite(got)) or not torch.equal(got[~finite], want[~finite]):
        return float("inf")
    scale = float(want[finite].norm())
    distance = float((got[finite] - want[finite]).norm())
    return distance / scale if scale else distance


def _tensor(array: np.ndarray) -> torch.Tensor:
    if array.dtype == np.bool_:
        return torch.from_numpy(np.array(array))
    kind = np.float32 if np.issubdtype(array.dtype, np.floating) else np.int64
    return torch.from_numpy(np.array(array, dtype=kind))


def load_case(name: str) -> Case:
    """The shipped case ``cases/<name>.npz``; KeyErrors on its dictionaries name what it lacks."""
    return read_case(HERE / "cases" / f"{name}.npz")


def read_case(path: Path, *, is_strict: bool = True) -> Case:
    """The case in any file of that form."""
    with np.load(path, allow_pickle=False) as data:
        meta = json.loads(str(data["meta"]))
        arrays = {key: _tensor(data[key]) for key in data.files if key != "meta"}
    inputs = {key[3:]: value for key, value in arrays.items() if key.startswith("in_")}
    outputs = {key[4:]: value for key, value in arrays.items() if key.startswith("out_")}
    meta.setdefault("stats", {})
    return Case(path.stem, inputs, outputs, meta, is_strict)


def case_names(prefix: str) -> list[str]:
    """Names of all shipped cases that begin with ``prefix``, sorted; fails when there is none."""
    names = sorted(path.stem for path in (HERE / "cases").glob(f"{prefix}*.npz"))
    if not names:
        pytest.fail(f"no golden case begins with {prefix!r}")
    return names


def published_shapes(model: str, folder: Path = HERE / "keys") -> dict[str, tuple[int, ...]]:
    """Key -> shape of the published file ``model`` (``<folder>/<model>.json``)."""
    entries = json.loads((folder / f"{model}.json").read_text())
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


def stored_gradients(case: Case, net: nn.Module, prefix: str = "") -> dict[str, torch.Tensor]:
    """The net's gradients as the case stores them, some entries and the norm of each; zeros where there is none."""
    parameters = dict(net.named_parameters())
    found = {}
    for name in case.outputs:
        if not name.startswith((f"{prefix}gradnorm:", f"{prefix}grad:")):
            continue
        parameter = parameters[name.partition(":")[2]]
        flat = torch.zeros_like(parameter).flatten() if parameter.grad is None else parameter.grad.flatten()
        places = np.linspace(0, flat.numel() - 1, min(48, flat.numel())).astype(np.int64)
        # In double precision: float32 sums of millions of squares lose three digits.
        found[name] = flat.double().norm() if "gradnorm:" in name else flat[torch.from_numpy(places)]
    assert found, f"{case.name} stores no gradients"
    return found
