"""FRCRN, a net that takes noise out of speech at 16 kHz (Zhao et al., ICASSP 2022, arXiv:2206.07293).

Two complex U-Nets in a row look at the spectrum and give the real and imaginary part of a mask. Between their layers
small feed-forward memories (FSMN) run over the frequencies, and one over time at the bottom. What is complex is kept as
real and imaginary part in the first of all dimensions: (2, B, channels, frequencies, frames).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_HEIGHTS = (5, 5, 5, 5, 5, 5, 2)
"""Frequencies under a kernel of each encoder."""
_HEIGHTS_BACK = (2, 5, 5, 5, 6, 5, 5)
_FRAMES_SEEN = 2
_DIVISION_GUARD = 1e-8


@dataclass(frozen=True)
class FrcrnSizes:
    """Sizes of the net; the defaults are those published. The transform must be 640 wide for the layers to fit."""

    sample_rate: int = 16_000
    window: int = 640
    hop: int = 320
    width: int = 128
    memory: int = 20
    squeeze: int = 8


def crossed(real: Callable[[Tensor], Tensor], imaginary: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """A complex layer of two real ones: (2, B, ...) to (2, B, ...), as complex numbers are multiplied."""
    flat, shape = x.flatten(0, 1), x.shape[:2]
    by_real, by_imaginary = real(flat).unflatten(0, shape), imaginary(flat).unflatten(0, shape)
    return torch.stack((by_real[0] - by_imaginary[1], by_real[1] + by_imaginary[0]))


class ComplexConv(nn.Module):
    """A complex convolution over frequencies and frames."""

    def __init__(self, into: int, out: int, kernel: tuple[int, int], stride: int = 1, padding: int = 0) -> None:
        super().__init__()
        self.conv_re = nn.Conv2d(into, out, kernel, (stride, 1), (0, padding))
        self.conv_im = nn.Conv2d(into, out, kernel, (stride, 1), (0, padding))

    def forward(self, x: Tensor) -> Tensor:
        return crossed(self.conv_re, self.conv_im, x)


class ComplexConvBack(nn.Module):
    """The transposed convolution that undoes the shape of one."""

    def __init__(self, into: int, out: int, kernel: tuple[int, int]) -> None:
        super().__init__()
        self.tconv_re = nn.ConvTranspose2d(into, out, kernel, (2, 1), (0, 1))
        self.tconv_im = nn.ConvTranspose2d(into, out, kernel, (2, 1), (0, 1))

    def forward(self, x: Tensor) -> Tensor:
        return crossed(self.tconv_re, self.tconv_im, x)


class ComplexNorm(nn.Module):
    """Batch normalisation of real and imaginary parts, each by itself."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.bn_re = nn.BatchNorm2d(width)
        self.bn_im = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack((self.bn_re(x[0]), self.bn_im(x[1])))


class Encoder(nn.Module):
    """Halves the frequencies and adds a frame."""

    def __init__(self, into: int, out: int, height: int) -> None:
        super().__init__()
        self.conv = ComplexConv(into, out, (height, _FRAMES_SEEN), stride=2, padding=1)
        self.bn = ComplexNorm(out)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.bn(self.conv(x)))


class Decoder(nn.Module):
    """Doubles the frequencies and takes a frame away."""

    def __init__(self, into: int, out: int, height: int) -> None:
        super().__init__()
        self.transconv = ComplexConvBack(into, out, (height, _FRAMES_SEEN))
        self.bn = ComplexNorm(out)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.bn(self.transconv(x)))


