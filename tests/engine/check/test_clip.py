"""A clip is heard once: its shape, its picture, its player, and what tells the same sound in another form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from myna.audio.encode import write_audio
from myna.audio.io import Audio, decode, resample, write_wav
from myna.core.assets import bundled
from myna.engine.check.clip import Task, code_of, hear, outline_of, shape_of
from myna.engine.check.found import LEAVE_OUT, Finding
from myna.engine.check.texts import TextFacts
from myna.engine.check.together import differences
from tests.engine.voices import RATE, buzz

NO_TEXT = TextFacts()


@pytest.fixture(scope="module")
def speech() -> Audio:
    audio = decode(bundled("demo/recording.flac"), 16000)
    return Audio(audio.samples[: 6 * 16000], 16000)


def test_a_clip_is_heard_once(tmp_path: Path, speech: Audio, monkeypatch: pytest.MonkeyPatch) -> None:
    write_wav(tmp_path / "a.wav", speech.samples, 16000)
    decoded: list[Path] = []

    def counted(path: Path, **limits: object) -> Audio:
        decoded.append(path)
        return decode(path)

    monkeypatch.setattr("myna.engine.check.clip.decode", counted)
    heard = hear(Task(tmp_path / "a.wav", TextFacts(60), is_sample=True))
    assert decoded == [tmp_path / "a.wav"]
    assert heard.findings == ()
    assert heard.measures is not None
    assert heard.measures.seconds == pytest.approx(6.0)
    assert heard.voice is not None
    assert (heard.voice.shape, len(heard.outline), heard.sample_rate) == ((256,), 160, 16000)
    assert decode(heard.player).seconds == pytest.approx(6.0, abs=0.1)


def test_only_samples_and_clips_to_look_at_get_a_player(tmp_path: Path, speech: Audio) -> None:
    write_wav(tmp_path / "a.wav", speech.samples, 16000)
    assert not hear(Task(tmp_path / "a.wav", TextFacts(60), is_sample=False)).player
    assert hear(Task(tmp_path / "a.wav", TextFacts(3), is_sample=False)).player
    assert hear(Task(tmp_path / "a.wav", TextFacts(60, (Finding("line", LEAVE_OUT, ""),)), is_sample=False)).player


def test_what_cannot_be_heard_says_why(tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(b"nonsense")
    (tmp_path / "empty.wav").touch()
    (tmp_path / "folder.wav").mkdir()
    for name, kind in (("gone", "missing"), ("broken", "unreadable"), ("empty", "unreadable"), ("folder", "missing")):
        heard = hear(Task(tmp_path / f"{name}.wav", NO_TEXT, is_sample=True))
        assert heard.measures is None
        assert [(each.kind, each.verdict) for each in heard.findings] == [(kind, LEAVE_OUT)], name


def test_what_lies_outside_the_folder_is_not_opened(tmp_path: Path) -> None:
    write_wav(tmp_path / "secret.wav", buzz(2.0), RATE)
    home = tmp_path / "home"
    home.mkdir()
    (home / "link.wav").symlink_to(tmp_path / "secret.wav")
    (home / "circle.wav").symlink_to(home / "circle.wav")
    for path in (home / "link.wav", home / ".." / "secret.wav"):
        (finding,) = hear(Task(path, NO_TEXT, is_sample=True, root=home)).findings
        assert "leads out of" in finding.text
    assert hear(Task(home / "circle.wav", NO_TEXT, is_sample=True, root=home)).measures is None


def test_silence_around_and_inside(speech: Audio) -> None:
    quiet = np.zeros(16000, np.float32)
    shape = shape_of(
        Audio(np.concatenate([quiet, buzz(2.0, rate=16000), quiet, quiet, buzz(1.0, rate=16000), quiet]), 16000)
    )
    assert (shape.start_s, shape.pause_s, shape.end_s) == pytest.approx((1.0, 2.0, 1.0), abs=0.05)
    assert shape_of(Audio(quiet, 16000)).start_s == 1.0
    assert shape_of(Audio(quiet[:10], 16000)).start_s == 0.0


def test_a_telephone_is_told_from_a_studio(speech: Audio) -> None:
    narrow = resample(resample(speech.samples, 16000, 8000), 8000, 16000)
    assert shape_of(Audio(narrow, 16000)).band_hz < 4300
    assert shape_of(speech).band_hz > 6000


def test_the_same_sound_is_recognised_in_another_form(tmp_path: Path, speech: Audio) -> None:
    code = code_of(speech.samples)
    write_audio(tmp_path / "a.mp3", 0.3 * speech.samples, 16000)
    rng = np.random.default_rng(1)
    forms = {
        "mp3": decode(tmp_path / "a.mp3", 16000).samples,
        "noisy": speech.samples + 0.01 * rng.standard_normal(len(speech.samples)).astype(np.float32),
        "later": np.concatenate([np.zeros(3200, np.float32), speech.samples]),
    }
    found = differences(code, [code_of(samples) for samples in forms.values()])
    assert dict(zip(forms, found < 0.28, strict=True)) == dict.fromkeys(forms, True)
    assert differences(code, [code_of(speech.samples[::-1].copy())])[0] > 0.35


def test_the_picture_shows_peaks() -> None:
    samples = np.concatenate([np.zeros(800), np.full(800, 0.25), np.full(800, -1.5)]).astype(np.float32)
    outline = outline_of(samples)
    assert (outline[0], outline[80], outline[-1]) == (0, 127, 255)
    assert outline_of(samples[:0]) == bytes(160)
    assert len(outline_of(samples[:3])) == 160
