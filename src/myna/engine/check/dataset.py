"""A data set looked through before training: every clip with a verdict, as JSON lines and as a page."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from myna.audio.label_form import clean_path
from myna.audio.label_sounds import located
from myna.audio.labels import Label, read_label_file
from myna.core.errors import BadAudio, BadInput, MissingExtra
from myna.core.findings import Findings, Tally, printable
from myna.core.progress import Progress, part
from myna.core.versions import ModelVersion
from myna.core.workspace import files_in, write_text
from myna.engine.check.clip import Heard, Task, hear
from myna.engine.check.found import LEAVE_OUT, LOOK, OK, Finding, verdict_of
from myna.engine.check.page import Row, write_page
from myna.engine.check.rules import trained_seconds
from myna.engine.check.texts import TextFacts, text_facts
from myna.engine.check.together import Clip, compared
from myna.engine.crew import shared
from myna.engine.dnsmos import dnsmos_file
from myna.engine.features.reading import choose_names, choose_polyphones
from myna.text.words import Words

ROWS, PAGE = "check.jsonl", "check.html"

_ALL_PLAYED = 200
"""So many clips all get a player; of more every so-many-eth does, and those that need looking at."""
_SAMPLED = 40
_SHOWN_GROUPS = 10
_SEVERAL_SHARE = 0.2
_RAW_CHARS = 80


@dataclass(frozen=True)
class CheckOptions:
    """How to check: the version whose text front end reads, its models' folder, the user's dictionary, processes (0:
    one per core), whether DNSMOS is asked about clips that may be noisy, whether English words are compared with what
    is heard, the folder that must hold the clips (None: any).
    """

    version: ModelVersion
    models: Path
    words: Words | None = None
    processes: int = 0
    asks_dnsmos: bool = True
    listens: bool = True
    root: Path | None = None


@dataclass
class _Entry:
    """A line of the label file, or a file of a folder without labels."""

    name: str
    line: int
    label: Label | None
    path: Path | None
    text: TextFacts = field(default_factory=TextFacts)


def check_dataset(
    source: Path, clips: Path | None, target: Path, options: CheckOptions, progress: Progress
) -> Findings:
    """Check ``source``, a label file or a folder of sounds; write ``check.jsonl`` and ``check.html`` into ``target``.

    ``clips`` is the folder of the clips that the labels name, None: where they say. What cannot be read at all is among
    the failures, the totals are among the notes.

    Raises:
        NotFound: no such file or folder.
        BadInput: no labels, or a label file that cannot be read.
        BadAudio: not one clip can be heard.
        InstallationError: a process was ended from outside.
    """
    entries = list(_files(source) if source.is_dir() else _lines(source, clips))
    notes = _read_texts(entries, options, part(progress, 0.0, 0.1))
    heard = _hear(entries, options, part(progress, 0.1, 0.9))
    rows = _rows(entries, heard, target)
    tally = Tally()
    for row in rows:
        if row.heard.measures is None:
            tally.add(row.name, next(finding.text for finding in row.findings if finding.verdict == LEAVE_OUT))
    tally.require(len(rows) - len(tally.failures), BadAudio, f"no clip of {source.name} can be heard")
    progress(0.95, "writing the report")
    write_text(target / ROWS, "".join(json.dumps(_json(row), ensure_ascii=False) + "\n" for row in rows))
    notes = [*totals(rows), *notes]
    write_page(rows, target / PAGE, title=printable(source.stem), version=options.version.name, notes=notes)
    return tally.findings(*notes, pages=[target / PAGE])


def _lines(source: Path, clips: Path | None) -> Iterator[_Entry]:
    file = read_label_file(source)
    if not file.lines:
        raise BadInput(f"{source} holds no labels")
    heard = {label.path for label in file.labels}
    for line in file.lines:
        label, problem = line.label, line.problem
        name = label.clip if label is not None else Path(clean_path(line.raw.split("|")[0])).name
        entry = _Entry(printable(name or line.raw)[:_RAW_CHARS], line.number, label, None)
        if problem or label is None:
            entry.text = TextFacts(None, (Finding("line", LEAVE_OUT, f"line {line.number}: {problem}"),))
        if label is not None and (not problem or label.path not in heard):
            heard.add(label.path)
            entry.path = located(label, clips, source.parent)
        yield entry


def _files(source: Path) -> Iterator[_Entry]:
    files = files_in(source)
    if not files:
        raise BadInput(f"{source} holds no files; give a label file or a folder of sounds")
    for path in files:
        yield _Entry(printable(path.name), 0, None, path)


def _read_texts(entries: Sequence[_Entry], options: CheckOptions, progress: Progress) -> list[str]:
    """Read every text; returns what stands in the way of it."""
    choose_polyphones(options.models)
    choose_names(options.models)
    missing: Counter[str] = Counter()
    for number, entry in enumerate(entries):
        progress(number / len(entries), f"reading {entry.name}")
        if entry.label is not None and not entry.text.findings:
            try:
                entry.text = text_facts(entry.label, options.version, options.words)
            except MissingExtra as error:
                missing[str(error)] += 1
    return [f"{count} texts were not read: {reason}" for reason, count in missing.items()]


def _hear(entries: Sequence[_Entry], options: CheckOptions, progress: Progress) -> list[Heard]:
    """Every clip; those that are no clips are not heard."""
    every = 1 if len(entries) <= _ALL_PLAYED else -(-len(entries) // _SAMPLED)
    net = dnsmos_file(options.models) if options.asks_dnsmos else None
    seconds = trained_seconds(options.version)
    root = options.root.resolve() if options.root is not None else None
    tasks = [
        Task(entry.path, entry.text, number % every == 0, net, root, options.listens, seconds)
        for number, entry in enumerate(entries)
        if entry.path is not None
    ]
    heard = []
    with closing(shared(hear, tasks, options.processes)) as answers:  # a cancelled job leaves no processes behind
        for number, entry in enumerate(entries):
            progress(number / len(entries), entry.name)
            heard.append(Heard(entry.text.findings) if entry.path is None else next(answers))
    return heard


def _rows(entries: Sequence[_Entry], heard: Sequence[Heard], target: Path) -> list[Row]:
    clips = []
    for entry, sound in zip(entries, heard, strict=True):
        label = entry.label or Label(Path(entry.name), "", "", "")
        phones = entry.text.num_phones
        clips.append(Clip(entry.name, label.speaker, label.language, label.text, phones, sound))
    found, likeness = compared(clips)
    rows = []
    for number, (entry, clip) in enumerate(zip(entries, clips, strict=True)):
        findings = (*clip.heard.findings, *found[number])
        rows.append(
            Row(
                name=entry.name,
                line=entry.line,
                path=entry.path,
                page_folder=target,
                speaker=printable(clip.speaker),
                language=clip.language,
                text=printable(clip.text),
                num_phones=clip.num_phones,
                likeness=likeness.get(number),
                findings=findings,
                verdict=verdict_of(findings),
                heard=clip.heard,
            )
        )
    return rows


def totals(rows: Sequence[Row]) -> list[str]:
    """How much there is, by verdict, speaker and language, and what there is too little of."""
    counts = Counter(row.verdict for row in rows)
    usable = [row for row in rows if row.verdict != LEAVE_OUT]
    verdicts = f"{counts[OK]} ok, {counts[LOOK]} to look at, {counts[LEAVE_OUT]} to leave out"
    notes = [f"{len(rows)} clips, {_minutes(rows)}: {verdicts}; {_minutes(usable)} would be trained on"]
    for what, names in (("speaker", [row.speaker for row in rows]), ("language", [row.language for row in rows])):
        groups = Counter(names).most_common()
        if len(groups) > 1:
            for name, count in groups[:_SHOWN_GROUPS]:
                own = [row for row in rows if getattr(row, what) == name]
                notes.append(f"{what} {name or '(none)'}: {count} clips, {_minutes(own)}")
    notes += _several_people(rows)
    if len(usable) <= 1:
        notes.append("training needs at least 2 clips that are not left out")
    return notes


def _several_people(rows: Sequence[Row]) -> Iterator[str]:
    """Speakers whose clips are by several people, it seems."""
    own = Counter(row.speaker for row in rows if row.likeness is not None)
    others = Counter(row.speaker for row in rows if "other_voice" in row.kinds)
    for speaker, count in others.items():
        if count >= _SEVERAL_SHARE * own[speaker]:
            who = f"speaker {speaker}" if speaker else "the clips"
            yield f"{who}: {count} of {own[speaker]} clips do not sound like the others; is that one person?"


def _minutes(rows: Sequence[Row]) -> str:
    return f"{sum(row.seconds for row in rows) / 60:.1f} minutes"


def _json(row: Row) -> dict[str, Any]:
    heard = row.heard
    measured = heard.measures.as_json() if heard.measures is not None else {"seconds": None}
    shape = heard.shape
    silence = {"before_s": shape.start_s, "after_s": shape.end_s, "longest_pause_s": shape.pause_s} if shape else {}
    return {
        "clip": row.name,
        "path": printable(str(row.path)) if row.path is not None else None,
        "line": row.line or None,
        "speaker": row.speaker,
        "language": row.language,
        "text": row.text,
        "verdict": row.verdict,
        "findings": [{"kind": each.kind, "verdict": each.verdict, "text": each.text} for each in row.findings],
        "phones": row.num_phones,
        "phones_per_second": round(row.rate, 2) if row.rate is not None else None,
        "voice_likeness": round(row.likeness, 3) if row.likeness is not None else None,
        "sample_rate": heard.sample_rate or None,
        "band_hz": round(shape.band_hz) if shape else None,
        "silence": {name: round(value, 2) for name, value in silence.items()},
        **measured,
    }
