"""Covers: what is mixed, and what external commands may and may not do. The converter here is a stand-in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from myna.audio.io import write_wav
from myna.audio.stereo import open_stereo, stereo_file
from myna.audio.weighting import integrated_lufs
from myna.core.errors import InstallationError, NotConfigured
from myna.core.progress import silent
from myna.core.speech import AudioChunk, ConversionRequest, Voice
from myna.engine.cover import CoverWish, make_cover, mixed
from myna.engine.outside import arguments, run
from myna.engine.separation.separator import RATE_HZ
from myna.engine.separation.table import Wish
from myna.engine.synthesis.conversion import LocalConverter
from myna.steps.cover import CoverSong
from myna.steps.step import perform


def tone(seconds: float, hz: float, level: float = 0.2) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)).astype(np.float32)


def write(path: Path, left: np.ndarray, right: np.ndarray) -> Path:
    with stereo_file(path, RATE_HZ) as put:
        put(np.stack([left, right], axis=1))
    return path


def read(path: Path) -> np.ndarray:
    with open_stereo(path, RATE_HZ) as (_, blocks):
        return np.concatenate(list(blocks))


@pytest.mark.parametrize(("rate", "level"), [(24000, 0.02), (44100, 0.9)])
def test_new_vocals_are_as_loud_as_the_old_ones(tmp_path: Path, rate: int, level: float) -> None:
    vocals = write(tmp_path / "vocals.wav", tone(3, 300), tone(3, 300))
    rest = write(tmp_path / "rest.wav", 0 * tone(3, 80), 0 * tone(3, 80))
    sung = level * np.sin(2 * np.pi * 440 * np.arange(3 * rate) / rate)
    write_wav(tmp_path / "sung.wav", sung.astype(np.float32), rate)
    whole = read(mixed(tmp_path / "sung.wav", vocals, rest, tmp_path / "result.wav"))
    loud, wanted = (integrated_lufs(sound.mean(axis=1), RATE_HZ) for sound in (whole, read(vocals)))
    assert loud is not None
    assert wanted is not None
    assert abs(loud - wanted) < (0.5 if level > 0.1 else 9.0)  # a whisper is raised by 12 dB and no more


def test_the_mix_is_as_long_as_the_song_and_never_clips(tmp_path: Path) -> None:
    vocals = write(tmp_path / "vocals.wav", tone(3, 300, 0.9), tone(3, 300, 0.9))
    rest = write(tmp_path / "rest.wav", tone(3, 300, 0.9), tone(3, 300, 0.9))
    write_wav(tmp_path / "sung.wav", tone(1, 300, 0.9), RATE_HZ)
    whole = read(mixed(tmp_path / "sung.wav", vocals, rest, tmp_path / "result.wav"))
    assert whole.shape == (3 * RATE_HZ, 2)
    assert np.abs(whole).max() <= 0.995


class Converter:
    """Answers the recording itself, an octave of silence after it; and counts."""

    def __init__(self) -> None:
        self.requests: list[ConversionRequest] = []

    def convert(self, request: ConversionRequest, progress: Any = silent) -> Iterator[AudioChunk]:
        self.requests.append(request)
        progress(0.5, "half")
        yield AudioChunk(tone(1, 440), RATE_HZ, 0.0, 0, "")


def test_a_cover_goes_through_its_stages_and_on_where_it_stopped(tmp_path: Path) -> None:
    voice, place = tone(3, 300), np.arange(3 * RATE_HZ) / RATE_HZ
    swell = (0.5 + 0.5 * np.sin(2 * np.pi * 3 * place)).astype(np.float32)
    song = write(tmp_path / "song.flac", voice * swell + tone(3, 90), voice * swell - tone(3, 90))
    converter, notes = Converter(), []
    wish = CoverWish(Voice(reference=song), pitch_shift=2)

    def told(fraction: float, note: str) -> None:
        notes.append(note.partition(":")[0])

    for _ in range(2):
        result = make_cover(song, tmp_path / "work", wish, cast(LocalConverter, converter), Wish(tmp_path, "cpu"), told)
    assert list(dict.fromkeys(notes)) == ["separate", "infer", "mix"]
    assert [request.keeps_key for request in converter.requests] == [True], "sung, and once only"
    assert read(result).shape == (3 * RATE_HZ, 2)


def test_values_never_become_words_of_a_command() -> None:
    values = {"song_input": "a b; rm -rf ~ $(x) 'q'.wav", "model_id": ""}
    assert arguments('prog --in {song_input} "--id={model_id}"', values) == [
        "prog", "--in", "a b; rm -rf ~ $(x) 'q'.wav", "--id=",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("template", "says"),
    [("", "no command"), ('prog "x', "cannot be read"), ("prog {nothing}", "place 'nothing'"), ("prog {", "cannot be")],
)
def test_templates_that_cannot_work_are_told(template: str, says: str) -> None:
    with pytest.raises(NotConfigured, match=says):
        arguments(template, {"song_input": "x"})


def test_commands_that_fail_say_why(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="cannot be run"):
        run("/no/such/program", {}, ())
    program = f"{sys.executable} -c \"import sys; sys.exit('it fell')\""
    with pytest.raises(InstallationError, match="ended with code 1: it fell"):
        run(program, {}, ())
    with pytest.raises(InstallationError, match=r"did not write out\.wav"):
        run(f"{sys.executable} -c pass", {}, (tmp_path / "out.wav",))


def test_external_commands_make_a_cover(tmp_path: Path) -> None:
    song = write(tmp_path / "my song $(x).wav", tone(2, 300), tone(2, 300))
    copy = f'{sys.executable} -c "import shutil, sys; [shutil.copy(sys.argv[1], to) for to in sys.argv[2:]]"'
    step = CoverSong(
        folder=tmp_path / "cover",
        song=song,
        reference=song,
        separate_command=f"{copy} {{song_input}} {{vocal_output}} {{inst_output}}",
        infer_command=f"{copy} {{input_vocal}} {{output_vocal}}",
    )
    perform(step, silent)
    assert read(step.result).shape == (2 * RATE_HZ, 2)
