"""A song in another voice: its vocals taken out, said again by the target, and put back at the level they had."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from myna.audio.io import DecodeLimits, decode, resample, write_wav
from myna.audio.pitch import shifted
from myna.audio.stereo import open_stereo, stereo_file
from myna.audio.weighting import integrated_lufs
from myna.core.errors import BadAudio
from myna.core.progress import Progress, part
from myna.core.speech import ConversionRequest, Voice
from myna.core.workspace import make_folder
from myna.engine.separation.separator import RATE_HZ
from myna.engine.separation.songs import Places, separate_files
from myna.engine.separation.table import Wish
from myna.engine.synthesis.conversion import LocalConverter

STAGES = ("preprocess", "separate", "infer", "mix", "finalize")
"""What making a cover goes through; the words of clients."""
_SHARES = (0.0, 0.05, 0.4, 0.9, 0.97, 1.0)
_MOST_GAIN_DB = 12.0
_CEILING = 0.99
MIX = "song.wav"
_VOCALS, _REST = "vocals.wav", "rest.wav"
SUNG = "sung.wav"


@dataclass(frozen=True)
class CoverWish:
    """How a cover is made: whose ``voice``, moved by so many semitones, separated by which ``model``."""

    voice: Voice
    pitch_shift: int = 0
    model: str = "centre"
    text: str = ""
    language: str = "en"
    seed: int | None = None


def make_cover(
    song: Path, work: Path, wish: CoverWish, converter: LocalConverter, separation: Wish, progress: Progress
) -> Path:
    """The cover of ``song`` as ``work/result.wav``, 44.1 kHz stereo, as long as the song; what is done already stays.

    Raises what separation (`separate_files`) and conversion (`LocalConverter.convert`) raise.
    """
    make_folder(work)
    vocals, rest = split_song(song, work, wish.model, separation, stage(progress, "separate"))
    sung = work / SUNG
    if not sung.is_file():
        request = ConversionRequest(
            source=prepared_vocals(vocals, work, wish.pitch_shift),
            voice=wish.voice,
            text=wish.text,
            language=wish.language,
            seed=wish.seed,
            keeps_key=True,
        )
        chunks = list(converter.convert(request, stage(progress, "infer")))
        write_wav(sung, np.concatenate([chunk.samples for chunk in chunks]), chunks[0].sample_rate)
    stage(progress, "mix")(0.0, "")
    return mixed(sung, vocals, rest, work / "result.wav")


def stage(progress: Progress, name: str) -> Progress:
    """The part of ``progress`` that a stage has; its notes begin with the stage's name."""
    number = STAGES.index(name)
    inner = part(progress, _SHARES[number], _SHARES[number + 1])

    def told(fraction: float, note: str) -> None:
        inner(fraction, f"{name}: {note}" if note else name)

    return told


def split_song(song: Path, work: Path, model: str, wish: Wish, progress: Progress) -> tuple[Path, Path]:
    """The song's vocals and all else, as files in ``work``."""
    vocals, rest = work / _VOCALS, work / _REST
    if not (vocals.is_file() and rest.is_file()):
        folders = Places(make_folder(work / "stems" / "vocals"), make_folder(work / "stems" / "rest"), "wav")
        findings = separate_files(song, folders, chain=model, wish=wish, limits=DecodeLimits(), progress=progress)
        found = sorted(folders.voices.glob("*.wav"))
        if not found:
            raise BadAudio(f"no vocals were found in the song: {'; '.join(findings.notes) or 'its stem is silent'}")
        found[0].replace(vocals)
        others = [_read(path) for path in sorted(folders.others.glob("*.wav"))]
        length = len(_read(vocals))
        total = sum((np.pad(other, ((0, max(length - len(other), 0)), (0, 0)))[:length] for other in others), start=0.0)
        _write(rest, np.broadcast_to(np.asarray(total, np.float32), (length, 2)))
    return vocals, rest


def prepared_vocals(vocals: Path, work: Path, semitones: int) -> Path:
    """The vocals as the converter takes them: mono, moved in pitch."""
    path = work / "vocals-mono.wav"
    mono = _read(vocals).mean(axis=1)
    write_wav(path, shifted(mono.astype(np.float32), RATE_HZ, semitones), RATE_HZ)
    return path


def mixed(sung: Path, vocals: Path, rest: Path, result: Path) -> Path:
    """The new vocals in the place of the old ones, as loud as they were; peaks stay below full scale."""
    before, around = _read(vocals), _read(rest)
    voice = decode(sung)
    new = resample(voice.samples, voice.sample_rate, RATE_HZ)
    new = np.pad(new, (0, max(len(before) - len(new), 0)))[: len(before)] * _gain(new, before)
    whole = new[:, None] + around
    peak = float(np.abs(whole).max(initial=0.0))
    _write(result, whole * np.float32(min(1.0, _CEILING / peak) if peak else 1.0))
    return result


def _gain(new: np.ndarray, before: np.ndarray) -> np.float32:
    """What brings the new vocals to the loudness of the old ones."""
    loud, wanted = integrated_lufs(new, RATE_HZ), integrated_lufs(before.mean(axis=1), RATE_HZ)
    if loud is None or wanted is None:
        return np.float32(1.0)
    decibels = min(max(wanted - loud, -_MOST_GAIN_DB * 2), _MOST_GAIN_DB)
    return np.float32(10 ** (decibels / 20))


def _read(path: Path) -> np.ndarray:
    """A sound as (T, 2) at 44.1 kHz."""
    with open_stereo(path, RATE_HZ) as (_, blocks):
        found = list(blocks)
    return np.concatenate(found) if found else np.zeros((0, 2), np.float32)


def _write(path: Path, samples: np.ndarray) -> None:
    with stereo_file(path, RATE_HZ) as write:
        write(np.ascontiguousarray(samples, np.float32))
