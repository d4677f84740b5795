"""The page of a check: one file that needs no network, with a row per clip that can be sorted, filtered and heard."""

from __future__ import annotations

import base64
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import quote

import numpy as np

from myna import __version__
from myna.core.assets import bundled
from myna.core.workspace import write_text
from myna.engine.check.clip import Heard
from myna.engine.check.found import KINDS, LEAVE_OUT, LOOK, OK, Finding

PLAYED_BYTES = 24 << 20
"""Sound that the page holds at most; base64 makes a third more of it."""
MOST_ROWS = 3000
"""Of more clips the harmless ones are left away, which is said."""

_BINS = 24
_WIDTH, _HEIGHT = 340, 130


@dataclass(frozen=True)
class Row:
    """All that is known of a clip. ``line`` is 0 where there is no label file; ``path`` None where there is no clip."""

    name: str
    line: int
    path: Path | None
    page_folder: Path
    speaker: str
    language: str
    text: str
    num_phones: int | None
    likeness: float | None
    findings: tuple[Finding, ...]
    verdict: str
    heard: Heard

    @property
    def seconds(self) -> float:
        """Its length, 0 where it cannot be heard."""
        return self.heard.measures.seconds if self.heard.measures is not None else 0.0

    @property
    def rate(self) -> float | None:
        """Phones a second."""
        return self.num_phones / self.seconds if self.num_phones and self.seconds else None

    @property
    def kinds(self) -> list[str]:
        """Kinds of its findings, each once."""
        return list(dict.fromkeys(finding.kind for finding in self.findings))


def write_page(rows: Sequence[Row], path: Path, *, title: str, version: str, notes: Sequence[str]) -> None:
    """Write the page; raises `WorkspaceError` where it cannot be written."""
    page = Template(bundled("check.html").read_text(encoding="utf-8"))
    shown = _shown(rows)
    left = len(rows) - len(shown)
    told = [*notes, f"{left} more clips are ok and not shown here; check.jsonl has them"] if left else notes
    write_text(
        path,
        page.substitute(
            title=escape(f"Check of “{title}”"),
            subtitle=escape(f"By Myna {__version__}, texts read as for “{version}”"),
            figures=_figures(rows),
            notes="".join(f"<li>{escape(note)}</li>" for note in told),
            histograms=_histograms(rows),
            kinds=_options(Counter(kind for row in rows for kind in row.kinds), KINDS),
            speakers=_options(Counter(row.speaker for row in rows)),
            languages=_options(Counter(row.language for row in rows)),
            rows=_table(shown),
        ),
    )


def _shown(rows: Sequence[Row]) -> list[Row]:
    """The worst first, and no more than a browser can show."""
    return sorted(rows, key=lambda row: _ORDER[row.verdict])[:MOST_ROWS]


_ORDER = {LEAVE_OUT: 0, LOOK: 1, OK: 2}


def _figures(rows: Sequence[Row]) -> str:
    counts = Counter(row.verdict for row in rows)
    figures = (
        (str(len(rows)), "clips", ""),
        (f"{sum(row.seconds for row in rows) / 60:.1f}", "minutes", ""),
        (str(counts[OK]), "ok", "ok"),
        (str(counts[LOOK]), "to look at", "look"),
        (str(counts[LEAVE_OUT]), "to leave out", "leave"),
        (str(len({row.speaker for row in rows if row.speaker}) or "–"), "speakers", ""),
    )
    return "".join(f'<div class="{kind}"><b>{number}</b><span>{what}</span></div>' for number, what, kind in figures)


def _histograms(rows: Sequence[Row]) -> str:
    heard = [row.heard.measures for row in rows if row.heard.measures is not None]
    drawn = (
        ("length, s", [each.seconds for each in heard]),
        ("loudness, LUFS", [each.loudness_lufs for each in heard]),
        ("speech over noise, dB", [each.snr_db for each in heard]),
        ("phones a second", [row.rate for row in rows]),
    )
    return "".join(_histogram(title, [value for value in values if value is not None]) for title, values in drawn)


