"""FunASR's nets from folders in the published form, without torchaudio: batches, long clips, stops, bad folders."""

from __future__ import annotations

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from myna.audio.io import Audio
from myna.core.errors import BadAudio, BadCheckpoint, MissingAsset
from myna.engine.asr import Recogniser, Wish, Word, fun_asr, recogniser, state_of
from myna.engine.asr.fun_asr import script_language
from tests.engine.asr import fun_asr_folders as folders
from tests.engine.speech_sound import SAMPLE_RATE, speech_sound

pytestmark = [
    pytest.mark.skipif(find_spec("funasr") is None, reason="needs the extra funasr"),
    pytest.mark.filterwarnings("ignore"),  # FunASR's own, of which it has many
]

SPEECH = speech_sound(2.0)
PARAFORMER = "speech_paraformer-large_asr_nat-zh-cn-16k-common-vocab8404-pytorch"
PAUSES = "speech_fsmn_vad_zh-cn-16k-common-pytorch"
STOPS = "punc_ct-transformer_zh-cn-common-vocab272727-pytorch"
CANTONESE = "speech_UniASR_asr_2pass-cantonese-CHS-16k-common-vocab1468-tensorflow1-online"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with all of them, as the official program's ``tools/asr/models`` has them."""
    place = tmp_path_factory.mktemp("models") / "asr"
    torch.manual_seed(0)
    folders.paraformer(place / PARAFORMER)
    folders.punctuation(place / STOPS)
    folders.voice_activity(place / PAUSES)
    folders.uniasr(place / CANTONESE)
    folders.sensevoice(place / "SenseVoiceSmall")
    folders.nano(place / "Fun-ASR-Nano-2512")
    return place.parent


@pytest.fixture(scope="module")
def chinese(models: Path) -> Recogniser:
    return recogniser("达摩 ASR (中文)", "zh", Wish(models=models, device="cpu"))


def test_torchaudio_is_not_needed() -> None:
    assert "torchaudio" not in sys.modules


def test_a_batch_is_heard_in_order_with_stops_and_times(chinese: Recogniser) -> None:
    clips = [SPEECH, np.zeros(SAMPLE_RATE, np.float32), SPEECH[:20000]]
    first, silence, second = chinese.hear([Audio(clip, SAMPLE_RATE) for clip in clips])
    assert (silence.text, silence.words) == ("", ())
    for said, seconds in ((first, 2.0), (second, 1.25)):
        assert said.language == "zh"
        assert said.text.endswith("。")
        assert " " not in said.text
        assert "".join(word.text for word in said.words) == said.text.rstrip("。")
        assert all(0 <= word.start_s < word.end_s <= seconds + 0.1 for word in said.words)
    assert first == chinese.transcribe(SPEECH, SAMPLE_RATE)


def test_a_long_clip_is_parted(chinese: Recogniser) -> None:
    said = chinese.transcribe(np.tile(SPEECH, 16), SAMPLE_RATE)
    assert len(said.text) > 50
    assert len(said.words) > 50
    assert said.words[-1].end_s > 25


def test_cantonese_has_a_net_of_its_own(models: Path) -> None:
    with recogniser("paraformer", "yue", Wish(models=models, device="cpu")) as engine:
        said = engine.hear([Audio(SPEECH, SAMPLE_RATE), Audio(SPEECH[:20000], SAMPLE_RATE)])
    assert all(each.text and each.language == "yue" for each in said)


def test_sensevoice_hears(models: Path) -> None:
    with recogniser("SenseVoice (极速, 5语种)", "auto", Wish(models=models, device="cpu")) as engine:
        said = engine.transcribe(SPEECH, SAMPLE_RATE)
    assert said.text
    assert "<|" not in said.text
    assert said.language in ("zh", "en")


def test_nano_hears_in_batches(models: Path) -> None:
    with recogniser("fun-asr-nano", "auto", Wish(models=models, device="cpu")) as engine:
        said = engine.hear([Audio(SPEECH, SAMPLE_RATE), Audio(SPEECH[:20000], SAMPLE_RATE)])
    assert [(each.text, each.language, each.words) for each in said] == [("Hi", "en", ())] * 2


@pytest.mark.skipif(find_spec("faster_whisper") is None, reason="needs the extra asr")
def test_what_whisper_finds_to_be_chinese_is_heard_by_funasr(models: Path, tmp_path: Path) -> None:
    from tests.engine.asr.whisper_folder import whisper

    model = str(whisper(tmp_path / "whisper"))
    clip = [Audio(SPEECH, SAMPLE_RATE)]  # whose low sounds are Chinese to this Whisper
    with recogniser("faster-whisper", "auto", Wish(models=models, size=model, device="cpu")) as engine:
        assert [(said.text, said.language) for said in engine.hear(clip)] == [("Hi", "zh")]
    with recogniser("faster-whisper", "auto", Wish(models=tmp_path, size=model, device="cpu")) as engine:
        assert [(said.text, said.language) for said in engine.hear(clip)] == [("Hello there, my friend.", "zh")]
    with recogniser("faster-whisper", "ja", Wish(models=models, size=model, device="cpu")) as engine:
        assert engine.hear(clip)[0].text == "Hello there, my friend."


