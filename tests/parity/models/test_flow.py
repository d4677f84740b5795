"""The flow-matching SoVITS against the official code: keys, features, sampling, losses, gradients."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from myna.core.versions import FlowSizes, version
from myna.models.layers import length_mask
from myna.models.sovits_flow import FlowDraws, FlowMatching, SovitsFlow
from tests.parity.models.golden import Case, fill_module, load_case, published_shapes


def flow_sizes(name: str, case: Case) -> FlowSizes:
    sizes, dit = version(name).flow, case.meta["dit"]
    assert sizes is not None
    return replace(
        sizes,
        dit_width=dit["dim"],
        dit_depth=dit["depth"],
        dit_heads=dit["heads"],
        dit_feed_forward_mult=dit["ff_mult"],
        feature_width=dit["text_dim"],
        dit_conv_layers=dit["conv_layers"],
    )


@cache
def filled_flow(sizes: FlowSizes) -> FlowMatching:
    flow = FlowMatching(sizes)
    fill_module(flow, "cfm.")
    return flow.eval()


@cache
def filled_sovits(sizes: FlowSizes) -> SovitsFlow:
    sovits = SovitsFlow(sizes)
    fill_module(sovits)
    return sovits.eval()


def check_gradients(case: Case, net: nn.Module, prefix: str = "") -> None:
    """Compare the stored entries and norm of every stored gradient."""
    parameters = dict(net.named_parameters())
    names = [name for name in case.outputs if name.startswith(f"{prefix}gradnorm:")]
    assert names, f"{case.name} stores no gradients"
    for name in names:
        gradient = parameters[name.partition(":")[2]].grad
        if gradient is None:
            assert case.outputs[name] == 0, f"{name} has no gradient"
            continue
        case.check(name, gradient.norm())
        places = np.linspace(0, gradient.numel() - 1, min(48, gradient.numel())).astype(np.int64)
        case.check(name.replace("gradnorm:", "grad:"), gradient.flatten()[torch.from_numpy(places)])


def sample(flow: FlowMatching, case: Case, steps: int, cfg: float, temperature: float) -> torch.Tensor:
    given = case.inputs
    return flow.sample(
        given["mu"].transpose(1, 2),
        given["x_lens"],
        given["prompt"],
        steps=steps,
        cfg=cfg,
        temperature=temperature,
        noise=given["noise"],
    )


def loss(flow: FlowMatching, case: Case, kind: str) -> torch.Tensor:
    given = case.inputs
    draws = FlowDraws(given["t"], given["noise"], given["base"] if kind == "shortcut" else None)
    return flow.loss(given["mel"], given["x_lens"], given["prompt_lens"], given["mu"], draws)


@pytest.mark.parametrize("name", ["v3", "v4"])
def test_keys_and_shapes_are_the_published_ones(name: str) -> None:
    sizes = version(name).flow
    assert sizes is not None
    with torch.device("meta"):
        state = SovitsFlow(sizes).state_dict()
    assert {key: tuple(value.shape) for key, value in state.items()} == published_shapes("s2G_v3")


@pytest.mark.parametrize("name", ["cfm_tiny_infer_b1", "cfm_tiny_infer_b2"])
def test_sampling(name: str) -> None:
    case = load_case(name)
    flow = filled_flow(flow_sizes("v3", case))
    for steps, cfg, temperature in case.meta["runs"]:
        case.check(f"mel_s{steps}_c{cfg}_t{temperature}", sample(flow, case, steps, cfg, temperature))


@pytest.mark.parametrize("name", ["cfm_tiny_infer_b1", "cfm_tiny_infer_b2"])
def test_parts_of_the_transformer(name: str) -> None:
    case = load_case(name)
    flow = filled_flow(flow_sizes("v3", case))
    given = case.inputs
    batch, _, length = given["noise"].shape
    mask = length_mask(given["x_lens"], length)
    step = torch.full((batch,), 0.25)
    with torch.no_grad():
        text = flow.embed_text(given["mu"].transpose(1, 2), mask)
        prompt = torch.zeros_like(given["noise"])
        prompt[..., : given["prompt"].shape[-1]] = given["prompt"]
        x = given["noise"].clone()
        x[..., : given["prompt"].shape[-1]] = 0
        case.check("d_embed", flow.estimator.d_embed(step))
        case.check("text_embed_every", text[:, ::5, ::8])
        velocity = flow.velocity(given["noise"], prompt, text, torch.full((batch,), 0.3), step, mask)
        case.check("v_t03_d025", velocity.transpose(1, 2))


@pytest.mark.parametrize("kind", ["flow", "shortcut"])
def test_loss_and_gradients(kind: str) -> None:
    case = load_case("cfm_tiny_loss")
    flow = FlowMatching(flow_sizes("v3", case))
    fill_module(flow, "cfm.")
    value = loss(flow.eval(), case, kind)
    value.backward()
    case.check(f"loss_{kind}", value)
    check_gradients(case, flow, f"{kind}_")


@pytest.mark.timeout(600)
def test_full_size() -> None:
    """330 million parameters (3 GB, 17 s of one core): one fill serves sampling and both losses."""
    case = load_case("cfm_full_infer_b1")
    flow = FlowMatching(flow_sizes("v3", case)).eval()
    fill_module(flow, "cfm.")
    case.check("mel_s4_c0_t1.0", sample(flow, case, 4, 0, 1.0))
    case = load_case("cfm_full_loss")
    with torch.no_grad():
        case.check("loss_flow", loss(flow, case, "flow"))
        case.check("loss_shortcut", loss(flow, case, "shortcut"))


@pytest.mark.parametrize("name", ["v3", "v4"])
def test_features(name: str) -> None:
    case = load_case(f"{name}_encp")
    sovits = filled_sovits(flow_sizes(name, case))
    given = case.inputs
    with torch.no_grad():
        speaker = sovits.speaker_vector(given["refer"])
        case.check("ge", speaker)
        lengths = []
        for output, codes, phones, speed in (
            ("fea_ref_every", "prompt_codes", "prompt_text", 1.0),
            ("fea_every", "codes", "text", 1.0),
            ("fea_speed13_every", "codes", "text", 1.3),
            ("fea_speed09_every", "codes", "text", 0.9),
        ):
            features = sovits.features(given[codes][0], given[phones], None, speaker, speed=speed)
            lengths.append(features.shape[-1])
            case.check(output, features[:, ::4, ::5])
    case.check("lengths", torch.tensor(lengths))


@pytest.mark.parametrize("name", ["v3", "v4"])
def test_training_graph(name: str) -> None:
    """The published way to fine-tune: everything before ``bridge`` frozen, the first frames given as the prompt."""
    case = load_case(f"{name}_train_tinydit")
    given = case.inputs
    sovits = SovitsFlow(flow_sizes(name, case)).eval()
    fill_module(sovits)
    mask = length_mask(given["spec_lengths"], given["spec"].shape[-1])
    speaker = sovits.speaker_vector(given["spec"], mask)
    sovits.enc_p.requires_grad_(False)
    quantized = sovits.quantizer.decode(sovits.extract_codes(given["ssl"]))
    features = sovits.features_from(
        quantized, given["text"], given["text_lengths"], speaker.detach(), given["spec_lengths"], given["mel_lengths"]
    )
    prompt_lens = (given["prompt_u"] * (given["mel_lengths"] * 2 / 3)).floor().long()
    case.check("prompt_len", prompt_lens)
    shared = min(features.shape[-1], given["mel"].shape[-1])
    value = sovits.cfm.loss(
        given["mel"][..., :shared],
        given["mel_lengths"],
        prompt_lens,
        features[..., :shared],
        FlowDraws(given["t"], given["noise"]),
    )
    value.backward()
    case.check("loss", value)
    check_gradients(case, sovits)
