"""The pitch of the flow kind: read out of recorded mels, guessed for new ones, and told to the flow.

Semantic tokens do not carry the pitch of a voice. A flow that is not told it makes one up, frame by frame; told it, the
flow has only the timbre to find, and a melody can be kept (FastPitch: Łańcucki 2021, arXiv:2006.06873).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from myna.core.versions import FlowSizes
from myna.models.source_filter import PitchReader, SourceFilterSizes, bridged

_BINS = 96
"""Pitches that have a vector; those between are mixed from their neighbours."""
_LOWEST_HZ, _HIGHEST_HZ = 50.0, 800.0
_GUESS_WIDTH, _GUESS_KERNEL, _GUESS_LAYERS = 96, 7, 3
_QUIETEST = -11.5
"""About the logarithm of the least that a mel holds."""
_FLATTEST, _LIVELIEST = 0.8, 2.5
_FEWEST = 10
"""Voiced frames that tell something of how lively a voice is."""


@dataclass(frozen=True)
class PitchTrack:
    """``log_hz`` (B, T), natural logarithms of Hz, bridged where there is no voice, and where there is, (B, T) bool."""

    log_hz: Tensor
    voiced: Tensor

    def mean(self) -> Tensor:
        """Over what is voiced, (B, 1); over everything in rows where nothing is."""
        weight = (self.voiced | ~self.voiced.any(dim=1, keepdim=True)).float()
        return (self.log_hz * weight).sum(dim=1, keepdim=True) / weight.sum(dim=1, keepdim=True)

    def fitted(self, length: int) -> PitchTrack:
        """Cut to ``length`` frames, or held at the last pitch, without voice."""
        missing = length - self.log_hz.shape[1]
        if missing <= 0:
            return PitchTrack(self.log_hz[:, :length], self.voiced[:, :length])
        held = self.log_hz[:, -1:].expand(-1, missing)
        return PitchTrack(torch.cat((self.log_hz, held), dim=1), F.pad(self.voiced, (0, missing)))


@dataclass(frozen=True)
class Register:
    """Where a voice speaks: at ``mean`` (B, 1) in log Hz, and guesses become ``middle`` (B, 1) and ``liveliness``
    (B, 1) times the guess."""

    mean: Tensor
    middle: Tensor
    liveliness: Tensor

    def __call__(self, guess: Tensor) -> Tensor:
        """A guess (B, T) to log Hz (B, T)."""
        return self.middle + self.liveliness * guess


class Pitch(nn.Module):
    """``reader`` is the vocoder's, and is not trained again."""

    def __init__(self, sizes: FlowSizes) -> None:
        super().__init__()
        self.reader = PitchReader(SourceFilterSizes(bands=sizes.mel_bands)).requires_grad_(False)
        width, side = _GUESS_WIDTH, _GUESS_KERNEL // 2
        layers: list[nn.Module] = [nn.Conv1d(sizes.feature_width, width, _GUESS_KERNEL, padding=side)]
        for _ in range(_GUESS_LAYERS - 1):
            layers += [nn.GELU(), nn.Conv1d(width, width, _GUESS_KERNEL, padding=side)]
        self.guesser = nn.Sequential(*layers, nn.GELU(), nn.Conv1d(width, 1, 1))
        self.told = nn.Parameter(torch.zeros(_BINS, sizes.feature_width))
        self.gate = nn.Conv1d(sizes.feature_width, sizes.feature_width, 1)

    @torch.no_grad()
    def read(self, mel: Tensor, mask: Tensor | None = None) -> PitchTrack:
        """The pitch of log-mels (B, bands, T), of which ``mask`` (B, 1, T) is valid."""
        if mask is not None:
            mel = mel.masked_fill(~mask, _QUIETEST)
        bins, likely = self.reader(mel)
        rate = self.reader.sizes.rate
        voiced = likely.unflatten(1, (-1, rate)).mean(dim=2) > 0
        if mask is not None:
            voiced = voiced & mask[:, 0]
        log_hz = self.reader.log_hz(bins, likely).unflatten(1, (-1, rate)).mean(dim=2)
        return PitchTrack(bridged(log_hz, voiced), voiced)

    def guess(self, features: Tensor) -> Tensor:
        """How far above the middle of its voice (B, T), log Hz, what features (B, feature_width, T) say is spoken."""
        found: Tensor = self.guesser(features)[:, 0].float()
        return found

    def error(self, guess: Tensor, track: PitchTrack) -> Tensor:
        """Mean distance of a guess from a recording's pitch without its mean, over what is voiced."""
        away = (guess - (track.log_hz - track.mean())).abs() * track.voiced
        return away.sum() / track.voiced.sum().clamp(min=1)

    def tell(self, features: Tensor, log_hz: Tensor) -> Tensor:
        """Features (B, feature_width, T) with the pitch (B, T) in them, as far as they have a voice.

        What the harmonics of a pitch are in a log-mel is added to its envelope: hence a sum, and no deeper net.
        """
        return features + self.gate(features).sigmoid() * self.vectors(log_hz)

    def vectors(self, log_hz: Tensor) -> Tensor:
        """Pitches (B, T) as vectors (B, feature_width, T)."""
        steps = (_BINS - 1) / math.log(_HIGHEST_HZ / _LOWEST_HZ)
        place = ((log_hz - math.log(_LOWEST_HZ)) * steps).clamp(0, _BINS - 1.001)
        below = place.floor()
        share = (place - below)[..., None]
        low = F.embedding(below.long(), self.told)
        high = F.embedding(below.long() + 1, self.told)
        return torch.lerp(low, high, share).transpose(1, 2)

    def register(self, guess: Tensor, track: PitchTrack) -> Register:
        """What brings a guess (1, T) of a recording's pitch to the middle and the spread of the pitch that it has."""
        length = min(guess.shape[1], track.log_hz.shape[1])
        voiced, mean = track.voiced[:, :length], track.mean()
        if int(voiced.sum()) < _FEWEST:
            return Register(mean, mean, torch.ones_like(mean))
        ours, theirs = guess[:, :length][voiced], track.log_hz[:, :length][voiced]
        liveliness = (theirs.std() / ours.std().clamp(min=1e-3)).clamp(_FLATTEST, _LIVELIEST).reshape(1, 1)
        return Register(mean, theirs.mean() - liveliness * ours.mean(), liveliness)
