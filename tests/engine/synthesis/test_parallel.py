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
from myna.engine.synthesis.decoders import FlowDecoder
from myna.engine.synthesis.speaker import LocalSpeaker
from myna.models.ap_bwe import BandwidthNet, BandwidthSizes
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
    calls: list[int] = []
    together = FlowDecoder.speak_together

    def counted(self: FlowDecoder, sentences: Any, **given: Any) -> list[np.ndarray]:
        calls.append(len(sentences))
        return together(self, sentences, **given)

    monkeypatch.setattr(FlowDecoder, "speak_together", counted)
    singly, parallel = said(speaker, voice), said(speaker, voice, parallel=True)
    assert calls == [sum(bool(one.text) for one in singly)]
    assert calls[0] > 1
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
