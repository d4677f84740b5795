"""The packed training speech: clips, their phones, and length-bucketed batches."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from myna.core.errors import BadInput
from myna.core.versions import version
from myna.models.content import CTC_PHONES
from myna.models.gpt_following import followable
from myna.text.frontend import phonemize
from myna.text.symbols import phone_ids

BINS = {"front": 80, "mel": version("lite").mel.bands, "spec": version("lite").flow.reference_bins}
CTC_CLASS = {phone: index for index, phone in enumerate(CTC_PHONES, start=1)}


@dataclass
class Clip:
    """One utterance: who, what, and where its frames lie in the packed arrays."""

    file: str
    speaker: str
    split: str
    text: str
    seconds: float
    spans: dict[str, tuple[int, int]]
    phones: list[str] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)

    @property
    def ctc(self) -> list[int]:
        """CTC classes of the phones, stress and punctuation removed."""
        return [CTC_CLASS[p.rstrip("012")] for p in self.phones if p.rstrip("012") in CTC_CLASS]


class Corpus:
    """The work folder of `prepare.py`, mapped into memory."""

    reads_text = True

    def __init__(self, work: Path) -> None:
        self.work = work
        self.arrays = {n: np.memmap(work / f"{n}.f16", np.float16, "r").reshape(-1, bins) for n, bins in BINS.items()}
        with (work / "clips.jsonl").open(encoding="utf-8") as file:
            self.clips = [self._clip(json.loads(line)) for line in file]

    def _clip(self, row: dict) -> Clip:
        clip = Clip(
            row["file"],
            row["speaker"],
            row["split"],
            row["text"],
            row["seconds"],
            {name: tuple(row[name]) for name in BINS},
        )
        if clip.text and self.reads_text:
            try:
                clip.phones = phonemize(clip.text, "en").phones
            except BadInput:
                clip.text = ""
            clip.ids = phone_ids(clip.phones, "v2")
        return clip

    def frames(self, clip: Clip, name: str) -> Tensor:
        """float32 (T, bins)."""
        start, length = clip.spans[name]
        return torch.from_numpy(self.arrays[name][start : start + length].astype(np.float32))

    def pick(self, split: str, *, texted: bool) -> list[Clip]:
        """The clips of one split; with ``texted`` only those with a transcript."""
        return [c for c in self.clips if c.split == split and (c.phones or not texted)]


def batches(clips: list[Clip], seconds: float, seed: int) -> list[list[Clip]]:
    """Clips sorted by length with some jitter, cut into batches of about ``seconds``, in random order."""
    rng = random.Random(seed)
    ordered = sorted(clips, key=lambda c: c.seconds * rng.uniform(0.9, 1.1))
    out: list[list[Clip]] = [[]]
    for clip in ordered:
        longest = max([clip.seconds] + [c.seconds for c in out[-1]])
        if out[-1] and longest * (len(out[-1]) + 1) > seconds:
            out.append([])
        out[-1].append(clip)
    rng.shuffle(out)
    return out


def pad(rows: list[Tensor], value: float = 0.0) -> tuple[Tensor, Tensor]:
    """Rows (T_i, ...) to (B, T, ...) right-padded, and lengths (B,)."""
    lengths = torch.tensor([len(r) for r in rows])
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=value), lengths


class Tokens(Corpus):
    """The corpus with what `tokens.py` wrote: per clip its codes, phone ids, and the phone each code speaks."""

    reads_text = False

    def __init__(self, work: Path) -> None:
        super().__init__(work)
        stored = np.load(work / "tokens.npz")
        self.codes: dict[int, Tensor] = {}
        self.spoken: dict[int, Tensor] = {}
        self.ids: dict[int, Tensor] = {}
        self.by_speaker: dict[str, list[int]] = {}
        for number, clip in enumerate(self.clips):
            if f"{number}.codes" not in stored:
                continue
            for name, table in (("codes", self.codes), ("spoken", self.spoken), ("ids", self.ids)):
                table[number] = torch.from_numpy(stored[f"{number}.{name}"].astype(np.int64))
            self.spoken[number] = followable(self.spoken[number])
            self.by_speaker.setdefault(clip.speaker, []).append(number)

    def _of(self, split: str, texted: bool) -> list[int]:
        return [n for n in self.codes if self.clips[n].split == split and (self.clips[n].text or not texted)]

    def training(self, *, texted: bool) -> list[int]:
        """Numbers of the training clips, with ``texted`` only transcribed ones."""
        return self._of("train", texted)

    def held(self, *, texted: bool) -> list[int]:
        """Numbers of the clips of held-out speakers."""
        return self._of("held", texted)
