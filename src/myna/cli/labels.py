"""`myna labels`: a label file shown, mended and edited; every change keeps the state before and can be undone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from myna.audio.label_editing import LabelEditor, deleted
from myna.audio.label_filter import PAGE_ROWS, ClipFacts, Filter, conditions, lengths, others, page, read_facts, select
from myna.audio.label_history import versions as kept_versions
from myna.audio.labels import Line
from myna.cli.show import line, table
from myna.core.errors import BadInput
from myna.core.findings import printable
from myna.core.workspace import write_bytes

app = typer.Typer(
    name="labels",
    help="Show, mend and edit a label file (path|speaker|language|text, or JSON lines). Every change can be undone.",
    no_args_is_help=True,
    add_completion=False,
)

File = Annotated[Path, typer.Argument(metavar="FILE", help="The label file: .list, .json or .jsonl.")]
Row = Annotated[int, typer.Argument(metavar="ROW", help="A row's number, as `show` tells it.")]
Rows = Annotated[list[int], typer.Argument(metavar="ROW...", help="Numbers of rows, as `show` tells them.")]
SomeRows = Annotated[list[int] | None, typer.Argument(metavar="[ROW...]", help="Numbers of rows; else --where.")]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="CONDITION",
        help="Only rows with: language=en, speaker=ann, verdict=look, found=noise, text=words, text~expression, "
        "seconds<2, chars>200, problem, repaired. Several may be given.",
    ),
]
Clips = Annotated[Path | None, typer.Option(help="Folder of the clips; left out: where the labels say.")]
Check = Annotated[Path | None, typer.Option(help="check.jsonl of check_dataset, for verdict= and found=.")]
Encoding = Annotated[str, typer.Option(help="The file's encoding, where it is not found by itself.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Write into the first clip's file; not undone by undo.")]


@app.command()
def show(
    file: File,
    where: Where = None,
    clips: Clips = None,
    check: Check = None,
    encoding: Encoding = "",
    number: Annotated[int, typer.Option("--page", help="Which page.")] = 1,
    size: Annotated[int, typer.Option(help="Rows on a page; 0: all.")] = PAGE_ROWS,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON lines.")] = False,
) -> None:
    """Show rows, what is wrong with them, and what would be mended."""
    editor = LabelEditor(file, clips=clips, encoding=encoding)
    rows = _chosen(editor, conditions(where or []), check)
    shown = page(rows, number, size or max(len(rows), 1))
    if as_json:
        for row in shown.rows:
            line(json.dumps(_facts(row, editor.file.lines[row - 1]), ensure_ascii=False))
        return
    cells = [_cells(row, editor.file.lines[row - 1]) for row in shown.rows]
    table(f"{printable(file.name)}, page {shown.number} of {shown.of}", ["row", "clip", "who", "words", "note"], cells)
    problems, repairs = len(editor.file.problems), len(editor.file.repairs)
    line(f"{len(rows)} of {len(editor.file.lines)} rows; {problems} cannot be used, {repairs} would be mended")


@app.command()
def repair(file: File, encoding: Encoding = "") -> None:
    """Write the lines that can be mended in their right form, as UTF-8; the others stay as they are."""
    editor = LabelEditor(file, encoding=encoding)
    for mended in editor.file.repairs:
        line(f"  {mended}")
    count = editor.repair()
    line(f"{count} lines mended")
    for problem in editor.file.problems:
        line(f"  cannot be used, {problem}")


@app.command()
def edit(
    file: File,
    rows: Rows,
    text: Annotated[str | None, typer.Option(help="What is said.")] = None,
    language: Annotated[str | None, typer.Option(help="zh, ja, en, ko or yue.")] = None,
    speaker: Annotated[str | None, typer.Option(help="Who speaks.")] = None,
    whole: Annotated[str | None, typer.Option("--line", help="The whole line anew, of one row.")] = None,
) -> None:
    """Give rows another text, language or speaker."""
    editor = LabelEditor(file)
    if whole is not None:
        if len(rows) != 1 or (text, language, speaker) != (None, None, None):
            raise BadInput("--line writes one row anew, and goes with no other option")
        editor.rewrite(rows[0], whole)
    elif (text, language, speaker) == (None, None, None):
        raise BadInput("say what to change: --text, --language, --speaker or --line")
    else:
        editor.edit(rows, text=text, language=language, speaker=speaker)
    _tell(editor, rows)


@app.command()
def replace(
    file: File,
    old: Annotated[str, typer.Argument(metavar="OLD", help="What to look for in the texts.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="What to write instead.")],
    is_regex: Annotated[bool, typer.Option("--regex", help="OLD is a regular expression.")] = False,
    where: Where = None,
    clips: Clips = None,
    check: Check = None,
) -> None:
    """Replace in the texts of all rows, or of some."""
    editor = LabelEditor(file, clips=clips)
    count = editor.replace(_chosen(editor, conditions(where or []), check), old, new, is_regex=is_regex)
    line(f"replaced in {count} rows")


@app.command()
def merge(
    file: File,
    rows: Rows,
    pause: Annotated[float, typer.Option(help="Seconds of silence between them.")] = 0.0,
    text: Annotated[str | None, typer.Option(help="The text of the whole; left out: the texts joined.")] = None,
    overwrite: Overwrite = False,
    clips: Clips = None,
) -> None:
    """Make one row of several: their sounds joined in a new file, their texts joined."""
    editor = LabelEditor(file, clips=clips)
    sound = editor.merge(rows, pause_s=pause, text=text, overwrites=overwrite)
    line(f"{len(rows)} rows are one, in {printable(str(sound))}")


@app.command()
def split(
    file: File,
    row: Row,
    at: Annotated[float, typer.Argument(metavar="SECONDS", help="Where to cut.")],
    first: Annotated[str, typer.Argument(metavar="TEXT", help="What the first half says.")],
    second: Annotated[str, typer.Argument(metavar="TEXT", help="What the second half says.")],
    overwrite: Overwrite = False,
    clips: Clips = None,
) -> None:
    """Make two rows of one: its sound cut into new files."""
    editor = LabelEditor(file, clips=clips)
    sounds = editor.split(row, at, (first, second), overwrites=overwrite)
    line(f"row {row} is two, in {' and '.join(printable(str(sound)) for sound in sounds)}")


@app.command()
def delete(file: File, rows: SomeRows = None, where: Where = None, clips: Clips = None, check: Check = None) -> None:
    """Take rows out of the file; their sounds stay."""
    if bool(rows) == bool(where):
        raise BadInput("say which rows: their numbers, or --where")
    editor = LabelEditor(file, clips=clips)
    chosen = rows or _chosen(editor, conditions(where or []), check)
    if chosen:
        editor.delete(chosen)
    line(f"{len(chosen)} rows deleted, {len(editor.file.lines)} left")


@app.command(name="filter")
def filter_rows(
    file: File,
    where: Where = None,
    out: Annotated[Path | None, typer.Option(help="Another file for them; left out: the file itself.")] = None,
    clips: Clips = None,
    check: Check = None,
) -> None:
    """Keep only the rows that all conditions are true of."""
    if not where:
        raise BadInput("say which rows to keep: --where")
    editor = LabelEditor(file, clips=clips)
    kept = _chosen(editor, conditions(where), check)
    gone = others(editor.file, kept)
    if out is not None:
        write_bytes(out, deleted(editor.file, gone).text().encode("utf-8", "surrogateescape"))
    elif gone:
        editor.delete(gone)
    line(f"{len(kept)} rows kept, {len(gone)} {'not taken over' if out else 'taken out'}")


@app.command()
def undo(file: File) -> None:
    """Take the last change back."""
    line(f"undone: {LabelEditor(file).undo()}")


@app.command()
def redo(file: File) -> None:
    """Do again what was undone last."""
    line(f"done again: {LabelEditor(file).redo()}")


@app.command()
def versions(file: File) -> None:
    """Show the former states that are kept."""
    rows = [[str(kept.number), kept.when, kept.what] for kept in kept_versions(file.resolve())]
    table(f"former states of {printable(file.name)}", ["version", "until", "then"], rows)


@app.command()
def restore(file: File, number: Annotated[int, typer.Argument(metavar="VERSION", help="Which version.")]) -> None:
    """Go back to a former state; the present one is kept too."""
    LabelEditor(file).restore(number)
    line(f"{printable(file.name)} is as it was in version {number}")


def _chosen(editor: LabelEditor, wanted: Filter, check: Path | None) -> list[int]:
    if (wanted.verdicts or wanted.kinds) and check is None:
        raise BadInput("verdict= and found= need --check, the check.jsonl of check_dataset")
    facts: dict[str, ClipFacts] = read_facts(check) if check else {}
    if wanted.wants_lengths and check is None:
        facts = lengths(editor.file, editor.clips, editor.path.parent)
    return select(editor.file, wanted, facts)


def _tell(editor: LabelEditor, rows: list[int]) -> None:
    for row in rows:
        line(f"{row}: {printable(editor.file.lines[row - 1].raw)}")


def _cells(row: int, kept: Line) -> list[str]:
    label = kept.label
    note = kept.problem or "; ".join(kept.repairs)
    if label is None:
        return [str(row), "", "", printable(kept.raw), note]
    who = f"{label.speaker} {label.language}".strip()
    return [str(row), printable(label.clip), printable(who), printable(label.text), note]


def _facts(row: int, kept: Line) -> dict[str, object]:
    label = kept.label
    known = {} if label is None else {name: getattr(label, name) for name in ("clip", "speaker", "language", "text")}
    known |= {} if label is None else {"path": printable(str(label.path))}
    plain = {name: printable(value) for name, value in known.items()}
    return {"row": row, **plain, "problem": kept.problem, "repairs": list(kept.repairs), "line": printable(kept.raw)}
