"""FRCRN against numbers of the published program (ClearerVoice-Studio, commit 6b3774d), on synthetic weights."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import torch

from myna.models.frcrn import Frcrn, FrcrnSizes
from tests.parity.models.fill import fill

GOLDEN = json.loads((Path(__file__).with_name("frcrn_golden.json")).read_text(encoding="utf-8"))
TINY = FrcrnSizes(width=8, memory=4)


def published_name(name: str) -> str:
    return re.sub(r"\.(encoder|decoder|fsmn_enc|fsmn_dec|se_layer_enc|se_layer_dec)\.(\d)\.", r".\1\2.", name)


def tiny() -> Frcrn:
    torch.manual_seed(3)
    return Frcrn(TINY).eval()


@torch.inference_mode()
def test_the_published_net_gives_the_same_samples() -> None:
    net = Frcrn().eval()
    ours = net.state_dict()
    names = {name: published_name(name) for name in ours}
    drawn = fill({names[name]: tuple(tensor.shape) for name, tensor in ours.items()})
    quiet = np.float32(GOLDEN["scale"])  # else the masks are full to the brim, and small differences with them
    filled = {
        name: torch.from_numpy(drawn[names[name]] * (quiet if "conv." in names[name] else np.float32(1)))
        if names[name] in drawn
        else tensor
        for name, tensor in ours.items()
    }
    net.load_state_dict(filled)
    noise = np.random.default_rng(4).standard_normal((1, 6400)).astype(np.float32) * np.float32(0.1)
    clean = net(torch.from_numpy(noise))[0].numpy()
    assert clean.shape == (6400,)
    np.testing.assert_allclose(clean[GOLDEN["first"] : -50 : GOLDEN["step"]], GOLDEN["samples"], atol=2e-6)


@torch.inference_mode()
def test_sounds_of_a_batch_do_not_hear_each_other() -> None:
    net = tiny()
    sounds = 0.1 * torch.randn(3, 640 + 320 * 7)
    together = net(sounds)
    for row, sound in zip(together, sounds, strict=True):
        torch.testing.assert_close(row, net(sound[None])[0], atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_the_transform_is_undone_but_for_the_very_ends() -> None:
    net = tiny()
    sound = torch.randn(2, 640 + 320 * 5)
    back = net.sound(net.spectrum(sound))
    torch.testing.assert_close(back[:, 20:-20], sound[:, 20:-20], atol=1e-4, rtol=1e-4)


def test_the_net_has_the_published_number_of_weights() -> None:
    """14,387,164 without the counters of its norms, the tables of its transform counted."""
    with torch.device("meta"):
        weights = Frcrn().state_dict()
    learnt = sum(tensor.numel() for name, tensor in weights.items() if not name.endswith("num_batches_tracked"))
    assert learnt + 2 * 642 * 640 + 640 + 640 * 640 == 14_387_164
