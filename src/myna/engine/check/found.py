"""What was found about a clip, and what that means for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

OK, LOOK, LEAVE_OUT = "ok", "look", "leave out"
VERDICTS = (OK, LOOK, LEAVE_OUT)
"""From harmless to useless: use it; look at it (listen, read); training leaves it out, or had better."""

KINDS = {
    "line": "label file",
    "missing": "missing file",
    "unreadable": "unreadable file",
    "silent": "silence",
    "length": "length",
    "loud": "too loud",
    "quiet": "too quiet",
    "clipping": "clipping",
    "pauses": "pauses",
    "noise": "noise",
    "narrow": "narrow band",
    "text": "text",
    "symbols": "unknown symbols",
    "language": "language",
    "rate": "text and length",
    "words": "other words",
    "twin": "same sound twice",
    "other_voice": "other voice",
    "same_text": "same text twice",
}
"""Every kind of finding, and what it is called."""


@dataclass(frozen=True)
class Finding:
    """One thing about one clip: its kind (one of `KINDS`), what it means, and what was found, in one line.

    With the verdict "ok" it is a note.
    """

    kind: str
    verdict: str
    text: str


def verdict_of(findings: Sequence[Finding]) -> str:
    """The worst of the findings' verdicts."""
    return max((finding.verdict for finding in findings), key=VERDICTS.index, default=OK)
