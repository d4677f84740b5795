"""The losses of both nets, as functions of a net and one batch: recipes and fine-tuning share them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from myna.engine.dsp import normalise_mel
from myna.models.gpt import Gpt
from myna.models.gpt_layers import SelfAttention
from myna.models.sovits_flow import FlowDraws, SovitsFlow

GUIDED_LAYERS = (1, 2, 3)
"""Layers whose first head is taught to look at the phone being spoken, where an alignment is known."""


@dataclass
class GptBatch:
    """Right-padded: ``phones`` (B, Tx) and ``tokens`` (B, Ty) int64 with lengths (B,); ``bert`` (B, C, Tx) or None.

    ``spoken`` (B, Ty), where known, is the column in ``phones`` that each token speaks, -1 for none. ``given`` (B, Ty),
    where it is not ``tokens`` itself, is what the net reads while it predicts ``tokens``: see `with_wrong_tokens`.
    """

    phones: Tensor
    phone_lens: Tensor
    tokens: Tensor
    token_lens: Tensor
    bert: Tensor | None = None
    spoken: Tensor | None = None
    given: Tensor | None = None


def with_wrong_tokens(batch: GptBatch, share: float, codes: int) -> GptBatch:
    """The batch with a ``share`` of the tokens that the net reads replaced at random: later it reads its own errors."""
    wrong = torch.rand(batch.tokens.shape, device=batch.tokens.device) < share
    return replace(batch, given=torch.where(wrong, torch.randint_like(batch.tokens, codes), batch.tokens))


def gpt_targets(batch: GptBatch, end_token: int) -> Tensor:
    """What each of the Ty + 1 positions should predict: the tokens, the end, and -100 behind it; (B, Ty + 1)."""
    column = torch.arange(batch.tokens.shape[1] + 1, device=batch.tokens.device)[None]
    lens = batch.token_lens[:, None]
    targets = F.pad(batch.tokens, (0, 1)).masked_fill(column == lens, end_token)
    return targets.masked_fill(column > lens, -100)


def gpt_loss(net: Gpt, batch: GptBatch, guidance: float = 0.0) -> tuple[Tensor, dict[str, float]]:
    """Mean cross-entropy per token, the end included, padding not; with ``guidance`` > 0 plus that share of the
    attention loss (after Tachibana et al. 2017, arXiv:1710.08969, with a true alignment in place of the diagonal).

    Returns the loss and figures to report: ``loss`` (the cross-entropy alone), top-1 ``accuracy``, and with guidance
    ``attention``.
    """
    seen: list[Tensor] = []
    guided = guidance > 0 and batch.spoken is not None
    chosen = _guided_attentions(net) if guided else []
    hooks = [attention.register_forward_pre_hook(lambda _m, args: seen.append(args[0])) for attention in chosen]
    try:
        given = batch.tokens if batch.given is None else batch.given
        logits = net(batch.phones, batch.phone_lens, batch.bert, given, batch.token_lens).float()
    finally:
        for hook in hooks:
            hook.remove()
    targets = gpt_targets(batch, net.sizes.end_token)
    loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100)
    valid = targets >= 0
    right = (logits.detach().argmax(-1) == targets)[valid].float().mean()
    figures = {"loss": float(loss.detach()), "accuracy": float(right)}
    for attention, hidden in zip(chosen, seen, strict=True):
        astray = _attention_loss(attention, hidden, batch)
        figures["attention"] = figures.get("attention", 0.0) + float(astray.detach()) / len(chosen)
        loss = loss + guidance * astray
    return loss, figures


def _guided_attentions(net: Gpt) -> list[SelfAttention]:
    paths = [f"layers.{index}.self_attn" for index in GUIDED_LAYERS if index < len(net.h.layers)]
    return [cast(SelfAttention, net.h.get_submodule(path)) for path in paths]


def _attention_loss(attention: SelfAttention, hidden: Tensor, batch: GptBatch) -> Tensor:
    """How little the first head looks at the phone of the next token or its neighbours: -log of that share."""
    assert batch.spoken is not None  # the caller has looked
    num_phones, width = batch.phones.shape[1], hidden.shape[2]
    head = width // attention.heads
    weight, bias = attention.in_proj_weight, attention.in_proj_bias
    audio = hidden[:, num_phones:-1]  # the column of token j-1 predicts token j
    query = F.linear(audio, weight[:head], bias[:head]).float()
    key = F.linear(hidden, weight[width : width + head], bias[width : width + head]).float()
    scores = query @ key.transpose(1, 2) / head**0.5
    column = torch.arange(hidden.shape[1], device=hidden.device)[None, None]
    now = torch.arange(num_phones, num_phones + audio.shape[1], device=hidden.device)[None, :, None]
    is_text = column < batch.phone_lens[:, None, None]
    is_past = (column >= num_phones) & (column <= now)
    scores = scores.masked_fill(~(is_text | is_past), -1e4)
    spoken = batch.spoken[:, 1:, None]
    near = ((column - spoken).abs() <= 1) & is_text
    share = torch.logsumexp(scores.masked_fill(~near, -1e4), -1) - torch.logsumexp(scores, -1)
    number = torch.arange(1, batch.spoken.shape[1], device=hidden.device)[None]
    known = (batch.spoken[:, 1:] >= 0) & (number < batch.token_lens[:, None])
    return -(share * known).sum() / known.sum().clamp(min=1)


@dataclass
class FlowBatch:
    """``codes`` (B, T25), ``phones`` (B, Tx), ``mel`` (B, bands, T) log, ``reference`` (B, bins, Tr) magnitudes, and
    their lengths (B,)."""

    codes: Tensor
    code_lens: Tensor
    phones: Tensor
    phone_lens: Tensor
    mel: Tensor
    mel_lens: Tensor
    reference: Tensor
    reference_lens: Tensor


def flow_loss(
    net: SovitsFlow, batch: FlowBatch, *, prior: float = 0.0, shortcut_share: float = 0.3
) -> tuple[Tensor, dict[str, float]]:
    """Flow-matching loss behind a random prompt of up to two thirds; with ``prior`` > 0 plus that share of the L1 error
    of the mel that ``linear_mel`` reads from the features (the published models have no such term).

    Returns the loss and figures to report: ``flow`` and ``prior``.
    """
    length = min(int(batch.mel_lens.max()), batch.mel.shape[-1])
    mel = normalise_mel(batch.mel[..., :length])
    frames = torch.arange(batch.reference.shape[-1], device=mel.device)[None, None]
    speaker = net.speaker_vector(batch.reference, frames < batch.reference_lens[:, None, None])
    features = net.features(batch.codes, batch.phones, batch.phone_lens, speaker, batch.code_lens)[..., :length]
    if features.shape[-1] < length:
        length = features.shape[-1]
        mel = mel[..., :length]
    mel_lens = batch.mel_lens.clamp(max=length)
    prompt_lens = (torch.rand(len(mel_lens), device=mel.device) * mel_lens * 2 / 3).long()
    flow = net.cfm.loss(mel, mel_lens, prompt_lens, features, FlowDraws.sample(mel, shortcut_share))
    figures = {"flow": float(flow.detach())}
    if not prior:
        return flow, figures
    valid = torch.arange(length, device=mel.device)[None, None] < mel_lens[:, None, None]
    error = (net.linear_mel(features).float() - mel).abs() * valid
    regression = error.sum() / (valid.sum() * mel.shape[1])
    figures["prior"] = float(regression.detach())
    return flow + prior * regression, figures
