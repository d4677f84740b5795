"""Which clips the GPT learns from, and what is said of the others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from myna.checkpoints.tensor_file import write_tensor
from myna.core.errors import TrainingFailed
from myna.core.progress import silent
from myna.core.versions import version
from myna.core.workspace import DatasetFolder, write_text
from myna.engine.features.left_out import left_out
from myna.engine.training.gpt_data import joined, read_gpt_rows
from tests.engine.training.gpt_rows import row
from tests.engine.voices import LITE


def write(folder: Path, clips: dict[str, tuple[int, int]], *, token: int = 7) -> DatasetFolder:
    """Clips by name with so many phones and tokens."""
    dataset = DatasetFolder(folder)
    lines = [f"{name}\t{' '.join(['AA1'] * phones)}\tNone\ttext\n" for name, (phones, _) in clips.items()]
    write_text(dataset.text_file, "".join(lines))
    rows = [f"{name}\t{' '.join([str(token)] * tokens)}" for name, (_, tokens) in clips.items()]
    write_text(dataset.semantic_file, "item_name\tsemantic_audio\n" + "\n".join(rows) + "\n")
    return dataset


def reasons_of(dataset: DatasetFolder) -> dict[str, str]:
    return {failure.file: failure.reason for failure in left_out(dataset, "train_gpt")}


def test_clips_whose_text_and_sound_do_not_belong_together_are_left_out(tmp_path: Path) -> None:
    clips = {"good": (50, 100), "slow": (11, 100), "fast": (101, 100), "long": (500, 1351), "many": (541, 1350)}
    dataset = write(tmp_path, clips | {"mute": (20, 0)})
    dataset.text_file.write_text(dataset.text_file.read_text() + "odd\tXX9\tNone\ttext\n")
    dataset.semantic_file.write_text(dataset.semantic_file.read_text() + "wordless\t1 2 3\n")
    rows = read_gpt_rows(dataset, version("v3"), None, silent)
    assert [(one.clip, len(one.phones), len(one.tokens)) for one in rows] == [("good", 50, 100)]
    reasons = reasons_of(dataset)
    assert reasons.keys() == {"slow", "fast", "long", "many", "mute", "odd", "wordless"}
    assert "2.8 phones a second" in reasons["slow"]
    assert "25.2 phones a second" in reasons["fast"]
    assert reasons["long"] == "it has 1351 tokens, more than 1350"
    assert reasons["many"] == "it has 541 phones, more than 540"
    assert reasons["mute"] == "it has no tokens"
    assert "no phone 'XX9'" in reasons["odd"]
    assert reasons["wordless"] == "2-name2text.txt has no line for it"


def test_limits_are_inclusive_and_the_order_is_that_of_the_tokens(tmp_path: Path) -> None:
    clips = {"max": (540, 1350), "slowest": (12, 100), "fastest": (100, 100)}
    dataset = write(tmp_path, clips)
    lines = dataset.text_file.read_text().splitlines(keepends=True)
    dataset.text_file.write_text("".join(reversed(lines)))
    assert [one.clip for one in read_gpt_rows(dataset, version("v2"), None, silent)] == list(clips)


def test_a_net_that_follows_needs_to_know_which_phone_is_said(tmp_path: Path) -> None:
    dataset = write(tmp_path, {"no sound": (50, 100)})
    with pytest.raises(TrainingFailed, match="words that fit its sound"):
        read_gpt_rows(dataset, LITE, None, silent)


def test_tokens_of_another_version_are_left_out(tmp_path: Path) -> None:
    dataset = write(tmp_path, {"a": (50, 100)}, token=1024)
    with pytest.raises(TrainingFailed):
        read_gpt_rows(dataset, version("v2"), None, silent)
    assert reasons_of(dataset) == {"a": "its token 1024 is none of this version"}


def test_prosody_is_read_where_the_version_has_it(tmp_path: Path) -> None:
    dataset = write(tmp_path, {"a": (50, 100)})
    write_tensor(dataset.bert / "a.pt", np.ones((1024, 50), np.float16))
    versions = version("v3"), replace(version("v3"), has_bert=False)
    official, without = (read_gpt_rows(dataset, one, None, silent)[0] for one in versions)
    assert official.bert is not None
    assert (official.bert.shape, official.bert.dtype) == ((1024, 50), torch.float16)
    assert without.bert is None


def test_prosody_of_another_text_leaves_the_clip_out(tmp_path: Path) -> None:
    dataset = write(tmp_path, dict.fromkeys(("good", "shorter", "narrow", "torn"), (50, 100)))
    write_tensor(dataset.bert / "good.pt", np.ones((1024, 50), np.float32))
    write_tensor(dataset.bert / "shorter.pt", np.ones((1024, 49), np.float32))
    write_tensor(dataset.bert / "narrow.pt", np.ones((768, 50), np.float32))
    (dataset.bert / "torn.pt").write_bytes(b"PK")
    assert [one.clip for one in read_gpt_rows(dataset, version("v2"), None, silent)] == ["good"]
    reasons = reasons_of(dataset)
    assert reasons["shorter"] == "its BERT features are (1024, 49) in place of (1024, 50); extract them anew"
    assert "(768, 50)" in reasons["narrow"]
    assert "torn.pt" in reasons["torn"]


def test_joined_clips_keep_their_alignment() -> None:
    both = joined(row(1), row(2))
    assert both.phones.tolist() == [1] * 20 + [2] * 20
    assert both.tokens.tolist() == [1] * 50 + [2] * 50
    assert both.spoken is not None
    assert both.spoken[[0, 49, 50, 99]].tolist() == [0, 19, 20, 39]
    assert joined(row(1), row(2, is_aligned=False)).spoken is None
