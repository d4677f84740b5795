"""Stage (e): train the vocoder, mel to sound: first on spectra alone, then against judges that tell made from recorded.

    python recipes/lite/vocoder_data.py --speech SPEECH --work WORK
    python recipes/lite/vocoder.py --work WORK --steps 100000 --judged-from 10000 --budget-minutes 9 --device cuda

Goes on from the state in WORK, with ``--from-shipped`` and without one from what the repository keeps. Most of the mels
are those that the flow decoder makes of the clips' tokens, where `vocoder_mels.py` has been; of the others most are
blurred and made uneven, as these are.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import soundfile
import torch
from stage import TELL_EVERY, Figures, Stage, Task, stage_options
from state import Tensors, packed, unpack
from torch import Tensor, nn
from torch.nn import functional as F
from vocoder_loss import own_mel, pitch_loss, spectral_loss
from vocoder_voices import MADE_SHARE, Segments, Voices

from myna.core.versions import version
from myna.engine.dsp import mel_filters
from myna.engine.training.recipe import moved
from myna.models.discriminators import VocoderJudges
from myna.models.gan_loss import deceit_loss, feature_loss, judges_loss
from myna.models.source_filter import SourceFilter, SourceFilterSizes

LITE = version("lite")
PERIODS, RESOLUTIONS, JUDGE_WIDTH = (2, 3, 5, 7, 11), (512, 1024, 2048), 16
SPECTRAL_WEIGHT, PITCH_WEIGHT = 15.0, 0.5
JUDGED_SAMPLES = 12000


def fresh_net(sizes: SourceFilterSizes = SourceFilterSizes()) -> SourceFilter:  # noqa: B008 (frozen)
    """The net before training, which already makes speech-like sound: its filters are the mel's own envelope."""
    net = SourceFilter(sizes)
    filters = torch.from_numpy(mel_filters(sizes.sample_rate, sizes.n_fft, sizes.bands))
    rows = (filters / filters.amax(dim=1, keepdim=True).clamp(min=1e-9)).T
    empty = rows.sum(dim=1) == 0
    nearest = torch.where(torch.arange(sizes.bins) < sizes.bins // 2, 0, sizes.bands - 1)
    rows[empty] = F.one_hot(nearest[empty], sizes.bands).float()
    net.envelope.copy_(rows / rows.sum(dim=1, keepdim=True))
    return net


class VocoderStage(Stage):
    """A stage with a second net, the judges, and their own optimiser."""

    def __init__(self, net: SourceFilter, options: argparse.Namespace) -> None:
        self.judges = VocoderJudges(PERIODS, RESOLUTIONS, JUDGE_WIDTH).to(options.device)
        self.judging = torch.optim.AdamW(self.judges.parameters(), betas=(0.8, 0.99), weight_decay=0.01)
        self.make = net.sound
        super().__init__("vocoder", net, options)
        if self.device.type == "cuda" and not options.no_compile:
            self.make = torch.compile(net.sound)

    @property
    def is_judged(self) -> bool:
        """Whether the judges take part."""
        return self.step >= self.options.judged_from

    def _run(self, task: Task, until: int) -> None:
        recent: list[Figures] = []
        while self.step < until:
            torch.manual_seed(self.step)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
                loss, figures = self._loss(moved(task.batch_at(self.step), self.device))
            self._follow(self.optim, loss, self.net)
            self.step += 1
            self._average()
            recent.append(figures)
            if self.step % TELL_EVERY == 0:
                told = [f for f in recent if f.keys() == figures.keys()]
                self._tell({k: sum(f[k] for f in told) / len(told) for k in figures})
                recent.clear()

    def _loss(self, batch: Segments) -> tuple[Tensor, Figures]:
        """What the net is trained on; the judges learn on the way."""
        bins, voiced = self.net.pitch(batch.mel)
        own = batch.is_own
        pitch, figures = pitch_loss(self.net.pitch, bins[own], voiced[own], batch.hz[own])
        # A made mel is given the recording's pitch to be spoken at, or nothing in the two would fit together.
        made = self.make(batch.mel, batch.log_hz, voiced.detach().sigmoid(), batch.noise)
        spectral, heard = spectral_loss(made[:, 0], batch.sound)
        loss = SPECTRAL_WEIGHT * spectral + PITCH_WEIGHT * pitch
        figures |= heard
        if self.is_judged:
            start = (made.shape[2] - JUDGED_SAMPLES) // 2
            middle = slice(start, start + JUDGED_SAMPLES)
            recorded, fake = batch.sound[:, None, middle], made[..., middle]
            figures |= self._judge(recorded, fake.detach())
            deceit, features = self._deceive(recorded, fake)
            loss = loss + deceit + features
            figures |= {"deceit": float(deceit.detach()), "features": float(features.detach())}
        return loss, figures

    def _judge(self, recorded: Tensor, made: Tensor) -> Figures:
        both, count = self.judges(torch.cat((recorded, made))), len(recorded)
        loss = judges_loss([one[:count] for one in both], [one[count:] for one in both])
        self._follow(self.judging, loss, self.judges)
        return {"judges": float(loss.detach())}

    def _deceive(self, recorded: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
        self.judges.requires_grad_(False)
        with torch.no_grad():
            theirs = self.judges(recorded)
        ours = self.judges(made)
        self.judges.requires_grad_(True)
        return deceit_loss(ours), feature_loss(theirs, ours)

    def _follow(self, optim: torch.optim.Optimizer, loss: Tensor, net: nn.Module) -> None:
        """One step of ``optim``; a batch whose gradient is no number is passed over."""
        for group in optim.param_groups:
            group["lr"] = self.rate()
        optim.zero_grad(set_to_none=True)
        loss.backward()
        if nn.utils.clip_grad_norm_(net.parameters(), 5.0).isfinite():
            optim.step()

    def _packed(self) -> tuple[Tensors, dict[str, Any]]:
        tensors, about = super()._packed()
        if self.is_judged:
            tensors |= packed("judges.", self.judges, None, self.judging)
        return tensors, about

    def _take(self, tensors: Tensors, about: dict[str, Any]) -> None:
        super()._take(tensors, about)
        if any(name.startswith("judges.") for name in tensors):
            unpack(tensors, "judges.", self.judges, None, self.judging, self.step)


@torch.no_grad()
def held_out(net: SourceFilter, voices: Voices, device: torch.device) -> Figures:
    """The figures on fixed segments of held-out speakers, at the pitch that the net itself reads.

    Those that begin with ``made_`` are of the flow decoder's mels at the recording's pitch, where there are any.
    """

    batch = moved(voices.batch(0, "held", 24, blurred=False), device)
    bins, voiced = net.pitch(batch.mel)
    sound = net.sound(batch.mel, net.pitch.log_hz(bins, voiced), voiced.sigmoid(), batch.noise)
    figures = pitch_loss(net.pitch, bins, voiced, batch.hz)[1] | spectral_loss(sound[:, 0], batch.sound)[1]
    if voices.spoken["held"]:
        batch = moved(voices.batch(0, "held", 24, blurred=False, made=1.0), device)
        sound = net.sound(batch.mel, batch.log_hz, net.pitch(batch.mel)[1].sigmoid(), batch.noise)
        figures |= {f"made_{name}": value for name, value in spectral_loss(sound[:, 0], batch.sound)[1].items()}
    return figures


@torch.no_grad()
def speak(net: SourceFilter, voices: Voices, folder: Path, device: torch.device) -> None:
    """Clips of held-out speakers, through mel and net."""
    for name, sound in voices.fixed("held", 4).items():
        copy = net(own_mel(sound[None]).to(device))[0, 0].cpu().numpy()
        soundfile.write(folder / f"{name}.wav", copy.clip(-1, 1), LITE.mel.sample_rate)


def main() -> None:
    """Train, going on from what is in the work folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    stage_options(parser, steps=100_000, learning_rate=5e-4)
    parser.add_argument("--judged-from", type=int, default=10_000, help="the step at which the judges begin")
    parser.add_argument("--batch-size", type=int, default=16, help="segments of 0.96 s")
    options = parser.parse_args()
    torch.manual_seed(0)
    net = fresh_net()
    voices = Voices(options.work)
    stage = VocoderStage(net, options)
    task = Task(
        lambda step: voices.batch(step, "train", options.batch_size, blurred=True, made=MADE_SHARE),
        lambda batch: stage._loss(batch),
        lambda: held_out(net, voices, stage.device),
        lambda folder: speak(net, voices, folder, stage.device),
    )
    stage.train(task)


if __name__ == "__main__":
    main()
