"""One training step of the VITS kind: the judges learn to tell recorded from made, then the generator to deceive them.

Least-squares GAN with feature matching, the distance of the mels and the divergence of the latent spaces; weights of
the terms as published (GPT-SoVITS, ``s2_train.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from myna.core.versions import MelSpec
from myna.engine.dsp import log_mel, magnitudes, mel
from myna.engine.training.recipe import Figures
from myna.engine.training.sovits_rows import FULL_SCALE, MARGIN, SPEC_HOP, SPEC_N_FFT
from myna.engine.training.vits_data import VitsBatch
from myna.models.discriminators import Discriminators
from myna.models.gan_loss import deceit_loss, divergence, feature_loss, judges_loss
from myna.models.sovits_vits import SovitsVits, VitsDraws, VitsPass, segments

SEGMENT_FRAMES = 32
"""What is decoded and judged of each clip: 20480 samples."""
MEL_WEIGHT, DIVERGENCE_WEIGHT = 45.0, 1.0


@dataclass(frozen=True)
class Heard:
    """What the generator made of a batch, beside what was recorded: sounds (B, 1, segment), log-mel (B, bands, 32)."""

    made: VitsPass
    recorded: Tensor
    recorded_mel: Tensor


class VitsLosses:
    """The losses of both sides. What the generator makes of a batch for the judges' step is kept for its own."""

    def __init__(
        self, net: SovitsVits, judges: Discriminators, mel_spec: MelSpec, segment_frames: int = SEGMENT_FRAMES
    ) -> None:
        self.net, self.judges, self.mel_spec, self.segment_frames = net, judges, mel_spec, segment_frames
        self._kept: tuple[Tensor, Heard] | None = None

    def judging(self, batch: VitsBatch) -> tuple[Tensor, Figures]:
        """What the discriminators are trained on."""
        heard = self.hear(batch)
        self._kept = (batch.frames, heard)
        return self.discriminator_loss(heard), {}

    def generating(self, batch: VitsBatch) -> tuple[Tensor, Figures]:
        """What the generator is trained on; the figures are its terms as they are added up."""
        kept, self._kept = self._kept, None
        terms = self.generator_terms(kept[1] if kept is not None and kept[0] is batch.frames else self.hear(batch))
        return torch.stack(list(terms.values())).sum(), {name: term.detach() for name, term in terms.items()}

    def discriminator_loss(self, heard: Heard) -> Tensor:
        """How badly the discriminators tell recorded from made."""
        return judges_loss(*self.judges.compare(heard.recorded, heard.made.wave.detach()))

    def generator_terms(self, heard: Heard) -> dict[str, Tensor]:
        """The terms of the generator's loss, weighted."""
        with _untaught(self.judges):
            # Nothing is learnt from the recording here: it is judged without a way back.
            with torch.no_grad():
                recorded = self.judges(heard.recorded)
            made = self.judges(heard.made.wave)
        return {
            "adversarial": deceit_loss(made),
            "feature": feature_loss(recorded, made),
            "mel": self._mel_loss(heard) * MEL_WEIGHT,
            "kl": _divergence(heard.made) * DIVERGENCE_WEIGHT,
        }

    def hear(self, batch: VitsBatch, draws: VitsDraws | None = None) -> Heard:
        """Let the generator sound a segment of every clip."""
        sound = batch.sound.float() / FULL_SCALE
        with torch.autocast(sound.device.type, enabled=False):
            spec = magnitudes(sound, SPEC_N_FFT, SPEC_HOP)
        return self.compare(batch, spec, sound[:, None, MARGIN:], draws)

    def compare(self, batch: VitsBatch, spec: Tensor, sound: Tensor, draws: VitsDraws | None = None) -> Heard:
        """As `hear`, from the spectrogram (B, bins, T50) and the sound (B, 1, T) without its mirrored start."""
        made: VitsPass = self.net(
            batch.codes,
            spec,
            batch.frames,
            batch.phones,
            batch.phone_lens,
            batch.speaker_print,
            segment_frames=self.segment_frames,
            draws=draws,
        )
        recorded = segments(sound, made.starts * SPEC_HOP, self.segment_frames * SPEC_HOP)
        with torch.autocast(sound.device.type, enabled=False):
            part = segments(spec, made.starts, self.segment_frames).float()
            recorded_mel = log_mel(part, self.mel_spec.sample_rate, self.mel_spec.bands)
        return Heard(made, recorded, recorded_mel)

    def _mel_loss(self, heard: Heard) -> Tensor:
        with torch.autocast(heard.recorded.device.type, enabled=False):
            return F.l1_loss(mel(heard.made.wave[:, 0].float(), self.mel_spec), heard.recorded_mel)


def _divergence(made: VitsPass) -> Tensor:
    return divergence(made.z_p, made.log_deviation_q, made.mean_p, made.log_deviation_p, made.mask)


@contextmanager
def _untaught(module: nn.Module) -> Iterator[None]:
    """What is computed meanwhile passes gradients through ``module``, and none to its weights."""
    taught = [weight for weight in module.parameters() if weight.requires_grad]
    for weight in taught:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in taught:
            weight.requires_grad_(True)
