"""The loss of the flow kind, as a function of a net and one batch: recipes and fine-tuning share it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from myna.engine.dsp import normalise_mel
from myna.models.layers import length_mask
from myna.models.sovits_flow import SHORTCUT_SHARE, FlowDraws, SovitsFlow

LONGEST_PROMPT = 2 / 3
"""Share of a clip that is given to the net clean, at most."""
PITCH_SHARE = 0.3
"""What the error of guessing the pitch counts beside the flow's."""


@dataclass
class FlowBatch:
    """``codes`` (B, T25), ``phones`` (B, Tx), ``mel`` (B, bands, T) log, ``reference`` (B, bins, Tr) magnitudes, and
    their lengths (B,). ``frames`` (B,), content's length at 50 a second, is there where nets are trained as published:
    then the reference is the clip itself."""

    codes: Tensor
    code_lens: Tensor
    phones: Tensor
    phone_lens: Tensor
    mel: Tensor
    mel_lens: Tensor
    reference: Tensor
    reference_lens: Tensor
    frames: Tensor | None = None


@dataclass(frozen=True)
class FlowStepDraws:
    """The random numbers of one step: ``prompt`` (B,) in 0..1 and the flow's, which need not be drawn beforehand."""

    prompt: Tensor
    flow: FlowDraws


def flow_loss(
    net: SovitsFlow,
    batch: FlowBatch,
    *,
    prior: float = 0.0,
    shortcut_share: float = SHORTCUT_SHARE,
    draws: FlowStepDraws | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Flow-matching loss behind a random prompt of up to two thirds; with ``prior`` > 0 plus that share of the L1 error
    of the mel that ``linear_mel`` reads from the features (the published models have no such term). A net that is told
    the pitch learns to guess it as well.

    Returns the loss and figures to report: ``flow``, ``prior`` and ``pitch``, of these what there is.
    """
    features, pitch = _features(net, batch)
    length = min(features.shape[-1], batch.mel.shape[-1])
    features, mel_lens = features[..., :length], batch.mel_lens.clamp(max=length)
    valid = length_mask(mel_lens, length)
    mel = normalise_mel(batch.mel[..., :length]).masked_fill(~valid, 0.0)
    share = torch.rand(len(mel_lens), device=mel.device) if draws is None else draws.prompt
    prompt_lens = prompts(share, batch.mel_lens).clamp(max=length)
    drawn = FlowDraws.sample(mel, shortcut_share) if draws is None else draws.flow
    flow = net.cfm.loss(mel, mel_lens, prompt_lens, features, drawn)
    loss, figures = flow, {"flow": flow.detach()}
    if prior:
        error = (net.linear_mel(features).float() - mel).abs() * valid
        regression = error.sum() / (valid.sum() * mel.shape[1])
        loss, figures = loss + prior * regression, figures | {"prior": regression.detach()}
    if pitch is not None:
        loss, figures = loss + PITCH_SHARE * pitch, figures | {"pitch": pitch.detach()}
    return loss, figures


def prompts(share: Tensor, mel_lens: Tensor) -> Tensor:
    """How many frames of each mel are given clean, (B,), for random numbers ``share`` (B,) in 0..1."""
    return (share * (mel_lens * LONGEST_PROMPT)).long()


def _features(net: SovitsFlow, batch: FlowBatch) -> tuple[Tensor, Tensor | None]:
    """What the flow is conditioned on, (B, feature_width, T), and how wrong the net's guess of the pitch is, if any."""
    if batch.frames is not None:
        features = net.features_beyond_text(
            batch.codes,
            batch.phones,
            batch.phone_lens,
            batch.reference,
            batch.reference_lens,
            batch.frames,
            batch.mel_lens,
        )
        return features, None
    speaker = net.speaker_vector(batch.reference, length_mask(batch.reference_lens, batch.reference.shape[-1]))
    said, mask = net.said(batch.codes, batch.phones, batch.phone_lens, speaker, batch.code_lens)
    if net.pitch is None:
        return net.in_voice(said, mask, speaker), None
    track = net.pitch.read(batch.mel, length_mask(batch.mel_lens, batch.mel.shape[-1])).fitted(said.shape[-1])
    return net.in_voice(said, mask, speaker, track.log_hz), net.pitch.error(net.pitch.guess(said), track)
