"""CTC scores in windows, and what is read from them: times of words, phones of frames, phones heard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from myna.core.errors import BadInput
from myna.engine.align import best_path
from myna.engine.features import alignment
from myna.engine.features.alignment import align_words, ctc_labels, ctc_scores, heard_phones, spoken_columns
from myna.engine.library import Library
from myna.models.content import CTC_PHONES, LiteContent
from myna.text.frontend import phonemize
from tests.engine.voices import LITE, buzz
from tests.text.extras import needs


def label(phone: str) -> int:
    return CTC_PHONES.index(phone) + 1


def planted(phones: list[str], frames_each: int = 4, pause: int = 2) -> np.ndarray:
    """Scores (T, classes) in which each phone sounds for some frames, its second one sure, and pauses are blank."""
    rows = []
    for phone in phones:
        number = label(phone)
        for at in range(frames_each):
            row = np.full(len(CTC_PHONES) + 1, -8.0)
            row[number], row[0] = (-0.1, -3.0) if at == 1 else (-2.0, -0.2)
            rows.append(row)
        rows += [np.where(np.arange(len(CTC_PHONES) + 1) == 0, -0.01, -9.0)] * pause
    return np.stack(rows)


def test_the_best_path_is_the_planted_one() -> None:
    labels = [label(phone) for phone in ("K", "AE", "T", "T")]
    path = best_path(planted(["K", "AE", "T", "T"]), labels)
    assert path is not None
    assert [int(np.flatnonzero(path == number)[0]) for number in range(4)] == [1, 7, 13, 19]
    assert best_path(planted(["K"]), [1, 2, 3, 4, 5, 6, 7]) is None


def test_words_get_the_times_at_which_they_are_said(monkeypatch: pytest.MonkeyPatch, models: Path) -> None:
    text = "The cat sat."
    phones = [phone.rstrip("012") for phone in phonemize(text, "en").phones if phone.rstrip("012") in CTC_PHONES]
    monkeypatch.setattr(alignment, "ctc_scores", lambda encoder, samples: planted(phones))
    words = align_words(np.zeros(16000, np.float32), text, "en", models=models, device="cpu")
    assert [word.text.strip(".").lower() for word in words] == ["the", "cat", "sat"]
    starts = [(6 * first + 1) * 0.04 for first in (0, 2, 5)]
    assert [word.start_s for word in words] == pytest.approx(starts)
    assert [word.end_s for word in words] == pytest.approx([(6 * last + 2) * 0.04 for last in (1, 4, 7)])


def test_more_words_than_sound_are_refused(models: Path) -> None:
    with pytest.raises(BadInput, match=r"too many for 0\.5 s"):
        align_words(np.zeros(8000, np.float32), "word " * 100, "en", models=models, device="cpu")


@needs("zh")
def test_a_text_in_other_languages_is_refused(models: Path) -> None:
    with pytest.raises(BadInput, match="texts in 'zh' cannot be aligned; give an English one"):
        align_words(buzz(3.0, rate=16000), "你好 hello", "zh", models=models, device="cpu")


@pytest.mark.parametrize("seconds", [0.01, 3.0, 16.0, 16.04, 31.0, 45.0])
def test_long_sound_is_heard_in_windows_without_gap_or_overlap(models: Path, seconds: float) -> None:
    encoder = Library(models, "cpu").content(LITE)
    assert isinstance(encoder, LiteContent)
    sound = buzz(seconds, rate=16000)
    scores = ctc_scores(encoder, sound)
    padded = max(len(sound), 400)
    assert scores.shape == (-(-(padded // 160) // 4), 40)
    np.testing.assert_allclose(np.exp(scores).sum(1), 1.0, atol=1e-4)


def test_a_window_agrees_with_hearing_it_all_at_once(models: Path) -> None:
    encoder = Library(models, "cpu").content(LITE)
    assert isinstance(encoder, LiteContent)
    sound = buzz(14.0, rate=16000)
    with torch.inference_mode():
        frames = encoder.front(torch.from_numpy(sound)[None])
        whole = encoder.encode(frames, torch.tensor([frames.shape[1]])).ctc_logits[0].log_softmax(-1)
    np.testing.assert_allclose(ctc_scores(encoder, sound), whole.numpy(), atol=1e-5)


def test_frames_say_the_nearest_phone() -> None:
    phones = ["K", "AE1", ",", "T"]
    columns = spoken_columns(planted(["K", "AE", "T"]), phones)
    assert columns is not None
    assert columns.tolist() == [0] * 5 + [1] * 5 + [2] + [3] * 7, "the pause belongs to the mark"
    assert ctc_labels(phones) == [(0, label("K")), (1, label("AE")), (3, label("T"))]
    assert spoken_columns(planted(["K"]), phones * 9) is None


def test_heard_phones_lose_repeats_and_blanks() -> None:
    scores = planted(["K", "AE", "T", "T"])
    assert heard_phones(scores) == ["K", "AE1", "T", "T"]
    assert heard_phones(planted(["K"])[-2:]) == []
