"""The vocoder's training speech, and the batches that are cut from it: a function of the step's number alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from vocoder_loss import mel_within

from myna.core.versions import version
from myna.models.source_filter import bridged

LITE = version("lite")
HOP = 240
FRAMES = 96  # of 10 ms: one segment is 0.96 s
SIDE = (LITE.mel.n_fft - LITE.mel.hop) // 2  # samples that the first and the last mel frame see beyond the segment
LOUDER, BLURRED = 6.0, 0.6


@dataclass
class Segments:
    """A batch: ``sound`` (B, T), ``mel`` (B, bands, T / 480), ``hz`` (B, T / 240), its bridged logarithm, ``noise``."""

    sound: Tensor
    mel: Tensor
    hz: Tensor
    log_hz: Tensor
    noise: Tensor


class Voices:
    """The work folder of `vocoder_data.py`, mapped into memory."""

    def __init__(self, work: Path) -> None:
        self.sound = np.memmap(work / "voices.s16", np.int16, "r")
        self.hz = np.memmap(work / "pitch.f16", np.float16, "r")
        with (work / "voices.jsonl").open(encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        self.clips = {name: [r for r in rows if r["split"] == name] for name in ("train", "held")}
        self.odds = {name: self._odds(rows) for name, rows in self.clips.items()}

    @staticmethod
    def _odds(rows: list[dict]) -> np.ndarray:
        """How often a clip is drawn: by its length, and less for speakers of whom there is much."""
        total: dict[str, int] = {}
        for row in rows:
            total[row["speaker"]] = total.get(row["speaker"], 0) + row["frames"]
        odds = np.array([row["frames"] / total[row["speaker"]] ** 0.5 for row in rows])
        return odds / odds.sum()

    def batch(self, step: int, split: str, size: int, *, blurred: bool) -> Segments:
        """The batch of one step."""
        rng = np.random.default_rng([step, 0 if split == "train" else 1])
        chosen = rng.choice(len(self.clips[split]), size, p=self.odds[split])
        cuts = [self._cut(self.clips[split][n], rng) for n in chosen]
        wide = torch.from_numpy(np.stack([sound for sound, _ in cuts]))
        hz = torch.from_numpy(np.stack([hz for _, hz in cuts]))
        if blurred:
            wide = wide * 10 ** (torch.from_numpy(rng.uniform(-LOUDER, LOUDER / 3, (size, 1))).float() / 20)
        mel = mel_within(wide)
        seed = torch.Generator().manual_seed(int(rng.integers(2**31)))
        noise = torch.randn(size, FRAMES * HOP, generator=seed)
        mel = blur(mel, seed) if blurred else mel
        log_hz = bridged(hz.clamp(min=1.0).log(), hz > 0)
        log_hz = torch.where((hz > 0).any(dim=1, keepdim=True), log_hz, float(np.log(150.0)))
        return Segments(wide[:, SIDE:-SIDE], mel, hz, log_hz, noise)

    def _cut(self, row: dict, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """A segment with SIDE samples more at both ends, float32, and its pitch; zeros beyond the clip."""
        first = 2 * int(rng.integers(0, max(row["frames"] - FRAMES, 0) // 2 + 1))
        start, stop = row["start"] * HOP, (row["start"] + row["frames"]) * HOP
        low = start + first * HOP - SIDE
        high = low + FRAMES * HOP + 2 * SIDE
        sound = self.sound[max(low, start) : min(high, stop)].astype(np.float32) / 32768
        sound = np.pad(sound, (max(start - low, 0), max(high - stop, 0)))
        hz = self.hz[row["start"] + first : row["start"] + min(first + FRAMES, row["frames"])].astype(np.float32)
        return sound, np.pad(hz, (0, FRAMES - len(hz)))

    def fixed(self, split: str, count: int) -> dict[str, Tensor]:
        """By speaker, a clip (T,) of each, at most 8 s; always the same ones."""
        by_speaker = {row["speaker"]: row for row in self.clips[split] if row["frames"] > 200}
        chosen = sorted(by_speaker)[:: max(len(by_speaker) // max(count, 1), 1)][:count]
        spans = {name: (by_speaker[name]["start"] * HOP, min(by_speaker[name]["frames"], 800) * HOP) for name in chosen}
        return {name: self._samples(at, at + size) for name, (at, size) in spans.items()}

    def _samples(self, start: int, stop: int) -> Tensor:
        return torch.from_numpy(self.sound[start:stop].astype(np.float32) / 32768)


def blur(mel: Tensor, generator: torch.Generator) -> Tensor:
    """Some of the rows (B, bands, T) smeared over bands and time and made uneven, as what a net made looks."""
    size = mel.shape[0]

    def some(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(size, 1, 1, generator=generator)

    over_bands = F.avg_pool1d(mel.transpose(1, 2), 3, 1, 1, count_include_pad=False).transpose(1, 2)
    over_time = F.avg_pool1d(mel, 3, 1, 1, count_include_pad=False)
    smeared = mel + some(0, 0.7) * (over_bands - mel) + some(0, 0.5) * (over_time - mel)
    uneven = torch.randn(mel.shape, generator=generator) * some(0, 0.35)
    coarse = F.interpolate(torch.randn(size, 10, mel.shape[2] // 4, generator=generator)[:, None], mel.shape[1:])[:, 0]
    changed = smeared + uneven + coarse * some(0, 0.2)
    return torch.where(torch.rand(size, 1, 1, generator=generator) < BLURRED, changed, mel)
