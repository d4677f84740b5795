"""`myna inspect`, `convert` and `merge`: what they say and write, and how they refuse."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from myna.checkpoints.model_file import read_model
from myna.core.assets import bundled
from tests.checkpoints import tiny_models as tiny
from tests.cli.conftest import CommandLine
from tests.cli.test_bad_input import check


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.make_small(monkeypatch)


@pytest.fixture
def gpt(tmp_path: Path) -> Path:
    return tiny.write_small_gpt(tmp_path / "anna-e15.ckpt", folder="GPT_weights_v4")


def test_inspect_tells_what_a_file_is(myna: CommandLine, gpt: Path) -> None:
    answer = myna("inspect", gpt.name)
    assert (answer.code, answer.err) == (0, "")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in answer.out.splitlines() if "│" in line]
    told = {row[0]: row[1] for row in rows}
    assert told["kind"] == "GPT: text to semantic tokens"
    assert told["version"].startswith("v4 ")
    assert told["languages"] == "zh, en, ja, ko, yue"
    assert told["epoch"] == "15"


def test_inspect_says_what_a_file_is_that_is_no_model(myna: CommandLine, tone: Path, tmp_path: Path) -> None:
    check(myna("inspect", tone), "is a WAV sound; a model file (.safetensors, .ckpt, .pth) was expected")
    check(myna("inspect", "gone.pth"), "there is no file gone.pth")
    check(myna("inspect", tmp_path), "is a folder; name a model file in it")


def test_convert_goes_out_and_back(myna: CommandLine, gpt: Path) -> None:
    there = myna("convert", gpt.name, "new/anna.safetensors")
    assert (there.code, there.err) == (0, "")
    assert there.out.startswith("new/anna.safetensors: gpt of version v4, ")
    assert myna("convert", "new/anna.safetensors", "back.ckpt").code == 0
    assert read_model(Path("back.ckpt")).config == read_model(gpt).config
    assert myna("convert", gpt.name, "v3.safetensors", "--version", "v3", "--half").code == 0
    assert read_model(Path("v3.safetensors")).version == "v3"


def test_convert_puts_a_lora_into_its_base(myna: CommandLine, tmp_path: Path) -> None:
    whole = tiny.sovits_tensors()
    tiny.write_small_lora(tmp_path / "lora.pth", whole[tiny.TO_Q])
    check(myna("convert", "lora.pth", "whole.pth", "--merged"), "myna fetch v3")
    tiny.write_small_sovits(tmp_path / "base.pth", tensors=whole)
    check(myna("convert", "lora.pth", "whole.pth", "--base", "base.pth"), "--base wants --merged")
    assert myna("convert", "lora.pth", "whole.pth", "--merged", "--base", "base.pth").code == 0
    assert read_model(Path("whole.pth")).kind == "sovits"
    assert myna("convert", "lora.pth", "lora.safetensors").code == 0
    assert read_model(Path("lora.safetensors")).kind == "sovits_lora"


def test_merge_mixes_two_fine_tunes(myna: CommandLine, gpt: Path, tmp_path: Path) -> None:
    tiny.write_small_gpt(tmp_path / "b.ckpt", tiny.nudged(tiny.gpt_tensors()), folder="GPT_weights_v4")
    answer = myna("merge", gpt.name, "b.ckpt", "--weight", "0.3", "--out", "c.safetensors")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == "c.safetensors: gpt of version v4, 70% anna-e15.ckpt and 30% b.ckpt\n"
    assert "70% anna-e15.ckpt and 30% b.ckpt" in myna("inspect", "c.safetensors").out


def test_what_cannot_be_converted(myna: CommandLine, gpt: Path, tmp_path: Path) -> None:
    check(myna("convert", "gone.ckpt", "x.safetensors"), "there is no file gone.ckpt")
    check(myna("convert", gpt.name, "x.bin"), "choose one of: .safetensors, .ckpt, .pth")
    check(myna("convert", gpt.name, gpt.name), "would be written over what it is made from")
    check(myna("convert", gpt.name, "x.pth"), ".pth cannot hold")
    check(myna("convert", bundled("lite/gpt.safetensors"), "x.ckpt"), "unknown version for an official file 'lite'")
    check(myna("convert", gpt.name, "x.safetensors", "--merged", "--base", "gone.pth"), "there is no file gone.pth")
    (tmp_path / "file").write_bytes(b"x")
    check(myna("convert", gpt.name, "file/x.safetensors"), "cannot write")
    assert {path.name for path in tmp_path.iterdir()} == {gpt.name, "file"}


def test_what_cannot_be_merged(myna: CommandLine, gpt: Path, tmp_path: Path) -> None:
    tiny.write_small_gpt(tmp_path / "b.ckpt", tiny.nudged(tiny.gpt_tensors()))
    for weight in ("1.5", "-0.1", "nan"):
        check(myna("merge", gpt.name, "b.ckpt", "--weight", weight, "--out", "c.ckpt"), "share, 0 to 1")
    check(myna("merge", gpt.name, "b.ckpt", "--out", "c.ckpt"), "unlike versions cannot be mixed")
    check(myna("merge", gpt.name, "gone.ckpt", "--out", "c.ckpt"), "there is no file gone.ckpt")
    check(myna("merge", gpt.name, "b.ckpt", "--out", "b.ckpt"), "would be written over")
    check(myna("merge", gpt.name, "b.ckpt", "--out", "c.txt"), "no suffix")
    check(myna("merge", gpt.name, "b.ckpt"), "--out")
    assert not (tmp_path / "c.ckpt").exists()


def test_folders_without_permission_and_full_disks(
    myna: CommandLine, gpt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, says in ((errno.EACCES, "no permission; choose a folder"), (errno.ENOSPC, "the disk is full")):

        def refuse(*_: object, number: int = number, **__: object) -> None:  # root may write everywhere
            raise OSError(number, os.strerror(number))

        with monkeypatch.context() as patch:
            patch.setattr("myna.core.workspace._flush", refuse)
            check(myna("convert", gpt.name, "x.safetensors"), says)
            check(myna("convert", gpt.name, "x.ckpt"), says)
    assert [path.name for path in tmp_path.iterdir()] == [gpt.name]
