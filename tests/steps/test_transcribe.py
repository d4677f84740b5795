"""The transcribing step in a voice and on any folder: its files, its stamps, and fetching a model that is not here."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from myna.audio.io import write_wav
from myna.core.assets import ASSETS
from myna.core.errors import MissingAsset
from myna.core.progress import silent
from myna.core.workspace import VoiceFolder, write_text
from myna.steps.step import perform
from myna.steps.transcribe import AsrTranscribe
from tests.engine.hub_server import Hub, serving
from tests.engine.speech_sound import SAMPLE_RATE, speech_sound


def lifted(sound: np.ndarray) -> np.ndarray:
    for _ in range(3):
        sound = np.diff(sound, prepend=0)
    return (sound * 0.1 / np.std(sound)).astype(np.float32)


def test_a_voice_gets_its_label_file_and_the_details(tmp_path: Path) -> None:
    voice = VoiceFolder(tmp_path / "anna")
    write_wav(voice.denoised / "a.wav", speech_sound(1.0), SAMPLE_RATE)
    words = tmp_path / "a.txt"
    write_text(words, "Hello there.")
    step = AsrTranscribe(folder=voice.path, engine="given", transcript=words, models=tmp_path)
    found = perform(step, silent).findings
    assert voice.labels.read_text(encoding="utf-8") == f"{voice.denoised / 'a.wav'}|anna|EN|Hello there."
    assert {path.name for path in voice.transcripts.iterdir()} == {"denoised.list", "denoised.jsonl"}
    assert found.notes == ("1 clip with words (1 en), from the transcript",)
    assert perform(step, silent).was_done_already
    assert not perform(step.model_copy(update={"speaker": "bea"}), silent).was_done_already
    assert "|bea|EN|" in voice.labels.read_text(encoding="utf-8")


def test_label_files_of_several_folders_lie_in_one_target(tmp_path: Path) -> None:
    target = tmp_path / "asr_opt"
    steps = []
    for name in ("one", "two"):
        write_wav(tmp_path / name / "a.wav", speech_sound(1.0), SAMPLE_RATE)
        write_text(tmp_path / f"{name}.txt", f"Words {name}.")
        given = {"engine": "given", "transcript": tmp_path / f"{name}.txt", "models": tmp_path}
        steps.append(AsrTranscribe(folder=target, source=tmp_path / name, target=target, **given))
    for step in steps:
        perform(step, silent)
    assert all(perform(step, silent).was_done_already for step in steps)
    assert (target / "two.list").read_text(encoding="utf-8") == f"{tmp_path / 'two' / 'a.wav'}|two|EN|Words two."
    assert (target / "one.list").is_file()


@pytest.mark.skipif(find_spec("faster_whisper") is None, reason="needs the extra asr")
def test_a_model_is_fetched_only_where_that_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.engine.asr.whisper_folder import whisper

    files = {file.name: file.read_bytes() for file in whisper(tmp_path / "hub").iterdir()}
    row = ASSETS["faster-whisper-large-v3-turbo"]
    unknown = tuple(replace(file, size=None, sha256=None) for file in row.files if file.is_needed)
    monkeypatch.setitem(ASSETS, row.name, replace(row, files=unknown))
    write_wav(tmp_path / "clips" / "a.wav", lifted(speech_sound(2.0)), SAMPLE_RATE)
    target = tmp_path / "out"
    with serving(Hub({f"{row.name}/{name}": data for name, data in files.items()})) as hub:
        step = AsrTranscribe(
            folder=target,
            source=tmp_path / "clips",
            target=target,
            language="auto",
            engine="Faster Whisper (多语种)",
            size="turbo",
            device="cpu",
            models=tmp_path / "models",
            hub="modelscope",
            modelscope_url=hub.address,
        )
        with pytest.raises(MissingAsset, match="myna fetch faster-whisper-large-v3-turbo"):
            perform(step, silent)
        assert hub.asked == []
        perform(step.model_copy(update={"download": True}), silent)
        num_asked = len(hub.asked)
    assert num_asked >= len(unknown)
    assert (target / "clips.list").read_text(encoding="utf-8").endswith("|clips|EN|Hello there, my friend.")
    assert (tmp_path / "models" / row.file / "model.bin").is_file()
