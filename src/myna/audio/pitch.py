"""Moves the pitch of sound and keeps its length: played faster or slower, and stretched back by libav's ``atempo``."""

from __future__ import annotations

from typing import cast

import av
import numpy as np

from myna.audio.io import resample

MOST_SEMITONES = 24
_BLOCK = 65536
_TEMPO = (0.5, 2.0)
"""What one ``atempo`` does well; more is done by several."""


def shifted(samples: np.ndarray, sample_rate: int, semitones: float) -> np.ndarray:
    """Mono ``samples`` (T,), float32, moved by ``semitones`` (-24 to 24): the same length and rate."""
    if not semitones or not len(samples):
        return samples
    if abs(semitones) > MOST_SEMITONES:
        raise ValueError(f"{semitones} semitones are more than {MOST_SEMITONES}")
    factor = 2 ** (semitones / 12)
    played = resample(samples, round(sample_rate * factor), sample_rate)
    stretched = _at_tempo(played, sample_rate, 1 / factor)
    return np.pad(stretched, (0, max(len(samples) - len(stretched), 0)))[: len(samples)]


def _at_tempo(samples: np.ndarray, sample_rate: int, tempo: float) -> np.ndarray:
    graph = av.filter.Graph()
    last = first = graph.add_abuffer(sample_rate=sample_rate, format="flt", layout="mono")
    for part in _tempi(tempo):
        node = graph.add("atempo", f"{part:.8f}")
        last.link_to(node)
        last = node
    sink = graph.add("abuffersink")
    last.link_to(sink)
    graph.configure()
    found = []
    for start in range(0, len(samples), _BLOCK):
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples[None, start : start + _BLOCK], np.float32), format="flt", layout="mono"
        )
        frame.sample_rate, frame.pts = sample_rate, start
        first.push(frame)
        found += _pulled(sink)
    first.push(None)
    found += _pulled(sink)
    return np.concatenate(found) if found else np.zeros(0, np.float32)


def _tempi(tempo: float) -> list[float]:
    """``tempo`` as a product of steps that one filter does well."""
    steps = []
    while not _TEMPO[0] <= tempo <= _TEMPO[1]:
        step = _TEMPO[0] if tempo < _TEMPO[0] else _TEMPO[1]
        steps.append(step)
        tempo /= step
    return [*steps, tempo]


def _pulled(sink: av.filter.context.FilterContext) -> list[np.ndarray]:
    blocks: list[np.ndarray] = []
    while True:
        try:
            frame = sink.pull()
        except (av.BlockingIOError, av.EOFError):
            return blocks
        blocks.append(cast(av.AudioFrame, frame).to_ndarray().reshape(-1).astype(np.float32))
