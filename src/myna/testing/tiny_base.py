"""A base of random weights, so small that a whole voice is trained and speaks in seconds; what it says is noise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
import transformers
from torch import nn

from myna.core.assets import asset
from myna.core.versions import FlowSizes, ModelVersion, VitsSizes, version
from myna.engine.dsp import mel_filters
from myna.engine.weights import save_net
from myna.models.build import build_discriminators, build_gpt
from myna.models.content import ContentSizes, LiteContent
from myna.models.sovits_flow import SovitsFlow
from myna.models.sovits_vits import SovitsVits

TINY_CONTENT = ContentSizes(width=16, heads=2, layers=2, tap=1, kernel=3, feed_forward=16)


def write_tiny_base(models: Path, seed: int = 0) -> None:
    """Write ``lite/{content,gpt,sovits}.safetensors`` below ``models``, where they stand in for the bundled ones."""
    lite = version("lite")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        nets = {"lite_content": _content(), "lite_gpt": _gpt(lite), "lite_sovits": _sovits(lite)}
    for name, net in nets.items():
        save_net(models / asset(name).file, net, version=lite, provenance={"base": "random"})


def write_tiny_vits(models: Path, name: str, seed: int = 0) -> tuple[Path, Path]:
    """Write nets of a version of the VITS kind; returns the files of its GPT and SoVITS, which a voice must name.

    The content encoder and the discriminators, also tiny, are put below ``models`` where the published ones belong.
    """
    record, files = version(name), (models / f"{name}_gpt.safetensors", models / f"{name}_sovits.safetensors")
    hubert = transformers.HubertConfig(
        hidden_size=TINY_CONTENT.width,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=[8] * 7,
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        transformers.HubertModel(hubert).save_pretrained(models / asset("hubert").file)
        nets = _gpt(record), SovitsVits(tiny_vits(record))
        judges = build_discriminators(replace(record, vits=tiny_vits(record)))
    place = models / asset(f"{name}_discriminator").file
    place.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"weight": judges.state_dict()}, place)
    for file, net in zip(files, nets, strict=True):
        save_net(file, net, version=record, provenance={"base": "random"})
    return files


def tiny_vits(record: ModelVersion) -> VitsSizes:
    """The sizes of a version of the VITS kind, as small as they can be."""
    assert record.vits is not None
    return replace(
        record.vits,
        content_width=TINY_CONTENT.width,
        hidden=16,
        filter=16,
        layers=2,
        mrte_width=16,
        mrte_heads=2,
        style_hidden=16,
        speaker_width=16,
        speaker_net_width=80 if record.has_speaker_vector else 0,
        posterior_layers=1,
        couplings=2,
        coupling_layers=1,
        decoder_width=32,
        periods=(2, 3),
        discriminator_width=16,
    )


def _content() -> nn.Module:
    net = LiteContent(TINY_CONTENT)
    filters = torch.from_numpy(mel_filters(16000, net.front.n_fft, TINY_CONTENT.bands))
    net.front.load_state_dict({"filters": filters})
    return net


def _gpt(record: ModelVersion) -> nn.Module:
    return build_gpt(replace(record, gpt=replace(record.gpt, width=16, heads=2, layers=2, feed_forward=16)))


def _sovits(lite: ModelVersion) -> nn.Module:
    assert lite.flow is not None
    return SovitsFlow(_tiny(lite.flow))


def _tiny(sizes: FlowSizes) -> FlowSizes:
    return replace(
        sizes,
        content_width=TINY_CONTENT.width,
        hidden=16,
        filter=16,
        layers=2,
        mrte_width=16,
        mrte_heads=2,
        style_hidden=16,
        speaker_width=16,
        feature_width=16,
        wavenet_layers=1,
        dit_width=32,
        dit_depth=1,
        dit_heads=2,
        dit_conv_layers=1,
    )
