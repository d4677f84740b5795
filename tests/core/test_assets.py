from __future__ import annotations

from pathlib import Path

import pytest

from myna.core.assets import ASSETS, find, how_to_get, place
from myna.core.errors import MissingAsset, UnknownChoice
from myna.core.progress import part
from myna.core.versions import VERSIONS, version


def test_a_missing_file_is_named_with_the_way_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(MissingAsset, match=r"s2Gv4.pth is missing .*huggingface.co/lj1995/GPT-SoVITS"):
        find("v4_sovits", tmp_path)


def test_a_downloaded_file_is_found_by_its_published_name(tmp_path: Path) -> None:
    (tmp_path / "s1v3.ckpt").write_bytes(b"x")
    assert find("v3_gpt", tmp_path) == tmp_path / "s1v3.ckpt"


def test_an_unknown_asset_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownChoice, match="lite_gpt"):
        find("nothing", tmp_path)


def test_every_row_is_complete() -> None:
    for name, row in ASSETS.items():
        assert row.versions, name
        assert set(row.versions) <= set(VERSIONS), name
        assert row.is_bundled or row.published, name
        assert how_to_get(name)


def test_bundled_files_do_not_depend_on_the_models_folder(tmp_path: Path) -> None:
    assert tmp_path not in place("lite_gpt", tmp_path).parents


def test_unknown_versions_are_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownChoice, match="lite, v3, v4"):
        version("v9")


def test_part_of_a_progress_is_scaled_and_bounded() -> None:
    seen: list[tuple[float, str]] = []
    inner = part(lambda fraction, note: seen.append((round(fraction, 3), note)), 0.25, 0.75)
    for fraction in (-1.0, 0.0, 0.5, 1.0, 2.0):
        inner(fraction, "x")
    assert [fraction for fraction, _ in seen] == [0.25, 0.25, 0.5, 0.75, 0.75]
