"""A vocoder that is quick on a CPU: pulses and noise, each through a filter that a net draws for every 10 ms.

The net stays at the frames' rate and the sound is made by an inverse Fourier transform, as in Vocos (Siuzdak 2023,
arXiv:2306.00814; blocks: ConvNeXt, arXiv:2201.03545). What is filtered is a train of band-limited pulses at the pitch
that a second net reads out of the mel, and noise (neural source-filter models: Wang et al. 2019, arXiv:1904.12088), so
that the phases of the harmonics need not be guessed: they come with the pulses, the filter is of minimum phase, and the
net only corrects it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_LOUDEST = 5.0
"""The logarithm of a filter's gain is held below this."""
_MEL_CENTRE, _MEL_SPREAD = -5.0, 4.0
"""About the mean of speech's log-mels and their spread."""


@dataclass(frozen=True)
class SourceFilterSizes:
    """Widths; one frame of mel becomes ``rate`` frames of ``hop`` samples, each filtered over ``n_fft`` samples."""

    bands: int = 100
    frames_per_s: int = 50
    rate: int = 2
    hop: int = 240
    n_fft: int = 960
    width: int = 256
    feed_forward: int = 640
    layers: int = 6
    pitch_width: int = 128
    pitch_layers: int = 3
    pitch_bins: int = 128
    lowest_hz: float = 50.0
    highest_hz: float = 700.0

    @property
    def sample_rate(self) -> int:
        """Samples per second."""
        return self.frames_per_s * self.rate * self.hop

    @property
    def bins(self) -> int:
        """Frequencies of a filter."""
        return self.n_fft // 2 + 1


class _Block(nn.Module):
    """ConvNeXt: a convolution per channel, a norm, two dense layers, and a residual path whose gain is learned."""

    def __init__(self, width: int, feed_forward: int, layers: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width)
        self.rise = nn.Linear(width, feed_forward)
        self.fall = nn.Linear(feed_forward, width)
        self.gain = nn.Parameter(torch.full((width,), 1.0 / layers))

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) to (B, T, C)."""
        y = self.norm(self.conv(x.transpose(1, 2)).transpose(1, 2))
        return x + self.gain * self.fall(F.gelu(self.rise(y)))


class _Stack(nn.Module):
    """Frames (B, bands, T) to (B, T * rate, width) through ConvNeXt blocks at the higher rate."""

    def __init__(self, bands: int, width: int, feed_forward: int, layers: int, rate: int) -> None:
        super().__init__()
        self.rate = rate
        self.embed = nn.Conv1d(bands, width, 7, padding=3)
        self.norm = nn.LayerNorm(width)
        self.part = nn.Linear(width, width * rate)
        self.blocks = nn.ModuleList(_Block(width, feed_forward, layers) for _ in range(layers))
        self.last = nn.LayerNorm(width)

    def forward(self, mel: Tensor) -> Tensor:
        x = self.norm(self.embed((mel - _MEL_CENTRE) / _MEL_SPREAD).transpose(1, 2))
        x = self.part(x).unflatten(2, (self.rate, -1)).flatten(1, 2)
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.last(x)
        return out


class PitchReader(nn.Module):
    """The pitch of every filter frame, out of the mel: how likely each of the bins is, and that there is a voice."""

    def __init__(self, sizes: SourceFilterSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.stack = _Stack(sizes.bands, sizes.pitch_width, 3 * sizes.pitch_width, sizes.pitch_layers, sizes.rate)
        self.out = nn.Linear(sizes.pitch_width, sizes.pitch_bins + 1)
        step = math.log(sizes.highest_hz / sizes.lowest_hz) / (sizes.pitch_bins - 1)
        grid = math.log(sizes.lowest_hz) + step * torch.arange(sizes.pitch_bins)
        self.register_buffer("grid", grid, persistent=False)
        self.grid: Tensor

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Log-mel (B, bands, T) to logits of the bins (B, T * rate, pitch_bins) and of being voiced (B, T * rate)."""
        logits = self.out(self.stack(mel)).float()
        return logits[..., 1:], logits[..., 0]

    def log_hz(self, bins: Tensor, voiced: Tensor) -> Tensor:
        """Logarithms of the pitch (B, F) from the logits: the mean of the bins around the likeliest one.

        Where there is no voice it goes straight from the last pitch to the next.
        """
        best = bins.argmax(dim=-1, keepdim=True)
        near = (torch.arange(bins.shape[-1], device=bins.device) - best).abs() <= 2
        found = (bins.masked_fill(~near, -torch.inf).softmax(dim=-1) * self.grid).sum(dim=-1)
        return bridged(found, voiced > 0)


