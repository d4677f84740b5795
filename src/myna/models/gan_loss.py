"""What the VITS kind is trained on, beside the mel: the judges' opinions and features, and prior against posterior.

Least-squares GAN (arXiv:1611.04076), feature matching (arXiv:1910.06711) and the divergence of VITS (arXiv:2106.06103).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from myna.models.discriminators import Judgement

FEATURE_WEIGHT = 2.0


def judges_loss(recorded: Sequence[Judgement], made: Sequence[Judgement]) -> torch.Tensor:
    """What the judges are trained on: 1 for what was recorded, 0 for what was made; summed over the judges."""
    return torch.stack(
        [
            (1 - real.opinion.float()).square().mean() + fake.opinion.float().square().mean()
            for real, fake in zip(recorded, made, strict=True)
        ]
    ).sum()


def deceit_loss(made: Sequence[Judgement]) -> torch.Tensor:
    """What the generator is trained on: being taken for a recording by every judge."""
    return torch.stack([(1 - fake.opinion.float()).square().mean() for fake in made]).sum()


def feature_loss(recorded: Sequence[Judgement], made: Sequence[Judgement]) -> torch.Tensor:
    """Mean distance of what the judges notice, summed over judges and layers and doubled."""
    distances = [
        (ours.float() - theirs.float().detach()).abs().mean()
        for real, fake in zip(recorded, made, strict=True)
        for theirs, ours in zip(real.features, fake.features, strict=True)
    ]
    return FEATURE_WEIGHT * torch.stack(distances).sum()


def divergence(
    z_p: torch.Tensor,
    log_deviation_q: torch.Tensor,
    mean_p: torch.Tensor,
    log_deviation_p: torch.Tensor,
    mask: torch.Tensor,
) -> torch.Tensor:
    """How far the posterior's draw ``z_p`` lies from the prior, per valid frame; all (B, C, T), ``mask`` (B, 1, T)."""
    z_p, mean_p = z_p.float(), mean_p.float()
    log_deviation_p, log_deviation_q = log_deviation_p.float(), log_deviation_q.float()
    distance = (z_p - mean_p).square() * torch.exp(-2 * log_deviation_p) / 2
    per_value = log_deviation_p - log_deviation_q - 0.5 + distance
    return (per_value * mask).sum() / mask.sum()
