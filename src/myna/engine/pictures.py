"""Pictures for reports, drawn with numpy alone: a spectrogram as PNG, a curve as SVG."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import numpy.typing as npt

from myna.audio.io import resample

RATE_HZ = 16000
"""Spectrograms show 0 to half of this."""

_STYLE = (
    "<style>svg{background:#fff}text{font:12px sans-serif;fill:#444}.name{font-weight:bold}.axis{stroke:#bbb}"
    "polyline{fill:none}.raw{stroke:#9cc3d9}.mean{stroke:#18607f;stroke-width:2}</style>"
)
_N_FFT = 1024
_ROWS = 220
_RANGE_DB = 75.0
# Dark blue over teal and amber to white: even in lightness, readable for the colour-blind.
_COLOURS = np.array(
    [[9, 11, 28], [28, 38, 92], [24, 92, 128], [38, 150, 136], [148, 192, 92], [246, 202, 88], [255, 248, 226]],
    np.float64,
)


def spectrogram_png(samples: npt.NDArray[np.float32], sample_rate: int, width: int = 900) -> bytes:
    """The spectrogram of ``samples`` (T,) as a PNG of ``width`` x 220.

    Time runs to the right, mel-spaced frequency from 0 to 8 kHz upwards, 75 dB from darkest to brightest.
    """
    sound = resample(samples, sample_rate, RATE_HZ)
    frames = _frames(sound, width)
    power = np.abs(np.fft.rfft(frames * np.hanning(_N_FFT), axis=1)) ** 2
    decibels = 10 * np.log10(np.maximum(power @ _rows(), 1e-12))
    loudest = max(float(decibels.max()), -60.0)
    shares = np.clip((decibels - loudest + _RANGE_DB) / _RANGE_DB, 0.0, 1.0)
    return png(_coloured(shares.T[::-1]))


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """``pixels`` (height, width, 3) as a PNG file (ISO/IEC 15948)."""
    height, width, _ = pixels.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def curve_svg(values: Sequence[float], title: str, width: int = 520, height: int = 190) -> str:
    """A falling or rising curve over its steps, as an SVG element; the thick line is the running mean."""
    finite = np.asarray([value for value in values if np.isfinite(value)], np.float64)
    if len(finite) < 2:
        return ""
    low, high = float(finite.min()), float(finite.max())
    span = (high - low) or 1.0
    left, top, right, bottom = 52, 14, width - 10, height - 26

    def path(line: npt.NDArray[np.float64]) -> str:
        xs = left + (right - left) * np.arange(len(line)) / max(len(line) - 1, 1)
        ys = bottom - (bottom - top) * (line - low) / span
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))

    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">'
        f'<line class="axis" x1="{left}" y1="{bottom}" x2="{right}" y2="{bottom}"/>'
        f'<line class="axis" x1="{left}" y1="{top}" x2="{left}" y2="{bottom}"/>'
        f'<text x="{left - 6}" y="{top + 8}" text-anchor="end">{high:.3g}</text>'
        f'<text x="{left - 6}" y="{bottom}" text-anchor="end">{low:.3g}</text>'
        f'<text x="{right}" y="{height - 8}" text-anchor="end">{len(values)} steps</text>'
        f'<polyline class="raw" points="{path(finite)}"/>'
        f'<polyline class="mean" points="{path(_smooth(finite))}"/></svg>'
    )


def curves_svg(curves: Mapping[str, Sequence[float]], width: int = 720, height: int = 190) -> str:
    """Curves by name, each over its steps, one below the other, as an SVG file; "" where none has two points."""
    drawn = [(name, curve_svg(values, name, width, height)) for name, values in curves.items()]
    shown = [(name, curve) for name, curve in drawn if curve]
    if not shown:
        return ""
    row = height + 26
    parts = [
        f'<text class="name" x="52" y="{row * number + 18}">{escape(name)}</text>'
        + curve.replace("<svg ", f'<svg y="{row * number + 22}" width="{width}" height="{height}" ', 1)
        for number, (name, curve) in enumerate(shown)
    ]
    size = f'width="{width}" height="{row * len(shown)}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{_STYLE}{"".join(parts)}</svg>\n'


def changes_svg(changes: Sequence[tuple[float, float]], title: str, width: int = 520, height: int = 190) -> str:
    """What became of each of many values, as an SVG element: a line from before to after, sorted by before.

    Dots mark what came of it. Of more than 200 every n-th is drawn.
    """
    ordered = sorted(changes)[:: max(1, -(-len(changes) // 200))]
    values = [value for pair in ordered for value in pair]
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    left, top, right, bottom = 52, 14, width - 10, height - 26
    lines = []
    for number, (before, after) in enumerate(ordered):
        x = left + (right - left) * (number + 0.5) / len(ordered)
        start, end = (bottom - (bottom - top) * (value - low) / span for value in (before, after))
        lines.append(
            f'<line class="change" x1="{x:.1f}" y1="{start:.1f}" x2="{x:.1f}" y2="{end:.1f}"/>'
            f'<circle class="before" cx="{x:.1f}" cy="{start:.1f}" r="2.5"/>'
            f'<circle class="after" cx="{x:.1f}" cy="{end:.1f}" r="3.5"/>'
        )
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{title}">'
        f'<line class="axis" x1="{left}" y1="{bottom}" x2="{right}" y2="{bottom}"/>'
        f'<line class="axis" x1="{left}" y1="{top}" x2="{left}" y2="{bottom}"/>'
        f'<text x="{left - 6}" y="{top + 8}" text-anchor="end">{high:.3g}</text>'
        f'<text x="{left - 6}" y="{bottom}" text-anchor="end">{low:.3g}</text>'
        f'<text x="{right}" y="{height - 8}" text-anchor="end">{len(changes)} clips</text>{"".join(lines)}</svg>'
    )


def _frames(sound: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.float32]:
    """``count`` overlapping frames (count, N) spread evenly over the sound."""
    padded: npt.NDArray[np.float32] = np.pad(sound, _N_FFT // 2)
    starts = np.linspace(0, len(padded) - _N_FFT, count).astype(np.int64)
    frames: npt.NDArray[np.float32] = padded[starts[:, None] + np.arange(_N_FFT)]
    return frames


def _rows() -> npt.NDArray[np.float64]:
    """Weights (bins, rows) that gather FFT bins into mel-spaced rows, at least one bin each."""
    bins = _N_FFT // 2 + 1
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + RATE_HZ / 2 / 700), _ROWS + 1) / 2595) - 1)
    places = edges / (RATE_HZ / 2) * (bins - 1)
    weights = np.zeros((bins, _ROWS))
    for row in range(_ROWS):
        middle, reach = (places[row] + places[row + 1]) / 2, max((places[row + 1] - places[row]) / 2, 1.0)
        near = np.maximum(0.0, 1.0 - np.abs(np.arange(bins) - middle) / reach)
        weights[:, row] = near / near.sum()
    return weights


def _coloured(shares: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """(H, W) in 0..1 as (H, W, 3)."""
    stops = np.linspace(0.0, 1.0, len(_COLOURS))
    channels = [np.interp(shares, stops, _COLOURS[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=-1).astype(np.uint8)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _smooth(line: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The running mean over about a twelfth of the line, shorter at its ends."""
    reach = max(len(line) // 24, 1)
    return np.asarray([line[max(0, at - reach) : at + reach + 1].mean() for at in range(len(line))])
