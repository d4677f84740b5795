"""A mixed text through the whole speaker: what the GPT is given for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from myna.core.errors import MissingAsset
from myna.core.speech import SpeechRequest, Voice
from myna.engine.library import Library
from myna.engine.synthesis import speaker as speaker_module
from myna.engine.synthesis.speaker import LocalSpeaker
from myna.engine.synthesis.takes import Script
from myna.text.symbols import symbols
from tests.engine.voices import LITE, TEXTS, Recordings
from tests.text.extras import needs

TEXT = "今天我们去了public park里面玩了很久。大家都说下次还要再来一次。And that was the end of the whole day."


class Bert:
    """Features that are all ones, and a list of what was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def phone_features(self, texts: Sequence[tuple[str, Sequence[int]]]) -> list[torch.Tensor]:
        self.asked.append([text for text, _ in texts])
        return [torch.ones(4, sum(counts)) for _, counts in texts]


@pytest.fixture
def request_of_all(recordings: Recordings, monkeypatch: pytest.MonkeyPatch) -> SpeechRequest:
    """Asks a version that has learnt all languages and reads prosody."""
    wide = replace(LITE, has_bert=True, languages=("zh", "en", "ja", "ko", "yue"))
    monkeypatch.setattr(speaker_module, "version_named", lambda _: wide)
    voice = Voice(reference=recordings.clips / "clip0.wav", reference_text=TEXTS[0])
    return SpeechRequest(text=TEXT, voice=voice, language="zh", seed=1, sampling_steps=1)


@needs("zh")
def test_the_gpt_gets_the_prosody_of_chinese_and_zeros_elsewhere(
    models: Path, request_of_all: SpeechRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    bert = Bert()
    given: list[tuple[torch.Tensor, torch.Tensor | None]] = []

    def say_tokens(net: Any, script: Script, *_: Any, **__: Any) -> list[int]:
        given.append((script.phones, script.bert))
        return [1] * 25

    monkeypatch.setattr(Library, "bert", lambda *_: bert)
    monkeypatch.setattr(speaker_module, "say_tokens", say_tokens)
    chunks = list(LocalSpeaker(models, "cpu").say(request_of_all))
    assert "".join(chunk.text for chunk in chunks) == TEXT
    assert bert.asked == [["今天我们去了", "里面玩了很久.", "大家都说下次还要再来一次."]]
    for phones, prosody in given[:2]:
        assert prosody is not None
        assert prosody.shape == (1, 4, phones.shape[1])
        names = [symbols("v2")[phone] for phone in phones[0]]
        chinese = torch.tensor([name.islower() for name in names])
        english = torch.tensor([name.isupper() for name in names])
        assert chinese.sum() >= 16
        assert prosody[0][:, chinese].eq(1).all()
        assert prosody[0][:, english].eq(0).all()
    assert given[2][1] is None


@needs("zh")
def test_a_missing_bert_is_said_before_anything_is(models: Path, request_of_all: SpeechRequest) -> None:
    with pytest.raises(MissingAsset, match="bert"):
        LocalSpeaker(models, "cpu").say(request_of_all)
    english = request_of_all.model_copy(update={"text": "Only English here."})
    assert next(iter(LocalSpeaker(models, "cpu").say(english))).samples.size
