"""Golden cases of the flow kind: features, sampling, losses, gradients, and sentences in stretches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import torch
from torch import nn

from myna.core.speech import Voice
from myna.core.versions import FlowSizes, ModelVersion, version
from myna.engine.dsp import denormalise_mel, mel, normalise_mel, resample
from myna.engine.library import Library
from myna.engine.synthesis import decoders
from myna.engine.synthesis.decoders import FlowDecoder
from myna.engine.synthesis.prompt import Prompt
from myna.engine.training.flow_loss import FlowBatch, FlowStepDraws, flow_loss, prompts
from myna.models.layers import length_mask
from myna.models.sovits_flow import FlowDraws, FlowMatching, SovitsFlow
from tests.parity.models.golden import Case, fill_module, stored_gradients


def record_of(case: Case) -> ModelVersion:
    """The version a case is of, with the case's transformer."""
    name, dit = case.meta["model"].split()[0].removeprefix("s2G_"), case.meta["dit"]
    record = version(name)
    assert record.flow is not None
    sizes = replace(
        record.flow,
        dit_width=dit["dim"],
        dit_depth=dit["depth"],
        dit_heads=dit["heads"],
        dit_feed_forward_mult=dit["ff_mult"],
        feature_width=dit["text_dim"],
        dit_conv_layers=dit["conv_layers"],
    )
    return replace(record, flow=sizes)


def _sizes(case: Case) -> FlowSizes:
    sizes = record_of(case).flow
    assert sizes is not None
    return sizes


@lru_cache(maxsize=2)
def _flow(sizes: FlowSizes) -> FlowMatching:
    net = FlowMatching(sizes)
    fill_module(net, "cfm.")
    return net.eval()


@lru_cache(maxsize=2)
def _sovits(sizes: FlowSizes) -> SovitsFlow:
    net = SovitsFlow(sizes)
    fill_module(net)
    return net.eval()


def check_gradients(case: Case, net: nn.Module, prefix: str = "") -> None:
    """Compare the stored entries and norm of every stored gradient."""
    for name, values in stored_gradients(case, net, prefix).items():
        case.check(name, values)


def sampling(case: Case) -> None:
    """Euler steps with and without guidance, and the parts of the transformer."""
    flow, given = _flow(_sizes(case)), case.inputs
    for steps, cfg, temperature in case.meta["runs"]:
        mels = flow.sample(
            given["mu"].transpose(1, 2),
            given["x_lens"],
            given["prompt"],
            steps=steps,
            cfg=cfg,
            temperature=temperature,
            noise=given["noise"],
        )
        case.check(f"mel_s{steps}_c{cfg}_t{temperature}", mels)
    if "v_t03_d025" not in case.outputs:
        return
    batch, _, length = given["noise"].shape
    mask = length_mask(given["x_lens"], length)
    step = torch.full((batch,), 0.25)
    with torch.no_grad():
        text = flow.embed_text(given["mu"].transpose(1, 2), mask)
        prompt = torch.zeros_like(given["noise"])
        prompt[..., : given["prompt"].shape[-1]] = given["prompt"]
        case.check("d_embed", flow.estimator.d_embed(step))
        case.check("text_embed_every", text[:, ::5, ::8])
        velocity = flow.velocity(given["noise"], prompt, text, torch.full((batch,), 0.3), step, mask)
        case.check("v_t03_d025", velocity.transpose(1, 2))


def losses(case: Case) -> None:
    """The plain and the shortcut loss, each with the gradients that are stored."""
    flow, given = _flow(_sizes(case)), case.inputs
    for kind, halvings in (("flow", None), ("shortcut", given["base"])):
        has_gradients = any(name.startswith(f"{kind}_grad") for name in case.outputs)
        flow.zero_grad()
        with torch.set_grad_enabled(has_gradients):
            draws = FlowDraws(given["t"], given["noise"], halvings)
            value = flow.loss(given["mel"], given["x_lens"], given["prompt_lens"], given["mu"], draws)
        case.check(f"loss_{kind}", value)
        if has_gradients:
            value.backward()
            check_gradients(case, flow, f"{kind}_")
    flow.zero_grad()


@torch.no_grad()
def features(case: Case) -> None:
    """Codes and phones to features, at several speeds."""
    sovits, given = _sovits(_sizes(case)), case.inputs
    speaker = sovits.speaker_vector(given["refer"])
    case.check("ge", speaker)
    lengths = []
    for output, codes, phones, speed in (
        ("fea_ref_every", "prompt_codes", "prompt_text", 1.0),
        ("fea_every", "codes", "text", 1.0),
        ("fea_speed13_every", "codes", "text", 1.3),
        ("fea_speed09_every", "codes", "text", 0.9),
    ):
        found = sovits.features(given[codes][0], given[phones], None, speaker, speed=speed)
        lengths.append(found.shape[-1])
        case.check(output, found[:, ::4, ::5])
    case.check("lengths", torch.tensor(lengths))


