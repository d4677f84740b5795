"""SoVITS's training steps as the official program makes them, written plainly: the peer of `training.py`.

From their behaviour, not their code: the spectrogram of each clip computed anew whenever it is drawn; batches sorted,
filled with zeros beyond the longest, as the official sampler orders them; content made into codes in every step; each
discriminator judging recording and copy one after the other, with weights that take gradients in both halves of the
step; norms of all gradients fetched one by one; torch's ordinary AdamW. float32, on a GPU float16 with scaled losses.
The nets are ours, which flatters the peer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from myna.core.versions import MelSpec
from myna.engine.dsp import log_mel, mel, normalise_mel, spectrogram
from myna.engine.training.sovits_vits import parameter_groups
from myna.models.discriminators import Discriminators
from myna.models.gan_loss import deceit_loss, divergence, feature_loss, judges_loss
from myna.models.layers import length_mask
from myna.models.sovits_flow import FlowDraws, SovitsFlow
from myna.models.sovits_vits import SovitsVits, segments

SEGMENT_FRAMES, HOP, N_FFT = 32, 640, 2048
MEL_WEIGHT = 45.0
RATE = 1e-4
ADAM: dict[str, Any] = {"lr": RATE, "betas": (0.8, 0.99), "eps": 1e-9}


@dataclass(frozen=True)
class Clip:
    """Content (768, T50), phones (Tx,), sound (T,) at 32 kHz in -1..1, log-mel (bands, T) of the flow kind."""

    content: Tensor
    phones: Tensor
    sound: Tensor
    mel: Tensor | None = None

    @property
    def frames(self) -> int:
        """Of the spectrogram."""
        return len(self.sound) // HOP


def collated(clips: Sequence[Clip]) -> dict[str, Tensor]:
    """Sorted by length; content, spectrogram, sound, phones and mel with zeros behind them, and lengths."""
    clips = sorted(clips, key=lambda clip: clip.frames, reverse=True)
    specs = [spectrogram(clip.sound[None], N_FFT, HOP)[0] for clip in clips]
    frames = 2 * (max(clip.frames for clip in clips) // 2 + 1)
    longest = max(len(clip.sound) for clip in clips)
    phones = max(len(clip.phones) for clip in clips)
    batch = {
        "content": torch.stack([F.pad(clip.content.float(), (0, frames - clip.content.shape[1])) for clip in clips]),
        "spec": torch.stack([F.pad(spec, (0, frames - spec.shape[1])) for spec in specs]),
        "frames": torch.tensor([clip.frames for clip in clips]),
        "sound": torch.stack([F.pad(clip.sound, (0, longest - len(clip.sound))) for clip in clips])[:, None],
        "phones": torch.stack([F.pad(clip.phones, (0, phones - len(clip.phones))) for clip in clips]),
        "phone_lens": torch.tensor([len(clip.phones) for clip in clips]),
    }
    mels = [clip.mel for clip in clips if clip.mel is not None]
    if mels:
        width = max(one.shape[1] for one in mels)
        batch["mel"] = torch.stack([F.pad(normalise_mel(one), (0, width - one.shape[1])) for one in mels])
        batch["mel_lens"] = torch.tensor([one.shape[1] for one in mels])
    return batch


class VitsLoop:
    """The VITS kind."""

    def __init__(self, net: SovitsVits, judges: Discriminators, mel_spec: MelSpec, device: torch.device) -> None:
        self.net, self.judges, self.mel_spec, self.device = net, judges, mel_spec, device
        self.generating = torch.optim.AdamW(parameter_groups(net, RATE, 0.4), **ADAM)
        self.judging = torch.optim.AdamW(judges.parameters(), **ADAM)
        self.scaler = torch.amp.GradScaler(device.type, enabled=device.type == "cuda")

    def step(self, clips: Sequence[Clip]) -> None:
        """One batch: the discriminators' step, then the generator's."""
        batch = {name: value.to(self.device) for name, value in collated(clips).items()}
        with torch.autocast(self.device.type, torch.float16, enabled=self.device.type == "cuda"):
            with torch.no_grad():
                codes = self.net.extract_codes(batch["content"])
            out = self.net(codes, batch["spec"], batch["frames"], batch["phones"], batch["phone_lens"])
            spec = segments(log_mel(batch["spec"], self.mel_spec.sample_rate, self.mel_spec.bands), out.starts, 32)
            recorded = segments(batch["sound"], out.starts * HOP, SEGMENT_FRAMES * HOP)
            judging = judges_loss(self.judges(recorded), self.judges(out.wave.detach()))
        self._follow(judging, self.judging, self.judges)
        with torch.autocast(self.device.type, torch.float16, enabled=self.device.type == "cuda"):
            real, fake = self.judges(recorded), self.judges(out.wave)
        made = mel(out.wave[:, 0].float(), self.mel_spec)
        loss = deceit_loss(fake) + feature_loss(real, fake) + MEL_WEIGHT * F.l1_loss(made, spec.float())
        loss = loss + divergence(out.z_p, out.log_deviation_q, out.mean_p, out.log_deviation_p, out.mask)
        self._follow(loss, self.generating, self.net)
        self.scaler.update()

    def _follow(self, loss: Tensor, optimiser: torch.optim.Optimizer, net: nn.Module) -> None:
        follow(self.scaler, loss, optimiser, net)


class LoraLoop:
    """The flow kind with a LoRA on it."""

    def __init__(self, net: SovitsFlow, device: torch.device) -> None:
        self.net, self.device = net, device
        trained = [weight for weight in net.parameters() if weight.requires_grad]
        self.optimiser = torch.optim.AdamW(trained, **ADAM)
        self.scaler = torch.amp.GradScaler(device.type, enabled=device.type == "cuda")

    def step(self, clips: Sequence[Clip]) -> None:
        """One batch."""
        batch = {name: value.to(self.device) for name, value in collated(clips).items()}
        with torch.autocast(self.device.type, torch.float16, enabled=self.device.type == "cuda"):
            with torch.no_grad(), torch.autocast(self.device.type, enabled=False):
                quantized = self.net.quantizer.decode(self.net.extract_codes(batch["content"]))
                mask = length_mask(batch["frames"], batch["spec"].shape[-1])
                speaker = self.net.speaker_vector(batch["spec"], mask)
            features = self.net.features_from(
                quantized, batch["phones"], batch["phone_lens"], speaker, batch["frames"], batch["mel_lens"]
            )
            length = min(features.shape[-1], batch["mel"].shape[-1])
            mels, lens = batch["mel"][..., :length], batch["mel_lens"].clamp(max=length)
            prompts = (torch.rand(len(lens), device=self.device) * lens * 2 / 3).long()
            draws = FlowDraws.sample(mels, 0.0)
            loss = self.net.cfm.loss(mels, lens, prompts, features[..., :length], draws)
        follow(self.scaler, loss, self.optimiser, self.net)
        self.scaler.update()


def follow(scaler: Any, loss: Tensor, optimiser: torch.optim.Optimizer, net: nn.Module) -> None:
    """An optimiser step down the gradient of ``loss``; the norm of every gradient is fetched."""
    optimiser.zero_grad()
    scaler.scale(loss).backward()
    scaler.unscale_(optimiser)
    sum(weight.grad.norm(2).item() ** 2 for weight in net.parameters() if weight.grad is not None)
    scaler.step(optimiser)
