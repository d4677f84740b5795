"""The quantiser against the official code: codes, code vectors, moving averages, revival of dead codes."""

from __future__ import annotations

import pytest
import torch

from myna.models.quantizer import Codebook, Quantizer
from tests.parity.models.golden import fill_module, load_case


def test_codes_and_code_vectors() -> None:
    case = load_case("vq_full")
    quantizer = Quantizer(codes=1024, width=768).eval()
    fill_module(quantizer, "quantizer.")
    x = case.inputs["x"]
    codes = quantizer.encode(x)
    case.check("codes", codes[None])
    case.check("decoded_every", quantizer.decode(codes)[:, ::16])
    out = quantizer(x)
    case.check("forward_loss", out.commitment)
    assert torch.equal(out.codes, codes)


@pytest.mark.parametrize("name", ["vq_train", "vq_train_expire"])
def test_training_steps(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = load_case(name)
    quantizer = Quantizer(codes=case.meta["bins"], width=case.meta["dim"]).train()
    fill_module(quantizer, "quantizer.")
    book = quantizer.codebook
    if "cluster_size" in case.inputs:
        book.cluster_size.copy_(case.inputs["cluster_size"])
    for step in range(3):
        rows = case.inputs.get(f"replace_index{step}", torch.empty(0, dtype=torch.int64))

        def recorded(_book: Codebook, vectors: torch.Tensor, count: int, rows: torch.Tensor = rows) -> torch.Tensor:
            assert count == len(rows)
            return vectors[rows]

        monkeypatch.setattr(Codebook, "pick", recorded)
        x = case.inputs[f"x{step}"].clone().requires_grad_()
        out = quantizer(x)
        (0.1 * out.values.sum() + out.commitment).backward()
        assert x.grad is not None
        case.check(f"codes{step}", out.codes[None])
        case.check(f"quantized{step}", out.values)
        case.check(f"commit{step}", out.commitment)
        case.check(f"x_grad{step}", x.grad)
        for statistic in ("cluster_size", "embed_avg", "embed"):
            case.check(f"{statistic}{step}", getattr(book, statistic))
        if f"expired{step}" in case.outputs:
            case.check(f"expired{step}", (book.cluster_size < 2).nonzero()[:, 0])
