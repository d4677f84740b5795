"""The table of recognisers: names of any time, sizes, languages; what is absent is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from myna.core.assets import ASSETS
from myna.core.errors import MissingAsset, MissingExtra, UnknownChoice
from myna.engine import asr
from myna.engine.asr import ENGINES, Wish, engine_called, first_usable, recogniser, state_of


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("达摩 ASR (中文)", "paraformer"),
        ("达摩 ASR (中文经典)", "paraformer"),
        ("Faster Whisper (多语种)", "faster-whisper"),
        ("SenseVoice (极速, 5语种)", "sensevoice"),
        ("Fun-ASR-Nano (31语种+方言, 推荐)", "fun-asr-nano"),
        ("PocketSphinx", "pocketsphinx"),
    ],
)
def test_official_titles_old_and_new_are_names_too(title: str, name: str) -> None:
    assert engine_called(title) == name


def test_every_official_size_of_whisper_has_a_model_to_fetch() -> None:
    row = ENGINES["faster-whisper"]
    official = ["medium", "medium.en", "large-v2", "large-v3", "large-v3-turbo", "large", "tiny", "base.en", "turbo"]
    assert set(official) <= set(row.sizes)
    assert {row.assets(size, "en")[0] for size in row.sizes} == {name for name in ASSETS if name.startswith("faster-")}
    assert row.assets("", "en") == row.assets("large", "en") == ("faster-whisper-large-v3",)
    assert row.assets("large-local", "en") == row.assets("", "en")
    assert row.assets("tiny.en-local", "en") == ("faster-whisper-tiny.en",)


def test_unknown_names_and_absent_engines_are_told_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(UnknownChoice, match="unknown recogniser 'magic'; choose one of: pocketsphinx, faster-whisper"):
        recogniser("magic", "en")
    with pytest.raises(UnknownChoice, match=r"hears English only.* 'auto'; choose one of: en"):
        recogniser("pocketsphinx", "auto")
    with pytest.raises(UnknownChoice, match=r"unknown size of faster-whisper 'huge'; .*tiny.*, the folder of a model"):
        recogniser("faster-whisper", "en", Wish(size="huge"))
    with pytest.raises(UnknownChoice, match="unknown size of pocketsphinx 'large'"):
        recogniser("pocketsphinx", "en", Wish(size="large"))
    with pytest.raises(UnknownChoice, match="unknown precision 'half'; choose one of: float32, float16, int8"):
        recogniser("faster-whisper", "en", Wish(precision="half"))
    with pytest.raises(UnknownChoice, match="language for paraformer 'en'; choose one of: zh, yue"):
        recogniser("paraformer", "en")
    monkeypatch.setattr(asr, "find_spec", lambda name: None)
    for name, row in ENGINES.items():
        with pytest.raises(
            MissingExtra, match=rf"{name} is not installed; get it with: pip install 'myna\[{row.extra}"
        ):
            recogniser(name, row.languages[0], Wish(models=tmp_path))
        assert state_of(name, tmp_path).startswith("not installed: pip install 'myna[")


def test_a_missing_model_is_named_with_its_size_and_the_command_that_gets_it(tmp_path: Path) -> None:
    pytest.importorskip("faster_whisper")
    with pytest.raises(MissingAsset, match=r"a hundred languages; 3\.09 GB\); get it with: myna fetch faster-wh"):
        recogniser("faster-whisper", "auto", Wish(models=tmp_path))
    with pytest.raises(MissingAsset, match=r"myna fetch faster-distil-whisper-large-v3\.5"):
        recogniser("faster-whisper", "en", Wish(size="distil-large-v3.5", models=tmp_path))
    with pytest.raises(MissingAsset, match=r"holds no config\.json"):
        recogniser("faster-whisper", "en", Wish(size=str(tmp_path)))
    assert state_of("faster-whisper", tmp_path) == "no model here; get it with: myna fetch faster-whisper-large-v3"


def test_what_is_here_of_funasr_is_taken_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert first_usable("zh", tmp_path) == "fun-asr-nano"
    monkeypatch.setattr(asr, "state_of", lambda name, models: "can be used" if name == "sensevoice" else "no")
    assert [first_usable(language, tmp_path) for language in ("zh", "ja", "auto")] == ["sensevoice"] * 3
    assert first_usable("yue", tmp_path) == "sensevoice"
    monkeypatch.setattr(asr, "state_of", lambda name, models: "no")
    assert first_usable("yue", tmp_path) == "paraformer"
    with pytest.raises(UnknownChoice, match="language for FunASR 'fr'; choose one of: zh, en, ja, ko, yue, auto"):
        first_usable("fr", tmp_path)
