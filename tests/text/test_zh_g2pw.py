"""The model of polyphones, with a stand-in for its network: what it is asked, and what becomes of its answers; and with
a tiny network in its published form.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from myna.core.errors import BadCheckpoint, MissingAsset, MissingExtra
from myna.text.frontend import phonemize, use_polyphone_model
from tests.text.extras import INSTALLED, needs

HAS_RUNTIME = find_spec("onnxruntime") is not None
if "zh" in INSTALLED:
    from myna.text.zh import polyphone
    from myna.text.zh.reader import read
if "zh" in INSTALLED and HAS_RUNTIME:
    from myna.text.zh.g2pw import CONTEXT, G2pw

pytestmark = [needs("zh"), pytest.mark.skipif(not HAS_RUNTIME, reason="the extra g2pw is not installed")]

POLYPHONES = ["行\tㄏㄤ2", "行\tㄒㄧㄥ2", "樂\tㄌㄜ4", "樂\tㄩㄝ4", "一\tㄧ1", "一\tㄧ4"]
PINYIN = {"ㄏㄤ": "hang", "ㄒㄧㄥ": "xing", "ㄌㄜ": "le", "ㄩㄝ": "yue", "ㄊㄚ": "ta"}
LABELS = sorted({line.split("\t")[1] for line in POLYPHONES})
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "銀", "行", "樂", "他"]


class Network:
    """Prefers one sound, whatever it is asked; remembers what it was fed."""

    def __init__(self, prefers: str, width: int = len(LABELS)) -> None:
        self.prefers, self.width = prefers, width
        self.fed: list[dict[str, Any]] = []

    def run(self, outputs: Sequence[str] | None, feed: Mapping[str, Any]) -> list[Any]:
        self.fed.append(dict(feed))
        scores = np.zeros((len(feed["char_ids"]), self.width), np.float32)
        scores[:, LABELS.index(self.prefers)] = 1
        return [scores]


def field(number: int, value: int | bytes | str) -> bytes:
    """One field of a protobuf message, in which a number is a varint."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    data = b""
    while value > 127:
        data += bytes([value & 127 | 128])
        value >>= 7
    return data + bytes([value])


def described(name: str, kind: int, *dims: str) -> bytes:
    """The description of a tensor with elements of a ``kind``: 1 float32, 7 int64."""
    shape = b"".join(field(1, field(2, dim)) for dim in dims)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, shape)))


def preferring(sound: str) -> bytes:
    """An ONNX model with the inputs of g2pW: its scores are the mask of sounds times a row that prefers ``sound``."""
    row = np.where(np.array(LABELS) == sound, 2, 1).astype("<f4")
    tensor = field(1, 1) + field(1, len(LABELS)) + field(2, 1) + field(8, "row") + field(9, row.tobytes())
    node = field(1, "phoneme_mask") + field(1, "row") + field(2, "probs") + field(4, "Mul")
    inputs = [described(name, 7, "one", "long") for name in ("input_ids", "token_type_ids", "attention_mask")]
    inputs += [described(name, 7, "many") for name in ("char_ids", "position_ids")]
    inputs += [described("phoneme_mask", 1, "many", "labels")]
    graph = field(1, node) + field(2, "g2pW") + field(5, tensor)
    graph += b"".join(field(11, told) for told in inputs) + field(12, described("probs", 1, "many", "labels"))
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 13))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "POLYPHONIC_CHARS.txt").write_text("\n".join(POLYPHONES), encoding="utf-8")
    (tmp_path / "MONOPHONIC_CHARS.txt").write_text("他\tㄊㄚ1\n似\tㄙ4", encoding="utf-8")
    (tmp_path / "bopomofo_to_pinyin_wo_tune_dict.json").write_text(json.dumps(PINYIN), encoding="utf-8")
    (tmp_path / "vocab.txt").write_text("\n".join(VOCABULARY), encoding="utf-8")
    return tmp_path


@pytest.fixture(autouse=True)
def _phrases_afterwards() -> Iterator[None]:
    yield
    polyphone.use_reader(None)


