"""Cutting the token stream against the official code."""

from __future__ import annotations

import pytest
import torch

from myna.engine.synthesis.tokens import cut_chunks
from tests.parity.models.golden import case_names, load_case


@pytest.mark.parametrize("name", case_names("s1_tiny_stream"))
def test_chunks(name: str) -> None:
    case = load_case(name)
    spoken = case.outputs["whole"][0, case.inputs["prompt"].shape[1] :].tolist()
    quietness, threshold = case.inputs.get("mute_sim"), case.meta["chunk_split_thershold"]
    cut = (case.meta["chunk_length"], quietness, threshold)
    chunks = list(cut_chunks(spoken, *cut, official_repeats=True))
    case.check("chunk_lengths", torch.tensor([len(chunk.tokens) for chunk in chunks]))
    case.check("tokens", torch.tensor([token for chunk in chunks for token in chunk.tokens]))
    assert [chunk.is_last for chunk in chunks] == case.outputs["final"].tolist()
    once = [token for chunk in cut_chunks(spoken, *cut) for token in chunk.tokens]
    assert once == spoken
