"""MossFormer2, a net that takes noise out of speech at 48 kHz (Zhao et al., ICASSP 2024, arXiv:2312.11825).

Each of its layers is a gated attention, exact within groups of frames and linear over the whole (FLASH, Hua et al.
2022), followed by a gated memory (FSMN) over time. It sees filter bank energies and gives a gain for every frequency.
Attribute names are the published keys. Padded frames of a batch change nothing: everywhere that frames meet, those
beyond a sound's own are taken out.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_NORM_EPS = 1e-8
_SCALE_EPS = 1e-5
_ROTATED = 32
_HEADS = 4
"""Ways in which queries and keys are scaled: near and far queries, near and far keys."""


@dataclass(frozen=True)
class MossSizes:
    """Sizes of the net and of its spectra; the defaults are those published."""

    sample_rate: int = 48_000
    window: int = 1920
    hop: int = 384
    bands: int = 60
    width: int = 512
    layers: int = 24
    group: int = 256
    query: int = 128
    expansion: int = 4
    inner: int = 256
    memory: int = 20
    kernel: int = 17
    speakers: int = 2
    """Masks that the net makes; the first is the speech."""

    @property
    def bins(self) -> int:
        """Frequencies of a spectrum."""
        return self.window // 2 + 1


class ScaleNorm(nn.Module):
    """Every frame to the same length, learnt by one number."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = width**-0.5
        self.g = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return x / (x.norm(dim=-1, keepdim=True) * self.scale).clamp(min=_SCALE_EPS) * self.g


class GroupNorm(nn.Module):
    """Normalisation over all channels and all of a sound's own frames."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor, own: Tensor) -> Tensor:
        """(B, T, C), with ``own`` (B, T, 1) 1 for frames that are the sound's and 0 for padding."""
        count = own.sum(dim=(1, 2), keepdim=True) * x.shape[-1]
        mean = (x * own).sum(dim=(1, 2), keepdim=True) / count
        away = (x - mean) * own
        variance = away.square().sum(dim=(1, 2), keepdim=True) / count
        return away * torch.rsqrt(variance + _NORM_EPS) * self.weight + self.bias


class Depthwise(nn.Module):
    """A convolution over time, each channel by itself: (B, T, C) to the same."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x.transpose(1, 2)).transpose(1, 2)


class Smoothing(nn.Module):
    """Adds a depthwise convolution over time."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.sequential = nn.ModuleDict({"1": Depthwise(width, kernel)})  # the published key's middle

    def forward(self, x: Tensor, own: Tensor) -> Tensor:
        return x + self.sequential["1"](x * own)


class Projection(nn.Module):
    """Norm, linear map, activation and smoothing: (B, T, into) to (B, T, out)."""

    def __init__(self, into: int, out: int, kernel: int, norm: nn.Module) -> None:
        super().__init__()
        self.mdl = nn.ModuleDict({"0": norm, "1": nn.Linear(into, out), "3": Smoothing(out, kernel)})

    def forward(self, x: Tensor, own: Tensor) -> Tensor:
        return self.mdl["3"](F.silu(self.mdl["1"](self.mdl["0"](x))), own)


class OffsetScale(nn.Module):
    """One row of features in four versions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(_HEADS, width))
        self.beta = nn.Parameter(torch.zeros(_HEADS, width))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return (x[..., None, :] * self.gamma + self.beta).unbind(dim=-2)


class Rotary(nn.Module):
    """Turns the first features of a frame by its place in time (Su et al. 2021), in pairs of neighbours."""

    freqs: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        even = torch.arange(0, width, 2).float()
        self.freqs = nn.Parameter(10_000 ** -(even / width), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) to the same."""
        angle = torch.arange(x.shape[1], device=x.device)[:, None] * self.freqs
        cos, sin = angle.cos(), angle.sin()
        turned, rest = x[..., : 2 * len(self.freqs)], x[..., 2 * len(self.freqs) :]
        even, odd = turned[..., 0::2], turned[..., 1::2]
        pairs = torch.stack((even * cos - odd * sin, odd * cos + even * sin), dim=-1)
        return torch.cat((pairs.flatten(-2), rest), dim=-1)


