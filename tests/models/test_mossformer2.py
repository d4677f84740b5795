"""MossFormer2 against numbers of the published program (ClearerVoice-Studio, commit 6b3774d), on synthetic weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from myna.models.mossformer2 import MossFormer2, MossSizes
from tests.parity.models.fill import fill

GOLDEN = json.loads((Path(__file__).with_name("mossformer2_golden.json")).read_text(encoding="utf-8"))


def filled() -> MossFormer2:
    net = MossFormer2(MossSizes(**GOLDEN["sizes"])).eval()
    ours = net.state_dict()
    drawn = fill({name: tuple(tensor.shape) for name, tensor in ours.items() if not name.endswith("freqs")})
    net.load_state_dict({name: torch.from_numpy(drawn[name]) if name in drawn else ours[name] for name in ours})
    return net


def energies(frames: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(4).standard_normal((1, frames, 12)).astype(np.float32))


@torch.inference_mode()
def test_the_published_net_gives_the_same_gains() -> None:
    gains = filled()(energies(GOLDEN["frames"]))[0].numpy()
    assert gains.shape == (300, 17)
    found = gains[:: GOLDEN["row_step"], :: GOLDEN["step"]]
    np.testing.assert_allclose(found, GOLDEN["gains"], atol=5e-6)


@torch.inference_mode()
def test_padding_changes_nothing() -> None:
    net = filled()
    short, long = energies(40), energies(300)
    padded = torch.nn.functional.pad(short, (0, 0, 0, 260), value=7.0)
    together = net(torch.cat((padded, long)), torch.tensor([40, 300]))
    torch.testing.assert_close(together[0, :40], net(short)[0], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(together[1], net(long)[0], atol=1e-5, rtol=1e-4)


def test_the_net_has_the_published_number_of_weights() -> None:
    """The published file has 221,552,019 bytes, of which names and places take a few hundred thousand."""
    with torch.device("meta"):
        weights = MossFormer2().state_dict()
    assert len(weights) == 929
    assert 0 < 221_552_019 - 4 * sum(tensor.numel() for tensor in weights.values()) < 600_000
