"""Long sentences, decoded in stretches that continue one another, against the official code with a toy vocoder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from myna.core.speech import Voice
from myna.core.versions import ModelVersion, version
from myna.engine.dsp import mel, normalise_mel, resample
from myna.engine.library import Library
from myna.engine.synthesis.decoders import FlowDecoder
from myna.engine.synthesis.prompt import Prompt
from myna.models.sovits_flow import FlowMatching, SovitsFlow
from tests.parity.models.golden import Case, fill_module, load_case
from tests.parity.models.test_flow import flow_sizes


@dataclass
class OneNet:
    """A library that knows one net and one vocoder."""

    net: SovitsFlow
    weights: torch.Tensor
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def sovits(self, *_: Any) -> SovitsFlow:
        return self.net

    def vocoder(self, *_: Any) -> Any:
        return lambda mels: torch.tanh(torch.einsum("bct,cu->btu", mels + 5, self.weights).flatten(1)).unsqueeze(1)


def prompt_of(case: Case, record: ModelVersion) -> Prompt:
    assert record.mel is not None
    sound = resample(case.inputs["ref_wav"], case.meta["ref_sr"], record.mel.sample_rate)
    return Prompt(
        phones=case.inputs["prompt_phones"][None],
        bert=None,
        codes=case.inputs["prompt_semantic"][None],
        spec=case.inputs["refer"],
        mel=normalise_mel(mel(sound, record.mel)),
    )


@pytest.fixture
def recorded_noise(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """Noise that the flow draws instead of its own, in order; all of it must be used up."""
    stock: list[torch.Tensor] = []
    draw = FlowMatching.sample

    def sample(self: FlowMatching, *arguments: Any, **options: Any) -> torch.Tensor:
        return draw(self, *arguments, **options | {"noise": stock.pop(0)})

    monkeypatch.setattr(FlowMatching, "sample", sample)
    return stock


def noises(case: Case) -> Iterator[torch.Tensor]:
    for index in range(case.meta["n_cfm_calls"]):
        yield case.inputs[f"noise{index}"]


@pytest.mark.parametrize("kind", ["chunked_single", "chunked_single_speed"])
@pytest.mark.parametrize("name", ["v3", "v4"])
def test_one_sentence_after_another(name: str, kind: str, recorded_noise: list[torch.Tensor]) -> None:
    case = load_case(f"{name}_{kind}")
    sizes = flow_sizes(name, case)
    record = replace(version(name), flow=sizes, reference_frames=case.meta["T_ref"], chunk_frames=case.meta["T_chunk"])
    net = SovitsFlow(sizes).eval()
    fill_module(net)
    library = cast(Library, OneNet(net, case.inputs["vocoder_w"]))
    voice = Voice(version=name, reference=Path("unused.wav"))
    decoder = FlowDecoder(voice, record, library, prompt_of(case, record))
    recorded_noise.extend(noises(case))
    samples = decoder.speak(
        case.inputs["codes0"][None],
        case.inputs["phones0"][None],
        speed=case.meta["speed"],
        steps=case.meta["steps"],
        seed=0,
    )
    case.check("audio0", torch.from_numpy(samples))
    assert not recorded_noise
