"""One clip, heard once: its measures, who speaks, what tells it from every other sound, its picture, its player."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from functools import lru_cache
from multiprocessing import parent_process
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from myna.audio.encode import encode
from myna.audio.io import Audio, DecodeLimits, decode, resample
from myna.core.errors import BadAudio, CallerError, NotFound, WorkspaceError
from myna.engine.check.found import LEAVE_OUT, LOOK, Finding, verdict_of
from myna.engine.check.rules import SECONDS, SUSPICIOUS_DB, Shape, sound_findings
from myna.engine.check.texts import TextFacts
from myna.engine.check.words import word_findings
from myna.engine.dnsmos import Dnsmos
from myna.engine.measures import Measures, measure
from myna.engine.voiceprint import SAMPLE_RATE, voiceprint

MAX_SECONDS = 600.0
"""Longer sounds are no clips."""

OUTLINE_COLUMNS = 160
_PLAYED_S = 60.0
_PLAYER = "opus"
_VOICE_S = 1.6
"""Below this a voiceprint is a guess."""

_FRAME_S = 0.02
_SILENT_BELOW_LOUD_DB = 35.0
_SILENT_DBFS = -60.0
_BAND_BELOW_LOUD_DB = 60.0
_SPECTRUM = 1024

_CODE_BANDS = 17
_CODE_HOP = 1600
_CODE_N = 4096
_CODE_HZ = (300.0, 3400.0)


@dataclass(frozen=True)
class Task:
    """What a process is asked: the clip's file, what its text is, whether it gets a player in any case.

    ``dnsmos``: the net that is asked about clips that may be noisy; ``root``: the folder that must hold the file;
    ``listens``: whether English words are compared with what is heard; ``seconds``: see `rules.trained_seconds`.
    """

    path: Path
    text: TextFacts
    is_sample: bool
    dnsmos: Path | None = None
    root: Path | None = None
    listens: bool = False
    seconds: tuple[float, float] = SECONDS


@dataclass(frozen=True)
class Heard:
    """What became of a clip; without ``measures`` it could not be heard.

    ``digest``: of the samples. ``code`` (T10, 2) bytes: how the spectrum rises and falls, alike for the same sound in
    another format. ``outline`` (160,) bytes: see `outline_of`. ``player``: Ogg Opus, empty for none.
    """

    findings: tuple[Finding, ...]
    measures: Measures | None = None
    shape: Shape | None = None
    sample_rate: int = 0
    voice: npt.NDArray[np.float32] | None = None
    digest: str = ""
    code: npt.NDArray[np.uint8] | None = None
    outline: bytes = b""
    player: bytes = b""


def hear(task: Task) -> Heard:
    """Decode the clip, once, and say all that can be said of it alone."""
    if parent_process() is not None:
        torch.set_num_threads(1)  # one of several processes: threads that wait for each other only burn
    if task.root is not None and not _is_inside(task.path, task.root):
        return _unheard(task, "unreadable", f"{task.path.name} lies or leads out of {task.root}; put a copy there")
    try:
        audio = decode(task.path, limits=DecodeLimits(max_seconds=MAX_SECONDS))
    except NotFound:
        return _unheard(task, "missing", f"there is no file {task.path}")
    except (CallerError, WorkspaceError) as error:
        return _unheard(task, "unreadable", " ".join(str(error).split()))
    measures, shape = measure(audio.samples, audio.sample_rate), shape_of(audio)
    if task.dnsmos is not None and measures.snr_db is not None and measures.snr_db < SUSPICIOUS_DB:
        measures = replace(measures, dnsmos=_judge(task.dnsmos).opinions([audio])[0])
    sound = resample(audio.samples, audio.sample_rate, SAMPLE_RATE)
    told = sound_findings(measures, shape, audio.sample_rate, task.text.num_phones, task.seconds)
    findings = [*task.text.findings, *told]
    if task.listens and task.text.english and not {"silent", "rate"} & {finding.kind for finding in findings}:
        findings += word_findings(sound, task.text.english, measures.snr_db)
    wants_player = task.is_sample or verdict_of(findings) in (LOOK, LEAVE_OUT)
    return Heard(
        tuple(findings),
        measures,
        shape,
        audio.sample_rate,
        _voice(sound),
        hashlib.blake2b(audio.samples.tobytes(), digest_size=16).hexdigest(),
        code_of(sound),
        outline_of(audio.samples),
        _player(audio) if wants_player and audio.seconds <= _PLAYED_S else b"",
    )


def _is_inside(path: Path, root: Path) -> bool:
    try:
        return path.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # links in a circle
        return False


def _unheard(task: Task, kind: str, reason: str) -> Heard:
    return Heard((*task.text.findings, Finding(kind, LEAVE_OUT, reason)))


@lru_cache(maxsize=1)
def _judge(file: Path) -> Dnsmos:
    """DNSMOS, which hears the middle of a clip; loaded once per process."""
    return Dnsmos(file, most_windows=1)


def shape_of(audio: Audio) -> Shape:
    """Where a sound is silent, and up to which frequency it goes."""
    size = max(round(_FRAME_S * audio.sample_rate), 1)
    count = len(audio.samples) // size
    power = np.square(audio.samples[: count * size], dtype=np.float64).reshape(count, size).mean(axis=1)
    if not count:
        return Shape(0.0, 0.0, 0.0, 0.0)
    loud = float(np.percentile(power, 95)) * 10 ** (-_SILENT_BELOW_LOUD_DB / 10)
    voiced = np.flatnonzero(power >= max(loud, 10 ** (_SILENT_DBFS / 10)))
    if not len(voiced):
        return Shape(audio.seconds, 0.0, 0.0, 0.0)
    pauses = np.diff(voiced) - 1
    return Shape(
        start_s=float(voiced[0]) * _FRAME_S,
        end_s=float(count - 1 - voiced[-1]) * _FRAME_S,
        pause_s=float(pauses.max()) * _FRAME_S if len(pauses) else 0.0,
        band_hz=_band(audio),
    )


def _band(audio: Audio) -> float:
    """The frequency above which nothing is within 60 dB of the loudest, Hz: where a telephone or an mp3 cut it off."""
    samples = audio.samples
    count = max(len(samples) // _SPECTRUM, 1)
    frames = np.pad(samples, (0, max(_SPECTRUM - len(samples), 0)))[: count * _SPECTRUM].reshape(count, _SPECTRUM)
    power = (np.abs(np.fft.rfft(frames * np.hanning(_SPECTRUM).astype(np.float32), axis=1)) ** 2).max(axis=0)
    there = np.flatnonzero(power >= power.max() * 10 ** (-_BAND_BELOW_LOUD_DB / 10))
    return float(there[-1]) * audio.sample_rate / _SPECTRUM if power.max() > 0 else 0.0


def _voice(sound: npt.NDArray[np.float32]) -> npt.NDArray[np.float32] | None:
    if len(sound) < _VOICE_S * SAMPLE_RATE:
        return None
    try:
        return voiceprint(sound, SAMPLE_RATE)
    except BadAudio:
        return None


def code_of(sound: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Whether each of 16 pairs of neighbouring bands gains on the frame before, ten times a second: (T10, 2) bytes.

    So sounds are recognised in spite of other levels, formats and rates (Haitsma and Kalker 2002).
    """
    starts = range(0, max(len(sound) - _CODE_N, 0) + 1, _CODE_HOP)
    padded = np.pad(sound, (0, max(_CODE_N - len(sound), 0)))
    frames = np.stack([padded[start : start + _CODE_N] for start in starts])
    power = np.abs(np.fft.rfft(frames * np.hanning(_CODE_N).astype(np.float32), axis=1)) ** 2
    edges = np.geomspace(*_CODE_HZ, _CODE_BANDS + 1) / SAMPLE_RATE * _CODE_N
    bands = np.add.reduceat(power, edges.astype(int), axis=1)[:, :_CODE_BANDS]
    slopes = np.diff(np.log(bands + 1e-9), axis=1)
    return np.packbits(np.diff(slopes, axis=0) > 0, axis=1)


def outline_of(samples: npt.NDArray[np.float32]) -> bytes:
    """The square root of the largest magnitude of each of 160 parts, 255 for full scale and above."""
    if not len(samples):
        return bytes(OUTLINE_COLUMNS)
    edges = np.linspace(0, len(samples), OUTLINE_COLUMNS, endpoint=False).astype(int)
    peaks = np.maximum.reduceat(np.abs(samples), edges)
    return bytes(math.floor(255 * math.sqrt(min(float(value), 1.0))) for value in peaks)


def _player(audio: Audio) -> bytes:
    return encode(np.clip(audio.samples, -1.0, 1.0), audio.sample_rate, _PLAYER)
