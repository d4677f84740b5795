"""The GPT's batch, and the loss of nets that follow the text: the bundled base's recipe and fine-tuning share them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from myna.models.gpt import Gpt
from myna.models.gpt_following import TextFollower, steps_between, with_end


@dataclass
class GptBatch:
    """Right-padded: ``phones`` (B, Tx) and ``tokens`` (B, Ty) int64 with lengths (B,); ``bert`` (B, C, Tx) or None.

    ``spoken`` (B, Ty), where known, is the column in ``phones`` that each token speaks. ``given`` (B, Ty),
    where it is not ``tokens`` itself, is what the net reads while it predicts ``tokens``: see `with_wrong_tokens`.
    ``rejected`` (B, Ty') with lengths (B,) and places, where there are any, are spoilt copies of the tokens, which the
    net should find less likely.
    """

    phones: Tensor
    phone_lens: Tensor
    tokens: Tensor
    token_lens: Tensor
    bert: Tensor | None = None
    spoken: Tensor | None = None
    given: Tensor | None = None
    rejected: Tensor | None = None
    rejected_lens: Tensor | None = None
    rejected_spoken: Tensor | None = None


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


def gpt_loss(net: Gpt, batch: GptBatch) -> tuple[Tensor, dict[str, Tensor]]:
    """Mean cross-entropy per token, the end included, padding not; of a net that follows the text plus that of how far
    each token goes on.

    Returns the loss and figures to report, on the device: ``loss`` (the tokens' cross-entropy), their top-1
    ``accuracy`` and, of a net that follows the text, ``steps``. Raises `BadInput` where such a net gets no alignment.
    """
    given = batch.tokens if batch.given is None else batch.given
    hidden = net.hidden(batch.phones, batch.phone_lens, batch.bert, given, batch.token_lens, spoken=batch.spoken)
    logits = net.ar_predict_layer(hidden).float()
    targets = gpt_targets(batch, net.sizes.end_token)
    loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100)
    right = (logits.detach().argmax(-1) == targets).sum() / (targets >= 0).sum()
    figures = {"loss": loss.detach(), "accuracy": right}
    if net.follower is not None and batch.spoken is not None:
        steps = _steps_loss(net.follower, hidden, batch, batch.spoken)
        figures["steps"] = steps.detach()
        loss = loss + steps
    return loss, figures


def _steps_loss(follower: TextFollower, hidden: Tensor, batch: GptBatch, spoken: Tensor) -> Tensor:
    """Cross-entropy of how far each of the tokens goes on in the text; of the end nothing is asked."""
    wanted = steps_between(with_end(spoken, batch.token_lens, batch.phone_lens))
    column = torch.arange(wanted.shape[1], device=wanted.device)[None]
    wanted = wanted.masked_fill(column >= batch.token_lens[:, None], -100)
    logits = follower.steps(hidden[:, :-1]).float()
    return F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=-100)