class Memory(nn.Module):
    """A feed-forward net at each place, and what it said at the places before, weighted; added to what came in."""

    def __init__(self, width: int, reach: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.project = nn.Linear(width, width, bias=False)
        self.conv1 = nn.Conv2d(width, width, (reach, 1), groups=width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, places, N) to the same."""
        flat, weights = x.flatten(2), (self.linear.weight, self.project.weight)
        first, second = (weight.expand(len(x), -1, -1) for weight in weights)  # else matmul would turn x around first
        inner = F.relu(torch.baddbmm(self.linear.bias[:, None], first, flat))
        said = torch.bmm(second, inner).view_as(x)
        before = F.pad(said, (0, 0, self.conv1.kernel_size[0] - 1, 0))
        return x + said + self.conv1(before)


class FrequencyMemory(nn.Module):
    """Memory over the frequencies of each frame."""

    def __init__(self, width: int, reach: int) -> None:
        super().__init__()
        self.fsmn_re_L1 = Memory(width, reach)
        self.fsmn_im_L1 = Memory(width, reach)

    def forward(self, x: Tensor) -> Tensor:
        return crossed(self.fsmn_re_L1, self.fsmn_im_L1, x)


class TimeMemory(FrequencyMemory):
    """Two memories over time, where a single frequency is left."""

    def __init__(self, width: int, reach: int) -> None:
        super().__init__(width, reach)
        self.fsmn_re_L2 = Memory(width, reach)
        self.fsmn_im_L2 = Memory(width, reach)

    def forward(self, x: Tensor) -> Tensor:
        first = super().forward(x.transpose(-1, -2))
        return crossed(self.fsmn_re_L2, self.fsmn_im_L2, first).transpose(-1, -2)


class Squeeze(nn.Module):
    """Weighs channels by what they are on the whole (squeeze and excitation)."""

    def __init__(self, width: int, reduction: int) -> None:
        super().__init__()
        self.fc_r = _gate(width, reduction)
        self.fc_i = _gate(width, reduction)

    def forward(self, x: Tensor) -> Tensor:
        weights = crossed(self.fc_r, self.fc_i, x.mean(dim=(-2, -1)))
        return x * weights[..., None, None]


def _gate(width: int, reduction: int) -> nn.Sequential:
    inner = width // reduction
    return nn.Sequential(nn.Linear(width, inner), nn.ReLU(), nn.Linear(inner, width), nn.Sigmoid())


class UNet(nn.Module):
    """(2, B, 1, 321, T) to the same."""

    def __init__(self, sizes: FrcrnSizes) -> None:
        super().__init__()
        width, reach, squeeze = sizes.width, sizes.memory, sizes.squeeze
        depth = len(_HEIGHTS)
        into, back = [1] + [width] * (depth - 1), [width] + [2 * width] * (depth - 1)
        out = [width] * (depth - 1) + [1]
        self.encoder = nn.ModuleList(Encoder(into[i], width, _HEIGHTS[i]) for i in range(depth))
        self.decoder = nn.ModuleList(Decoder(back[i], out[i], _HEIGHTS_BACK[i]) for i in range(depth))
        # The files hold weights of a first memory before, and a last one and a last gate after, that nothing uses.
        self.fsmn_enc = nn.ModuleList(FrequencyMemory(width, reach) for _ in range(depth))
        self.fsmn_dec = nn.ModuleList(FrequencyMemory(width, reach) for _ in range(depth))
        self.se_layer_enc = nn.ModuleList(Squeeze(width, squeeze) for _ in range(depth))
        self.se_layer_dec = nn.ModuleList(Squeeze(width, squeeze) for _ in range(depth - 1))
        self.fsmn = TimeMemory(width, reach)
        self.linear = ComplexConv(1, 1, (1, 1))

    def forward(self, x: Tensor) -> Tensor:
        passed = []
        for level, encoder in enumerate(self.encoder):
            x = encoder(self.fsmn_enc[level](x) if level else x)
            passed.append(self.se_layer_enc[level](x))
        x = self.fsmn(x)
        last = len(self.decoder) - 1
        for level, decoder in enumerate(self.decoder):
            x = decoder(x)
            if level == last:
                break
            x = self.fsmn_dec[level](x)
            if level < last - 1:
                x = self.se_layer_dec[level](x)
            x = torch.cat((x, passed[last - 1 - level]), dim=2)
        return self.linear(x)


class Frcrn(nn.Module):
    """Noisy samples (B, T) at 16 kHz to clean ones (B, T'), T' = the whole frames' length: 640 + 320 * n."""

    window: Tensor

    def __init__(self, sizes: FrcrnSizes | None = None) -> None:
        super().__init__()
        self.sizes = sizes = sizes or FrcrnSizes()
        self.unet = UNet(sizes)
        self.unet2 = UNet(sizes)
        self.register_buffer("window", torch.hann_window(sizes.window).sqrt(), persistent=False)

    def forward(self, sound: Tensor) -> Tensor:
        spectrum = self.spectrum(sound)
        first = self.unet(spectrum)
        mask = torch.tanh(first) + torch.tanh(self.unet2(first))
        (real, imaginary), (by_real, by_imaginary) = spectrum, mask
        turned = (real * by_real - imaginary * by_imaginary, real * by_imaginary + imaginary * by_real)
        return self.sound(torch.stack(turned))

    def spectrum(self, sound: Tensor) -> Tensor:
        """(B, T) to (2, B, 1, 321, frames), whole frames only."""
        frames = sound.unfold(-1, self.sizes.window, self.sizes.hop) * self.window
        complex_ = torch.fft.rfft(frames).transpose(-1, -2)[:, None]
        return torch.stack((complex_.real, complex_.imag))

    def sound(self, spectrum: Tensor) -> Tensor:
        """The way back: frames in the same window, added up, and divided by what the windows add up to."""
        window, hop = self.sizes.window, self.sizes.hop
        frames = torch.fft.irfft(torch.complex(spectrum[0], spectrum[1])[:, 0], window, dim=-2) * self.window[:, None]
        length = window + hop * (frames.shape[-1] - 1)
        weights = self.window.square()[None, :, None].expand(1, -1, frames.shape[-1])
        added, weight = (F.fold(rows, (1, length), (1, window), stride=(1, hop))[:, 0, 0] for rows in (frames, weights))
        return added / (weight + _DIVISION_GUARD)
