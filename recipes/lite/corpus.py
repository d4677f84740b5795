"""The work folder as the stages read it: clips, their phones and frames, tokens, and length-bucketed batches."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from myna.core.errors import BadInput
from myna.core.versions import version
from myna.models.content import CTC_PHONES
from myna.models.gpt_following import followable
from myna.text.symbols import phone_ids

BINS = {"front": 80, "moved": 80, "mel": version("lite").mel.bands, "spec": version("lite").flow.reference_bins}
CLIPS, SPANS, CODEBOOK = "clips.jsonl", "spans.json", "codebook.safetensors"


@dataclass
class Clip:
    """One utterance: who, what, and its phones (none where nobody wrote them down)."""

    number: int
    file: str
    speaker: str
    language: str
    split: str
    text: str
    seconds: float
    phones: list[str]

    @property
    def ids(self) -> list[int]:
        """Ids of the phones in the lite symbol table."""
        return phone_ids(self.phones, "v2")


class Corpus:
    """The work folder of `prepare.py`; frames are mapped into memory when they are asked for."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.clips = [Clip(number, **row) for number, row in enumerate(read_listing(work))]
        self.classes = ctc_classes(self.clips)

    @cached_property
    def spans(self) -> dict[str, dict[int, tuple[int, int]]]:
        """Per kind of frames where each clip's lie, for those clips that are decoded here."""
        if not (self.work / SPANS).is_file():
            raise BadInput(f"{self.work} holds no frames; run recipes/lite/prepare.py first")
        stored = json.loads((self.work / SPANS).read_text())
        return {kind: {int(number): tuple(span) for number, span in spans.items()} for kind, spans in stored.items()}

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """Per kind all frames end to end, (N, bins) float16."""
        return {
            kind: np.memmap(self.work / f"{kind}.f16", np.float16, "r").reshape(-1, BINS[kind]) for kind in self.spans
        }

    def frames(self, clip: Clip, kind: str, first: int = 0, last: int | None = None) -> Tensor:
        """float32 (T, bins), or of these some."""
        start, length = self.spans[kind][clip.number]
        stop = length if last is None else min(last, length)
        return torch.from_numpy(self.arrays[kind][start + first : start + stop].astype(np.float32))

    def has(self, clip: Clip, kind: str) -> bool:
        """Whether the clip is decoded here."""
        return clip.number in self.spans[kind]

    def ctc(self, clip: Clip) -> list[int]:
        """CTC classes of the phones, stress, tones and punctuation removed."""
        return [self.classes[plain(p)] for p in clip.phones if plain(p) in self.classes]

    def pick(self, split: str, *, texted: bool, kind: str = "front") -> list[Clip]:
        """The decoded clips of one split; with ``texted`` only those with a transcript."""
        return [c for c in self.clips if c.split == split and (c.phones or not texted) and self.has(c, kind)]


def plain(phone: str) -> str:
    """A phone without stress or tone."""
    return phone.rstrip("0123456789")


def ctc_classes(clips: Sequence[Clip]) -> dict[str, int]:
    """The class of every phone: the English ones as the encoder that ships has them, then those of other languages."""
    others = sorted(
        {plain(p) for c in clips if c.language != "en" for p in c.phones if any(s.isalpha() for s in p)}
        - set(CTC_PHONES)
    )
    return {phone: index for index, phone in enumerate((*CTC_PHONES, *others), start=1)}


def batches(clips: list[Clip], seconds: float, seed: int) -> list[list[Clip]]:
    """Clips sorted by length with some jitter, cut into batches of about ``seconds``, in random order."""
    rng = random.Random(seed)
    ordered = sorted(clips, key=lambda c: c.seconds * rng.uniform(0.9, 1.1))
    out: list[list[Clip]] = [[]]
    longest = 0.0
    for clip in ordered:
        longest = max(longest, clip.seconds)
        if out[-1] and longest * (len(out[-1]) + 1) > seconds:
            out.append([])
            longest = clip.seconds
        out[-1].append(clip)
    rng.shuffle(out)
    return out


