"""SoVITS of the VITS kind: semantic tokens and phones straight to sound, in the voice of a reference."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from myna.core.versions import VitsSizes
from myna.models.coupling import CouplingFlow, PosteriorEncoder
from myna.models.encoders import StyleEncoder, TextEncoder
from myna.models.hifigan import HifiGan, HifiGanSizes
from myna.models.layers import length_mask, masked
from myna.models.quantizer import Quantizer

NOISE_SCALE = 0.5
"""Share of the prior's deviation that speech is drawn with (published default)."""
_CONTENT_PER_CODE = 2


@dataclass(frozen=True)
class VitsDraws:
    """The random numbers of one training step: ``noise`` (B, hidden, T) and, per row, where the segment lies: ``place``
    (B,) in 0..1."""

    noise: torch.Tensor
    place: torch.Tensor


@dataclass(frozen=True)
class VitsPass:
    """What one training step of the generator gives.

    ``wave`` (B, 1, segment * hop) sounds the frames from ``starts`` (B,) on. Prior and posterior, each (B, hidden, T):
    ``z`` is drawn from the latter and ``z_p`` is its image in the prior's space. ``mask`` (B, 1, T), boolean.
    """

    wave: torch.Tensor
    starts: torch.Tensor
    mask: torch.Tensor
    z: torch.Tensor
    z_p: torch.Tensor
    mean_p: torch.Tensor
    log_deviation_p: torch.Tensor
    mean_q: torch.Tensor
    log_deviation_q: torch.Tensor


