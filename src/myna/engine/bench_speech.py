"""The held-out speakers that the bundled base is measured on: ten people, a reference of each, and the rest of them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from myna.audio.io import decode
from myna.audio.loudness import level_mix
from myna.core.errors import BadInput
from myna.core.progress import Progress
from myna.engine.features.content import DATASET_RATE_HZ
from myna.engine.strangers import LEARNERS, NATIVE, NUM_LEARNERS
from myna.engine.synthesis.excerpt import BEST_SECONDS, MAX_SECONDS, MIN_SECONDS

_MOST_CLIPS = 20
_GAP_S = 0.2
"""Between the clips of a reference."""
_WANTED = (
    "the benchmark needs held-out speech: give --speech a folder with test/transcripts.tsv and train/manifest.tsv, in "
    "whose tables the speakers " + ", ".join(NATIVE) + f" and {NUM_LEARNERS} speakers {LEARNERS}_* stand"
)


@dataclass(frozen=True)
class Utterance:
    """Samples (T,) at 32 kHz, and what they say; empty where nobody wrote it down."""

    samples: np.ndarray
    text: str

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / DATASET_RATE_HZ


@dataclass(frozen=True)
class Person:
    """One speaker: the reference that is cloned, and other utterances that it is judged by."""

    name: str
    reference: Utterance
    others: tuple[Utterance, ...]


def read_people(speech: Path | None, progress: Progress) -> list[Person]:
    """The ten held-out speakers of the folder ``speech``; raises `BadInput` that says what is wanted."""
    if speech is None or not (speech / "test" / "transcripts.tsv").is_file():
        raise BadInput(_WANTED)
    tested = list(_table(speech / "test", "transcripts.tsv", "file"))
    listed = {name: [row for row in tested if row[0] == name] for name in NATIVE}
    listed |= _learners(speech / "train")
    people = []
    for number, (name, rows) in enumerate(listed.items()):
        progress(number / len(listed), name)
        if not rows:
            raise BadInput(f"no recording of {name} is listed; {_WANTED}")
        clips = [
            Utterance(level_mix(decode(path, DATASET_RATE_HZ).samples), text) for _, path, text in rows[:_MOST_CLIPS]
        ]
        people.append(_person(name, clips))
    return people


def _table(folder: Path, name: str, column: str) -> Iterator[tuple[str, Path, str]]:
    """(speaker, file, text) of every English line."""
    with (folder / name).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row["language"] == "en" and float(row["seconds"]) >= 1.0:
                yield row["speaker"], folder / row[column], row["text"]


def _learners(folder: Path) -> dict[str, list[tuple[str, Path, str]]]:
    """The learners with most clips, by name where they have equally many."""
    if not (folder / "manifest.tsv").is_file():
        raise BadInput(_WANTED)
    rows: dict[str, list[tuple[str, Path, str]]] = {}
    for row in _table(folder, "manifest.tsv", "path"):
        if row[0].startswith(LEARNERS):
            rows.setdefault(row[0], []).append(row)
    chosen = sorted(rows, key=lambda name: (-len(rows[name]), name))[:NUM_LEARNERS]
    if len(chosen) < NUM_LEARNERS:
        raise BadInput(_WANTED)
    return {name: rows[name] for name in chosen}


def _person(name: str, clips: list[Utterance]) -> Person:
    """The clips nearest 5 s, joined to at most 10 s, are the reference, and as many or more are left to judge by; of a
    single long one it is its beginning, whose words are not known then."""
    if len(clips) > 1:
        ordered = sorted(clips, key=lambda clip: (clip.seconds > MAX_SECONDS, abs(clip.seconds - BEST_SECONDS)))
        chosen: list[Utterance] = []
        for clip in ordered[:-1]:
            length = sum(one.seconds + _GAP_S for one in chosen)
            is_enough = length >= MIN_SECONDS + _GAP_S and len(chosen) >= len(clips) // 2
            if not is_enough and length + clip.seconds <= MAX_SECONDS:
                chosen.append(clip)
        return Person(name, joined(chosen), tuple(clip for clip in clips if not any(clip is one for one in chosen)))
    samples = clips[0].samples
    cut = quietest(samples, MIN_SECONDS + 1.0, MAX_SECONDS - 0.2)
    return Person(name, Utterance(samples[:cut], ""), (Utterance(samples[cut:], ""),))


def joined(clips: Sequence[Utterance]) -> Utterance:
    """Clips one after the other, with a little silence between them; without words unless all have some."""
    gap = np.zeros(round(_GAP_S * DATASET_RATE_HZ), np.float32)
    parts = [part for clip in clips for part in (gap, clip.samples)][1:]
    text = " ".join(clip.text for clip in clips) if all(clip.text for clip in clips) else ""
    return Utterance(np.concatenate(parts), text)


def quietest(samples: np.ndarray, start_s: float, stop_s: float) -> int:
    """The middle of the quietest 0.2 s between two times of (T,) samples at 32 kHz."""
    width, hop = DATASET_RATE_HZ // 5, DATASET_RATE_HZ // 100
    starts = range(int(start_s * DATASET_RATE_HZ), int(stop_s * DATASET_RATE_HZ) - width, hop)
    return min(starts, key=lambda at: float(np.square(samples[at : at + width], dtype=np.float64).sum())) + width // 2
