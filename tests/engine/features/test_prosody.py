"""Prosody of mixed texts, and the languages and dictionaries of a dataset folder."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from myna.audio.labels import Label, write_labels
from myna.checkpoints.tensor_file import read_tensor
from myna.core.errors import BadCheckpoint, BadInput, UnknownChoice
from myna.core.progress import silent
from myna.core.versions import version
from myna.core.workspace import DatasetFolder
from myna.engine.features.left_out import left_out
from myna.engine.features.phones import extract_phones
from myna.engine.features.prosody import prosody
from myna.engine.features.reading import choose_names, choose_polyphones, dictionary, readable_modes
from myna.engine.library import Library
from myna.text.en.official.words import use_names
from myna.text.frontend import phonemize_plain, phonemize_training
from myna.text.phonemes import Part, Phonemes
from myna.text.words import parse_words
from tests.engine.voices import LITE
from tests.text.extras import needs

V4 = version("v4")


class Bert(torch.nn.Module):
    """Says of every phone which character of which text it belongs to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[list[str]] = []

    def __deepcopy__(self, _memo: dict[int, object]) -> Bert:
        return self  # what its copy in half precision is asked counts too

    def phone_features(self, texts: Sequence[tuple[str, Sequence[int]]]) -> list[torch.Tensor]:
        self.asked.append([text for text, _ in texts])
        rows = [
            [ord(char) for char, count in zip(text, counts, strict=True) for _ in range(count)]
            for text, counts in texts
        ]
        return [torch.tensor([row] * 2, dtype=torch.float32) / 65536 for row in rows]


@pytest.fixture
def bert(monkeypatch: pytest.MonkeyPatch) -> Bert:
    found = Bert()
    monkeypatch.setattr(Library, "bert", lambda *_: found)
    return found


def test_all_texts_are_read_together_and_other_languages_are_zero(bert: Bert, tmp_path: Path) -> None:
    parts = [
        Part("en", 0, 2, "x", None),
        Part("zh", 2, 5, "你好", [1, 2]),
        Part("ja", 5, 6, "だ", None),
        Part("zh", 6, 7, "吗", [1]),
    ]
    mixed = Phonemes(["a"] * 7, None, "x你好だ吗", parts=parts)
    english = Phonemes(["a"], None, "x", parts=[Part("en", 0, 1, "x", None)])
    cantonese = Phonemes(["a"], [1], "你", parts=[Part("yue", 0, 1, "你", [1])])
    chinese = Phonemes(["a"], [1], "吗", parts=[Part("zh", 0, 1, "吗", [1])])
    texts = [mixed, english, cantonese, chinese]
    library = Library(tmp_path, "cpu")
    first, second, third, fourth = prosody(texts, V4, library.bert)
    assert bert.asked == [["你好", "吗", "吗"]]
    assert second is None
    assert third is None
    assert first is not None
    assert fourth is not None
    assert first.shape == (1, 2, 7)
    wanted = [0, 0, *(ord(char) / 65536 for char in "你好好"), 0, ord("吗") / 65536]
    torch.testing.assert_close(first[0, 1], torch.tensor(wanted))
    assert fourth.shape == (1, 2, 1)
    assert prosody(texts, LITE, library.bert) == [None] * 4
    assert prosody([], V4, library.bert) == []
    assert len(bert.asked) == 1


def write(folder: Path, *texts: tuple[str, str]) -> tuple[Path, DatasetFolder]:
    labels = [Label(folder / f"{number}.wav", "x", language, text) for number, (language, text) in enumerate(texts)]
    write_labels(folder / "x.list", labels)
    return folder / "x.list", DatasetFolder(folder / "x")


def given(models: Path, **more: Any) -> dict[str, Any]:
    return {"version": V4, "models": models, "device": "cpu", "progress": silent} | more


@needs("zh")
def test_only_clips_with_chinese_words_have_prosody(tmp_path: Path, bert: Bert) -> None:
    labels, dataset = write(
        tmp_path, ("zh", "你好，Anna！"), ("en", "Hello there."), ("zh", "OK, yes."), ("zh", "买了5%的书。")
    )
    assert extract_phones(labels, dataset, **given(tmp_path)) == 4
    assert {path.name for path in dataset.bert.iterdir()} == {"0.wav.pt", "3.wav.pt"}
    rows = [line.split("\t") for line in dataset.text_file.read_text().splitlines()]
    assert rows[0][2] == "None"
    assert "百" in rows[3][3]
    for name, row in (("0.wav", rows[0]), ("3.wav", rows[3])):
        features = read_tensor(dataset.bert / f"{name}.pt")
        phones = row[1].split(" ")
        assert features.shape == (2, len(phones))
        assert features.dtype == np.float16
        is_english = [phone.isupper() for phone in phones]
        assert not features[:, is_english].any()
        assert features[:, [phone.islower() for phone in phones]].all()
    assert len(bert.asked) == 1
    (dataset.bert / "3.wav.pt").unlink()
    extract_phones(labels, dataset, **given(tmp_path))
    assert len(bert.asked) == 2
    assert len(bert.asked[1]) == 1


