from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from myna.audio.io import decode, write_wav
from myna.cli.wiring import build_studio
from myna.core.assets import bundled
from myna.core.settings import Settings
from myna.core.speech import AudioChunk, SpeechRequest, Voice
from myna.testing.fake_speaker import FakeSpeaker
from tests.cli.conftest import CommandLine


class Reader(FakeSpeaker):
    """Says everything as the demo recording."""

    def say(self, request: SpeechRequest) -> Iterator[AudioChunk]:
        sound = decode(bundled("demo/recording.flac"), 24000).samples[: 8 * 24000]
        yield AudioChunk(sound, 24000, 0.0, 0, request.text)


@pytest.fixture
def speaker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("myna.cli.say.build_speaker", lambda settings: Reader())
    monkeypatch.setattr("myna.cli.wiring.LateSpeaker.say", lambda self, request: Reader().say(request))


@pytest.mark.usefixtures("speaker")
def test_speech_is_marked_where_that_is_wished_and_the_mark_is_found(
    myna: CommandLine, tone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    say = ("say", "Hello.", "--reference", tone, "--reference-text", "oh")
    assert myna(*say, "--watermark", "--out", "marked.mp3").code == 0
    assert myna(*say, "--out", "plain.mp3").code == 0
    monkeypatch.setenv("MYNA_WATERMARK", "true")
    assert myna(*say, "--out", "as_set.mp3").code == 0
    assert myna(*say, "--no-watermark", "--out", "still_plain.mp3").code == 0
    answer = myna("watermark", "marked.mp3", "plain.mp3", "as_set.mp3", "still_plain.mp3")
    assert answer.code == 0
    verdicts = [line.split(": ")[1].split(";")[0] for line in answer.out.splitlines()]
    assert (verdicts[0], verdicts[2]) == ("marked", "marked")
    assert "marked" not in (verdicts[1], verdicts[3])


@pytest.mark.usefixtures("speaker")
@pytest.mark.parametrize("is_wished", [True, False])
def test_the_doors_of_a_server_mark_what_they_say_if_it_is_set_so(tmp_path: Path, tone: Path, is_wished: bool) -> None:
    studio = build_studio(Settings(home=tmp_path, watermark=is_wished))
    request = SpeechRequest(text="Hello.", voice=Voice(reference=tone))
    said, plain = (np.concatenate([c.samples for c in s.say(request)]) for s in (studio, Reader()))
    assert np.array_equal(said, plain) is not is_wished


def test_a_file_that_cannot_be_read_does_not_stop_the_others(myna: CommandLine, tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", np.zeros(24000, np.float32), 24000)
    answer = myna("watermark", tmp_path / "none.wav", tmp_path / "a.wav")
    assert answer.code == 2
    first, second = answer.out.splitlines()
    assert "not looked at" in first
    assert "cannot be told; probability of the mark 0.500" in second