def bridged(values: Tensor, known: Tensor) -> Tensor:
    """``values`` (B, F) where ``known`` (B, F), and straight lines between them; held at both ends.

    A row in which nothing is known gets the mean of its values.
    """
    last = values.shape[1] - 1
    places = torch.arange(last + 1, device=values.device).expand_as(values)
    before = torch.where(known, places, -1).cummax(dim=1).values
    after = torch.where(known, places, last + 1).flip(1).cummin(dim=1).values.flip(1)
    left = torch.where(before < 0, after, before).clamp(max=last)
    right = torch.where(after > last, before, after).clamp(min=0)
    share = (places - left) / (right - left).clamp(min=1)
    line = values.gather(1, left) * (1 - share) + values.gather(1, right) * share
    return torch.where(known.any(dim=1, keepdim=True), line, values.mean(dim=1, keepdim=True))


class SourceFilter(nn.Module):
    """Log-mel to sound. ``envelope`` (bins, bands) is how the mel's bands lie on the filter's frequencies."""

    def __init__(self, sizes: SourceFilterSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.stack = _Stack(sizes.bands, sizes.width, sizes.feed_forward, sizes.layers, sizes.rate)
        self.head = nn.Linear(sizes.width, 3 * sizes.bins)
        self.pitch = PitchReader(sizes)
        self.register_buffer("envelope", torch.zeros(sizes.bins, sizes.bands))
        self.envelope: Tensor
        self.register_buffer("window", torch.hann_window(sizes.n_fft), persistent=False)
        self.window: Tensor
        self.gate = nn.Parameter(torch.tensor([-2.0, -2.5]))
        """Logarithms of what is left of the pulses where there is no voice, and of the noise where there is one."""
        # The filters begin as the mel's own envelope.
        nn.init.normal_(self.head.weight, std=0.002)
        nn.init.zeros_(self.head.bias)

    def forward(self, mel: Tensor, log_hz: Tensor | None = None) -> Tensor:
        """Log-mel (B, bands, T) to samples (B, 1, T * rate * hop), float32; the same for the same mel.

        At the pitch ``log_hz`` (B, T), natural logarithm of Hz, or where nobody says it at what is read out of the mel.
        """
        mel = mel.float()
        noise = torch.randn(mel.shape[0], self.samples(mel), generator=torch.Generator().manual_seed(0)).to(mel.device)
        bins, voiced = self.pitch(mel)
        if log_hz is None:
            fine = self.pitch.log_hz(bins, voiced)
        else:
            fine = F.interpolate(log_hz[:, None].float(), scale_factor=self.sizes.rate, mode="linear")[:, 0]
        return self.sound(mel, fine, voiced.sigmoid(), noise)

    def samples(self, mel: Tensor) -> int:
        """How many samples ``mel`` (B, bands, T) becomes."""
        return mel.shape[-1] * self.sizes.rate * self.sizes.hop

    def sound(self, mel: Tensor, log_hz: Tensor, voiced: Tensor, noise: Tensor) -> Tensor:
        """As `forward`, at a pitch (B, T * rate), natural logarithm of Hz, that is one with the probability ``voiced``
        (B, T * rate), from white ``noise`` (B, samples)."""
        harmonic, noisy, turn = self.head(self.stack(mel)).float().split(self.sizes.bins, dim=-1)
        with torch.autocast(mel.device.type, enabled=False):
            shape = (self.envelope @ mel.float()).repeat_interleave(self.sizes.rate, dim=-1).transpose(1, 2)
            voiceless, voiceful = self.gate[0] * (1 - voiced), self.gate[1] * voiced
            louder = (shape + harmonic + voiceless[..., None]).clamp(max=_LOUDEST)
            phase = _minimum_phase(louder.detach()) + turn
            voice = self._spectra(self.pulses(log_hz.float())) * torch.polar(louder.exp(), phase)
            breath = self._spectra(noise.float()) * (shape + noisy + voiceful[..., None]).clamp(max=_LOUDEST).exp()
            return self._joined(voice + breath)[:, None]

    def pulses(self, log_hz: Tensor) -> Tensor:
        """A train of pulses (B, F * hop) with as much power in every Hz, whatever the pitch (B, F) is.

        The closed sum of all cosines of the pitch below half the sampling rate (Dirichlet's kernel).
        """
        rate, hop = self.sizes.sample_rate, self.sizes.hop
        hz = F.interpolate(log_hz[:, None], scale_factor=hop, mode="linear")[:, 0].exp()
        within = (hz / rate).unflatten(1, (-1, hop)).cumsum(dim=2)
        # Whole turns are summed in double precision: after a minute single precision would blur the upper harmonics.
        whole = within[:, :, -1].double().cpu().cumsum(dim=1)
        before = F.pad(whole[:, :-1], (1, 0)).remainder(1.0).float().to(hz.device)
        turns = (within + before[:, :, None]).flatten(1)
        angle = math.pi * (turns - turns.round())
        count = (rate / 2 / hz).floor()
        low = angle.sin()
        is_peak = low.abs() < 1e-4
        ratio = ((2 * count + 1) * angle).sin() / (2 * torch.where(is_peak, torch.ones_like(low), low))
        cosines = torch.where(is_peak, count, ratio - 0.5)
        return cosines * (4 * hz / rate).sqrt()

    def _spectra(self, sound: Tensor) -> Tensor:
        """(B, F * hop) to complex (B, F, bins), each frame's middle in the middle of its hop."""
        side = (self.sizes.n_fft - self.sizes.hop) // 2
        frames = F.pad(sound, (side, side)).unfold(1, self.sizes.n_fft, self.sizes.hop)
        spectra: Tensor = torch.fft.rfft(frames * self.window)
        return spectra

    def _joined(self, spectra: Tensor) -> Tensor:
        """The inverse of `_spectra`: overlapping frames added up, divided by their windows' energy."""
        pieces = torch.fft.irfft(spectra, self.sizes.n_fft) * self.window
        energy = self.window.square().expand(1, spectra.shape[1], -1)
        side, length = (self.sizes.n_fft - self.sizes.hop) // 2, spectra.shape[1] * self.sizes.hop
        sums = [self._added(each)[:, side : side + length] for each in (pieces, energy)]
        return sums[0] / sums[1].clamp(min=1e-3)

    def _added(self, pieces: Tensor) -> Tensor:
        """Frames (B, F, n_fft), ``hop`` apart, to (B, (F - 1) * hop + n_fft)."""
        hop, frames = self.sizes.hop, pieces.shape[1]
        parts = self.sizes.n_fft // hop
        out = pieces.new_zeros(pieces.shape[0], frames + parts - 1, hop)
        for part in range(parts):
            out[:, part : part + frames] += pieces[..., part * hop : (part + 1) * hop]
        return out.flatten(1)


def _minimum_phase(log_gain: Tensor) -> Tensor:
    """The phase (..., bins) of the quickest filter with these logarithms of gain, by the folded cepstrum."""
    bins = log_gain.shape[-1]
    size = 2 * (bins - 1)
    cepstrum = torch.fft.irfft(log_gain, size)
    fold = torch.zeros(size, device=log_gain.device)
    fold[0], fold[1 : bins - 1], fold[bins - 1] = 1.0, 2.0, 1.0
    phase: Tensor = torch.fft.rfft(cepstrum * fold).imag
    return phase
