"""Choosing the reference of a voice: the clip that is most like all others, at a good length, level and rate.

Where no clip has 3 to 10 s, one is made: short clips are joined, a long one is cut at a pause between words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from myna.audio.io import decode, resample, write_wav
from myna.audio.labels import Label, read_labels
from myna.audio.loudness import peak, rms_dbfs
from myna.checkpoints.tensor_file import read_tensor
from myna.core.errors import BadAudio, BadInput
from myna.core.speech import Voice
from myna.core.versions import ModelVersion
from myna.core.workspace import DatasetFolder
from myna.engine.features.alignment import align_words
from myna.engine.features.content import CONTENT_RATE_HZ, DATASET_RATE_HZ
from myna.engine.synthesis.excerpt import BEST_SECONDS, MAX_SECONDS, MIN_SECONDS
from myna.engine.voiceprint import mean_voiceprint, similarity
from myna.text.frontend import phonemize

MADE_NAME = "reference.wav"

_JOIN_PAUSE_S = 0.25
_EDGE_S = 0.1
_LOUDEST = 0.999
"""From here on a clip was probably clipped."""
_SENTENCE_ENDS = tuple(".!?。！？…\"'”’")


@dataclass(frozen=True)
class _Clip:
    """A labelled clip: its sound at 32 kHz, its phones and, where there is one, its voiceprint."""

    label: Label
    path: Path
    samples: np.ndarray
    num_phones: int
    voiceprint: np.ndarray | None

    @property
    def seconds(self) -> float:
        return len(self.samples) / DATASET_RATE_HZ

    @property
    def rate(self) -> float:
        """Phones per second."""
        return self.num_phones / self.seconds


def choose_reference(
    labels: Path, clips: Path, dataset: DatasetFolder, *, version: ModelVersion, models: Path, device: str
) -> Voice:
    """The base speaking like the best of the labelled clips in ``clips``, without trained weights.

    Where none has 3 to 10 s, ``reference.wav`` is written into the dataset folder; ``models`` and ``device`` serve to
    find the words in a long clip. Raises `BadAudio` where no clip can be used, or all together are shorter than 3 s.
    """
    found = _read(labels, clips, dataset)
    fitting = [clip for clip in found if MIN_SECONDS <= clip.seconds <= MAX_SECONDS]
    if fitting:
        best = max(zip(fitting, scores(fitting), strict=True), key=lambda pair: pair[1])[0]
        path, text = best.path, best.label.text
    else:
        best = found[0]
        samples, text = _made(found, models, device)
        path = dataset.path / MADE_NAME
        write_wav(path, samples, DATASET_RATE_HZ)
    return Voice(
        version=version.name, reference=path.resolve(), reference_text=text, reference_language=best.label.language
    )


def scores(clips: Sequence[_Clip]) -> list[float]:
    """How good a reference each clip is; points are worth about 0.1 of voiceprint similarity each."""
    prints = [clip.voiceprint for clip in clips if clip.voiceprint is not None]
    middle = mean_voiceprint(prints) if prints else None
    rate = float(np.median([clip.rate for clip in clips]))
    level = float(np.median([rms_dbfs(clip.samples) for clip in clips]))
    found = []
    for clip in clips:
        alike = 0.0 if middle is None or clip.voiceprint is None else similarity(clip.voiceprint, middle)
        odd_rate = abs(float(np.log(clip.rate / rate)))
        odd_level = abs(rms_dbfs(clip.samples) - level) / 6.0
        odd_length = abs(clip.seconds - BEST_SECONDS) / BEST_SECONDS
        clipped = 1.0 if peak(clip.samples) >= _LOUDEST else 0.0
        whole = 0.0 if clip.label.text.rstrip().endswith(_SENTENCE_ENDS) else 0.5
        found.append(10 * alike - 3 * odd_rate - odd_level - 2 * odd_length - clipped - whole)
    return found


def _read(labels: Path, clips: Path, dataset: DatasetFolder) -> list[_Clip]:
    """The labelled clips that are there, are not silent and whose words can be spoken; raises `BadAudio` if none."""
    found = []
    for label in read_labels(labels):
        path = label.located(clips)
        if not path.is_file():
            continue
        try:
            samples = decode(path, DATASET_RATE_HZ).samples
            spoken = phonemize(label.text, label.language)
        except BadInput:
            continue
        if peak(samples) > 0:
            printed = dataset.speaker / f"{label.clip}.pt"
            print_ = read_tensor(printed)[0].astype(np.float32) if printed.is_file() else None
            found.append(_Clip(label, path, samples, len(spoken.phones), print_))
    if not found:
        raise BadAudio(f"no labelled clip in {clips} can be a reference; each needs sound and words")
    return found


def _made(clips: Sequence[_Clip], models: Path, device: str) -> tuple[np.ndarray, str]:
    """A reference of 3 to 10 s out of clips none of which has that length; its samples and words."""
    short = [clip for clip in clips if clip.seconds < MIN_SECONDS]
    if sum(clip.seconds + _JOIN_PAUSE_S for clip in short) - _JOIN_PAUSE_S < MIN_SECONDS:
        long = [clip for clip in clips if clip.seconds > MAX_SECONDS]
        if not long:
            raise BadAudio(f"the clips are shorter than {MIN_SECONDS:g} s together; give more speech")
        best = min(long, key=lambda clip: clip.seconds)
        num_samples, num_words = opening(
            best.samples, best.label.text, best.label.language, models=models, device=device
        )
        return best.samples[:num_samples], first_words(best.label.text, best.label.language, num_words)
    pause = np.zeros(round(_JOIN_PAUSE_S * DATASET_RATE_HZ), np.float32)
    parts, words, num_samples = [], [], -len(pause)
    for clip in short:
        parts += [clip.samples, pause]
        words.append(clip.label.text.strip())
        num_samples += len(clip.samples) + len(pause)
        if num_samples >= MIN_SECONDS * DATASET_RATE_HZ:
            break
    return np.concatenate(parts[:-1]), " ".join(words)


def opening(samples: np.ndarray, text: str, language: str, *, models: Path, device: str) -> tuple[int, int]:
    """Where a long recording (T,) at 32 kHz of ``text`` can be cut to 3 to 10 s: (samples, words) of the first part.

    It is the longest pause between two words there. Raises `BadInput` where the text does not fit the sound, `BadAudio`
    where no word ends at a good place.
    """
    sound = resample(samples, DATASET_RATE_HZ, CONTENT_RATE_HZ)
    words = align_words(sound, text, language, models=models, device=device)
    # A cut in the middle of a pause: where the word before it has ended and the next has not begun.
    cuts = [
        (after.start_s - before.end_s, (after.start_s + before.end_s) / 2, count)
        for count, (before, after) in enumerate(pairwise(words), start=1)
        if before.end_s >= MIN_SECONDS + _EDGE_S and after.start_s <= MAX_SECONDS - _EDGE_S
    ]
    if not cuts:
        raise BadAudio(f"no word ends between {MIN_SECONDS:g} and {MAX_SECONDS:g} s of the recording")
    _, at, count = max(cuts)
    return round(at * DATASET_RATE_HZ), count


def first_words(text: str, language: str, count: int) -> str:
    """The first ``count`` words of ``text``, as the front end counts them."""
    return " ".join(word for word, _, _ in phonemize(text, language).words[:count])