def test_training_texts_are_read_as_such_and_by_the_dictionary(tmp_path: Path) -> None:
    labels, dataset = write(tmp_path, ("en", "Hi."), ("en", "A gif."))
    extract_phones(labels, dataset, **given(tmp_path, words=parse_words(["gif\tJH IH1 F"])))
    rows = [line.split("\t")[1] for line in dataset.text_file.read_text().splitlines()]
    assert rows[0] == " ".join(phonemize_training("Hi.", "en").phones)
    assert rows[1] == "AH0 JH IH1 F ."


def test_a_language_that_the_version_does_not_speak_is_named(tmp_path: Path) -> None:
    labels, dataset = write(tmp_path / "both", ("en", "Hello."), ("zh", "你好"))
    assert extract_phones(labels, dataset, **given(tmp_path, version=LITE)) == 1
    failures = left_out(dataset, "extract_text_features")
    assert [failure.file for failure in failures] == ["1.wav"]
    assert "language for version 'lite' 'zh'; choose one of: auto, en" in failures[0].reason
    labels, dataset = write(tmp_path / "none", ("zh", "你好"))
    with pytest.raises(UnknownChoice, match=r"language for version 'lite' 'zh'; choose one of: auto, en$"):
        extract_phones(labels, dataset, **given(tmp_path, version=LITE))
    assert not dataset.path.exists()


def test_a_version_reads_what_its_table_and_its_nets_know() -> None:
    assert readable_modes(LITE) == ["auto", "en"]
    assert "auto_yue" in readable_modes(V4)
    assert readable_modes(replace(V4, symbols="v1")) == ["auto", "zh", "en", "ja", "all_zh", "all_ja"]


def test_a_dictionary_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    folders = (tmp_path, None, tmp_path / "gone")
    assert dictionary(folders).entries == ()
    (tmp_path / "words.tsv").write_text("a\tB\n")
    first = dictionary(folders)
    assert [entry.word for entry in first.entries] == ["a"]
    assert dictionary(folders) is first
    (tmp_path / "words.tsv").write_text("ab\tB\n")
    assert [entry.word for entry in dictionary(folders).entries] == ["ab"]
    (tmp_path / "words.tsv").write_text("ab\n")
    with pytest.raises(BadInput, match=r"words.tsv:1 is no entry"):
        dictionary(folders)


@needs("zh")
def test_the_model_of_polyphones_is_used_where_it_is(tmp_path: Path) -> None:
    from myna.text.zh import polyphone

    assert choose_polyphones(tmp_path) is None
    assert polyphone.in_use() == polyphone.PHRASES
    (tmp_path / "G2PWModel").mkdir()
    (tmp_path / "G2PWModel" / polyphone.MODEL).touch()
    try:
        assert choose_polyphones(tmp_path) == polyphone.in_use() == polyphone.G2PW
    finally:
        polyphone.use_reader(None)


def test_the_list_of_english_names_is_used_where_it_is_and_by_the_official_reading_alone(tmp_path: Path) -> None:
    def said(official: bool = True) -> list[str]:
        return phonemize_plain("I met Zarmina.", "en", official=official).phones[4:-1]

    assert choose_names(tmp_path) is None
    own, without = said(official=False), said()
    path = tmp_path / "namedict_cache.pickle"
    path.write_bytes(pickle.dumps({"zarmina": [["Z", "AA0", "R", "M", "IY1", "N", "AH0"]]}))
    try:
        assert choose_names(tmp_path) == path
        assert said() == ["Z", "AA0", "R", "M", "IY1", "N", "AH0"] != without
        path.write_bytes(pickle.dumps({"zarmina": print}))
        choose_names(tmp_path)
        with pytest.raises(BadCheckpoint, match=r"namedict_cache\.pickle is no list of names: .*'builtins\.print'"):
            said()
        assert said(official=False) == own
    finally:
        use_names(None)
    assert said() == without
