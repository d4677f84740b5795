"""The page that shows what a cloned voice has become: one file that needs nothing else."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

import numpy as np

from myna import __version__
from myna.audio.encode import encode
from myna.audio.io import Audio, decode
from myna.audio.labels import Label, read_labels
from myna.core.assets import bundled
from myna.core.workspace import write_text
from myna.engine.pictures import curve_svg, spectrogram_png
from myna.engine.training.telling import read_curves
from myna.engine.voiceprint import similarity, voiceprint

_MIN_SHOWN_S = 4.0


@dataclass(frozen=True)
class ReportFacts:
    """What the page tells. ``curves`` are (title, file of JSON lines); ``times`` are (title, seconds)."""

    voice: str
    version: str
    recording: Path
    speech: Path
    text: str
    labels: Path
    weights: Sequence[Path]
    curves: Sequence[tuple[str, Path]]
    times: Sequence[tuple[str, float]]


@dataclass(frozen=True)
class Likeness:
    """Voiceprint similarities, 0 to 1: speech and recording, and for scale the recording's two halves."""

    speech: float
    own: float


def write_report(facts: ReportFacts, path: Path) -> None:
    """Write the page; raises `BadAudio` where a sound is unusable and `WorkspaceError` where it cannot be written."""
    recording, speech = decode(facts.recording), decode(facts.speech)
    likeness = _likeness(recording, speech)
    labels = read_labels(facts.labels)
    page = Template(bundled("report.html").read_text(encoding="utf-8"))
    total_s = sum(seconds for _, seconds in facts.times)
    parts = {
        "title": escape(f"Voice “{facts.voice}”"),
        "subtitle": escape(f"Cloned by Myna {__version__} with the base “{facts.version}”"),
        "figures": _figures(recording, speech, likeness, total_s),
        "text": escape(facts.text),
        "players": _players(recording, speech),
        "curves": "".join(_curves(facts.curves)),
        "times": "".join(_times(facts.times)),
        "clips_summary": f"{len(labels)} clips and their words",
        "clips": "".join(_clips(labels)),
        "footer": _footer(facts.weights),
    }
    write_text(path, page.substitute(parts))


def _likeness(recording: Audio, speech: Audio) -> Likeness:
    middle = len(recording.samples) // 2
    halves = [voiceprint(half, recording.sample_rate) for half in np.split(recording.samples, [middle])]
    whole = voiceprint(recording.samples, recording.sample_rate)
    return Likeness(similarity(voiceprint(speech.samples, speech.sample_rate), whole), similarity(*halves))


def _figures(recording: Audio, speech: Audio, likeness: Likeness, total_s: float) -> str:
    figures = (
        (f"{likeness.speech:.2f}", "voiceprint similarity"),
        (f"{likeness.own:.2f}", "recording’s halves, for scale"),
        (f"{recording.seconds:.0f} s", "of recording"),
        (f"{speech.seconds:.1f} s", "of new speech"),
        (_duration(total_s), "for all steps"),
    )
    return "".join(f"<div><b>{number}</b><span class='soft'>{what}</span></div>" for number, what in figures)


def _players(recording: Audio, speech: Audio) -> str:
    """Both sounds on one time scale: of the recording, as much is pictured as the speech is long."""
    shown_s = max(speech.seconds, _MIN_SHOWN_S)
    told = f"The recording; pictured are its first {min(shown_s, recording.seconds):.1f} s"
    return _player("Recording", told, recording, "mp3", shown_s) + _player(
        "New speech", "A sentence that is not in the recording", speech, "wav", shown_s
    )


def _player(title: str, caption: str, sound: Audio, kind: str, shown_s: float) -> str:
    shown = np.zeros(round(shown_s * sound.sample_rate), np.float32)
    part = sound.samples[: len(shown)]
    shown[: len(part)] = part
    media = {"mp3": "audio/mpeg", "wav": "audio/wav"}[kind]
    picture = _data("image/png", spectrogram_png(shown, sound.sample_rate))
    source = _data(media, encode(np.clip(sound.samples, -1.0, 1.0), sound.sample_rate, kind))
    return (
        f'<figure class="player"><h2>{title}</h2><div class="picture" data-seconds="{shown_s:.3f}">'
        f'<img alt="spectrogram: {title}" src="{picture}"><span style="top:8px">8 kHz</span>'
        f'<span style="bottom:8px">0</span><i></i></div>'
        f'<audio controls preload="metadata" src="{source}"></audio><figcaption>{caption}</figcaption></figure>'
    )


def _curves(curves: Sequence[tuple[str, Path]]) -> Iterator[str]:
    for title, file in curves:
        for name, values in read_curves(file).items():
            drawn = curve_svg(values, f"{title}: {name}")
            if drawn:
                yield f"<figure>{drawn}<figcaption>{escape(title)}: {escape(name)}</figcaption></figure>"


def _times(times: Sequence[tuple[str, float]]) -> Iterator[str]:
    longest = max((seconds for _, seconds in times), default=0.0) or 1.0
    for title, seconds in times:
        bar = f'<i style="width:{100 * seconds / longest:.1f}%"></i>'
        yield f'<tr><td>{escape(title)}</td><td class="number">{_duration(seconds)}</td><td class="bar">{bar}</td></tr>'


def _clips(labels: Sequence[Label]) -> Iterator[str]:
    yield "<tr><th>clip</th><th>words</th></tr>"
    for number, label in enumerate(labels, 1):
        yield f'<tr><td class="number">{number}</td><td>{escape(label.text)}</td></tr>'


def _footer(weights: Sequence[Path]) -> str:
    listed = ", ".join(f"<code>{escape(file.name)}</code> ({file.stat().st_size / 2**20:.1f} MiB)" for file in weights)
    return f"Trained weights: {listed}. This page is one file and loads nothing from the network."


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60):02d} s"


def _data(media: str, content: bytes) -> str:
    return f"data:{media};base64,{base64.b64encode(content).decode('ascii')}"
