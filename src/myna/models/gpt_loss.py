"""What the text-to-semantic net is trained on: targets, cross entropy, accuracy, and the preference term.

The preference term (DPO, Rafailov et al. 2023, without a reference model) compares a sentence with a spoilt copy of it.
Shapes: B sentences, Ty semantic tokens, V tokens in the vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

PREFERENCE_BETA = 0.2


def end_targets(tokens: Tensor, token_lens: Tensor, end_token: int) -> Tensor:
    """Targets of `Gpt.forward`: right-padded tokens (B, Ty) and lengths (B,) -> (B, Ty+1), the end token after each."""
    column = torch.arange(tokens.shape[1] + 1, device=tokens.device)
    return F.pad(tokens, (0, 1)).masked_fill(column >= token_lens[:, None], end_token)


def token_losses(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross entropy of logits (B, T, V) at each of the targets (B, T) -> (B, T)."""
    return F.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="none").view(targets.shape)


def token_loss(logits: Tensor, targets: Tensor, token_lens: Tensor | None = None) -> Tensor:
    """Summed cross entropy of logits (B, Ty+1, V) and targets (B, Ty+1).

    ``token_lens`` (B,) leaves out what lies behind each sentence's end token; None counts padding as end tokens, as
    the official trainer does.
    """
    return -sentence_log_probs(logits, targets, token_lens).sum()


def top_accuracy(logits: Tensor, targets: Tensor, end_token: int, top: int = 3) -> Tensor:
    """Share of targets other than the end token that are among the ``top`` likeliest: (B, T, V), (B, T) -> scalar.

    Without any such target it is 0.
    """
    hit = (logits.topk(top, dim=-1).indices == targets[..., None]).any(dim=-1)
    counted = targets != end_token
    return (hit & counted).sum() / counted.sum().clamp(min=1)


def draw_spoiling(lengths: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    """Draw how to spoil rows of these lengths (B,): repeat (B,), fair coins; slice ends (B, 2), two draws each from
    [0, length), sorted."""
    repeat = torch.randint(0, 2, (len(lengths),), generator=generator) == 0
    ends = torch.randint(0, 2**31, (len(lengths), 2), generator=generator) % lengths[:, None]
    return repeat, ends.sort(dim=1).values


def spoil(rows: Tensor | Sequence[Tensor], repeat: Tensor, slices: Tensor) -> tuple[Tensor, Tensor]:
    """Repeat or drop one slice per row: B rows (T,) -> spoilt rows (B, T') padded with 0, and their lengths (B,).

    ``repeat`` (B,) and ``slices`` (B, 2) as from `draw_spoiling`. Of padded rows, as the official trainer has them, the
    padding counts as tokens.
    """
    spoilt = []
    for row, repeats, (start, stop) in zip(rows, repeat.tolist(), slices.tolist(), strict=True):
        spoilt.append(torch.cat((row[:stop], row[start:])) if repeats else torch.cat((row[:start], row[stop:])))
    lengths = torch.tensor([len(row) for row in spoilt], device=spoilt[0].device)
    return torch.nn.utils.rnn.pad_sequence(spoilt, batch_first=True), lengths


def sentence_log_probs(logits: Tensor, targets: Tensor, token_lens: Tensor | None = None) -> Tensor:
    """Log-probability of each row with its end: (B, Ty+1, V) and (B, Ty+1) -> (B,).

    ``token_lens`` (B,) leaves out what lies behind the end; None counts padding, as the official trainer does.
    """
    found = -token_losses(logits, targets)
    return found.sum(dim=1) if token_lens is None else _without_padding(found, token_lens).sum(dim=1)


def preference_loss(chosen: Tensor, rejected: Tensor, beta: float = PREFERENCE_BETA) -> Tensor:
    """Mean of -log sigmoid(beta * (chosen - rejected)) over row log-probabilities (B,)."""
    return -F.logsigmoid(beta * (chosen - rejected)).mean()


def _without_padding(values: Tensor, token_lens: Tensor) -> Tensor:
    column = torch.arange(values.shape[1], device=values.device)
    return values.masked_fill(column > token_lens[:, None], 0.0)
