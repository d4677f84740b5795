"""All pieces of a text decoded at once, and speech that is widened, through the speaker as a whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from myna.core.errors import BadInput
from myna.core.speech import AudioChunk, SpeechRequest, Voice
from myna.core.versions import VERSIONS
from myna.engine.library import Library
from myna.engine.synthesis.decoders import FlowDecoder, VitsDecoder, decoder_for
from myna.engine.synthesis.speaker import LocalSpeaker
from myna.models.ap_bwe import BandwidthNet, BandwidthSizes
from myna.testing.tiny_base import write_tiny_vits
from tests.engine.voices import TEXTS, Recordings

TEXT = "This is the first of all sentences. [pause:0.5s] And that is the second one, it is longer."


@pytest.fixture(scope="module")
def speaker(models: Path) -> LocalSpeaker:
    return LocalSpeaker(models, "cpu")


@pytest.fixture
def voice(recordings: Recordings) -> Voice:
    return Voice(reference=recordings.clips / "clip0.wav", reference_text=TEXTS[0])


def said(speaker: LocalSpeaker, voice: Voice, **more: Any) -> list[AudioChunk]:
    given: dict[str, Any] = {"text": TEXT, "seed": 7, "sampling_steps": 1, "pause_s": 0.25} | more
    return list(speaker.say(SpeechRequest(voice=voice, **given)))


def test_all_pieces_at_once_are_the_same_pieces(
    speaker: LocalSpeaker, voice: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens: list[list[list[int]]] = [[], []]
    singly_spoken, together = FlowDecoder.speak, FlowDecoder.speak_together

    def alone(self: FlowDecoder, codes: Any, *given: Any, **more: Any) -> np.ndarray:
        tokens[0].append(codes[0].tolist())
        return singly_spoken(self, codes, *given, **more)

    def counted(self: FlowDecoder, sentences: Any, **given: Any) -> list[np.ndarray]:
        tokens[1] += [codes[0].tolist() for codes, _ in sentences]
        return together(self, sentences, **given)

    monkeypatch.setattr(FlowDecoder, "speak", alone)
    monkeypatch.setattr(FlowDecoder, "speak_together", counted)
    singly, parallel = said(speaker, voice), said(speaker, voice, parallel=True)
    assert tokens[0] == tokens[1], "drawn in one batch, each sentence has the tokens that it has alone"
    assert len(tokens[0]) == sum(bool(one.text) for one in singly) > 1
    assert [one.text for one in parallel] == [one.text for one in singly]
    assert [one.pause_s for one in parallel] == [one.pause_s for one in singly]
    hop = 480
    for one, other in zip(parallel, singly, strict=True):
        # Joints may be shifted by 320 samples; there is less than one per piece.
        assert len(one.samples) == pytest.approx(len(other.samples), abs=320 + hop)
        assert 0 < np.abs(one.samples).max(initial=0.0) <= 1.0 or not other.samples.any()
    assert [one.start_s for one in parallel[1:]] == pytest.approx([one.end_s for one in parallel[:-1]])


def test_the_seed_makes_parallel_speech_repeatable(speaker: LocalSpeaker, voice: Voice) -> None:
    first, second = (np.concatenate([one.samples for one in said(speaker, voice, parallel=True)]) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_versions_that_cannot_be_widened_say_so_at_once(speaker: LocalSpeaker, voice: Voice) -> None:
    request = SpeechRequest(text=TEXT, voice=voice, super_sampling=True)
    with pytest.raises(BadInput, match=r"'lite' speaks at 24000 Hz without super sampling; versions that have it: v3"):
        speaker.say(request)


@pytest.mark.parametrize("is_parallel", [False, True])
def test_a_version_that_can_be_widened_speaks_at_48_khz(
    models: Path, voice: Voice, monkeypatch: pytest.MonkeyPatch, is_parallel: bool
) -> None:
    net = BandwidthNet(BandwidthSizes(width=8, layers=1)).eval()
    monkeypatch.setitem(VERSIONS, "lite", replace(VERSIONS["lite"], has_super_sampling=True))
    monkeypatch.setattr(Library, "super_resolution", lambda *_: net)
    speaker = LocalSpeaker(models, "cpu")
    plain = said(speaker, voice, parallel=is_parallel)
    wide = said(speaker, voice, parallel=is_parallel, super_sampling=True)
    assert {one.sample_rate for one in wide} == {48_000}
    for one, other in zip(wide, plain, strict=True):
        assert one.end_s - one.start_s == pytest.approx(other.end_s - other.start_s, abs=0.002)
        assert torch.isfinite(torch.from_numpy(one.samples)).all()


@pytest.fixture(scope="module")
def vits(tmp_path_factory: pytest.TempPathFactory, recordings: Recordings) -> tuple[LocalSpeaker, Voice]:
    folder = tmp_path_factory.mktemp("vits")
    gpt, sovits = write_tiny_vits(folder, "v2")
    clip = recordings.clips / "clip0.wav"
    voice = Voice(version="v2", gpt=gpt, sovits=sovits, reference=clip, reference_text=TEXTS[0])
    return LocalSpeaker(folder, "cpu"), voice


@pytest.mark.parametrize("speed", [1.0, 1.3])
def test_the_vits_kind_says_many_sentences_as_it_says_each(vits: tuple[LocalSpeaker, Voice], speed: float) -> None:
    speaker, voice = vits
    record = VERSIONS["v2"]
    decoder = decoder_for(voice, record, speaker.library, speaker.prompt(voice, record))
    assert isinstance(decoder, VitsDecoder)
    lengths = (40, 15, 61, 30, 22, 50, 17, 45, 33, 28)
    drawn = torch.Generator().manual_seed(0)
    sentences = [
        (torch.randint(1024, (1, length), generator=drawn), torch.randint(700, (1, 12 + length), generator=drawn))
        for length in lengths
    ]
    seeds = list(range(50, 60))
    options: dict[str, Any] = {"speed": speed, "steps": 1}
    together = decoder.speak_together(sentences, seeds=seeds, **options)
    assert decoder.speak_together([], seeds=[], **options) == []
    tail = round(0.3 * 32_000)
    for sentence, seed, samples in zip(sentences, seeds, together, strict=True):
        alone = decoder.speak(*sentence, seed=seed, **options)
        assert samples.shape == alone.shape
        np.testing.assert_allclose(samples[:-tail], alone[:-tail], atol=1e-5)
        assert np.abs(alone[:-tail]).max() > 1e-3


def test_a_voice_of_the_vits_kind_says_all_pieces_at_once(vits: tuple[LocalSpeaker, Voice]) -> None:
    singly, parallel = said(*vits), said(*vits, parallel=True)
    assert [(one.text, one.pause_s, one.start_s) for one in parallel] == [
        (one.text, one.pause_s, one.start_s) for one in singly
    ]
    for one, other in zip(parallel, singly, strict=True):
        end = len(one.samples) - round((one.pause_s + 0.3) * 32_000)
        np.testing.assert_allclose(one.samples[:end], other.samples[:end], atol=1e-5)
