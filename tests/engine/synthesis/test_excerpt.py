"""References that are too long: which part is used, with which words, and that it is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from myna.audio.io import write_wav
from myna.core.errors import BadAudio, BadInput
from myna.core.speech import SpeechRequest, Voice
from myna.engine.features.alignment import TimedWord
from myna.engine.library import Library
from myna.engine.synthesis import excerpt as excerpt_module
from myna.engine.synthesis.excerpt import best_part, excerpt
from myna.engine.synthesis.prompt import read_prompt
from myna.engine.synthesis.speaker import LocalSpeaker
from tests.engine.voices import LITE, RATE, TEXTS, buzz


def quiet(seconds: float) -> np.ndarray:
    return np.full(round(seconds * RATE), 1e-5, np.float32)


def spoken(*parts: np.ndarray) -> np.ndarray:
    return np.concatenate(parts)


@pytest.fixture
def library(models: Path) -> Library:
    return Library(models, "cpu")


@pytest.fixture
def long_clip(tmp_path: Path) -> Path:
    """Two seconds, a pause, five seconds, a pause, and nine more that are clipped."""
    clipped = np.clip(buzz(9.0, seed=2) * 20, -1.0, 1.0)
    write_wav(tmp_path / "long.wav", spoken(buzz(2.0), quiet(1.0), buzz(5.0, seed=1), quiet(1.0), clipped), RATE)
    return tmp_path / "long.wav"


@pytest.mark.parametrize("gain", [1.0, 0.6])
def test_the_part_between_two_pauses_that_is_not_clipped_is_best(gain: float) -> None:
    clipped = np.clip(buzz(9.0, seed=2) * 20, -1.0, 1.0)
    sound = spoken(buzz(2.0) * gain, quiet(1.0), buzz(5.0, seed=1) * gain, quiet(1.0), clipped)
    start, end = (place / RATE for place in best_part(sound))
    assert 2.0 <= start <= 3.05
    assert 7.95 <= end <= 9.0


def test_sound_without_a_pause_has_a_part_too() -> None:
    start, end = best_part(buzz(31.0))
    assert 3.0 <= (end - start) / RATE <= 10.0


def test_it_begins_and_ends_where_it_may() -> None:
    cuts = np.array([0, 2 * RATE, 11 * RATE, 30 * RATE])
    assert best_part(buzz(30.0), cuts) == (2 * RATE, 11 * RATE)
    with pytest.raises(BadAudio, match="3 to 10 s"):
        best_part(buzz(30.0), np.array([0, 2 * RATE, 30 * RATE]))


def test_a_clip_of_good_length_is_taken_whole(library: Library, tmp_path: Path) -> None:
    voice = Voice(reference=tmp_path / "a.wav", reference_text=" Some words. ")
    for seconds in (3.0, 10.0):
        sound = buzz(seconds)
        part = excerpt(sound, voice.reference, voice, library)
        assert part.samples is sound
        assert (part.words, part.notice) == ("Some words.", "")
    with pytest.raises(BadAudio, match=r"reference a\.wav is 2\.9 s long; give 3 to 10 s"):
        excerpt(buzz(2.9), voice.reference, voice, library)


def test_the_words_of_the_part_are_found(library: Library, long_clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = ((0.1, 1.0), (1.1, 1.9), (3.1, 5.0), (5.2, 7.8), (9.1, 17.0))
    words = [TimedWord(word, *when) for word, when in zip(("I", "say", "these", "words", "now"), times, strict=True)]
    monkeypatch.setattr(excerpt_module, "align_words", lambda *_, **__: words)
    voice = Voice(reference=long_clip, reference_text="I say these words now.")
    prompt = read_prompt(voice, LITE, library)
    assert prompt.notices == (
        'reference long.wav is 18.0 s long; 2.5 to 8.4 s of it is used, which says "these words"',
    )
    assert prompt.codes.shape == (1, 149), "2.5 to 8.45 s, 25 a second"


def test_words_that_cannot_be_laid_along_are_left_out(library: Library, long_clip: Path) -> None:
    samples = spoken(buzz(2.0), quiet(1.0), buzz(12.0))
    chinese = Voice(version="v2", reference=long_clip, reference_text="你好世界", reference_language="zh")
    part = excerpt(samples, long_clip, chinese, library)
    assert part.words == ""
    assert part.notice.startswith("reference long.wav is 15.0 s long; ")
    assert part.notice.endswith(" of it is used, without its words, which were not found")
    assert 3 * RATE <= len(part.samples) <= 10 * RATE
    too_many = Voice(reference=long_clip, reference_text=" ".join(TEXTS * 20))
    assert excerpt(samples, long_clip, too_many, library).words == ""
    assert excerpt(samples, long_clip, None, library).notice.endswith(" of it is used")


def test_the_answer_names_the_part(models: Path, long_clip: Path) -> None:
    voice = Voice(reference=long_clip, reference_text=" ".join(TEXTS))
    request = SpeechRequest(
        text="First this one. And then that one.", voice=voice, seed=1, sampling_steps=1, cut="cut5"
    )
    chunks = list(LocalSpeaker(models, "cpu").say(request))
    assert len(chunks) > 1
    assert [len(one.notices) for one in chunks] == [1] + [0] * (len(chunks) - 1)
    assert chunks[0].notices[0].startswith("reference long.wav is 18.0 s long; ")


class Deaf(nn.Module):
    """A content encoder that hears no phones, as the published one."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, samples: torch.Tensor) -> Any:
        return self.encoder(samples)


def test_where_words_are_needed_their_lack_is_an_error(
    library: Library, long_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf = Deaf(library.content(LITE))
    monkeypatch.setattr(library, "content", lambda _: deaf)
    voice = Voice(reference=long_clip)
    with pytest.raises(BadInput, match=r"needs the words of the reference \(reference long\.wav is 18\.0 s long"):
        read_prompt(voice, LITE, library)
