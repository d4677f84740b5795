"""Whisper in the published CTranslate2 form: batches, languages, words with times, long clips, bad folders."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from myna.audio.io import Audio
from myna.core.errors import BadAudio, BadCheckpoint, InstallationError, MissingAsset, UnknownChoice
from myna.engine.asr import Recogniser, Transcript, Wish, recogniser
from tests.engine.speech_sound import SAMPLE_RATE, speech_sound

pytest.importorskip("faster_whisper")

from myna.engine.asr.whisper import Whisper, compute_type
from tests.engine.asr.whisper_folder import SENTENCE, whisper

TEXT = "".join(SENTENCE).strip()
LOW = speech_sound(2.0)


def high(sound: np.ndarray) -> np.ndarray:
    """The same speech, its high sounds lifted by 18 dB per octave."""
    for _ in range(3):
        sound = np.diff(sound, prepend=0)
    return (sound * 0.1 / np.std(sound)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return whisper(tmp_path_factory.mktemp("models") / "faster-whisper-tiny")


@pytest.fixture(scope="module")
def engine(folder: Path) -> Recogniser:
    return recogniser("faster-whisper", "auto", Wish(size=str(folder), device="cpu"))


def test_a_batch_is_heard_in_order_each_in_its_own_language(engine: Recogniser) -> None:
    clips = [LOW, np.zeros(SAMPLE_RATE, np.float32), high(LOW), LOW[:800], high(LOW)[:20000], LOW, LOW]
    heard = engine.hear([Audio(clip, SAMPLE_RATE) for clip in clips])
    assert [said.language for said in heard] == ["zh", "", "en", "", "en", "zh", "zh"]
    assert [said.text for said in heard] == [TEXT, "", TEXT, "", TEXT, TEXT, TEXT]
    assert heard[0] == engine.transcribe(LOW, SAMPLE_RATE) == heard[5]


def test_words_have_times_within_the_clip(engine: Recogniser) -> None:
    said = engine.transcribe(high(LOW), SAMPLE_RATE)
    assert [word.text for word in said.words] == ["Hello", "there,", "my", "friend."]
    starts = [word.start_s for word in said.words]
    assert starts == sorted(starts)
    assert said.words[-1].start_s == pytest.approx(1.36, abs=0.1)
    assert all(0 <= word.start_s < word.end_s <= 2.0 for word in said.words)
    assert said.confidence == pytest.approx(1.0, abs=0.01)


def test_a_given_language_is_believed(folder: Path) -> None:
    with recogniser("faster-whisper", "ja", Wish(size=str(folder), device="cpu")) as japanese:
        assert japanese.transcribe(high(LOW), SAMPLE_RATE).language == "ja"


def test_clips_longer_than_the_net_hears_are_heard_whole(engine: Recogniser) -> None:
    said = engine.transcribe(np.tile(high(LOW), 17), SAMPLE_RATE)
    assert said.text.count(TEXT) >= 2
    assert said.language == "en"


def test_what_repeats_itself_is_heard_again_alone(folder: Path, tmp_path: Path) -> None:
    babbling = whisper(tmp_path / "babbling", [" la"] * 40)
    with recogniser("faster-whisper", "en", Wish(size=str(babbling), device="cpu")) as engine:
        asked: list[int] = []
        alone = engine._alone  # type: ignore[attr-defined]
        engine._alone = lambda *given: asked.append(1) or alone(*given)  # type: ignore[attr-defined]
        engine.hear([Audio(LOW, SAMPLE_RATE)])
        assert asked == [1]


class Ear(Recogniser):
    """Hears what it is told to; remembers how many clips it was given."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts, self.heard = list(texts), 0

    def hear(self, clips: Sequence[Audio]) -> list[Transcript]:
        self.heard += len(clips)
        return [Transcript(self.texts.pop(0), (), None, "zh") for _ in clips]


def test_chinese_goes_on_to_an_ear_that_hears_it_better(folder: Path) -> None:
    ear = Ear(["你好。", ""])
    engine = Whisper(folder, Wish(device="cpu"), {"zh": ear})
    heard = engine.hear([Audio(sound, SAMPLE_RATE) for sound in (LOW, high(LOW), LOW[:24000])])
    assert [said.text for said in heard] == ["你好。", TEXT, TEXT]
    assert ear.heard == 2


def test_half_precision_is_computed_as_float32_where_there_is_none() -> None:
    assert [compute_type(name, "cpu") for name in ("", "float16", "float32", "int8")] == [
        "float32",
        "float32",
        "float32",
        "int8",
    ]
    assert [compute_type(name, "cuda") for name in ("", "float16", "float32")] == ["float16", "float16", "float32"]


def test_int8_hears_the_same(folder: Path) -> None:
    with recogniser("faster-whisper", "auto", Wish(size=str(folder), device="cpu", precision="int8")) as engine:
        assert engine.transcribe(high(LOW), SAMPLE_RATE).text == TEXT


def test_a_folder_that_lacks_a_file_is_refused_before_a_network_is_asked(folder: Path, tmp_path: Path) -> None:
    part = tmp_path / "part"
    shutil.copytree(folder, part)
    (part / "tokenizer.json").unlink()
    with pytest.raises(MissingAsset, match=r"holds no tokenizer\.json"):
        recogniser("faster-whisper", "en", Wish(size=str(part)))


def test_a_damaged_model_is_refused(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    (broken / "model.bin").write_bytes((folder / "model.bin").read_bytes()[:1000])
    with pytest.raises(BadCheckpoint, match="no Whisper model for CTranslate2"):
        recogniser("faster-whisper", "en", Wish(size=str(broken)))


def test_a_gpu_without_its_libraries_is_told_of(engine: Recogniser, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("Library libcudnn_ops.so.9 is not found or cannot be loaded\nmore")

    monkeypatch.setattr(engine._model, "encode", fail)  # type: ignore[attr-defined]
    with pytest.raises(InstallationError, match=r"cannot use the GPU: Library libcudnn_ops\.so\.9 .* device cpu"):
        engine.transcribe(LOW, SAMPLE_RATE)


def test_a_language_that_is_none_is_refused(folder: Path) -> None:
    with pytest.raises(UnknownChoice, match="language for faster-whisper 'xx'"):
        recogniser("faster-whisper", "xx", Wish(size=str(folder)))
    with pytest.raises(UnknownChoice, match="language for faster-whisper-tiny 'yue'"):
        recogniser("faster-whisper", "yue", Wish(size=str(folder)))


def test_unusable_samples_are_refused(engine: Recogniser) -> None:
    with pytest.raises(BadAudio):
        engine.transcribe(np.full(20000, np.nan), SAMPLE_RATE)
