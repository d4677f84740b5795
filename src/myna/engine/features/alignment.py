"""When each word, each phone is said: CTC alignment with the bundled content encoder.

Recordings are heard in windows, because the encoder was trained on single sentences; neighbouring windows overlap and
each frame is taken from the window in which it lies farther from the edge.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from myna.core.errors import BadInput
from myna.core.versions import VERSIONS, ModelVersion
from myna.engine.align import best_path, centres
from myna.engine.features.content import CONTENT_RATE_HZ
from myna.engine.library import Library
from myna.models.content import CTC_PHONES, LiteContent
from myna.text.frontend import phonemize

FRAME_S = 0.04
"""The encoder's frames, 25 per second."""

_LANGUAGE = "en"
"""The language whose phones the encoder hears."""
_CTC_CLASS = {phone: number for number, phone in enumerate(CTC_PHONES, start=1)}
_VOWELS = frozenset(["AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"])
_WINDOW_FRAMES = 400
_OVERLAP_FRAMES = 50
_FRAME_SAMPLES = 640
_MIN_SAMPLES = 400
_PHONE_FRAMES = 3
"""How far from its middle a phone still sounds; what lies farther off, beside a mark, is a pause."""


@dataclass(frozen=True)
class TimedWord:
    """A word as it stands in the text, and when it is said, in seconds."""

    text: str
    start_s: float
    end_s: float


def align_words(
    samples: np.ndarray,
    text: str,
    language: str,
    *,
    models: Path,
    device: str = "auto",
) -> list[TimedWord]:
    """When each word of ``text`` is said in mono ``samples`` (T,) at 16 kHz; some minutes at most.

    Raises:
        BadInput: a language without alignment, a text without words, or more words than fit into the sound.
        MissingAsset: the bundled content encoder is not there.
    """
    spoken = phonemize(text, language)
    encoder = Library(models, device).content(aligner())
    assert isinstance(encoder, LiteContent)  # `aligner` chose it
    labels = ctc_labels(spoken.phones)
    if not labels or not spoken.words or set(spoken.languages) != {_LANGUAGE}:
        raise BadInput(f"texts in {language!r} cannot be aligned; give an English one")
    path = best_path(ctc_scores(encoder, samples), [label for _, label in labels])
    if path is None:
        raise BadInput(
            f"the text has {len(labels)} phones, too many for {len(samples) / CONTENT_RATE_HZ:.1f} s of sound"
        )
    frames = {column: np.flatnonzero(path == number) for number, (column, _) in enumerate(labels)}
    words, at = [], 0.0
    for word, first, past in spoken.words:
        said = [frames[column] for column in range(first, past) if column in frames]
        start = float(said[0][0]) * FRAME_S if said else at
        at = float(said[-1][-1] + 1) * FRAME_S if said else at
        words.append(TimedWord(word, start, at))
    return words


def aligner() -> ModelVersion:
    """The bundled version, whose content encoder hears phones."""
    return next(version for version in VERSIONS.values() if version.is_bundled)


def ctc_labels(phones: Sequence[str]) -> list[tuple[int, int]]:
    """(column, CTC class) of every phone that can be heard: English ones, without stress; marks are left out."""
    plain = [phone.rstrip("012") for phone in phones]
    return [(column, _CTC_CLASS[phone]) for column, phone in enumerate(plain) if phone in _CTC_CLASS]


@torch.inference_mode()
def ctc_scores(encoder: LiteContent, samples: np.ndarray) -> np.ndarray:
    """Log-probabilities (T25, classes) of the blank and the phones in ``samples`` (T,) at 16 kHz."""
    device = next(encoder.parameters()).device
    sound = np.asarray(samples, np.float32)
    sound = np.pad(sound, (0, max(_MIN_SAMPLES - len(sound), 0)))
    total = -(-(len(sound) // (_FRAME_SAMPLES // 4)) // 4)
    step = _WINDOW_FRAMES - _OVERLAP_FRAMES
    parts, end = [], 0
    for start in range(0, max(total - _OVERLAP_FRAMES, 1), step):
        window = sound[start * _FRAME_SAMPLES : (start + _WINDOW_FRAMES) * _FRAME_SAMPLES]
        frames = encoder.front(torch.from_numpy(window)[None].to(device))
        logits = encoder.encode(frames, torch.tensor([frames.shape[1]], device=device)).ctc_logits[0]
        is_last = start + _WINDOW_FRAMES >= total
        stop = len(logits) if is_last else _WINDOW_FRAMES - _OVERLAP_FRAMES // 2
        parts.append(logits[end - start : stop].log_softmax(-1).float().cpu().numpy())
        end = start + stop
    return np.concatenate(parts)


def spoken_columns(scores: np.ndarray, phones: Sequence[str]) -> np.ndarray | None:
    """Which of ``phones`` each frame of ``scores`` (T25, classes) says, (T25,) rising; None where they do not fit.

    A frame says the phone it is nearest to. A pause belongs to the mark that stands there, where one does.
    """
    labels = ctc_labels(phones)
    path = best_path(scores, [label for _, label in labels])
    if path is None:
        return None
    middles = centres(path, len(labels))
    nearest = np.abs(np.arange(len(scores))[:, None] - middles[None]).argmin(1)
    columns = [column for column, _ in labels]
    said: np.ndarray = np.asarray(columns)[nearest]
    for column, after, start, stop in zip(
        columns, [*columns[1:], len(phones)], middles, [*middles[1:], len(scores) + _PHONE_FRAMES], strict=True
    ):
        if after - column > 1:
            said[math.ceil(start + _PHONE_FRAMES) : max(math.floor(stop - _PHONE_FRAMES) + 1, 0)] = column + 1
    return said


def heard_phones(scores: np.ndarray) -> list[str]:
    """The phones that are likeliest in ``scores`` (T25, classes); vowels get the main stress, which is not heard.

    Classes behind the English phones, which an encoder of several languages has, are passed over.
    """
    best = scores[:, : len(CTC_PHONES) + 1].argmax(1)
    kept = best[(best > 0) & np.concatenate(([True], best[1:] != best[:-1]))]
    phones = [CTC_PHONES[number - 1] for number in kept]
    return [f"{phone}1" if phone in _VOWELS else phone for phone in phones]