def pad(rows: Sequence[Tensor], value: float = 0.0) -> tuple[Tensor, Tensor]:
    """Rows (T_i, ...) to (B, T, ...) right-padded, and lengths (B,)."""
    lengths = torch.tensor([len(r) for r in rows])
    return torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True, padding_value=value), lengths


class Tokens(Corpus):
    """The corpus with what `tokens.py` wrote: per clip its codes, phone ids, and the phone each code speaks."""

    def __init__(self, work: Path) -> None:
        super().__init__(work)
        if not (work / "tokens.npz").is_file():
            raise BadInput(f"{work} holds no tokens; run recipes/lite/tokens.py first")
        self.codes: dict[int, Tensor] = {}
        self.spoken: dict[int, Tensor] = {}
        self.ids: dict[int, Tensor] = {}
        self.by_speaker: dict[str, list[int]] = {}
        with np.load(work / "tokens.npz") as stored:
            flat = {name: stored[name] for name in ("numbers", "codes", "spoken", "ids", "num_codes", "num_ids")}
        ends = {name: np.cumsum(flat[f"num_{name}"])[:-1] for name in ("codes", "ids")}
        rows = zip(
            flat["numbers"].tolist(),
            np.split(flat["codes"], ends["codes"]),
            np.split(flat["spoken"], ends["codes"]),
            np.split(flat["ids"], ends["ids"]),
            strict=True,
        )
        for number, *parts in rows:
            for part, place in zip(parts, (self.codes, self.spoken, self.ids), strict=True):
                place[number] = torch.from_numpy(part.astype(np.int64))
            self.spoken[number] = followable(self.spoken[number])
            self.by_speaker.setdefault(self.clips[number].speaker, []).append(number)

    def of(self, split: str, *, texted: bool, kind: str | None = None) -> list[int]:
        """Numbers of the clips of ``train`` or ``held``: transcribed ones, decoded ones (with ``kind`` of frames)."""
        return [
            number
            for number in self.codes
            for clip in [self.clips[number]]
            if clip.split == split and (clip.text or not texted) and (kind is None or self.has(clip, kind))
        ]


def read_listing(work: Path) -> list[dict]:
    """The clips of ``work``; raises `BadInput` where `prepare.py` has not been there."""
    if not (work / CLIPS).is_file():
        raise BadInput(f"{work} holds no {CLIPS}; run recipes/lite/prepare.py first")
    return [json.loads(line) for line in (work / CLIPS).read_text(encoding="utf-8").splitlines()]


class Draw:
    """Clips at random: a speaker by the root of how much there is of him, so that the many are heard, then a clip."""

    def __init__(self, tokens: Tokens, numbers: Sequence[int]) -> None:
        speakers: dict[str, list[int]] = {}
        for number in numbers:
            speakers.setdefault(tokens.clips[number].speaker, []).append(number)
        self.of = speakers
        self.names = list(speakers)
        self.weights = [sum(tokens.clips[n].seconds for n in own) ** 0.5 for own in speakers.values()]

    def clips(self, count: int, rng: random.Random) -> list[int]:
        """Numbers of ``count`` clips."""
        return [rng.choice(self.of[name]) for name in rng.choices(self.names, self.weights, k=count)]


def save_tokens(work: Path, rows: dict[int, tuple[np.ndarray, np.ndarray, Sequence[int]]]) -> None:
    """Write per clip number its codes, spoken columns and phone ids."""
    codes, spoken, ids = (list(column) for column in zip(*rows.values(), strict=True))
    partial = work / "tokens.partial.npz"
    np.savez_compressed(
        partial,
        numbers=np.asarray(list(rows), np.int32),
        codes=np.concatenate(codes).astype(np.int16),
        spoken=np.concatenate(spoken).astype(np.int16),
        ids=np.concatenate([np.asarray(one) for one in ids]).astype(np.int16),
        num_codes=np.asarray([len(one) for one in codes], np.int32),
        num_ids=np.asarray([len(one) for one in ids], np.int32),
    )
    partial.rename(work / "tokens.npz")