class Attention(nn.Module):
    """Gated attention of one head: squared and rectified within groups, linear beyond."""

    def __init__(self, sizes: MossSizes, rotary: Rotary) -> None:
        super().__init__()
        width, kernel = sizes.width, sizes.kernel
        hidden = width * sizes.expansion
        self.group = sizes.group
        self.rotary_pos_emb = rotary
        self.to_hidden = Projection(width, hidden, kernel, ScaleNorm(width))
        self.to_qk = Projection(width, sizes.query, kernel, ScaleNorm(width))
        self.qk_offset_scale = OffsetScale(sizes.query)
        self.to_out = Projection(hidden // 2, width, kernel, ScaleNorm(hidden // 2))

    def forward(self, x: Tensor, own: Tensor) -> Tensor:
        """(B, T, width) and ``own`` (B, T, 1) to (B, T, width)."""
        late, now = x.chunk(2, dim=-1)
        shifted = torch.cat((F.pad(late, (0, 0, 1, -1)), now), dim=-1)
        hidden = self.to_hidden(shifted, own)
        value, gate = hidden.chunk(2, dim=-1)
        by_value, by_gate = self._attend(self.to_qk(shifted, own), hidden, own).chunk(2, dim=-1)
        return x + self.to_out(by_gate * value * torch.sigmoid(by_value * gate), own)

    def _attend(self, features: Tensor, hidden: Tensor, own: Tensor) -> Tensor:
        """What the frames say to each other: (B, T, query) and (B, T, hidden) to (B, T, hidden)."""
        length, group = hidden.shape[1], self.group
        parts = [self.rotary_pos_emb(part) for part in self.qk_offset_scale(features)]
        missing = -length % group
        near_query, far_query, near_key, far_key, spoken = (
            F.pad(part, (0, 0, 0, missing)).unflatten(1, (-1, group))
            for part in (*parts[:2], parts[2] * own, parts[3] * own, hidden * own)
        )
        nearness = F.relu(near_query @ near_key.transpose(-1, -2) / group).square()
        count = own.sum(dim=(1, 2))[:, None, None]
        memory = torch.einsum("bgnd,bgne->bde", far_key, spoken) / count
        heard = nearness @ spoken + far_query @ memory[:, None]
        return heard.flatten(1, 2)[:, :length]


class Memory(nn.Module):
    """As FRCRN's memory, but looking ahead as far as back."""

    def __init__(self, width: int, reach: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.project = nn.Linear(width, width, bias=False)
        self.conv1 = nn.Conv2d(width, width, (2 * reach - 1, 1), groups=width, padding=(reach - 1, 0), bias=False)

    def forward(self, x: Tensor, own: Tensor) -> Tensor:
        said = self.project(F.relu(self.linear(x))) * own
        near = self.conv1(said.transpose(1, 2)[..., None])[..., 0].transpose(1, 2)
        return x + said + near


class GatedMemory(nn.Module):
    """A memory whose output is weighed by a second projection."""

    def __init__(self, sizes: MossSizes) -> None:
        super().__init__()
        inner = sizes.inner
        self.to_u = Projection(inner, inner, sizes.kernel, nn.LayerNorm(inner))
        self.to_v = Projection(inner, inner, sizes.kernel, nn.LayerNorm(inner))
        self.fsmn = Memory(inner, sizes.memory)

    def forward(self, x: Tensor, own: Tensor) -> Tensor:
        return self.to_v(x, own) * self.fsmn(self.to_u(x, own), own) + x


class MemoryBlock(nn.Module):
    """A gated memory of smaller width between two maps, added to what came in."""

    def __init__(self, sizes: MossSizes) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv1d(sizes.width, sizes.inner, 1), nn.PReLU())
        self.norm1 = nn.LayerNorm(sizes.inner)
        self.gated_fsmn = GatedMemory(sizes)
        self.norm2 = nn.LayerNorm(sizes.inner)
        self.conv2 = nn.Conv1d(sizes.inner, sizes.width, 1)

    def forward(self, x: Tensor, own: Tensor) -> Tensor:
        narrow = self.norm1(self.conv1(x.transpose(1, 2)).transpose(1, 2))
        remembered = self.norm2(self.gated_fsmn(narrow, own))
        return self.conv2(remembered.transpose(1, 2)).transpose(1, 2) + x


class Blocks(nn.Module):
    """The layers: attention and memory in turns."""

    def __init__(self, sizes: MossSizes) -> None:
        super().__init__()
        rotary = Rotary(min(_ROTATED, sizes.query))
        self.fsmn = nn.ModuleList(MemoryBlock(sizes) for _ in range(sizes.layers))
        self.layers = nn.ModuleList(Attention(sizes, rotary) for _ in range(sizes.layers))

    def forward(self, x: Tensor, own: Tensor) -> Tensor:
        for attention, memory in zip(self.layers, self.fsmn, strict=True):
            x = memory(attention(x, own), own)
        return x


class Transformer(nn.Module):
    """The layers and a norm."""

    def __init__(self, sizes: MossSizes) -> None:
        super().__init__()
        self.mossformerM = Blocks(sizes)
        self.norm = nn.LayerNorm(sizes.width, eps=1e-6)

    def forward(self, x: Tensor, own: Tensor) -> Tensor:
        return self.norm(self.mossformerM(x, own))


class Computation(nn.Module):
    """The layers, normalised over the whole sound, added to what came in."""

    def __init__(self, sizes: MossSizes) -> None:
        super().__init__()
        self.intra_mdl = Transformer(sizes)
        self.intra_norm = GroupNorm(sizes.width)

    def forward(self, x: Tensor, own: Tensor) -> Tensor:
        return x + self.intra_norm(self.intra_mdl(x, own), own)


class Place(nn.Module):
    """Sines and cosines of a frame's place in time, scaled."""

    inv_freq: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.register_buffer("inv_freq", 10_000 ** -(torch.arange(0, width, 2).float() / width))

    def forward(self, length: int) -> Tensor:
        """(T, width)."""
        angle = torch.arange(length, device=self.inv_freq.device)[:, None] * self.inv_freq
        return torch.cat((angle.sin(), angle.cos()), dim=-1) * self.scale


class MaskNet(nn.Module):
    """Filter bank energies with their first and second differences to a gain for each frequency."""

    def __init__(self, sizes: MossSizes) -> None:
        super().__init__()
        width = sizes.width
        self.norm = GroupNorm(3 * sizes.bands)
        self.conv1d_encoder = nn.Conv1d(3 * sizes.bands, width, 1, bias=False)
        self.pos_enc = Place(width)
        self.mdl = Computation(sizes)
        self.prelu = nn.PReLU()
        self.conv1d_out = nn.Conv1d(width, width * sizes.speakers, 1)
        self.output = nn.Sequential(nn.Conv1d(width, width, 1), nn.Tanh())
        self.output_gate = nn.Sequential(nn.Conv1d(width, width, 1), nn.Sigmoid())
        self.conv1_decoder = nn.Conv1d(width, sizes.bins, 1, bias=False)

    def forward(self, energies: Tensor, own: Tensor) -> Tensor:
        """(B, T, 3 * bands) and ``own`` (B, T, 1) to gains (B, T, bins), at least 0."""
        encoded = self.conv1d_encoder(self.norm(energies, own).transpose(1, 2)).transpose(1, 2)
        heard = self.prelu(self.mdl(encoded + self.pos_enc(energies.shape[1]), own)).transpose(1, 2)
        width = heard.shape[1]
        # Of the masks only the speech's is made.
        masks = dict(self.conv1d_out.named_parameters())
        speech = F.conv1d(heard, masks["weight"][:width], masks["bias"][:width])
        return F.relu(self.conv1_decoder(self.output(speech) * self.output_gate(speech))).transpose(1, 2)


class MossFormer2(nn.Module):
    """`MaskNet` under the name that it is published with."""

    def __init__(self, sizes: MossSizes | None = None) -> None:
        super().__init__()
        self.sizes = sizes or MossSizes()
        self.mossformer = MaskNet(self.sizes)

    def forward(self, energies: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, T, 3 * bands), of which sound b has ``lengths[b]`` frames (all, if None), to gains (B, T, bins)."""
        batch, length = energies.shape[:2]
        full = torch.full((batch,), length, device=energies.device) if lengths is None else lengths
        own = (torch.arange(length, device=energies.device) < full[:, None]).to(energies.dtype)[..., None]
        return self.mossformer(energies, own)
