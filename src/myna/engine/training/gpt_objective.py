"""What the published GPTs are fine-tuned for: the likelihood of a clip's tokens, and that a spoilt copy is less likely.

The preference term is Direct Preference Optimisation (Rafailov et al. 2023) without a reference model.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from myna.core.errors import BadInput
from myna.engine.training.losses import GptBatch
from myna.engine.training.recipe import Figures
from myna.models.gpt import Gpt
from myna.models.gpt_loss import end_targets, preference_loss, sentence_log_probs, token_loss, top_accuracy


def published_loss(net: Gpt, batch: GptBatch, *, is_official: bool = False) -> tuple[Tensor, Figures]:
    """Cross-entropy summed over tokens, ends and what pads them; with the preference term where the batch has rejected
    sentences.

    ``is_official``: text is masked as if it were padded on the left, and the preference counts padding. Figures: the
    cross-entropy per target, the share of targets among the three likeliest, and the preference term.
    """
    targets = end_targets(batch.tokens, batch.token_lens, net.sizes.end_token)
    logits = _logits(net, batch, is_official)
    loss = token_loss(logits, targets)
    figures = {
        "per_token": loss.detach() / targets.numel(),
        "accuracy": top_accuracy(logits.detach(), targets, net.sizes.end_token),
    }
    if batch.rejected is None:
        return loss, figures
    chosen = sentence_log_probs(logits, targets, None if is_official else batch.token_lens)
    preference = preference_loss(chosen, _rejected_log_probs(net, batch, is_official))
    return loss + preference, figures | {"preference": preference.detach()}


def preference_term(net: Gpt, batch: GptBatch) -> Tensor:
    """The preference term alone, for nets whose likelihood is learnt otherwise."""
    targets = end_targets(batch.tokens, batch.token_lens, net.sizes.end_token)
    chosen = sentence_log_probs(_logits(net, batch, False), targets, batch.token_lens)
    return preference_loss(chosen, _rejected_log_probs(net, batch, False))


def _rejected_log_probs(net: Gpt, batch: GptBatch, is_official: bool) -> Tensor:
    if batch.rejected is None or batch.rejected_lens is None:
        raise BadInput("the preference term needs rejected sentences; this batch has none")
    spoilt = replace(
        batch, tokens=batch.rejected, token_lens=batch.rejected_lens, spoken=batch.rejected_spoken, given=None
    )
    targets = end_targets(spoilt.tokens, spoilt.token_lens, net.sizes.end_token)
    logits = _logits(net, spoilt, is_official)
    return sentence_log_probs(logits, targets, None if is_official else spoilt.token_lens)


def _logits(net: Gpt, batch: GptBatch, is_official: bool) -> Tensor:
    logits: Tensor = net(
        batch.phones,
        batch.phone_lens,
        batch.bert,
        batch.tokens,
        batch.token_lens,
        spoken=batch.spoken,
        official_text_mask=is_official,
    )
    return logits
