"""The pitch that the flow is told is the pitch that the vocoder speaks at, one by one and together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from myna.core.assets import bundled
from myna.core.speech import Voice
from myna.core.versions import version
from myna.engine.dsp import denormalise_mel, mel
from myna.engine.library import Library
from myna.engine.synthesis.decoders import FlowDecoder
from myna.engine.synthesis.prompt import Prompt, read_prompt
from myna.engine.synthesis.stretches import OVERLAP_FRAMES
from tests.engine.voices import TEXTS, Recordings

LITE = version("lite")


@pytest.fixture(scope="module")
def prompt(recordings: Recordings, models: Path) -> Prompt:
    return read_prompt(_voice(recordings), LITE, Library(models, "cpu"))


@pytest.fixture
def decoder(recordings: Recordings, models: Path, prompt: Prompt) -> FlowDecoder:
    return FlowDecoder(_voice(recordings), LITE, Library(models, "cpu"), prompt)


def _voice(recordings: Recordings) -> Voice:
    return Voice(reference=recordings.clips / "clip0.wav", reference_text=TEXTS[0])


@pytest.fixture
def told(decoder: FlowDecoder) -> list[torch.Tensor]:
    """The pitches that the vocoder is given."""
    given: list[torch.Tensor] = []

    def vocoder(mel: torch.Tensor, log_hz: torch.Tensor) -> torch.Tensor:
        assert log_hz.shape == (1, mel.shape[-1])
        given.append(log_hz)
        return torch.zeros(1, 1, 480 * mel.shape[-1])

    decoder.vocoder = vocoder
    return given


def test_a_sentence_is_spoken_where_the_voice_speaks(
    decoder: FlowDecoder, prompt: Prompt, told: list[torch.Tensor]
) -> None:
    net, register = decoder.net, decoder.prompt.register
    assert net.pitch is not None
    assert register is not None
    track = net.pitch.read(denormalise_mel(prompt.mel))
    torch.testing.assert_close(register.mean, track.mean(), atol=0.05, rtol=0)
    decoder.speak(prompt.codes, prompt.phones, speed=1.0, steps=1, seed=3)
    with torch.no_grad():
        said, _ = net.said(prompt.codes, prompt.phones, None, decoder.prompt.speaker)
        torch.testing.assert_close(told[0], register(net.pitch.guess(said)))
    decoder.speak(prompt.codes, prompt.phones, speed=1.25, steps=1, seed=3)
    assert told[1].shape[1] == int(told[0].shape[1] / 1.25) + 1


def test_a_melody_stands_in_the_place_of_the_guess(
    decoder: FlowDecoder, prompt: Prompt, told: list[torch.Tensor]
) -> None:
    glide = torch.linspace(4.5, 5.5, 30)[None]
    decoder.speak(prompt.codes, prompt.phones, speed=1.0, steps=1, seed=3, melody=glide)
    assert told[0].shape[1] == 2 * prompt.codes.shape[1]
    assert np.all(np.diff(told[0][0].numpy()) >= 0)
    assert told[0][0, [0, -1]].tolist() == pytest.approx([4.5, 5.5])


def test_sentences_together_have_the_pitch_that_each_has_alone(
    decoder: FlowDecoder, prompt: Prompt, told: list[torch.Tensor]
) -> None:
    halves = [(prompt.codes[:, :20], prompt.phones), (prompt.codes[:, 20:45], prompt.phones)]
    for codes, phones in halves:
        decoder.speak(codes, phones, speed=1.0, steps=1, seed=3)
    decoder.speak_together(halves, speed=1.0, steps=1, seeds=[3, 4])
    alone, row = torch.cat(told[:2], dim=1), told[2]
    assert decoder.prompt.register is not None
    empty = decoder.prompt.register.mean.item()
    assert row[0, :OVERLAP_FRAMES].tolist() == pytest.approx([empty] * OVERLAP_FRAMES)
    torch.testing.assert_close(row[:, OVERLAP_FRAMES : OVERLAP_FRAMES + 90], alone)
    assert row[0, OVERLAP_FRAMES + 90 :].tolist() == pytest.approx([empty] * (row.shape[1] - OVERLAP_FRAMES - 90))


def test_the_bundled_base_sings_what_it_is_told(tmp_path: Path) -> None:
    voice = Voice(reference=bundled("demo/recording.flac"))
    library = Library(tmp_path, "cpu")
    prompt = read_prompt(voice, LITE, library)
    decoder = FlowDecoder(voice, LITE, library, prompt)
    assert decoder.net.pitch is not None
    for hz in (110.0, 165.0):
        melody = torch.full((1, 150), hz).log()
        sound = decoder.speak(prompt.codes[:, :75], prompt.phones, speed=1.0, steps=4, seed=1, melody=melody)
        track = decoder.net.pitch.read(mel(torch.from_numpy(sound)[None], LITE.mel))
        assert track.voiced.float().mean() > 0.3
        assert track.log_hz[track.voiced].median().exp().item() == pytest.approx(hz, rel=0.03)
