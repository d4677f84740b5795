"""HuBERT and BERT from folders that the test writes: what they answer, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from myna.core.errors import BadCheckpoint, BadInput, MissingAsset
from myna.models.pretrained import BertProsody, HubertContent

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "你", "好", "吗", "，", "。", "a", "b", "##b"]


@pytest.fixture(autouse=True)
def quiet_writing() -> None:
    transformers.utils.logging.disable_progress_bar()


@pytest.fixture
def hubert_folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    config = transformers.HubertConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        conv_dim=[8] * 7,
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
    )
    transformers.HubertModel(config).save_pretrained(tmp_path / "hubert")
    return tmp_path / "hubert"


@pytest.fixture
def bert_folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(VOCABULARY), hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=24
    )
    folder = tmp_path / "bert"
    transformers.BertModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY), encoding="utf-8")
    return folder


def as_bin(folder: Path, renamed: dict[str, str], prefix: str = "") -> None:
    """Replace the weights by an old-style pytorch_model.bin whose keys carry older names."""
    state = {}
    for key, value in load_file(folder / "model.safetensors").items():
        for new, old in renamed.items():
            key = key.replace(new, old)
        state[prefix + key] = value
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")


@torch.no_grad()
def test_hubert_gives_fifty_frames_per_second(hubert_folder: Path) -> None:
    content = HubertContent.load(hubert_folder)
    assert content.sample_rate == 16000
    assert not content.training
    for samples, frames in ((400, 1), (16000, 49), (16080, 50), (16400, 51)):
        assert content(torch.randn(2, samples)).shape == (2, 16, frames)


@torch.no_grad()
def test_hubert_is_the_last_layer_of_the_net_in_the_folder(hubert_folder: Path) -> None:
    net = transformers.HubertModel.from_pretrained(hubert_folder, local_files_only=True).eval()
    samples = torch.randn(1, 4000)
    torch.testing.assert_close(
        HubertContent.load(hubert_folder)(samples), net(samples).last_hidden_state.transpose(1, 2)
    )


@torch.no_grad()
def test_hubert_reads_the_published_spelling(hubert_folder: Path) -> None:
    samples = torch.randn(1, 4000)
    want = HubertContent.load(hubert_folder)(samples)
    as_bin(
        hubert_folder,
        {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"},
    )
    torch.testing.assert_close(HubertContent.load(hubert_folder)(samples), want)


def test_bert_gives_one_row_per_character(bert_folder: Path) -> None:
    bert = BertProsody.load(bert_folder)
    net = transformers.BertModel.from_pretrained(bert_folder, local_files_only=True).eval()
    text = "你好，世ab。"
    ids = torch.tensor([[2, 5, 6, 8, 1, 10, 11, 9, 3]])
    with torch.no_grad():
        want = net(input_ids=ids, output_hidden_states=True).hidden_states[-3][0, 1:-1].t()
    (got,) = bert([text])
    assert got.shape == (16, len(text))
    assert not got.requires_grad
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(bert(["AB"]), bert(["ab"]))


def test_bert_reads_the_published_spelling(bert_folder: Path) -> None:
    want = BertProsody.load(bert_folder)(["你好"])
    as_bin(bert_folder, {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}, prefix="bert.")
    torch.testing.assert_close(BertProsody.load(bert_folder)(["你好"]), want)


def test_half_precision_files_become_float32(bert_folder: Path) -> None:
    weights = bert_folder / "model.safetensors"
    save_file({key: value.half() for key, value in load_file(weights).items()}, weights, metadata={"format": "pt"})
    config = json.loads((bert_folder / "config.json").read_text())
    (bert_folder / "config.json").write_text(json.dumps(config | {"dtype": "float16"}))
    assert BertProsody.load(bert_folder)(["你"])[0].dtype == torch.float32


def test_rows_repeat_for_the_phones_of_their_character(bert_folder: Path) -> None:
    bert = BertProsody.load(bert_folder)
    (rows,) = bert(["你好吗"])
    torch.testing.assert_close(bert.phone_features([("你好吗", [2, 0, 1])])[0], rows[:, [0, 0, 2]])
    with pytest.raises(BadInput, match="3 characters but 2 phone counts"):
        bert.phone_features([("你好吗", [2, 2])])


def test_texts_are_read_together_as_one_by_one(bert_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bert = BertProsody.load(bert_folder)
    texts = ["你好吗", "你" * 400, "好，ab。", "吗" * 510, "好"]
    alone = [bert([text])[0] for text in texts]
    for limit in (2048, 1):
        monkeypatch.setattr("myna.models.pretrained._BATCH_TOKENS", limit)
        for got, want in zip(bert(texts), alone, strict=True):
            torch.testing.assert_close(got, want)


def test_a_text_longer_than_bert_can_hold_is_read_in_parts(bert_folder: Path) -> None:
    bert = BertProsody.load(bert_folder)
    first, second, third = bert.phone_features([("好", [3]), ("你" * 600, [1, 2] * 300), ("吗，", [2, 1])])
    assert [one.shape[1] for one in (first, second, third)] == [3, 900, 3]
    torch.testing.assert_close(second[:, 765:], bert.phone_features([("你" * 90, [1, 2] * 45)])[0])
    torch.testing.assert_close(third, bert.phone_features([("吗，", [2, 1])])[0])


@pytest.mark.parametrize("length", [0, 511])
def test_texts_that_bert_cannot_hold_are_refused(bert_folder: Path, length: int) -> None:
    with pytest.raises(BadInput, match=f"{length} characters.*1 to 510"):
        BertProsody.load(bert_folder)(["你" * length])


def test_missing_folders_and_files_are_named(tmp_path: Path, bert_folder: Path, hubert_folder: Path) -> None:
    with pytest.raises(MissingAsset, match=r"HuBERT folder .*nowhere does not exist"):
        HubertContent.load(tmp_path / "nowhere")
    (hubert_folder / "model.safetensors").unlink()
    with pytest.raises(MissingAsset, match=r"has no model.safetensors or pytorch_model.bin"):
        HubertContent.load(hubert_folder)
    (bert_folder / "vocab.txt").unlink()
    with pytest.raises(MissingAsset, match=r"has no tokenizer.json or vocab.txt"):
        BertProsody.load(bert_folder)


def test_the_wrong_kind_of_model_is_refused(bert_folder: Path) -> None:
    with pytest.raises(BadCheckpoint, match="holds a 'bert' model, not 'hubert'"):
        HubertContent.load(bert_folder)


@pytest.mark.parametrize("content", ["", "[1, 2]", "not json"])
def test_a_damaged_configuration_is_refused(bert_folder: Path, content: str) -> None:
    (bert_folder / "config.json").write_text(content)
    with pytest.raises(BadCheckpoint, match="is not a model configuration"):
        BertProsody.load(bert_folder)


def test_a_file_that_lacks_weights_is_refused_not_filled_with_chance(bert_folder: Path) -> None:
    weights = bert_folder / "model.safetensors"
    state = load_file(weights)
    del state["encoder.layer.0.output.dense.weight"]
    save_file(state, weights, metadata={"format": "pt"})
    with pytest.raises(BadCheckpoint, match=r"lacks 1 weights, the first is encoder\.layer\.0\.output\.dense\.weight"):
        BertProsody.load(bert_folder)


@pytest.mark.parametrize("size", [0, 1, 4, 100, 5000])
@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_truncated_weights_are_refused(bert_folder: Path, name: str, size: int) -> None:
    if name.endswith(".bin"):
        as_bin(bert_folder, {})
    whole = (bert_folder / name).read_bytes()
    (bert_folder / name).write_bytes(whole[:size])
    with pytest.raises(BadCheckpoint, match="cannot be read"):
        BertProsody.load(bert_folder)


def test_a_weights_file_that_wants_to_execute_something_is_refused(bert_folder: Path, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "sprung",))  # type: ignore[return-value]

    (bert_folder / "model.safetensors").unlink()
    torch.save({"bert.pooler": Trap()}, bert_folder / "pytorch_model.bin")
    with pytest.raises(BadCheckpoint, match="cannot be read"):
        BertProsody.load(bert_folder)
    assert not (tmp_path / "sprung").exists()


def test_a_broken_tokenizer_is_refused(bert_folder: Path) -> None:
    (bert_folder / "tokenizer.json").write_text("{broken")
    with pytest.raises(BadCheckpoint, match="tokenizer cannot be read"):
        BertProsody.load(bert_folder)


def test_loading_leaves_the_librarys_chatter_as_it_was(bert_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    logging = transformers.utils.logging
    logging.enable_progress_bar()
    before = logging.get_verbosity()
    capfd.readouterr()
    BertProsody.load(bert_folder)
    assert capfd.readouterr().err == ""
    assert logging.get_verbosity() == before
    assert logging.is_progress_bar_enabled()