def test_a_folder_may_be_named_and_its_neighbours_are_found(models: Path, tmp_path: Path) -> None:
    wish = Wish(models=tmp_path, size=str(models / "asr" / PARAFORMER), device="cpu")
    with recogniser("paraformer", "zh", wish) as engine:
        assert engine.transcribe(SPEECH, SAMPLE_RATE).text.endswith("。")


def test_what_is_missing_is_named_with_the_way_to_get_it(models: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingAsset, match=r"Fun-ASR-Nano-2512.* is missing .*get it with: myna fetch fun-asr-nano"):
        recogniser("fun-asr-nano", "auto", Wish(models=tmp_path))
    alone = tmp_path / "asr" / PARAFORMER
    shutil.copytree(models / "asr" / PARAFORMER, alone)
    with pytest.raises(MissingAsset, match="myna fetch ct-punc"):
        recogniser("paraformer", "zh", Wish(models=tmp_path))
    (alone / "model.pt").unlink()
    with pytest.raises(MissingAsset, match=r"model\.pt is missing"):
        recogniser("paraformer", "zh", Wish(models=tmp_path, size=str(alone)))


def test_weights_that_do_not_fit_the_config_are_refused(models: Path, tmp_path: Path) -> None:
    part = tmp_path / "asr" / "SenseVoiceSmall"
    shutil.copytree(models / "asr" / "SenseVoiceSmall", part)
    weights = torch.load(part / "model.pt", weights_only=True)
    del weights["ctc.ctc_lo.bias"]
    torch.save(weights, part / "model.pt")
    with pytest.raises(BadCheckpoint, match=r"has no ctc\.ctc_lo\.bias of shape"):
        recogniser("sensevoice", "auto", Wish(size=str(part), device="cpu"))


def test_a_net_that_is_not_known_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("model: Whisper\n")
    (tmp_path / "model.pt").write_bytes(b"x")
    with pytest.raises(BadCheckpoint, match="names Whisper; known are: Paraformer"):
        recogniser("sensevoice", "auto", Wish(size=str(tmp_path)))


def test_code_in_a_folder_is_not_run(models: Path, tmp_path: Path) -> None:
    """Neither that of the net nor that of its helpers."""
    place = tmp_path / "asr"
    shutil.copytree(models / "asr", place)
    for name in (PARAFORMER, PAUSES, STOPS):
        with (place / name / "config.yaml").open("a") as file:
            file.write(f"trust_remote_code: true\nremote_code: {place / name / 'model.py'}\n")
        (place / name / "model.py").write_text(f"open({str(tmp_path / 'was here')!r}, 'w')")
    with recogniser("paraformer", "zh", Wish(models=tmp_path, device="cpu")) as engine:
        assert engine.transcribe(SPEECH, SAMPLE_RATE).text
    assert not (tmp_path / "was here").exists()


def test_parts_of_nano_are_those_of_its_folder(models: Path, tmp_path: Path) -> None:
    place = tmp_path / "Fun-ASR-Nano-2512"
    shutil.copytree(models / "asr" / "Fun-ASR-Nano-2512", place)
    (place / "configuration.json").unlink()  # which tells where they are
    with recogniser("fun-asr-nano", "zh", Wish(size=str(place), device="cpu")) as engine:
        assert engine.transcribe(SPEECH, SAMPLE_RATE).text == "Hi"


def test_words_and_marks_are_taken_out_of_an_answer() -> None:
    answer = {"text": "<|en|><|HAPPY|><|Speech|><|withitn|>Hello, you.", "words": ["Hello", "you"]}
    answer["timestamp"] = [[60, 480], [480, 900]]
    assert fun_asr._words(answer) == (Word("Hello", 0.06, 0.48), Word("you", 0.48, 0.9))
    assert fun_asr._words({"text": "one two", "timestamp": [[0, 10]]}) == ()


def test_a_language_can_be_seen() -> None:
    told = {"Hi": "en", "你好": "zh", "日本の": "ja", "안녕": "ko", "Hi 你": "zh"}
    assert {text: script_language(text) for text in told} == told


def test_it_is_told_which_can_be_used(models: Path, tmp_path: Path) -> None:
    assert state_of("sensevoice", tmp_path) == "no model here; get it with: myna fetch sensevoice"
    assert state_of("paraformer", models) == "can be used with paraformer-zh, uniasr-cantonese"
    assert state_of("pocketsphinx", tmp_path) == "can be used; hears English only"


def test_unusable_samples_are_refused(chinese: Recogniser) -> None:
    with pytest.raises(BadAudio):
        chinese.transcribe(np.full(20000, np.nan), SAMPLE_RATE)
