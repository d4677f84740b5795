"""DNSMOS with the real net, where its wheel or file is: numbers of the script that was published with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="the engine extra is not installed")

from myna.audio.io import Audio, resample
from myna.core.errors import BadCheckpoint
from myna.engine import dnsmos
from myna.engine.dnsmos import RATE_HZ, Dnsmos, dnsmos_file, judge_in
from tests.engine.speech_sound import speech_sound

FILE = dnsmos_file(Path("models"))
real = pytest.mark.skipif(FILE is None, reason="the net of DNSMOS is not installed")

PUBLISHED = {
    (3.0, 0.0): (2.4620, 3.0525, 3.2594),
    (3.0, 0.03): (1.4899, 2.4270, 1.4765),
    (12.0, 0.0): (2.6205, 2.9728, 3.7571),
    (12.0, 0.03): (1.8392, 3.1304, 1.7915),
}
"""Seconds of speech sound and level of white noise in it: overall, speech, background."""


def mix(seconds: float, noise: float) -> Audio:
    sound = speech_sound(seconds)
    rough = sound + noise * np.random.default_rng(3).standard_normal(len(sound))
    return Audio(np.clip(rough, -1, 1).astype(np.float32), RATE_HZ)


@pytest.fixture(scope="module")
def net() -> Dnsmos:
    assert FILE is not None
    return Dnsmos(FILE, most_windows=None)


@real
def test_the_published_script_says_the_same(net: Dnsmos) -> None:
    """All clips at once, so that windows of several share a batch."""
    found = net.opinions([mix(*key) for key in PUBLISHED])
    for opinion, numbers in zip(found, PUBLISHED.values(), strict=True):
        assert opinion is not None
        assert (opinion.overall, opinion.speech, opinion.background) == pytest.approx(numbers, abs=2e-4)


@real
def test_any_rate_and_any_length_are_heard(net: Dnsmos) -> None:
    sound = mix(3.0, 0.0)
    wide = Audio(resample(sound.samples, RATE_HZ, 48_000), 48_000)
    nothing, tiny, same = net.opinions(
        [Audio(np.zeros(0, np.float32), RATE_HZ), Audio(sound.samples[:1], 16_000), wide]
    )
    assert nothing is None
    assert tiny is not None
    assert same is not None
    assert same.overall == pytest.approx(PUBLISHED[3.0, 0.0][0], abs=0.05)


@real
def test_few_windows_say_nearly_what_all_say(net: Dnsmos, monkeypatch: pytest.MonkeyPatch) -> None:
    assert FILE is not None
    sound = mix(13.0, 0.02)
    heard: list[int] = []
    few = Dnsmos(FILE, most_windows=2)
    ask = few._ask
    monkeypatch.setattr(few, "_ask", lambda windows: heard.append(len(windows)) or ask(windows))
    (some,), (whole,) = few.opinions([sound]), net.opinions([sound])
    assert heard == [2]
    assert some is not None
    assert whole is not None
    assert some.overall == pytest.approx(whole.overall, abs=0.1)


@real
def test_the_models_folder_comes_before_the_wheel(tmp_path: Path) -> None:
    assert FILE is not None
    (tmp_path / "dnsmos").mkdir()
    own = tmp_path / "dnsmos" / "sig_bak_ovr.onnx"
    own.write_bytes(FILE.read_bytes())
    assert dnsmos_file(tmp_path) == own
    assert judge_in(tmp_path) is not None


def test_without_file_or_library_nobody_judges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dnsmos, "find_spec", lambda name: None)
    assert judge_in(tmp_path) is None
    monkeypatch.undo()
    monkeypatch.setattr(dnsmos, "onnxruntime", None)
    assert judge_in(tmp_path) is None


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "dnsmos").mkdir()
    (tmp_path / "dnsmos" / "sig_bak_ovr.onnx").write_bytes(b"no net")
    with pytest.raises(BadCheckpoint, match=r"sig_bak_ovr\.onnx cannot be read"):
        judge_in(tmp_path)