def _histogram(title: str, values: Sequence[float]) -> str:
    """Counts of values as an SVG; nothing where there are fewer than two."""
    if len(values) < 2:
        return ""
    highest = min(max(values), 1.5 * float(np.percentile(np.abs(values), 97)))  # one long take hides nothing
    counts, edges = np.histogram(np.minimum(values, highest), bins=_BINS)
    beyond = " and more" if highest < max(values) else ""
    step, floor, top = _WIDTH / _BINS, _HEIGHT - 20, int(counts.max())
    bars = ""
    for number, count in enumerate(counts):
        height, span = (floor - 14) * count / top, f"{edges[number]:.3g} to {edges[number + 1]:.3g}"
        place = f'x="{number * step + 1:.1f}" y="{floor - height:.1f}" width="{step - 2:.1f}" height="{height:.1f}"'
        bars += f"<rect {place}><title>{span}: {count}</title></rect>" if count else ""
    scale = (
        f'<text x="0" y="{_HEIGHT - 4}">{edges[0]:.3g}</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT - 4}" text-anchor="end">{edges[-1]:.3g}{beyond}</text>'
        f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 4}" text-anchor="middle">median {np.median(values):.3g}</text>'
    )
    return (
        f'<figure><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">{bars}'
        f'<line class="axis" x1="0" y1="{floor}" x2="{_WIDTH}" y2="{floor}"/>{scale}</svg>'
        f"<figcaption>{escape(title)}</figcaption></figure>"
    )


def _options(counts: Counter[str], names: dict[str, str] | None = None) -> str:
    return "".join(
        f'<option value="{escape(name)}">{escape((names or {}).get(name, name) or "(none)")} ({count})</option>'
        for name, count in counts.most_common()
        if name or len(counts) > 1
    )


def _table(rows: Sequence[Row]) -> str:
    """The rows; the first ones get players, as long as there is room."""
    room, table = PLAYED_BYTES, []
    for row in rows:
        size = len(row.heard.player)
        is_played = 0 < size <= room
        room -= size if is_played else 0
        table.append(_row(row, is_played=is_played))
    return "".join(table)


def _row(row: Row, *, is_played: bool) -> str:
    measures = row.heard.measures
    mark = {OK: "ok", LOOK: "look", LEAVE_OUT: "leave"}[row.verdict]
    told = "".join(
        f'<li class="{({OK: "ok", LOOK: "look", LEAVE_OUT: "leave"})[finding.verdict]}">{escape(finding.text)}</li>'
        for finding in row.findings
    )
    numbers = (
        ("line", float(row.line) if row.line else None, "{:.0f}"),
        ("seconds", row.seconds if measures else None, "{:.2f}"),
        ("rate", row.rate, "{:.1f}"),
        ("lufs", measures.loudness_lufs if measures else None, "{:.1f}"),
        ("snr", measures.snr_db if measures else None, "{:.0f}"),
        ("voice", row.likeness, "{:.2f}"),
    )
    cells = "".join(
        f'<td class="number" data-value="{"" if value is None else f"{value:.4f}"}">'
        f"{'' if value is None else form.format(value)}</td>"
        for _, value, form in numbers
    )
    who = " · ".join(part for part in (row.speaker, row.language) if part)
    return (
        f'<tr class="{mark}" data-verdict="{row.verdict}" data-kinds="{" ".join(row.kinds)}" '
        f'data-speaker="{escape(row.speaker)}" data-language="{escape(row.language)}">'
        f'<td data-value="{_ORDER[row.verdict]}"><b class="verdict">{row.verdict}</b></td>'
        f'<td class="clip"><code>{escape(row.name)}</code><span class="soft">{escape(who)}</span>'
        f"<p>{escape(row.text)}</p>{f'<ul>{told}</ul>' if told else ''}</td>"
        f'<td class="sound">{_outline(row.heard.outline)}{_player(row, is_played=is_played)}</td>{cells}</tr>\n'
    )


def _outline(outline: bytes) -> str:
    """The waveform: peaks up and down, those at full scale in another colour."""
    if not outline:
        return ""
    strokes = "".join(
        f"M{number} {40 - peak * 40 / 255:.0f}V{40 + peak * 40 / 255:.0f}" for number, peak in enumerate(outline)
    )
    over = "".join(f"M{number} 0V80" for number, peak in enumerate(outline) if peak == 255)
    full = f'<path class="over" d="{over}"/>' if over else ""
    return (
        f'<svg class="wave" viewBox="0 0 {len(outline)} 80" preserveAspectRatio="none">'
        f'<path d="{strokes}"/>{full}<line x1="0" y1="0" x2="0" y2="80"/></svg>'
    )


def _player(row: Row, *, is_played: bool) -> str:
    """A player that holds its sound, else one that fetches the file from beside the page when it is asked to."""
    if row.path is None or row.heard.measures is None:
        return ""
    if is_played:
        data = base64.b64encode(row.heard.player).decode("ascii")
        return f'<audio controls preload="none" src="data:audio/ogg;base64,{data}"></audio>'
    beside = os.path.relpath(os.path.abspath(row.path), os.path.abspath(row.page_folder))  # noqa: PTH100  keeps links
    return f'<audio controls preload="none" src="{quote(os.fsencode(beside))}"></audio>'
