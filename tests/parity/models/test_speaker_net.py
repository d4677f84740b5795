"""The speaker net of v2Pro and v2ProPlus and its filter bank against the official code."""

from __future__ import annotations

from functools import cache

import pytest
import torch

from myna.core.errors import BadAudio
from myna.engine.filter_bank import filter_bank
from myna.models.eres2net import EresNet
from tests.parity.models.golden import case_names, fill_module, load_case, published_shapes

CASES = case_names("sv_")


@cache
def filled() -> EresNet:
    net = EresNet()
    fill_module(net)
    return net.eval()


def test_keys_and_shapes_are_the_published_ones() -> None:
    with torch.device("meta"):
        state = EresNet().state_dict()
    assert {key: tuple(value.shape) for key, value in state.items()} == published_shapes("eres2netv2")


@pytest.mark.parametrize("name", CASES)
def test_filter_bank(name: str) -> None:
    case = load_case(name)
    case.check("fbank", filter_bank(case.inputs["wav16k"]))


@pytest.mark.parametrize("name", CASES)
@torch.no_grad()
def test_vector_and_embedding(name: str) -> None:
    case = load_case(name)
    frames = filter_bank(case.inputs["wav16k"])
    case.check("embedding", filled()(frames))
    case.check("embedding192", filled().embedding(frames))


@pytest.mark.parametrize("num_samples", [0, 399])
def test_less_than_a_frame_is_refused(num_samples: int) -> None:
    with pytest.raises(BadAudio, match="too short"):
        filter_bank(torch.zeros(1, num_samples))


def test_frames_are_whole_and_silence_is_at_the_floor() -> None:
    frames = filter_bank(torch.zeros(2, 400 + 3 * 160 - 1))
    assert frames.shape == (2, 3, 80)
    torch.testing.assert_close(frames, torch.full_like(frames, torch.finfo(torch.float32).eps).log())
