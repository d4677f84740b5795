from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from myna.core.errors import BadInput, MissingAsset, UnknownChoice
from myna.core.progress import silent
from myna.steps.catalog import make_step
from myna.steps.step import perform

RATE = 44_100


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    folder = tmp_path / "songs"
    folder.mkdir()
    choice = np.random.default_rng(0)
    soundfile.write(folder / "song.wav", choice.uniform(-0.3, 0.3, (RATE, 2)), RATE)
    soundfile.write(folder / "talk.flac", choice.uniform(-0.3, 0.3, 16_000), 16_000)
    (folder / "notes.txt").write_text("not a song")
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name[0] != ".")


def test_a_folder_of_songs_is_taken_apart_without_any_model(songs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    step = make_step("separate_vocals", {"folder": out, "source": songs, "target": out, "format": "wav"})
    outcome = perform(step, silent)
    assert names(out) == ["song_other.wav", "song_vocals.wav", "talk_other.wav", "talk_vocals.wav"]
    assert [failure.file for failure in outcome.findings.failures] == ["notes.txt"]
    assert perform(step, silent).was_done_already


def test_in_a_voice_it_has_folders_of_its_own(songs: Path, tmp_path: Path) -> None:
    voice = tmp_path / "voice"
    (voice / "input_audio").mkdir(parents=True)
    (songs / "song.wav").rename(voice / "input_audio" / "song.wav")
    perform(make_step("separate_vocals", {"folder": voice}), silent)
    assert names(voice / "separated") == ["song_vocals.flac"]
    assert names(voice / "accompaniment") == ["song_other.flac"]


def test_other_parameters_replace_what_was_made_and_nothing_else(songs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.flac").write_text("mine")
    parameters = {"folder": out, "source": songs / "song.wav", "target": out}
    perform(make_step("separate_vocals", parameters), silent)
    assert names(out) == ["mine.flac", "song_other.flac", "song_vocals.flac"]
    perform(make_step("separate_vocals", {**parameters, "format": "mp3"}), silent)
    assert names(out) == ["mine.flac", "song_other.mp3", "song_vocals.mp3"]


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ({"model": "HP9"}, UnknownChoice, "HP2_all_vocals"),
        ({"model": "HP2_all_vocals"}, MissingAsset, "myna fetch HP2_all_vocals"),
        ({"model": "centre, onnx_dereverb_By_FoxJoy"}, MissingAsset, "myna fetch onnx_dereverb_By_FoxJoy"),
        ({"agg": 21}, BadInput, "agg"),
        ({"format": "ogg"}, BadInput, "format"),
    ],
)
def test_what_cannot_be_done_is_said_at_the_door(
    songs: Path, tmp_path: Path, given: dict[str, object], error: type[Exception], told: str
) -> None:
    parameters = {"folder": tmp_path / "out", "source": songs, "target": tmp_path / "out", "models": tmp_path}
    with pytest.raises(error, match=told):
        perform(make_step("separate_vocals", {**parameters, **given}), silent)
