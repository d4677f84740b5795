"""SoVITS of the flow-matching kind: semantic tokens and phones to mel, in the voice of a reference."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from myna.core.versions import FlowSizes
from myna.models.dit import DiT
from myna.models.encoders import StyleEncoder, TextEncoder, WaveNetEncoder
from myna.models.layers import length_mask
from myna.models.pitch import Pitch, Register
from myna.models.quantizer import Quantizer

SHORTCUT_SHARE = 0.3
"""How often a training step teaches long steps instead of the flow itself."""
_SMALLEST_STEP = 1e-2
_MIN_HALVINGS, _MAX_HALVINGS = 2, 7
_WAVENET_KERNEL = 5
_CONTENT_PER_CODE = 2


@dataclass(frozen=True)
class FlowDraws:
    """The random numbers of one training step: ``time`` (B,) in 0..1, ``noise`` like the mel, and for a shortcut step
    ``halvings`` (B,), whose step size is 2 ** -halvings; None teaches the plain flow."""

    time: torch.Tensor
    noise: torch.Tensor
    halvings: torch.Tensor | None = None

    @classmethod
    def sample(
        cls, mel: torch.Tensor, shortcut_share: float = SHORTCUT_SHARE, generator: torch.Generator | None = None
    ) -> FlowDraws:
        """Draw for a batch like ``mel`` (B, bands, T)."""
        batch, device = mel.shape[0], mel.device
        time = torch.rand(batch, generator=generator, device=device)
        noise = torch.randn(mel.shape, generator=generator, device=device)
        halvings = None
        # Drawn on the CPU where no generator says otherwise: asking a GPU would wait for it.
        place = device if generator is not None else torch.device("cpu")
        if float(torch.rand((), generator=generator, device=place)) < shortcut_share:
            halvings = torch.randint(_MIN_HALVINGS, _MAX_HALVINGS + 1, (batch,), generator=generator, device=device)
        return cls(time, noise, halvings)


class FlowMatching(nn.Module):
    """Conditional flow matching from noise to mel, with shortcut steps (Frans et al. 2024)."""

    def __init__(self, sizes: FlowSizes, dropout: float = 0.0) -> None:
        super().__init__()
        self.estimator = DiT(sizes, dropout)

    def velocity(
        self,
        x: torch.Tensor,
        prompt: torch.Tensor,
        text: torch.Tensor,
        time: torch.Tensor,
        step: torch.Tensor,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """`DiT.forward` for mels that lie as (B, bands, T); ``mask`` (B, 1, T). Returns (B, bands, T)."""
        rows = None if mask is None else mask.transpose(1, 2)
        return self.estimator(x.transpose(1, 2), prompt.transpose(1, 2), text, time, step, rows).transpose(1, 2)

    def embed_text(self, features: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Features (B, feature_width, T), mask (B, 1, T), to the text argument of `velocity` (B, T, feature_width)."""
        return self.estimator.embed_text(features.transpose(1, 2), None if mask is None else mask.transpose(1, 2))

    def loss(
        self,
        mel: torch.Tensor,
        mel_lens: torch.Tensor,
        prompt_lens: torch.Tensor,
        features: torch.Tensor,
        draws: FlowDraws | None = None,
    ) -> torch.Tensor:
        """Mean squared velocity error behind the prompts, averaged per sample, then over the batch.

        ``mel`` (B, bands, T) normalised; ``features`` (B, feature_width, T); the first ``prompt_lens`` (B,) frames are
        given to the net clean and are not judged.
        """
        draws = FlowDraws.sample(mel) if draws is None else draws
        mask = length_mask(mel_lens, mel.shape[-1])
        given = length_mask(prompt_lens, mel.shape[-1])
        time = draws.time[:, None, None]
        x = ((1 - time) * draws.noise + time * mel).masked_fill(given, 0.0)
        prompt = mel * given
        text = self.embed_text(features, mask)
        if draws.halvings is None:
            step = torch.zeros_like(draws.time)
            target = mel - draws.noise
        else:
            half = 0.5 ** draws.halvings.to(draws.time.dtype)
            step = 2 * half
            target = self._two_steps(x, prompt, text, draws.time, half, mask)
        error = (self.velocity(x, prompt, text, draws.time, step, mask).float() - target).square()
        judged = mask & ~given
        per_sample = (error * judged).sum(dim=(1, 2)) / (judged.sum(dim=(1, 2)) * mel.shape[1]).clamp(min=1)
        return per_sample.mean()

    @torch.no_grad()
    def _two_steps(
        self,
        x: torch.Tensor,
        prompt: torch.Tensor,
        text: torch.Tensor,
        time: torch.Tensor,
        step: torch.Tensor,
        mask: torch.Tensor,
    ) -> torch.Tensor:
        """The velocity that one step of twice the size ``step`` (B,) should have: the mean of two such steps."""
        told = step.masked_fill(step < _SMALLEST_STEP, 0.0)
        first = self.velocity(x, prompt, text, time, told, mask).float()
        second = self.velocity(x + step[:, None, None] * first, prompt, text, time + step, told, mask).float()
        return (first + second) / 2

    @torch.no_grad()
    def sample(
        self,
        features: torch.Tensor,
        feature_lens: torch.Tensor | None,
        prompt_mel: torch.Tensor,
        *,
        steps: int,
        cfg: float = 0.0,
        temperature: float = 1.0,
        guess: torch.Tensor | None = None,
        begin: float = 0.0,
        noise: torch.Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> torch.Tensor:
        """Integrate the flow in ``steps`` Euler steps; the prompt's columns of the result are zero.

        ``features`` (B, feature_width, T), ``prompt_mel`` (B, bands, Tp) normalised, Tp <= T. ``cfg`` pushes away from
        what the net would do without prompt and text. With a ``guess`` (B, bands, T) of the mel the flow begins at time
        ``begin`` on the way from noise to it (shallow diffusion: Liu et al. 2021, arXiv:2105.02446). Returns normalised
        mel (B, bands, T).
        """
        batch, _, length = features.shape
        if noise is None:
            size = (batch, prompt_mel.shape[1], length)
            noise = torch.randn(size, generator=generator, device=features.device, dtype=prompt_mel.dtype)
        mask = None if feature_lens is None else length_mask(feature_lens, length)
        start = prompt_mel.shape[-1]
        prompt = F.pad(prompt_mel, (0, length - start))
        text = self.embed_text(features, mask)
        no_text = self.embed_text(torch.zeros_like(features), mask) if cfg else text
        x = noise * temperature
        if guess is not None:
            x = (1 - begin) * x + begin * guess
        x[..., :start] = 0.0
        stride = (1.0 - begin) / steps
        step = torch.full((batch,), stride, device=x.device)
        for index in range(steps):
            time = torch.full_like(step, begin + index * stride)
            velocity = self.velocity(x, prompt, text, time, step, mask)
            if cfg:
                plain = self.velocity(x, torch.zeros_like(prompt), no_text, time, step, mask)
                velocity = velocity + (velocity - plain) * cfg
            x = x + velocity.to(x.dtype) * stride
            x[..., :start] = 0.0
        return x


class SovitsFlow(nn.Module):
    """The whole of it: quantiser of content, reference encoder, feature encoder and flow.

    Attribute names are the published keys. ``linear_mel`` maps features to mel directly; the published models never
    use it.
    """

    def __init__(self, sizes: FlowSizes, dropout: float = 0.0) -> None:
        super().__init__()
        self.sizes = sizes
        self.enc_p = TextEncoder(
            phone_vocab=sizes.phone_vocab,
            content_width=sizes.content_width,
            hidden=sizes.hidden,
            filter_channels=sizes.filter,
            heads=sizes.heads,
            layers=sizes.layers,
            kernel=sizes.kernel,
            mrte_width=sizes.mrte_width,
            mrte_heads=sizes.mrte_heads,
            out_channels=sizes.hidden,
            dropout=dropout,
        )
        self.ref_enc = StyleEncoder(sizes.reference_bins, sizes.style_hidden, sizes.speaker_width, dropout=dropout)
        self.ssl_proj = nn.Conv1d(sizes.content_width, sizes.content_width, _CONTENT_PER_CODE, stride=_CONTENT_PER_CODE)
        self.quantizer = Quantizer(sizes.codes, sizes.content_width)
        self.bridge = nn.Sequential(nn.Conv1d(sizes.hidden, sizes.feature_width, 1), nn.LeakyReLU())
        self.wns1 = WaveNetEncoder(sizes.feature_width, _WAVENET_KERNEL, sizes.wavenet_layers, sizes.speaker_width)
        self.linear_mel = nn.Conv1d(sizes.feature_width, sizes.mel_bands, 1)
        self.cfm = FlowMatching(sizes, dropout)
        self.pitch = Pitch(sizes) if sizes.has_pitch else None

    def extract_codes(self, content: torch.Tensor) -> torch.Tensor:
        """Content features (B, content_width, T50) to semantic codes (B, T50 // 2), one per 40 ms."""
        return self.quantizer.encode(self.ssl_proj(content))

    def speaker_vector(self, spec: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Reference magnitudes (B, at least reference_bins, T), boolean mask (B, 1, T), to (B, speaker_width, 1)."""
        return self.ref_enc(spec[:, : self.sizes.reference_bins], mask)

    def features(
        self,
        codes: torch.Tensor,
        phones: torch.Tensor,
        phone_lens: torch.Tensor | None,
        speaker: torch.Tensor,
        code_lens: torch.Tensor | None = None,
        speed: float = 1.0,
        register: Register | None = None,
    ) -> torch.Tensor:
        """Codes (B, T25) and phones (B, Tx), each with lengths (B,), to features (B, feature_width, Tmel).

        A net that is told the pitch guesses it, for the ``register`` of the voice; without one it is told
        nothing, which only tests want.
        """
        said, mask = self.said(codes, phones, phone_lens, speaker, code_lens, speed)
        log_hz = None if self.pitch is None or register is None else register(self.pitch.guess(said))
        return self.in_voice(said, mask, speaker, log_hz)

    def own_features(
        self, codes: torch.Tensor, phones: torch.Tensor, speaker: torch.Tensor, mel: torch.Tensor
    ) -> tuple[torch.Tensor, Register | None]:
        """Features (1, feature_width, Tmel) of a recording's own tokens, at the pitch of its log-``mel`` (1, bands, T).

        And where its voice speaks; None of a net that is not told the pitch.
        """
        said, mask = self.said(codes, phones, None, speaker)
        if self.pitch is None:
            return self.in_voice(said, mask, speaker), None
        track = self.pitch.read(mel).fitted(said.shape[-1])
        register = self.pitch.register(self.pitch.guess(said), track)
        return self.in_voice(said, mask, speaker, track.log_hz), register

    def said(
        self,
        codes: torch.Tensor,
        phones: torch.Tensor,
        phone_lens: torch.Tensor | None,
        speaker: torch.Tensor,
        code_lens: torch.Tensor | None = None,
        speed: float = 1.0,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """As `features`, before the voice and its pitch: (B, feature_width, Tmel) and its mask (B, 1, Tmel), if any."""
        content_lens = None if code_lens is None else code_lens * _CONTENT_PER_CODE
        return self._said(self.quantizer.decode(codes), phones, phone_lens, speaker, content_lens, None, speed)

    def features_from(
        self,
        quantized: torch.Tensor,
        phones: torch.Tensor,
        phone_lens: torch.Tensor | None,
        speaker: torch.Tensor,
        content_lens: torch.Tensor | None = None,
        mel_lens: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """`features` from code vectors (B, content_width, T25), so that a training quantiser's gradient gets through.

        ``content_lens`` (B,) counts frames of 20 ms; without ``mel_lens`` the mel's valid frames follow from it.
        """
        said, mask = self._said(quantized, phones, phone_lens, speaker, content_lens, mel_lens, 1.0)
        return self.in_voice(said, mask, speaker)

    def _said(
        self,
        quantized: torch.Tensor,
        phones: torch.Tensor,
        phone_lens: torch.Tensor | None,
        speaker: torch.Tensor,
        content_lens: torch.Tensor | None,
        mel_lens: torch.Tensor | None,
        speed: float,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        content = quantized.repeat_interleave(_CONTENT_PER_CODE, dim=-1)
        hidden, mask = self.enc_p(content, content_lens, phones, phone_lens, speaker, speed)
        features, scale = self._at_mel_rate(hidden), self.sizes.frames_per_content
        if scale != 1.0:
            mask = None if mask is None else F.interpolate(mask.float(), scale_factor=scale, mode="nearest").bool()
        if mel_lens is not None:
            mask = length_mask(mel_lens, features.shape[-1])
        per_code = self.sizes.frames_per_code_at_speed
        if speed != 1.0 and per_code is not None:
            frames = torch.arange(features.shape[-1], device=features.device)
            kept = frames < int(quantized.shape[-1] * per_code / speed) + 1
            mask = kept[None, None] if mask is None else mask & kept
        return features, mask

    def features_beyond_text(
        self,
        codes: torch.Tensor,
        phones: torch.Tensor,
        phone_lens: torch.Tensor,
        reference: torch.Tensor,
        reference_lens: torch.Tensor,
        content_lens: torch.Tensor,
        mel_lens: torch.Tensor,
    ) -> torch.Tensor:
        """`features` for the published way to train: what reads the text and hears the voice stays as it is.

        That part is computed in full precision, without a way back, and in the text encoder nothing is dropped.
        ``reference`` (B, bins, T) and all lengths as in `features_from`.
        """
        self.enc_p.eval()
        with torch.no_grad(), torch.autocast(codes.device.type, enabled=False):
            speaker = self.speaker_vector(reference, length_mask(reference_lens, reference.shape[-1]))
            content = self.quantizer.decode(codes).repeat_interleave(_CONTENT_PER_CODE, dim=-1)
            hidden, _ = self.enc_p(content, content_lens, phones, phone_lens, speaker)
        features = self._at_mel_rate(hidden)
        return self.in_voice(features, length_mask(mel_lens, features.shape[-1]), speaker)

    def _at_mel_rate(self, hidden: torch.Tensor) -> torch.Tensor:
        """(B, hidden, T50) to (B, feature_width, Tmel)."""
        features, scale = self.bridge(hidden), self.sizes.frames_per_content
        return features if scale == 1.0 else F.interpolate(features, scale_factor=scale, mode="nearest")

    def in_voice(
        self,
        said: torch.Tensor,
        mask: torch.Tensor | None,
        speaker: torch.Tensor,
        log_hz: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """What `said` gives, spoken by ``speaker`` (B, speaker_width, 1): features (B, feature_width, Tmel).

        ``log_hz`` (B, Tmel) is the pitch, for a net that is told it.
        """
        features = self.wns1(said, mask, speaker if self.sizes.has_speaker_gradient else speaker.detach())
        return features if self.pitch is None or log_hz is None else self.pitch.tell(features, log_hz)
