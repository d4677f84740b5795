"""The step that writes down what clips say, over a whole folder: by ear, or from a transcript that somebody gave.

It writes the label file of GPT-SoVITS, and beside it the same clips as JSON lines with all that was found out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from myna.audio.labels import LANGUAGES, Label, write_labels
from myna.core.errors import BadInput, CallerError, MissingExtra, UnknownChoice
from myna.core.findings import Findings, Tally, printable
from myna.core.progress import Progress, part
from myna.core.workspace import write_text
from myna.engine.asr import AUTO, DEFAULT, GIVEN, Recogniser, Wish, engine_called, recogniser
from myna.engine.asr.fun_asr import script_language
from myna.engine.dnsmos import judge_in
from myna.engine.hearing import Ears, HeardClip, Journal, hear_clips
from myna.engine.recordings import plain_files
from myna.engine.transcript import Transcript, clip_named, heard_texts, read_transcript, timed_texts
from myna.text.frontend import phonemize_training

NO_WORDS = "no words were found in the recordings; give a recording of speech, or its words as a transcript"
_HEARD_SHARE = 0.95


def transcribe_clips(
    clips: Path,
    labels: Path,
    *,
    speaker: str,
    engine: str = DEFAULT,
    wish: Wish,
    transcript: Path | None = None,
    root: Path | None = None,
    progress: Progress,
) -> Findings:
    """Write the label file of a folder of ``clips``, and ``<labels>.jsonl``; what is left out is told with the reason.

    ``engine`` hears as ``wish`` has it; where a ``transcript`` is given it only tells the clips apart, and is not
    needed where that has times. Links may lead anywhere in ``root``, by default ``clips``.

    Raises:
        NotFound: there is no such folder or transcript.
        BadInput: no clip holds words (each with its reason), or the transcript is about something else.
        UnknownChoice: no such recogniser, or a language, size or precision it has not; MissingExtra, MissingAsset: its
            library or model is not here.
    """
    name = _checked_engine(engine, transcript)
    tally = Tally()
    paths = plain_files(clips, root or clips, tally)
    recordings = sorted({_recording(path) for path in paths})
    given = {} if transcript is None else read_transcript(transcript, recordings, tally)
    unclear = set(paths) if transcript is None else _to_be_laid_along(paths, given)
    ears = Ears(partial(_ear, name, wish, transcript), name)
    judge, share = judge_in(wish.models), part(progress, 0.0, _HEARD_SHARE)
    with Journal(journal_of(labels)) as journal, ears:
        heard = hear_clips(
            paths, unclear.__contains__, ears=ears, judge=judge, journal=journal, tally=tally, progress=share
        )
    usable = [path for path in paths if path.name in heard]
    texts = _heard(heard) if transcript is None else _given(usable, given, heard)
    rows = list(_labels(usable, texts, _languages(texts, heard, given, wish.language), speaker, tally))
    tally.require(len(rows), BadInput, NO_WORDS)
    by = {} if transcript is None else dict.fromkeys(texts, GIVEN)
    write_text(details_of(labels), "".join(_details(label, heard[label.path.name], by, name) for label in rows))
    write_labels(labels, rows)
    journal.path.unlink(missing_ok=True)
    return tally.findings(*_notes(rows, name, transcript))


def details_of(labels: Path) -> Path:
    """The JSON lines beside a label file."""
    return labels.with_suffix(".jsonl")


def journal_of(labels: Path) -> Path:
    """What an interrupted run of a label file has heard so far."""
    return labels.with_name(f".{labels.stem}.heard.jsonl")


def _checked_engine(engine: str, transcript: Path | None) -> str:
    """The engine that hears; raises `BadInput` where a transcript is wanted and not given."""
    if engine != GIVEN:
        return engine_called(engine)
    if transcript is None:
        raise BadInput("the words are to be given, so say where they are: give a transcript")
    return DEFAULT


def _ear(name: str, wish: Wish, transcript: Path | None) -> Recogniser:
    """Who hears; raises as `recogniser`, and `BadInput` where a transcript needs an ear that it has not."""
    try:
        return recogniser(name, wish.language, wish)
    except UnknownChoice as error:
        if transcript is None:
            raise
        raise BadInput(
            f"{transcript.name} has no times, so somebody must hear which clip says what: {error}; or give one with "
            "times (.srt, .vtt)"
        ) from None


def _recording(path: Path) -> str:
    return clip_named(path.name).recording


def _by_recording(paths: Sequence[Path]) -> dict[str, list[Path]]:
    """Clips by the recording they were cut from."""
    groups: dict[str, list[Path]] = {}
    for path in paths:
        groups.setdefault(_recording(path), []).append(path)
    return groups


def _to_be_laid_along(paths: Sequence[Path], given: Transcript) -> set[Path]:
    """The clips that must be heard to tell which of the given words are theirs: several of a recording, no times."""
    found: set[Path] = set()
    for recording, group in _by_recording(paths).items():
        rest = [path for path in group if path.name not in given]
        cues = given.get(recording, [])
        if len(rest) > 1 and cues and not cues[0].has_times:
            found |= set(rest)
    return found


def _heard(heard: Mapping[str, HeardClip]) -> dict[str, str]:
    return {name: clip.said.text for name, clip in heard.items() if clip.said is not None}


def _given(paths: Sequence[Path], given: Transcript, heard: Mapping[str, HeardClip]) -> dict[str, str]:
    """The given words by clip."""
    texts: dict[str, str] = {}
    for recording, group in _by_recording(paths).items():
        texts |= {path.name: given[path.name][0].text for path in group if path.name in given}
        rest = [path for path in group if path.name not in texts]
        cues = given.get(recording, [])
        if not rest or not cues:
            continue
        if cues[0].has_times:
            texts |= timed_texts(cues, [clip_named(path.name) for path in rest])
        elif len(rest) == 1:
            texts[rest[0].name] = cues[0].text
        else:
            words = _heard(heard)
            texts |= heard_texts(cues[0].text, [(path.name, words.get(path.name, "")) for path in rest])
    if not texts:
        named = ", ".join(sorted(given)[:5])
        raise BadInput(f"the transcript tells about {named}, which is none of the recordings here")
    return texts


def _languages(
    texts: Mapping[str, str], heard: Mapping[str, HeardClip], given: Transcript, language: str
) -> dict[str, str]:
    """The language of each clip: the one that is told, else what was heard, else what its letters look like."""
    if language != AUTO:
        return dict.fromkeys(texts, language)
    found = {name: clip.said.language for name, clip in heard.items() if clip.said is not None and not given}
    for name in texts:
        cues = given.get(name) or given.get(clip_named(name).recording)
        found[name] = (cues[0].language if cues else "") or found.get(name, "") or script_language(texts[name])
    return found


def _labels(
    paths: Sequence[Path], texts: Mapping[str, str], languages: Mapping[str, str], speaker: str, tally: Tally
) -> Iterator[Label]:
    """A label for each clip that can have one; the others go to ``tally``."""
    for path in paths:
        text = " ".join(texts.get(path.name, "").replace("|", " ").split())
        if not any(char.isalnum() for char in text):
            tally.add(path, "no words were heard in it" if path.name in texts else "the transcript does not tell of it")
        elif languages[path.name] not in LANGUAGES.values():
            known = ", ".join(dict.fromkeys(LANGUAGES.values()))
            tally.add(path, f"its language is {languages[path.name]!r}; a voice can be trained on: {known}")
        elif set("|\r\n") & set(str(path)) or printable(str(path)) != str(path):
            tally.add(path, "a label file cannot hold its path: take '|', line breaks and what is no UTF-8 out of it")
        else:
            yield Label(path, speaker, languages[path.name], text)


def _details(label: Label, clip: HeardClip, by: Mapping[str, str], engine: str) -> str:
    """One line of JSON with all that is known of a labelled clip."""
    said = clip.said if label.path.name not in by else None
    row: dict[str, Any] = {
        "path": str(label.path),
        "speaker": label.speaker,
        "language": label.language,
        "text": label.text,
        "by": by.get(label.path.name, engine),
        "confidence": None if said is None else said.confidence,
        "words": [] if said is None else [asdict(word) for word in said.words],
        "phones_per_second": phones_per_second(label.text, label.language, clip.seconds),
        **clip.measures,
    }
    return json.dumps(row, ensure_ascii=False) + "\n"


def phones_per_second(text: str, language: str, seconds: float) -> float | None:
    """How fast a text is spoken, stops counted as training counts them (it wants 3 to 25 a second).

    None where the text cannot be read here (its language's library is not installed).
    """
    try:
        return round(len(phonemize_training(text, language).phones) / seconds, 2)
    except (CallerError, MissingExtra):
        return None


def _notes(rows: Sequence[Label], engine: str, transcript: Path | None) -> list[str]:
    """What a person would ask: how many clips in which languages, by whom."""
    counts = Counter(label.language for label in rows).most_common()
    languages = ", ".join(f"{number} {code}" for code, number in counts)
    how = f"by {engine}" if transcript is None else "from the transcript"
    return [f"{len(rows)} clip{'s' if len(rows) != 1 else ''} with words ({languages}), {how}"]
