"""Names of trained weights, read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from myna.core.weight_files import WeightName, newest, others_of, weight_name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("anna-e8.ckpt", WeightName("anna", 8, 0, 0)),
        ("anna_e4_s120.pth", WeightName("anna", 4, 120, 0)),
        ("anna_e4_s120_l32.safetensors", WeightName("anna", 4, 120, 32)),
        ("anna_e2-e15.safetensors", WeightName("anna_e2", 15, 0, 0)),
        ("anna.safetensors", None),
        ("anna-e8.wav", None),
    ],
)
def test_names_say_experiment_epoch_step_and_rank(name: str, said: WeightName | None) -> None:
    assert weight_name(Path(name)) == said


def test_the_newest_is_of_the_experiment_and_rather_in_our_form(tmp_path: Path) -> None:
    assert newest(tmp_path / "none", "anna") is None
    for name in ("anna-e5.safetensors", "anna-e15.ckpt", "anna-e15.safetensors", "anna_2-e99.ckpt", "anna-e100.txt"):
        (tmp_path / name).touch()
    assert newest(tmp_path, "anna") == tmp_path / "anna-e15.safetensors"
    assert newest(tmp_path, "anna_2") == tmp_path / "anna_2-e99.ckpt"
    assert newest(tmp_path, "ann") is None


def test_others_are_of_the_same_experiment_and_another_moment(tmp_path: Path) -> None:
    for name in ("a_e1_s5.pth", "a_e1_s5.safetensors", "a_e2_s9.pth", "a_e1_s5_l8.pth", "b_e1_s5.pth", "a.txt"):
        (tmp_path / name).touch()
    others = others_of(tmp_path / "a_e2_s9.pth")
    assert [path.name for path in others] == ["a_e1_s5.pth", "a_e1_s5.safetensors"]
    assert others_of(tmp_path / "a.txt") == []
