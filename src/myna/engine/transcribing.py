"""The step that writes down what clips say, over a whole folder: by ear, or from a transcript that somebody gave."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from myna.audio.io import Audio, decode
from myna.audio.labels import Label, write_labels
from myna.core.errors import BadInput
from myna.core.progress import Progress, part
from myna.core.workspace import files_in
from myna.engine.asr import Recogniser, recogniser
from myna.engine.transcript import Transcript, clip_named, heard_texts, read_transcript, timed_texts


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
