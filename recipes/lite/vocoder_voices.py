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
MADE, MADE_INDEX = "made.f16", "made.json"
MADE_SHARE = 0.6
"""How many of the segments are given as the flow decoder makes them, where `vocoder_mels.py` has been."""


@dataclass
class Segments:
    """A batch: ``sound`` (B, T), ``mel`` (B, bands, T / 480), ``hz`` (B, T / 240), its bridged logarithm, ``noise``.

    ``is_own`` (B,) says which mels are those of the sound: the flow decoder's have a pitch of their own.
    """

    sound: Tensor
    mel: Tensor
    hz: Tensor
    log_hz: Tensor
    noise: Tensor
    is_own: Tensor


@dataclass(frozen=True)
class Cut:
    """A piece of a clip: its first frame, its samples with what lies beside them, and the pitch of its frames."""

    first: int
    sound: np.ndarray
    hz: np.ndarray


class Voices:
    """The work folder of `vocoder_data.py`, mapped into memory."""

    def __init__(self, work: Path) -> None:
        self.sound = np.memmap(work / "voices.s16", np.int16, "r")
        self.hz = np.memmap(work / "pitch.f16", np.float16, "r")
        with (work / "voices.jsonl").open(encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        self.made, self.spans = self._made_mels(work)
        self.clips = {name: [r for r in rows if r["split"] == name] for name in ("train", "held")}
        self.spoken = {name: [r for r in rows if r["file"] in self.spans] for name, rows in self.clips.items()}
        """Of these the ones whose made mels are there."""

    @staticmethod
    def _made_mels(work: Path) -> tuple[np.ndarray, dict[str, tuple[int, int]]]:
        """What `vocoder_mels.py` wrote: frames (N, bands) and where each file's lie."""
        if not (work / MADE_INDEX).is_file():
            return np.zeros((0, LITE.mel.bands), np.float16), {}
        frames = np.memmap(work / MADE, np.float16, "r").reshape(-1, LITE.mel.bands)
        return frames, {file: (at, count) for file, (at, count) in json.loads((work / MADE_INDEX).read_text()).items()}

    @staticmethod
    def _odds(rows: list[dict]) -> np.ndarray:
        """How often a clip is drawn: by its length, and less for speakers of whom there is much."""
        total: dict[str, int] = {}
        for row in rows:
            total[row["speaker"]] = total.get(row["speaker"], 0) + row["frames"]
        odds = np.array([row["frames"] / total[row["speaker"]] ** 0.5 for row in rows])
        return odds / odds.sum()

    def batch(self, step: int, split: str, size: int, *, blurred: bool, made: float = 0.0) -> Segments:
        """The batch of one step; the share ``made`` of it with mels of the flow decoder, where there are any."""
        rng = np.random.default_rng([step, 0 if split == "train" else 1])
        of_made = round(made * size) if self.spoken[split] else 0
        rows = self._draw(self.spoken[split], of_made, rng) + self._draw(self.clips[split], size - of_made, rng)
        cuts = [self._cut(row, rng) for row in rows]
        wide = torch.from_numpy(np.stack([cut.sound for cut in cuts]))
        hz = torch.from_numpy(np.stack([cut.hz for cut in cuts]))
        gain = 10 ** (torch.from_numpy(rng.uniform(-LOUDER, LOUDER / 3, (size, 1))).float() / 20)
        gain = gain if blurred else torch.ones_like(gain)
        mel = mel_within(wide * gain)
        seed = torch.Generator().manual_seed(int(rng.integers(2**31)))
        noise = torch.randn(size, FRAMES * HOP, generator=seed)
        mel = blur(mel, seed) if blurred else mel
        for number in range(of_made):
            own = self._made(rows[number], cuts[number].first // 2)
            mel[number, :, : own.shape[1]] = own + gain[number].log()
        log_hz = bridged(hz.clamp(min=1.0).log(), hz > 0)
        log_hz = torch.where((hz > 0).any(dim=1, keepdim=True), log_hz, float(np.log(150.0)))
        return Segments((wide * gain)[:, SIDE:-SIDE], mel, hz, log_hz, noise, torch.arange(size) >= of_made)

    @classmethod
    def _draw(cls, rows: list[dict], count: int, rng: np.random.Generator) -> list[dict]:
        return [rows[n] for n in rng.choice(len(rows), count, p=cls._odds(rows))] if count else []

    def _made(self, row: dict, first: int) -> Tensor:
        """The made frames (bands, T) of a segment that begins at mel frame ``first``, as far as there are any."""
        at, count = self.spans[row["file"]]
        frames = self.made[at + min(first, count) : at + min(first + FRAMES // 2, count)]
        return torch.from_numpy(frames.astype(np.float32).T.copy())

    def _cut(self, row: dict, rng: np.random.Generator) -> Cut:
        """A segment with SIDE samples more at both ends, float32, and its pitch; zeros beyond the clip."""
        first = 2 * int(rng.integers(0, max(row["frames"] - FRAMES, 0) // 2 + 1))
        start, stop = row["start"] * HOP, (row["start"] + row["frames"]) * HOP
        low = start + first * HOP - SIDE
        high = low + FRAMES * HOP + 2 * SIDE
        sound = self.sound[max(low, start) : min(high, stop)].astype(np.float32) / 32768
        sound = np.pad(sound, (max(start - low, 0), max(high - stop, 0)))
        hz = self.hz[row["start"] + first : row["start"] + min(first + FRAMES, row["frames"])].astype(np.float32)
        return Cut(first, sound, np.pad(hz, (0, FRAMES - len(hz))))

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
