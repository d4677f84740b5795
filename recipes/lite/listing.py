"""Which clips there are, who is kept apart, and what phones they speak: ``WORK/clips.jsonl``, one line per clip.

A clip's number is its line: tokens, spans and packs name it so.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from corpus import CLIPS

from myna.core.errors import BadInput
from myna.core.workspace import write_bytes
from myna.engine.strangers import LEARNERS, NATIVE, NUM_LEARNERS
from myna.text.frontend import phonemize

SHORTEST_S = 1.0
ENOUGH_HOURS, ENOUGH_SPEAKERS = 1.0, 10
"""What a language must have in sentences to be taken without being named."""

Row = dict[str, str]


def table(path: Path) -> list[Row]:
    """The rows of a tab-separated file with a header; quotes mean nothing. Raises `BadInput` where there is none."""
    if not path.is_file():
        raise BadInput(
            f"the speech folder lacks {path.parent.name}/{path.name}; recipes/lite/README.md says what it holds"
        )
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def languages_with_enough(rows: Sequence[Row]) -> dict[str, tuple[float, int, bool]]:
    """Per language the hours of its sentences, their speakers, and whether that is enough."""
    found = {}
    for language in sorted({row["language"] for row in rows}):
        own = [row for row in rows if row["language"] == language and row.get("kind", "utt") == "utt"]
        hours, speakers = sum(float(row["seconds"]) for row in own) / 3600, len({row["speaker"] for row in own})
        found[language] = (hours, speakers, hours >= ENOUGH_HOURS and speakers >= ENOUGH_SPEAKERS)
    return found


def listed(speech: Path, languages: Sequence[str]) -> list[dict]:
    """Every clip to be used, with the split it belongs to: ``train``, or ``held`` for speakers never trained on.

    Without ``languages`` those that have enough. Held are those whom `myna bench voice` measures, and of other
    languages the speakers who stand in ``test`` only. Raises `BadInput` where a file or a language is missing.
    """
    trained, tested = table(speech / "train" / "manifest.tsv"), table(speech / "test" / "transcripts.tsv")
    known = languages_with_enough(trained)
    chosen = list(languages) or [name for name, (_, _, is_enough) in known.items() if is_enough]
    if missing := set(chosen) - set(known):
        raise BadInput(f"there is no speech in {', '.join(sorted(missing))}; there is: {', '.join(known)}")
    held = held_learners(trained)
    seen = {row["speaker"] for row in trained}
    clips = []
    for folder, column, rows in (("train", "path", trained), ("test", "file", tested)):
        for row in rows:
            is_unseen = row["speaker"] in held or row["speaker"] in NATIVE or row["speaker"] not in seen
            # Other speakers of English in `test` are not among the ten; songs and noise are no speech to learn from.
            if folder == "test" and not (is_unseen and (row["language"] != "en" or row["speaker"] in NATIVE)):
                continue
            if row["language"] in chosen and float(row["seconds"]) >= SHORTEST_S:
                clips.append(_clip(row, f"{folder}/{row[column]}", "held" if is_unseen else "train"))
    return clips


def held_learners(rows: Sequence[Row]) -> set[str]:
    """The learners of English with most clips: kept apart, as `myna bench voice` chooses them."""
    count = Counter(
        row["speaker"]
        for row in rows
        if row["language"] == "en" and row["speaker"].startswith(LEARNERS) and float(row["seconds"]) >= SHORTEST_S
    )
    return set(sorted(count, key=lambda name: (-count[name], name))[:NUM_LEARNERS])


def _clip(row: Row, file: str, split: str) -> dict:
    text, phones = row["text"].strip(), []
    if text:
        try:
            phones = phonemize(text, row["language"]).phones
        except BadInput:  # nothing that can be spoken
            text = ""
    names = ("speaker", "language")
    return {"file": file, "split": split, "seconds": float(row["seconds"]), "text": text, "phones": phones} | {
        name: row[name] for name in names
    }


def write_listing(work: Path, clips: Sequence[dict]) -> None:
    """Write ``clips.jsonl``."""
    lines = "".join(json.dumps(clip, ensure_ascii=False, sort_keys=True) + "\n" for clip in clips)
    write_bytes(work / CLIPS, lines.encode())
