"""What denoising did to each clip and to all: numbers as lines of JSON, and a page with pictures and players."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from myna import __version__
from myna.audio.encode import encode
from myna.audio.io import Audio
from myna.core.assets import bundled
from myna.core.findings import Failure
from myna.core.workspace import write_text
from myna.engine.measures import Measures
from myna.engine.pictures import changes_svg, spectrogram_png

Row = dict[str, Any]
"""A line of the JSON."""

_MOST_SHOWN_S = 15.0
_WIDTH = 520


@dataclass(frozen=True)
class Cleaned:
    """What came of a clip: its measures before and after, and its part of the page, if it is shown there."""

    name: str
    before: Measures | None = None
    after: Measures | None = None
    figure: str = ""


@dataclass(frozen=True)
class Figure:
    """A number of the report: where `Measures.as_json` has it, how it is called, its unit and how many places count."""

    path: tuple[str, ...]
    title: str
    unit: str = ""
    places: int = 1


FIGURES = (
    Figure(("loudness_lufs",), "loudness", " LUFS"),
    Figure(("snr_db",), "voice over noise", " dB"),
    Figure(("dnsmos", "overall"), "DNSMOS overall", places=2),
    Figure(("dnsmos", "speech"), "DNSMOS speech", places=2),
    Figure(("dnsmos", "background"), "DNSMOS background", places=2),
)


@dataclass(frozen=True)
class Reports:
    """Where the reports lie: the lines of JSON and the page."""

    lines: Path
    page: Path


def write_reports(reports: Reports, engine: str, clips: Sequence[Cleaned], failures: Sequence[Failure]) -> str:
    """Write both; what they say in one line. Raises `WorkspaceError`."""
    told = [{"clip": clip.name, "before": _values(clip.before), "after": _values(clip.after)} for clip in clips]
    total = {"clips": len(clips), "engine": engine, **{side: _mean(told, side) for side in ("before", "after")}}
    write_text(reports.lines, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in (*told, {"total": total})))
    write_text(reports.page, _page(engine, clips, told, total, failures))
    changes = ", ".join(f"{figure.title} {_change(figure, total)}" for figure in FIGURES[:3] if _change(figure, total))
    return f"{len(clips)} clips by {engine}: {changes or 'nothing could be measured'}"


def pictured(before: Audio, after: Audio) -> str:
    """A clip's part of the page: spectrogram and player of its first 15 s, before and after, on one scale of time."""
    return "".join(_player(title, sound) for title, sound in (("Before", before), ("After", after)))


def _values(measures: Measures | None) -> Row:
    return measures.as_json() if measures else {}


def _value(values: object, path: tuple[str, ...]) -> float | None:
    """The number at ``path``; None where there is none."""
    for name in path:
        values = values.get(name) if isinstance(values, dict) else None
    return float(values) if isinstance(values, int | float) else None


def _mean(told: Sequence[Row], side: str) -> Row:
    """Means over the clips that have a number, and the seconds of all."""
    means: Row = {"seconds": round(sum(_value(row[side], ("seconds",)) or 0.0 for row in told), 3)}
    for path in (("loudness_lufs",), ("peak_dbfs",), ("clipped_share",), ("silent_share",), ("snr_db",)):
        means[path[0]] = _mean_of(told, side, path)
    opinions = {name: _mean_of(told, side, ("dnsmos", name)) for name in ("overall", "speech", "background")}
    return {**means, "dnsmos": opinions if opinions["overall"] is not None else None}


def _mean_of(told: Sequence[Row], side: str, path: tuple[str, ...]) -> float | None:
    known = [value for row in told if (value := _value(row[side], path)) is not None]
    return round(float(np.mean(known)), 6) if known else None


def _change(figure: Figure, row: Row) -> str:
    """ "12.1 → 20.3 dB"; empty where it is not known."""
    before, after = (_value(row[side], figure.path) for side in ("before", "after"))
    if before is None or after is None:
        return ""
    return f"{before:.{figure.places}f} → {after:.{figure.places}f}{figure.unit}"


def _page(
    engine: str,
    clips: Sequence[Cleaned],
    told: Sequence[Row],
    total: Row,
    failures: Sequence[Failure],
) -> str:
    seconds = _value(total["before"], ("seconds",)) or 0.0
    parts = {
        "title": f"Noise taken out of {len(clips)} clips",
        "subtitle": escape(f"{seconds / 60:.1f} minutes, by {engine}, Myna {__version__}"),
        "figures": "".join(_tile(figure, total) for figure in FIGURES),
        "charts": "".join(_charts(told)),
        "clips": "".join(_shown(clips)),
        "rows": "".join(_rows(told)),
        "failures": _failures(failures),
        "judge": ""
        if _change(FIGURES[2], total)
        else "DNSMOS is not installed here, so listeners’ opinions are missing.",
    }
    return Template(bundled("denoised.html").read_text(encoding="utf-8")).substitute(parts)


def _tile(figure: Figure, total: Row) -> str:
    change = _change(figure, total)
    return f"<div><b>{change}</b><span class='soft'>{figure.title}, mean</span></div>" if change else ""


def _charts(told: Sequence[Row]) -> Iterator[str]:
    for figure in FIGURES[:3]:
        pairs = [(_value(row["before"], figure.path), _value(row["after"], figure.path)) for row in told]
        known = [(before, after) for before, after in pairs if before is not None and after is not None]
        if known:
            title = f"{figure.title}{',' if figure.unit else ''}{figure.unit}"
            yield f"<figure>{changes_svg(known, title)}<figcaption>{title}</figcaption></figure>"


def _shown(clips: Sequence[Cleaned]) -> Iterator[str]:
    for clip in clips:
        if clip.figure:
            yield f"<h3>{escape(clip.name)}</h3><div class='pair'>{clip.figure}</div>"


def _rows(told: Sequence[Row]) -> Iterator[str]:
    heads = "".join(f"<th class='number'>{figure.title}</th>" for figure in FIGURES)
    yield f"<tr><th>clip</th><th class='number'>seconds</th>{heads}</tr>"
    for row in told:
        cells = "".join(f"<td class='number'>{_change(figure, row) or '–'}</td>" for figure in FIGURES)
        seconds = _value(row["before"], ("seconds",)) or 0.0
        yield f"<tr><td>{escape(str(row['clip']))}</td><td class='number'>{seconds:.1f}</td>{cells}</tr>"


def _failures(failures: Sequence[Failure]) -> str:
    if not failures:
        return ""
    rows = "".join(f"<tr><td>{escape(it.file)}</td><td>{escape(it.reason)}</td></tr>" for it in failures)
    return f"<section class='card'><h2>Left out</h2><table><tr><th>file</th><th>why</th></tr>{rows}</table></section>"


def _player(title: str, sound: Audio) -> str:
    samples = np.clip(sound.samples[: round(_MOST_SHOWN_S * sound.sample_rate)], -1.0, 1.0)
    picture = _data("image/png", spectrogram_png(samples, sound.sample_rate, _WIDTH))
    source = _data("audio/mpeg", encode(samples, sound.sample_rate, "mp3"))
    return (
        f"<figure class='player'><div class='picture' data-seconds='{len(samples) / sound.sample_rate:.3f}'>"
        f"<img alt='spectrogram: {title}' src='{picture}'><span style='top:8px'>8 kHz</span>"
        f"<span style='bottom:8px'>0</span><i></i></div>"
        f"<audio controls preload='metadata' src='{source}'></audio><figcaption>{title}</figcaption></figure>"
    )


def _data(media: str, content: bytes) -> str:
    return f"data:{media};base64,{base64.b64encode(content).decode('ascii')}"