class SovitsVits(nn.Module):
    """The whole of it: quantiser of content, reference encoder, text encoder, flow and decoder.

    Attribute names are the published keys. ``has_posterior``: files of trained voices lack the encoder ("enc_q") that
    only training needs.
    """

    def __init__(self, sizes: VitsSizes, dropout: float = 0.0, *, has_posterior: bool = True) -> None:
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
            dropout=dropout if sizes.has_text_dropout else 0.0,
        )
        speaker = sizes.speaker_width
        self.dec = HifiGan(_decoder_sizes(sizes), is_normed=True)
        if has_posterior:
            self.enc_q = PosteriorEncoder(sizes.spec_bins, sizes.hidden, sizes.posterior_layers, speaker)
        self.flow = CouplingFlow(sizes.hidden, sizes.couplings, sizes.coupling_layers, speaker)
        self.ref_enc = StyleEncoder(sizes.reference_bins, sizes.style_hidden, speaker, dropout=dropout)
        self.ssl_proj = nn.Conv1d(sizes.content_width, sizes.content_width, _CONTENT_PER_CODE, stride=_CONTENT_PER_CODE)
        self.quantizer = Quantizer(sizes.codes, sizes.content_width)
        if sizes.speaker_net_width:
            self.sv_emb = nn.Linear(sizes.speaker_net_width, speaker)
            self.ge_to512 = nn.Linear(speaker, sizes.mrte_width)
            self.prelu = nn.PReLU(speaker)

    def extract_codes(self, content: torch.Tensor) -> torch.Tensor:
        """Content features (B, content_width, T50) to semantic codes (B, T50 // 2), one per 40 ms."""
        return self.quantizer.encode(self.ssl_proj(content))

    def speaker_vector(
        self, spec: torch.Tensor, mask: torch.Tensor | None = None, speaker_print: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Reference magnitudes (B, at least reference_bins, T), boolean mask (B, 1, T), to (B, speaker_width, 1).

        ``speaker_print`` (B, speaker_net_width) or (B, speaker_net_width, 1) is the speaker net's vector of the same
        reference; versions with such a net need it, others take none. Raises ``ValueError`` where that is not so.
        """
        vector = self.ref_enc(spec[:, : self.sizes.reference_bins], mask)
        if (speaker_print is None) is bool(self.sizes.speaker_net_width):
            width = self.sizes.speaker_net_width
            raise ValueError(f"these nets take a speaker net's vector of width {width} (0: none)")
        if speaker_print is None:
            return vector
        return self.prelu(vector + self.sv_emb(speaker_print.flatten(1)).unsqueeze(-1))

    def prior(
        self,
        codes: torch.Tensor,
        phones: torch.Tensor,
        speaker: torch.Tensor,
        *,
        code_lens: torch.Tensor | None = None,
        phone_lens: torch.Tensor | None = None,
        speed: float = 1.0,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Codes (B, T25) and phones (B, Tx) to what `sound` takes: features (B, hidden, T50) and their mask or None.

        At another ``speed`` there are ``int(T50 / speed) + 1`` frames.
        """
        content = self.quantizer.decode(codes).repeat_interleave(_CONTENT_PER_CODE, dim=-1)
        content_lens = None if code_lens is None else code_lens * _CONTENT_PER_CODE
        return self.enc_p(content, content_lens, phones, phone_lens, self._for_text(speaker), speed)

    def sound(
        self,
        features: torch.Tensor,
        speaker: torch.Tensor,
        mask: torch.Tensor | None = None,
        *,
        noise_scale: float = NOISE_SCALE,
        noise: torch.Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> torch.Tensor:
        """Features (B, hidden, T) of `prior` to waveform (B, 1, T * hop); ``noise`` is like the features."""
        mean, log_deviation = self.enc_p.statistics(features, mask)
        if noise is None:
            noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
        latent = self.flow.inverse(mean + noise * log_deviation.exp() * noise_scale, mask, speaker)
        return self.dec(masked(latent, mask), speaker)

    @torch.no_grad()
    def decode(
        self,
        codes: torch.Tensor,
        phones: torch.Tensor,
        speaker: torch.Tensor,
        *,
        code_lens: torch.Tensor | None = None,
        phone_lens: torch.Tensor | None = None,
        noise_scale: float = NOISE_SCALE,
        speed: float = 1.0,
        noise: torch.Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> torch.Tensor:
        """Codes (B, T25) that say ``phones`` (B, Tx) to waveform (B, 1, T50 * hop) in the voice of ``speaker``.

        Several references of one voice: give the mean of their `speaker_vector`. ``noise`` (B, hidden, T50) replaces
        what is drawn.
        """
        lens = {"code_lens": code_lens, "phone_lens": phone_lens}
        features, mask = self.prior(codes, phones, speaker, **lens, speed=speed)
        return self.sound(features, speaker, mask, noise_scale=noise_scale, noise=noise, generator=generator)

    @torch.no_grad()
    def decode_part(
        self,
        codes: torch.Tensor,
        phones: torch.Tensor,
        speaker: torch.Tensor,
        *,
        kept_codes: int | None = None,
        before: torch.Tensor | None = None,
        noise_scale: float = NOISE_SCALE,
        noise: torch.Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The newest part of a sentence that is still being made: waveform, and features for the next part.

        ``codes`` (1, T25) are all so far, of which the last ``kept_codes`` are sounded. ``before`` (1, hidden, L) are
        the last features of the part before, over the same codes as the first L frames of this one: these are blended.
        """
        features, _ = self.prior(codes, phones, speaker)
        if kept_codes is not None:
            features = features[..., -kept_codes * _CONTENT_PER_CODE :]
        if before is not None:
            length = before.shape[-1]
            turn = torch.arange(length, device=features.device) * (torch.pi / (2 * length))
            blend = before * turn.cos() + features[..., :length] * turn.sin()
            features = torch.cat((blend, features[..., length:]), dim=-1)
        wave = self.sound(features, speaker, noise_scale=noise_scale, noise=noise, generator=generator)
        return wave, features

    def forward(
        self,
        codes: torch.Tensor,
        spec: torch.Tensor,
        spec_lens: torch.Tensor,
        phones: torch.Tensor,
        phone_lens: torch.Tensor,
        speaker_print: torch.Tensor | None = None,
        *,
        segment_frames: int = 32,
        draws: VitsDraws | None = None,
    ) -> VitsPass:
        """One training step: the recording's own spectrogram is encoded, and a segment of it decoded.

        ``spec`` (B, spec_bins, T50) and the ``codes`` (B, at least T50 / 2) of the same clips; ``spec_lens`` (B,), none
        below ``segment_frames``; ``phones`` (B, Tx), ``phone_lens`` (B,). Codes are given, not content: nothing that
        makes them is trained. Needs the posterior encoder.
        """
        draws = self.draw(spec) if draws is None else draws
        mask = length_mask(spec_lens, spec.shape[-1])
        speaker = self.speaker_vector(spec, mask, speaker_print)
        quantized = self.quantizer.decode(codes).repeat_interleave(_CONTENT_PER_CODE, dim=-1)[..., : spec.shape[-1]]
        features, _ = self.enc_p(quantized, spec_lens, phones, phone_lens, self._for_text(speaker))
        mean_p, log_deviation_p = self.enc_p.statistics(features, mask)
        mean_q, log_deviation_q = self.enc_q(spec, mask, speaker.detach())
        # Drawn in the noise's precision, also where the nets compute in a coarser one.
        z = masked(mean_q + draws.noise * log_deviation_q.to(draws.noise.dtype).exp(), mask)
        z_p = self.flow(z, mask, speaker)
        starts = (draws.place * (spec_lens - segment_frames + 1)).long()
        wave = self.dec(segments(z, starts, segment_frames), speaker)
        return VitsPass(wave, starts, mask, z, z_p, mean_p, log_deviation_p, mean_q, log_deviation_q)

    def draw(self, spec: torch.Tensor) -> VitsDraws:
        """The random numbers of a step on ``spec`` (B, spec_bins, T50)."""
        batch, _, length = spec.shape
        noise = torch.randn(batch, self.sizes.hidden, length, device=spec.device)
        return VitsDraws(noise, torch.rand(batch, device=spec.device))

    def _for_text(self, speaker: torch.Tensor) -> torch.Tensor:
        """The speaker vector as the text encoder takes it, (B, mrte_width, 1)."""
        if not self.sizes.speaker_net_width:
            return speaker
        return self.ge_to512(speaker.transpose(1, 2)).transpose(1, 2)


def segments(x: torch.Tensor, starts: torch.Tensor, size: int) -> torch.Tensor:
    """``size`` frames of each row of ``x`` (B, C, T) from ``starts`` (B,) on: (B, C, size)."""
    columns = starts[:, None] + torch.arange(size, device=x.device)
    return x.gather(-1, columns[:, None].expand(-1, x.shape[1], -1))


def _decoder_sizes(sizes: VitsSizes) -> HifiGanSizes:
    return HifiGanSizes(
        channels=sizes.hidden,
        rates=sizes.rates,
        rate_kernels=sizes.rate_kernels,
        width=sizes.decoder_width,
        condition_width=sizes.speaker_width,
        has_last_bias=False,
    )
