"""What the numbers of one clip mean: the official program's limits, and our advice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from myna.core.versions import ModelVersion
from myna.engine.check.found import LEAVE_OUT, LOOK, Finding
from myna.engine.measures import Measures
from myna.engine.training.sovits_order import LONGEST_FRAMES_FLOW, LONGEST_FRAMES_VITS, SHORTEST_FRAMES

SECONDS = (0.6, 54.0)
"""Shorter ones, and those from the second on, are left out of the training of SoVITS (official rule)."""
PHONES_PER_SECOND = (3.0, 25.0)
"""Others are left out of the GPT's training (official rule)."""
MAX_PEAK = 2.2
"""Louder ones are left out of the extraction (official rule)."""

_FRAMES_PER_S = 50
_ADVISED_SECONDS = (1.5, 20.0)
_SILENT_DBFS = -60.0
_QUIET_LUFS = -40.0
_SOME_CLIPPING, _MUCH_CLIPPING = 0.0005, 0.01
SUSPICIOUS_DB = 16.0
"""Speech without pauses is measured as noisy as this too; below, DNSMOS is asked."""
_NOISY_DB, _VERY_NOISY_DB = 12.0, 5.0
_POOR_OPINION = 2.4
"""Of clean speech with few pauses DNSMOS says 2.7 and more, of speech with babble or hum at 10 dB 2.1 and less."""
_EDGE_S, _PAUSE_S, _SILENT_SHARE = 1.0, 1.5, 0.6
_NARROW_HZ = 5000.0


@dataclass(frozen=True)
class Shape:
    """Silence before, after and (the longest) inside the speech, in seconds; up to which frequency there is sound."""

    start_s: float
    end_s: float
    pause_s: float
    band_hz: float


def trained_seconds(version: ModelVersion) -> tuple[float, float]:
    """How long a clip must be at least, and from which length on it is left out, to be trained on in ``version``.

    The official trainers drop clips of other lengths than their buckets hold; ours of the bundled version cuts.
    """
    if version.is_bundled:
        return SECONDS
    longest = LONGEST_FRAMES_FLOW if version.flow is not None else LONGEST_FRAMES_VITS
    return (SHORTEST_FRAMES + 1) / _FRAMES_PER_S, (longest + 1) / _FRAMES_PER_S


def sound_findings(
    measures: Measures,
    shape: Shape,
    sample_rate: int,
    num_phones: int | None,
    seconds: tuple[float, float] = SECONDS,
) -> list[Finding]:
    """All there is to say; ``num_phones`` None where the text is not known or could not be read, ``seconds`` as
    `trained_seconds` has it.
    """
    if measures.peak_dbfs is None or measures.peak_dbfs < _SILENT_DBFS:
        return [*_length(measures.seconds, seconds), Finding("silent", LEAVE_OUT, "there is nothing but silence")]
    return [
        *_length(measures.seconds, seconds),
        *_level(measures),
        *_clipping(measures.clipped_share),
        *_noise(measures),
        *_pauses(measures, shape),
        *_band(shape, sample_rate),
        *(_rate(num_phones, measures.seconds) if num_phones is not None else ()),
    ]


def _length(seconds: float, trained: tuple[float, float]) -> Iterator[Finding]:
    if not trained[0] <= seconds < trained[1]:
        what = f"training takes {trained[0]:g} s to less than {trained[1]:g} s"
        yield Finding("length", LEAVE_OUT, f"{seconds:.2f} s long; {what}{': cut it' if seconds > 1 else ''}")
    elif seconds < _ADVISED_SECONDS[0]:
        yield Finding("length", LOOK, f"only {seconds:.2f} s long; 3 to 10 s are best")
    elif seconds > _ADVISED_SECONDS[1]:
        yield Finding("length", LOOK, f"{seconds:.1f} s long; 3 to 10 s are best: cut it")


def _level(measures: Measures) -> Iterator[Finding]:
    peak = 10 ** ((measures.peak_dbfs or 0.0) / 20)
    if peak > MAX_PEAK:
        yield Finding("loud", LEAVE_OUT, f"its peak is {peak:.1f} times full scale; above {MAX_PEAK} it is left out")
    if measures.loudness_lufs is not None and measures.loudness_lufs < _QUIET_LUFS:
        what = f"{measures.loudness_lufs:.0f} LUFS; speech has -30 to -16"
        yield Finding("quiet", LOOK, f"very quiet: {what}")


def _clipping(share: float) -> Iterator[Finding]:
    if share >= _SOME_CLIPPING:
        verdict = LEAVE_OUT if share >= _MUCH_CLIPPING else LOOK
        yield Finding("clipping", verdict, f"clipped: {100 * share:.2g} % of its samples are cut off at the top")


def _noise(measures: Measures) -> Iterator[Finding]:
    snr, opinion = measures.snr_db, measures.dnsmos
    if snr is None or snr >= SUSPICIOUS_DB:
        return
    heard = f"; DNSMOS guesses that listeners give it {opinion.overall:.1f} of 5" if opinion else ""
    if snr < _VERY_NOISY_DB:
        yield Finding("noise", LEAVE_OUT, f"very noisy: speech is only {snr:.0f} dB above the noise{heard}")
    elif opinion.overall < _POOR_OPINION if opinion else snr < _NOISY_DB:
        yield Finding("noise", LOOK, f"noisy: speech is only {snr:.0f} dB above the noise{heard}")


def _pauses(measures: Measures, shape: Shape) -> Iterator[Finding]:
    for seconds, where in ((shape.start_s, "before"), (shape.end_s, "after")):
        if seconds > _EDGE_S:
            yield Finding("pauses", LOOK, f"{seconds:.1f} s of silence {where} the speech")
    if shape.pause_s > _PAUSE_S:
        yield Finding("pauses", LOOK, f"a pause of {shape.pause_s:.1f} s inside the speech")
    if measures.silent_share > _SILENT_SHARE:
        yield Finding("pauses", LOOK, f"{100 * measures.silent_share:.0f} % of it is silence")


def _band(shape: Shape, sample_rate: int) -> Iterator[Finding]:
    if shape.band_hz < _NARROW_HZ:
        yield Finding(
            "narrow", LOOK, f"nothing above {shape.band_hz / 1000:.1f} kHz (sampled at {sample_rate / 1000:g} kHz)"
        )


def _rate(num_phones: int, seconds: float) -> Iterator[Finding]:
    rate = num_phones / seconds
    low, high = PHONES_PER_SECOND
    if not low <= rate <= high:
        what = f"training takes {low:g} to {high:g}; text and sound hardly belong together"
        yield Finding("rate", LEAVE_OUT, f"{rate:.1f} phones a second; {what}")
