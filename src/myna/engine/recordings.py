"""The first four steps over whole folders: convert, slice, denoise, transcribe.

Each writes one file per input under a temporary name first, and keeps what an interrupted run had finished.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from myna.audio.io import Audio, DecodeLimits, decode, write_wav
from myna.audio.labels import Label, write_labels
from myna.audio.loudness import check_recording
from myna.audio.slicer import CLIP_RATE_HZ, SliceSettings, slice_file
from myna.core.errors import BadAudio, BadInput
from myna.core.progress import Progress, part
from myna.core.workspace import files_in, make_folder
from myna.engine.asr import Recogniser, recogniser
from myna.engine.clean import Denoiser, denoiser
from myna.engine.transcript import Transcript, clip_named, heard_texts, read_transcript, timed_texts

_SHORTEST_S = 0.1


@dataclass(frozen=True)
class RecordingLimits:
    """How much sound all recordings must hold together, and what one may hold at most."""

    min_seconds: float
    max_seconds: float
    max_bytes: int


def convert_recordings(source: Path, folder: Path, *, limits: RecordingLimits, progress: Progress) -> list[Path]:
    """Every recording in ``source`` as 32 kHz mono int16 wav in ``folder``.

    Raises:
        BadAudio: no audio, silent, or together shorter than ``limits.min_seconds``; the recording is named.
        LimitExceeded: longer or larger than the limits.
    """
    decoding = DecodeLimits(max_bytes=limits.max_bytes, max_seconds=limits.max_seconds)
    recordings = files_in(source)
    shortest = limits.min_seconds if len(recordings) == 1 else _SHORTEST_S
    total_s, written = 0.0, []
    for number, (recording, name) in enumerate(zip(recordings, clip_safe_names(recordings), strict=True)):
        progress(number / len(recordings), recording.name)
        try:
            audio = decode(recording, CLIP_RATE_HZ, limits=decoding)
            check_recording(audio, min_seconds=shortest, max_seconds=limits.max_seconds)
        except BadInput as error:
            raise type(error)(f"{recording.name}: {error}") from error
        write_wav(folder / name, audio.samples, audio.sample_rate)
        total_s += audio.seconds
        written.append(folder / name)
    if total_s < limits.min_seconds:
        raise BadAudio(
            f"the recordings hold {total_s:.1f} s together; give at least {limits.min_seconds:g} s of speech"
        )
    return written


def clip_safe_names(recordings: Sequence[Path]) -> list[str]:
    """A wav name for each recording, fit for label files and all different."""
    names: list[str] = []
    for recording in recordings:
        stem = "".join(char if char.isalnum() or char in "_-. " else "_" for char in recording.stem).strip(". ")
        name, number = stem or "recording", 2
        while f"{name}.wav" in names:
            name, number = f"{stem}-{number}", number + 1
        names.append(f"{name}.wav")
    return names


def slice_recordings(source: Path, folder: Path, *, settings: SliceSettings, progress: Progress) -> list[Path]:
    """Cut every wav in ``source`` into clips in ``folder``; raises `BadAudio` where none has one."""
    make_folder(folder)
    clips: list[Path] = []
    recordings = files_in(source)
    for number, recording in enumerate(recordings):
        progress(number / len(recordings), recording.name)
        clips += slice_file(recording, folder, settings)
    if not clips:
        raise BadAudio(
            f"nothing in the recordings is above {settings.threshold:g} dBFS; record louder, or lower that threshold"
        )
    return clips


def denoise_clips(source: Path, folder: Path, *, engine: str, progress: Progress) -> list[Path]:
    """Clean every clip of ``source`` into ``folder``, same names; those there already are kept."""
    clips, written = files_in(source), []
    cleaner: Denoiser = denoiser(engine)
    for number, clip in enumerate(clips):
        progress(number / len(clips), clip.name)
        cleaned = folder / clip.name
        if not cleaned.is_file():
            audio = decode(clip)
            write_wav(cleaned, cleaner.clean(audio.samples, audio.sample_rate), audio.sample_rate)
        written.append(cleaned)
    return written


def transcribe_clips(
    clips: Path,
    labels: Path,
    *,
    speaker: str,
    language: str,
    engine: str,
    transcript: Path | None,
    progress: Progress,
) -> list[Label]:
    """Write the label file of a folder of ``clips``; clips without words are left out.

    Raises:
        BadInput: no clip holds words, or the transcript is about something else.
        UnknownChoice: no such recogniser; MissingExtra, MissingAsset: it is not installed.
    """
    paths = files_in(clips)
    hear = _Hearing(engine, language)
    if transcript is None:
        texts = hear.words(paths, progress)
    else:
        recordings = sorted({clip_named(path.name).recording for path in paths})
        texts = _given_texts(paths, read_transcript(transcript, recordings), hear, progress)
    rows = [
        Label(path, speaker, language, " ".join(texts[path.name].replace("|", " ").split()))
        for path in paths
        if any(char.isalnum() for char in texts.get(path.name, ""))
    ]
    if not rows:
        raise BadInput(
            "no words were found in the recordings; give a recording of speech, or its words as a transcript"
        )
    write_labels(labels, rows)
    return rows


class _Hearing:
    """A recogniser that is only loaded when something must be heard."""

    def __init__(self, engine: str, language: str) -> None:
        self._engine, self._language = engine, language
        self._recogniser: Recogniser | None = None

    def words(self, paths: Sequence[Path], progress: Progress) -> dict[str, str]:
        """What each clip says, by its name."""
        if self._recogniser is None:
            progress(0.0, f"loading {self._engine}")
            self._recogniser = recogniser(self._engine, self._language)
        heard = {}
        for number, path in enumerate(paths):
            progress(number / len(paths), path.name)
            audio: Audio = decode(path)
            heard[path.name] = self._recogniser.transcribe(audio.samples, audio.sample_rate).text
        return heard


def _given_texts(paths: Sequence[Path], transcript: Transcript, hear: _Hearing, progress: Progress) -> dict[str, str]:
    """The transcript's words by clip."""
    texts: dict[str, str] = {}
    groups = list(_by_recording(paths))
    for number, (recording, group) in enumerate(groups):
        share = part(progress, number / len(groups), (number + 1) / len(groups))
        for path in [path for path in group if path.name in transcript]:
            texts[path.name] = transcript[path.name][0].text
        rest = [path for path in group if path.name not in texts]
        cues = transcript.get(recording, [])
        if not rest or not cues:
            continue
        if cues[0].has_times:
            texts |= timed_texts(cues, [clip_named(path.name) for path in rest])
        elif len(rest) == 1:
            texts[rest[0].name] = cues[0].text
        else:
            texts |= heard_texts(cues[0].text, list(hear.words(rest, share).items()))
    if not texts:
        named = ", ".join(sorted(transcript)[:5])
        raise BadInput(f"the transcript tells about {named}, which is none of the recordings here")
    return texts


def _by_recording(paths: Sequence[Path]) -> Iterator[tuple[str, list[Path]]]:
    """Clips by the recording they were cut from."""
    groups: dict[str, list[Path]] = {}
    for path in paths:
        groups.setdefault(clip_named(path.name).recording, []).append(path)
    yield from groups.items()
