"""What the vocoder is trained on beside its judges: spectra of several resolutions, and the pitch.

Multi-resolution spectral loss: Yamamoto et al. 2020, arXiv:1910.11480.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from myna.core.versions import version
from myna.engine.dsp import log_mel, magnitudes, mel
from myna.models.source_filter import PitchReader

MEL = version("lite").mel
RESOLUTIONS = ((512, 128), (1024, 256), (2048, 512))
_FLOOR = 1e-3
EDGE = 1440


def own_mel(sound: Tensor) -> Tensor:
    """The mel (B, bands, T) that the base speaks in, of whole clips (B, samples)."""
    return mel(sound, MEL)


def mel_within(sound: Tensor) -> Tensor:
    """The same of segments that come with the samples that their outermost frames see."""
    return log_mel(magnitudes(sound, MEL.n_fft, MEL.hop), MEL.sample_rate, MEL.bands)


def spectral_loss(made: Tensor, recorded: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Distance of two sounds (B, T): of mels and of spectra. Both ends are left out: their context was cut off."""
    ours, theirs = (sound.float()[:, EDGE:-EDGE] for sound in (made, recorded))
    mels = torch.zeros((), device=made.device)
    spectra = torch.zeros((), device=made.device)
    for n_fft, hop in RESOLUTIONS:
        mine, wanted = (_magnitude(sound, n_fft, hop) for sound in (ours, theirs))
        spectra = spectra + (mine.clamp(min=_FLOOR).log() - wanted.clamp(min=_FLOOR).log()).abs().mean()
        spectra = spectra + (mine - wanted).norm() / wanted.norm().clamp(min=1e-3)
        bands = 40 if n_fft == 512 else 80
        mels = mels + (log_mel(mine, MEL.sample_rate, bands) - log_mel(wanted, MEL.sample_rate, bands)).abs().mean()
    mels, spectra = mels / len(RESOLUTIONS), spectra / len(RESOLUTIONS)
    return mels + 0.4 * spectra, {"mel": float(mels.detach()), "spectra": float(spectra.detach())}


def _magnitude(sound: Tensor, n_fft: int, hop: int) -> Tensor:
    with torch.autocast(sound.device.type, enabled=False):
        spectrum = torch.stft(sound, n_fft, hop, window=_window(n_fft, sound.device), return_complex=True)
        return torch.sqrt(spectrum.real.square() + spectrum.imag.square() + 1e-7)


@lru_cache(maxsize=8)
def _window(n_fft: int, device: torch.device) -> Tensor:
    return torch.hann_window(n_fft, device=device)


def pitch_loss(reader: PitchReader, bins: Tensor, voiced: Tensor, hz: Tensor) -> tuple[Tensor, dict[str, float]]:
    """How unlikely the reader finds the tracked pitch (B, F), 0 where there is no voice; and in how many it errs.

    ``pitch_wrong``: the share of voiced frames that are more than a semitone off; ``voice_wrong``: of all frames.
    """
    is_voiced = hz > 0
    logs = hz.clamp(min=1.0).log()
    near = torch.softmax(-0.5 * ((logs[..., None] - reader.grid) / (reader.grid[1] - reader.grid[0])).square(), dim=-1)
    per_frame = -(near * bins.log_softmax(dim=-1)).sum(dim=-1)
    count = is_voiced.sum().clamp(min=1)
    loss = (per_frame * is_voiced).sum() / count
    voice = F.binary_cross_entropy_with_logits(voiced, is_voiced.float())
    with torch.no_grad():
        off = (reader.log_hz(bins, torch.ones_like(voiced)) - logs).abs() > 0.0578
        wrong = (off & is_voiced).sum() / count
        confused = ((voiced > 0) != is_voiced).float().mean()
    return loss + voice, {"pitch": float(loss.detach()), "pitch_wrong": float(wrong), "voice_wrong": float(confused)}
