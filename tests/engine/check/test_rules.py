"""What the numbers of a clip mean: the official limits leave out, our advice asks to look."""

from __future__ import annotations

from dataclasses import replace

import pytest

from myna.core.versions import version
from myna.engine.check.found import LEAVE_OUT, LOOK, OK, Finding, verdict_of
from myna.engine.check.rules import Shape, sound_findings, trained_seconds
from myna.engine.measures import Measures, Opinion

GOOD = Measures(
    seconds=5.0, loudness_lufs=-22.0, peak_dbfs=-3.0, clipped_share=0.0, silent_share=0.1, snr_db=35.0, dnsmos=None
)
SHAPE = Shape(0.1, 0.1, 0.4, 12000.0)


def found(measures: Measures = GOOD, shape: Shape = SHAPE, phones: int | None = 60) -> dict[str, str]:
    return {finding.kind: finding.verdict for finding in sound_findings(measures, shape, 32000, phones)}


def test_a_good_clip_is_good() -> None:
    assert found() == {}
    assert found(phones=None) == {}


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [
        (0.599, LEAVE_OUT),
        (0.6, LOOK),
        (1.49, LOOK),
        (1.5, None),
        (20.0, None),
        (20.1, LOOK),
        (53.9, LOOK),
        (54.0, LEAVE_OUT),
    ],
)
def test_length(seconds: float, verdict: str | None) -> None:
    assert found(replace(GOOD, seconds=seconds), phones=None).get("length") == verdict


@pytest.mark.parametrize(
    ("name", "seconds"), [("lite", (0.6, 54.0)), ("v2", (0.66, 38.02)), ("v2Pro", (0.66, 38.02)), ("v4", (0.66, 20.02))]
)
def test_lengths_are_those_that_the_versions_trainer_takes(name: str, seconds: tuple[float, float]) -> None:
    assert trained_seconds(version(name)) == pytest.approx(seconds)
    for length, verdict in ((seconds[0] - 0.01, LEAVE_OUT), (seconds[1] - 0.01, LOOK), (seconds[1], LEAVE_OUT)):
        findings = sound_findings(replace(GOOD, seconds=length), SHAPE, 32000, None, seconds)
        assert [(each.kind, each.verdict) for each in findings] == [("length", verdict)]


@pytest.mark.parametrize(("phones", "verdict"), [(14, LEAVE_OUT), (15, None), (125, None), (126, LEAVE_OUT)])
def test_text_and_sound(phones: int, verdict: str | None) -> None:
    assert found(phones=phones).get("rate") == verdict


@pytest.mark.parametrize(
    ("change", "kind", "verdict"),
    [
        ({"peak_dbfs": None, "loudness_lufs": None}, "silent", LEAVE_OUT),
        ({"peak_dbfs": -61.0}, "silent", LEAVE_OUT),
        ({"peak_dbfs": 6.9}, "loud", LEAVE_OUT),
        ({"peak_dbfs": 6.8}, "loud", None),
        ({"loudness_lufs": -41.0}, "quiet", LOOK),
        ({"clipped_share": 0.0004}, "clipping", None),
        ({"clipped_share": 0.001}, "clipping", LOOK),
        ({"clipped_share": 0.02}, "clipping", LEAVE_OUT),
        ({"snr_db": 12.5}, "noise", None),
        ({"snr_db": 11.5}, "noise", LOOK),
        ({"snr_db": 4.0}, "noise", LEAVE_OUT),
        ({"snr_db": 11.5, "dnsmos": Opinion(3.0, 3.5, 3.5)}, "noise", None),
        ({"snr_db": 14.0, "dnsmos": Opinion(2.0, 2.5, 2.0)}, "noise", LOOK),
        ({"snr_db": 40.0, "dnsmos": Opinion(2.0, 2.5, 2.0)}, "noise", None),
        ({"silent_share": 0.7}, "pauses", LOOK),
    ],
)
def test_sound(change: dict[str, object], kind: str, verdict: str | None) -> None:
    assert found(replace(GOOD, **change)).get(kind) == verdict


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        (Shape(1.1, 0, 0, 9e3), "pauses"),
        (Shape(0, 1.1, 0, 9e3), "pauses"),
        (Shape(0, 0, 1.6, 9e3), "pauses"),
        (Shape(0, 0, 0, 3900.0), "narrow"),
    ],
)
def test_shape(shape: Shape, kind: str) -> None:
    assert found(shape=shape) == {kind: LOOK}


def test_the_worst_finding_decides() -> None:
    note, look, leave = (Finding("same_text", verdict, "") for verdict in (OK, LOOK, LEAVE_OUT))
    assert [verdict_of(all_) for all_ in ([], [note], [note, look], [look, leave, note])] == [OK, OK, LOOK, LEAVE_OUT]
