"""What the text-to-semantic net is trained on: targets, cross entropy, accuracy, and the preference term.

The preference term (DPO, Rafailov et al. 2023, without a reference model) compares a sentence with a spoilt copy of it.
Shapes: B sentences, Ty semantic tokens, V tokens in the vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

PREFERENCE_BETA = 0.2


def end_targets(tokens: Tensor, token_lens: Tensor, end_token: int) -> Tensor:
    """Targets of `Gpt.forward`: right-padded tokens (B, Ty) and lengths (B,) -> (B, Ty+1), the end token after each."""
    column = torch.arange(tokens.shape[1] + 1, device=tokens.device)
    return F.pad(tokens, (0, 1)).masked_fill(column >= token_lens[:, None], end_token)


def token_loss(logits: Tensor, targets: Tensor, token_lens: Tensor | None = None) -> Tensor:
    """Summed cross entropy of logits (B, Ty+1, V) and targets (B, Ty+1).

    ``token_lens`` (B,) leaves out what lies behind each sentence's end token; None counts padding as end tokens, as
    the official trainer does.
    """
    losses = F.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="none").view(targets.shape)
    if token_lens is None:
        return losses.sum()
    column = torch.arange(targets.shape[1], device=targets.device)
    return losses.masked_fill(column > token_lens[:, None], 0.0).sum()


def top_accuracy(logits: Tensor, targets: Tensor, end_token: int, top: int = 3) -> Tensor:
    """Share of targets other than the end token that are among the ``top`` likeliest: (B, T, V), (B, T) -> scalar.

    Without any such target it is 0.
    """
    hit = (logits.topk(top, dim=-1).indices == targets[..., None]).any(dim=-1)
    counted = targets != end_token
    return (hit & counted).sum() / counted.sum().clamp(min=1)


def draw_spoiling(num_rows: int, length: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    """Draw how to spoil rows: repeat (B,), fair coins; slice ends (B, 2), two draws each from [0, length), sorted."""
    repeat = torch.randint(0, 2, (num_rows,), generator=generator) == 0
    return repeat, torch.randint(0, length, (num_rows, 2), generator=generator).sort(dim=1).values


def spoil(tokens: Tensor, repeat: Tensor, slices: Tensor) -> tuple[Tensor, Tensor]:
    """Repeat or drop one slice per row: tokens (B, Ty) -> spoilt tokens (B, Ty') padded with 0, and lengths (B,).

    ``repeat`` (B,) and ``slices`` (B, 2) as from `draw_spoiling`. The whole padded row counts as tokens, as it does
    in the official trainer.
    """
    rows = []
    for row, repeats, (start, stop) in zip(tokens, repeat.tolist(), slices.tolist(), strict=True):
        rows.append(torch.cat((row[:stop], row[start:])) if repeats else torch.cat((row[:start], row[stop:])))
    lengths = torch.tensor([len(row) for row in rows], device=tokens.device)
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True), lengths


def sentence_log_probs(logits: Tensor, targets: Tensor) -> Tensor:
    """Log-probability of each whole row, padding included: (B, T, V) and (B, T) -> (B,)."""
    return logits.float().log_softmax(dim=-1).gather(2, targets[..., None])[..., 0].sum(dim=-1)


def preference_loss(chosen: Tensor, rejected: Tensor, beta: float = PREFERENCE_BETA) -> Tensor:
    """Mean of -log sigmoid(beta * (chosen - rejected)) over row log-probabilities (B,)."""
    return -F.logsigmoid(beta * (chosen - rejected)).mean()
