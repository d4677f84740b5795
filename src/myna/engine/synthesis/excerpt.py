"""Of a reference that is longer than one may be, the part that is used: where the voice speaks most, between pauses."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from myna.audio.io import resample
from myna.core.errors import BadAudio, BadInput
from myna.core.speech import Voice
from myna.engine.features.alignment import align_words
from myna.engine.features.content import CONTENT_RATE_HZ, DATASET_RATE_HZ
from myna.engine.library import Library

MIN_SECONDS, MAX_SECONDS = 3.0, 10.0
"""What a reference may last (official rule)."""
BEST_SECONDS = 5.0
"""Long enough to know the voice, short enough to leave the GPT room for the sentence."""

_FRAME = DATASET_RATE_HZ // 100
_EVERY_FRAMES = 5
"""Without words a part may begin and end at any of these, 50 ms."""
_EDGE_FRAMES = 5
"""How much sound around a cut says how loud it is there."""
_SPEECH_DB = 30.0
"""What is farther below the loudest is not speech."""
_FLOOR_DB = -100.0
_LOUDEST = 0.999
"""From here on sound was probably clipped."""
_MOST_ALIGNED_S = 180.0
"""Words are looked for in recordings up to this length; the memory it takes grows with its square."""


@dataclass(frozen=True)
class Excerpt:
    """What is used of a reference: ``samples`` (T,) at 32 kHz and its ``words``, "" where they are not known.

    ``notice`` tells a person which part it is; "" where it is the whole.
    """

    samples: np.ndarray
    words: str
    notice: str = ""


def excerpt(samples: np.ndarray, path: Path, voice: Voice | None, library: Library) -> Excerpt:
    """The best 3 to 10 s of ``samples`` (T,) at 32 kHz, which ``path`` holds; all of it where it is no longer.

    ``voice`` knows the words, None: they are not wanted. Those of the part are found by alignment; in languages that
    cannot be aligned, or where the words do not fit the sound, the part has none. Raises `BadAudio` where it is shorter
    than 3 s.
    """
    seconds, text = len(samples) / DATASET_RATE_HZ, "" if voice is None else voice.reference_text.strip()
    if seconds < MIN_SECONDS:
        raise BadAudio(f"the reference {path.name} is {seconds:.1f} s long; give {MIN_SECONDS:g} to {MAX_SECONDS:g} s")
    if seconds <= MAX_SECONDS:
        return Excerpt(samples, text)
    found = None
    if voice is not None and text and seconds <= _MOST_ALIGNED_S:
        found = _spoken_part(samples, text, voice.reference_language, library)
    words, (start, end) = found or ("", best_part(samples))
    used = f"{start / DATASET_RATE_HZ:.1f} to {end / DATASET_RATE_HZ:.1f} s of it is used"
    spoken = "" if not text else f', which says "{words}"' if words else ", without its words, which were not found"
    return Excerpt(samples[start:end], words, f"reference {path.name} is {seconds:.1f} s long; {used}{spoken}")


def best_part(samples: np.ndarray, cuts: np.ndarray | None = None) -> tuple[int, int]:
    """Where the best 3 to 10 s of ``samples`` (T,) at 32 kHz begin and end; ``cuts``, rising, are where they may.

    Good is much speech at the usual level, between two pauses, about 5 s long and never clipped. Raises `BadAudio`
    where no two cuts are 3 to 10 s apart.
    """
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    levels = 10 * np.log10(np.maximum(np.mean(np.square(frames), axis=1), 1e-10))
    is_clipped = (np.abs(frames) >= _LOUDEST).any(axis=1)
    loud = float(np.percentile(levels[~is_clipped] if not is_clipped.all() else levels, 95))
    is_speech = levels > max(loud - _SPEECH_DB, _FLOOR_DB)
    usual = float(np.median(levels[is_speech & ~is_clipped])) if (is_speech & ~is_clipped).any() else loud
    sums = {"speech": is_speech, "level": np.where(is_speech, levels - usual, 0.0), "clipped": is_clipped}
    upto = {name: np.concatenate(([0.0], np.cumsum(values))) for name, values in sums.items()}
    points = np.arange(0, len(levels) + 1, _EVERY_FRAMES) if cuts is None else np.minimum(cuts // _FRAME, len(levels))
    edge = np.array([_mean(levels, int(point)) for point in points])
    edge = np.clip((edge - (loud - _SPEECH_DB)) / _SPEECH_DB, 0.0, 1.0)
    best, found = -np.inf, None
    for number, start in enumerate(points):
        first, last = np.searchsorted(points, [start + MIN_SECONDS * 100, start + MAX_SECONDS * 100 + 1e-6])
        ends = points[first:last]
        if not len(ends):
            continue
        length = ends - start
        share = {name: (values[ends] - values[start]) / length for name, values in upto.items()}
        odd_length = np.abs(length / 100 - BEST_SECONDS) / BEST_SECONDS
        score = share["speech"] - 0.05 * np.abs(share["level"]) - 10 * share["clipped"] - 0.2 * odd_length
        score = score - 0.5 * (edge[number] + edge[first:last])
        at = int(score.argmax())
        if score[at] > best:
            best, found = float(score[at]), (int(start) * _FRAME, int(ends[at]) * _FRAME)
    if found is None:
        raise BadAudio(f"no part of the reference that lasts {MIN_SECONDS:g} to {MAX_SECONDS:g} s ends at a word's end")
    return found


def _mean(levels: np.ndarray, point: int) -> float:
    """The level around a cut; beyond the ends there is nothing to cut."""
    return float(levels[max(point - _EDGE_FRAMES, 0) : point + _EDGE_FRAMES].mean())


def _spoken_part(samples: np.ndarray, text: str, language: str, library: Library) -> tuple[str, tuple[int, int]] | None:
    """The best part between two words, and what is said there; None where the words cannot be found."""
    sound = resample(samples, DATASET_RATE_HZ, CONTENT_RATE_HZ)
    try:
        words = align_words(sound, text, language, models=library.models, device=str(library.device))
        middles = [(before.end_s + after.start_s) / 2 for before, after in pairwise(words)]
        cuts = np.array([0, *(round(second * DATASET_RATE_HZ) for second in middles), len(samples)])
        start, end = best_part(samples, cuts)
    except BadInput:  # another language, other words, no word that ends at a good place: then without words
        return None
    begins = cuts[:-1] // _FRAME * _FRAME
    return " ".join(word.text for word, at in zip(words, begins, strict=True) if start <= at < end), (start, end)