def training(case: Case) -> None:
    """The published way to fine-tune: everything before ``bridge`` frozen, the first frames given as the prompt."""
    given = case.inputs
    sovits = SovitsFlow(_sizes(case)).eval()
    fill_module(sovits)
    codes = sovits.extract_codes(given["ssl"])
    batch = FlowBatch(
        codes=codes,
        code_lens=torch.full((len(codes),), codes.shape[1]),
        phones=given["text"],
        phone_lens=given["text_lengths"],
        mel=denormalise_mel(given["mel"]),
        mel_lens=given["mel_lengths"],
        reference=given["spec"],
        reference_lens=given["spec_lengths"],
        frames=given["spec_lengths"],
    )
    prompt_lens = prompts(given["prompt_u"], given["mel_lengths"])
    case.check("prompt_len", prompt_lens.float())
    draws = FlowStepDraws(given["prompt_u"], FlowDraws(given["t"], given["noise"]))
    value, _ = flow_loss(sovits, batch, draws=draws)
    value.backward()
    case.check("loss", value)
    check_gradients(case, sovits)


@dataclass
class _OneNet:
    """A library that knows one net and a toy vocoder."""

    net: SovitsFlow
    weights: torch.Tensor
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def sovits(self, *_: Any) -> SovitsFlow:
        return self.net

    def vocoder(self, *_: Any) -> Any:
        return lambda mels: torch.tanh(torch.einsum("bct,cu->btu", mels + 5, self.weights).flatten(1)).unsqueeze(1)


def _prompt(case: Case, record: ModelVersion) -> Prompt:
    assert record.mel is not None
    sound = resample(case.inputs["ref_wav"], case.meta["ref_sr"], record.mel.sample_rate)
    return Prompt(
        phones=case.inputs["prompt_phones"][None],
        bert=None,
        codes=case.inputs["prompt_semantic"][None],
        spec=case.inputs["refer"],
        mel=normalise_mel(mel(sound, record.mel)),
    )


@contextmanager
def _recorded_noise(case: Case, at_once: int = 1000) -> Iterator[None]:
    """The flow draws the case's noise instead of its own, ``at_once`` rows a time; all of it must be used up."""
    drawn = [case.inputs[f"noise{index}"] for index in range(case.meta["n_cfm_calls"])]
    stock = [part for noise in drawn for part in torch.split(noise, at_once)]
    draw = FlowMatching.sample

    def sample(self: FlowMatching, *arguments: Any, **options: Any) -> torch.Tensor:
        return draw(self, *arguments, **options | {"noise": stock.pop(0)})

    with patch.object(FlowMatching, "sample", sample):
        yield
    assert not stock, f"{case.name}: {len(stock)} recorded noises were not drawn"


def _decoder(case: Case) -> FlowDecoder:
    """The case's voice, with a toy vocoder."""
    record = replace(record_of(case), reference_frames=case.meta["T_ref"], chunk_frames=case.meta["T_chunk"])
    assert record.flow is not None
    library = cast(Library, _OneNet(_sovits(record.flow), case.inputs["vocoder_w"]))
    return FlowDecoder(Voice(version=record.name, reference=Path("x.wav")), record, library, _prompt(case, record))


def _sentences(case: Case) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Codes and phones of each sentence, a batch of one each."""
    count = sum(name.startswith("codes") for name in case.inputs)
    return [(case.inputs[f"codes{index}"][None], case.inputs[f"phones{index}"][None]) for index in range(count)]


def stretches(case: Case) -> None:
    """Sentences, one after the other, decoded in stretches that continue one another."""
    decoder, options = _decoder(case), {"speed": case.meta["speed"], "steps": case.meta["steps"], "seed": 0}
    with _recorded_noise(case):
        for index, (codes, phones) in enumerate(_sentences(case)):
            case.check(f"audio{index}", torch.from_numpy(decoder.speak(codes, phones, **options)))


def stretches_together(case: Case, at_once: int = 1000) -> None:
    """Sentences decoded as one row of overlapping stretches, and cut apart where the official program cuts them.

    ``at_once`` is how many stretches are sampled as one batch.
    """
    decoder, options = _decoder(case), {"speed": case.meta["speed"], "steps": case.meta["steps"], "seeds": [0]}
    with _recorded_noise(case, at_once), patch.object(decoders, "STRETCHES_AT_ONCE", at_once):
        spoken = decoder.speak_together(_sentences(case), **options, official_cuts=True)
    case.check("lengths", torch.tensor([len(samples) for samples in spoken]))
    for index, samples in enumerate(spoken):
        case.check(f"audio{index}", torch.from_numpy(samples))