def test_the_network_is_asked_for_the_traditional_polyphones(folder: Path) -> None:
    network = Network("ㄩㄝ4")
    model = G2pw(folder, folder, network)
    assert model(["他行乐,", "你好."]) == [["ta1", "hang2", "yue4", ","], ["ni3", "hao3", "."]]
    (fed,) = network.fed
    assert fed["input_ids"].tolist() == [[2, 7, 5, 6, 1, 3]]
    assert fed["attention_mask"].tolist() == [[1] * 6]
    assert fed["token_type_ids"].tolist() == [[0] * 6]
    assert fed["position_ids"].tolist() == [2, 3]
    assert fed["char_ids"].tolist() == [2, 1]  # places of 行 and 樂 in 一樂行
    assert fed["phoneme_mask"].shape == (2, len(LABELS))


def test_a_sound_that_the_character_has_not_is_never_chosen(folder: Path) -> None:
    assert G2pw(folder, folder, Network("ㄌㄜ4"))(["行"])[0][0] in ("hang2", "xing2")


def test_the_network_sees_the_neighbourhood_only(folder: Path) -> None:
    network = Network("ㄏㄤ2")
    model = G2pw(folder, folder, network)
    assert model(["好" * 40 + "行" + "好" * 40])[0][40] == "hang2"
    assert network.fed[0]["input_ids"].shape == (1, 2 * CONTEXT + 1 + 2)
    assert network.fed[0]["position_ids"].tolist() == [CONTEXT + 1]
    long = model(["行好" * 1000])[0]
    assert long[::2] == ["hang2"] * 1000
    assert all(fed["input_ids"].shape[1] <= 512 for fed in network.fed)


def test_the_token_list_may_be_that_of_a_tokenizer_file(folder: Path) -> None:
    vocabulary = {token: index for index, token in enumerate(VOCABULARY)}
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": vocabulary}}), encoding="utf-8")
    (folder / "vocab.txt").unlink()
    assert G2pw(folder, folder, Network("ㄏㄤ2"))(["行"]) == [["hang2"]]


def test_what_is_missing_is_named(folder: Path) -> None:
    with pytest.raises(MissingAsset, match=r"g2pW\.onnx"):
        G2pw(folder, folder)
    (folder / "vocab.txt").unlink()
    with pytest.raises(MissingAsset, match=r"vocab\.txt or tokenizer\.json"):
        G2pw(folder, folder, Network("ㄏㄤ2"))


def test_a_network_that_does_not_fit_its_tables_is_refused(folder: Path) -> None:
    with pytest.raises(BadCheckpoint, match=f"9 sounds, its table {len(LABELS)}"):
        G2pw(folder, folder, Network("ㄏㄤ2", width=9))(["行"])


def test_the_model_reads_but_certain_phrases_overrule_it(folder: Path) -> None:
    polyphone.use_reader(G2pw(folder, folder, Network("ㄒㄧㄥ2")))
    assert polyphone.in_use() == "g2pW"
    assert read("他行").phones == ["t", "a1", "x", "ing2"]
    assert read("银行").phones == ["y", "in2", "h", "ang2"]
    polyphone.use_reader(None)
    assert polyphone.in_use() == "pypinyin phrases"


def test_without_the_model_phrases_decide(tmp_path: Path) -> None:
    assert polyphone.use_model(tmp_path, tmp_path) == "pypinyin phrases"
    assert polyphone.sentence_reader() is None


def test_a_model_that_is_there_is_loaded_on_first_use(folder: Path) -> None:
    (folder / "g2pW.onnx").write_bytes(b"no model")
    assert polyphone.use_model(folder, folder) == "g2pW"
    with pytest.raises(BadCheckpoint, match=r"g2pW\.onnx"):
        read("银行")


def test_a_model_without_its_runtime_says_how_to_get_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name, name="onnxruntime")

    (folder / "g2pW.onnx").write_bytes(b"")
    monkeypatch.setattr(polyphone.importlib, "import_module", missing)
    polyphone.use_model(folder, folder)
    with pytest.raises(MissingExtra, match=r"myna\[g2pw\]"):
        read("银行")


@pytest.mark.parametrize(("sound", "phones"), [("ㄏㄤ2", ["h", "ang2"]), ("ㄒㄧㄥ2", ["x", "ing2"])])
def test_a_network_in_its_published_form_reads_for_everybody(folder: Path, sound: str, phones: list[str]) -> None:
    (folder / "g2pW.onnx").write_bytes(preferring(sound))
    assert use_polyphone_model(folder, folder) == "g2pW"
    assert phonemize("我们他行", "zh").phones[-2:] == phones
    assert phonemize("我们他行", "zh", official=True).phones[-2:] == phones
    assert phonemize("我们在银行", "zh").phones[-2:] == ["h", "ang2"]  # a phrase that is known for certain
