from __future__ import annotations

from pathlib import Path

import pytest

from myna.core.assets import ASSETS, PACKAGE, asset, find, find_for, how_to_get, lacking, place, size_text, wanted
from myna.core.errors import MissingAsset, UnknownChoice
from myna.core.progress import part
from myna.core.versions import VERSIONS, version
from myna.engine import voiceprint

OFFICIAL = ["v1", "v2", "v2Pro", "v2ProPlus", "v3", "v4"]
OF_NO_VERSION = {"denoiser", "names", "opinion", "recogniser", "separator"}
IDENTIFIED = {"s2G488k.pth", "s2G2333k.pth", "s2Gv3.pth", "s2Gv4.pth", "s2Gv2Pro.pth", "s2Gv2ProPlus.pth"}
"""The base files that `myna.checkpoints.identify` tells by their digest."""


def test_a_missing_file_is_named_with_its_size_and_the_command_that_gets_it(tmp_path: Path) -> None:
    says = r"s2Gv4\.pth is missing \(tokens to mel; 769 MB\); get it with: myna fetch v4$"
    with pytest.raises(MissingAsset, match=says):
        find("v4_sovits", tmp_path)
    with pytest.raises(MissingAsset, match=r"s1v3\.ckpt is missing .*155 MB\); get it with: myna fetch v2Pro$"):
        find_for("v2Pro", "gpt", tmp_path)
    with pytest.raises(MissingAsset, match=r"s1v3\.ckpt is missing .*; get it with: myna fetch v3_gpt$"):
        find("v3_gpt", tmp_path)
    with pytest.raises(MissingAsset, match=r"size unknown\); download it from https://.* --from FOLDER$"):
        find("super_resolution", tmp_path)
    with pytest.raises(
        MissingAsset, match=r"761 kB\); take it from a GPT-SoVITS checkout with: myna fetch english_names"
    ):
        find("english_names", tmp_path)
    with pytest.raises(MissingAsset, match="no sovits model is known for version 'v9'"):
        find_for("v9", "sovits", tmp_path)


def test_a_folder_counts_when_every_needed_file_is_there_or_one_that_does_as_well(tmp_path: Path) -> None:
    folder = tmp_path / "chinese-roberta-wwm-ext-large"
    folder.mkdir()
    (folder / "config.json").write_bytes(b"{}")
    with pytest.raises(MissingAsset, match=r"tokenizer\.json is missing \(Chinese prosody; 651 MB\)"):
        find_for("v1", "bert", tmp_path)
    (folder / "vocab.txt").write_bytes(b"x")
    assert [file.path for file in lacking("bert", tmp_path)] == ["pytorch_model.bin"]
    (folder / "model.safetensors").write_bytes(b"x")
    assert find_for("v1", "bert", tmp_path) == folder


def test_a_downloaded_file_is_found_by_its_published_name(tmp_path: Path) -> None:
    (tmp_path / "s1v3.ckpt").write_bytes(b"x")
    assert find("v3_gpt", tmp_path) == tmp_path / "s1v3.ckpt"


def test_an_unknown_asset_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownChoice, match="lite_gpt"):
        find("nothing", tmp_path)


def test_every_row_is_complete() -> None:
    for name, row in ASSETS.items():
        assert row.versions or row.kind in OF_NO_VERSION, name
        assert set(row.versions) <= {*OFFICIAL, *VERSIONS}, name
        assert row.is_bundled or row.published or row.modelscope or row.link or row.checkout, name
        assert bool(row.published) == bool(row.modelscope) or row.kind in OF_NO_VERSION, name
        assert how_to_get(name)
        assert row.files, name
        for file in row.files:
            assert file.sha256 is None or len(bytes.fromhex(file.sha256)) == 32, (name, file.path)
            assert file.size is not None or file.sha256 is None, (name, file.path)
            assert not Path(file.path).is_absolute(), (name, file.path)
            assert ".." not in Path(row.file, file.path).parts, (name, file.path)
    rows = [row for row in ASSETS.values() if row.kind != "recogniser"]  # whose sizes share their words
    known = [file.sha256 for row in rows for file in row.files if file.sha256]
    assert len(set(known)) == len(known)
    assert len({row.file for row in ASSETS.values()}) == len(ASSETS)


@pytest.mark.parametrize("version_name", OFFICIAL)
def test_every_official_version_has_all_its_kinds_once(version_name: str) -> None:
    kinds = sorted(row.kind for row in ASSETS.values() if version_name in row.versions)
    assert len(set(kinds)) == len(kinds)
    assert {"gpt", "sovits", "content", "bert"} <= set(kinds)
    is_flow = version_name in ("v3", "v4")
    assert ("vocoder" in kinds) == is_flow
    assert ("discriminator" in kinds) != is_flow
    assert ("voiceprint" in kinds) == ("Pro" in version_name)


def test_every_base_that_is_told_by_its_digest_is_listed() -> None:
    assert {Path(row.file).name for row in ASSETS.values() if row.kind == "sovits" and row.published} == IDENTIFIED


def test_everything_that_ships_is_listed() -> None:
    shipped = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.safetensors")}
    assert {row.file for row in ASSETS.values() if row.is_bundled} == shipped
    assert asset("lite_voiceprint").file == voiceprint.ASSET


def test_what_is_wanted_is_named_by_version_by_name_or_all() -> None:
    assert [row.name for row in wanted(["v4"])] == ["hubert", "bert", "v3_gpt", "v4_sovits", "v4_vocoder", "g2pw"]
    assert [row.name for row in wanted(["v4_vocoder", "v1_gpt"])] == ["v1_gpt", "v4_vocoder"]
    assert wanted(["all"]) == [row for row in ASSETS.values() if not row.is_bundled and not row.is_by_name_only]
    for strange in ("lite", "v9"):
        with pytest.raises(UnknownChoice, match=rf"unknown model '{strange}'; choose one of: all, v1, v2, .*bert"):
            wanted(["v4", strange])


@pytest.mark.parametrize(
    ("size", "text"),
    [(None, "size unknown"), (999, "999 bytes"), (1449, "1.45 kB"), (769_025_545, "769 MB"), (10**9, "1 GB")],
)
def test_sizes_are_told_as_the_hubs_tell_them(size: int | None, text: str) -> None:
    assert size_text(size) == text


def test_bundled_files_do_not_depend_on_the_models_folder(tmp_path: Path) -> None:
    assert tmp_path not in place("lite_gpt", tmp_path).parents


def test_unknown_versions_are_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownChoice, match="lite, "):
        version("v9")


def test_part_of_a_progress_is_scaled_and_bounded() -> None:
    seen: list[tuple[float, str]] = []
    inner = part(lambda fraction, note: seen.append((round(fraction, 3), note)), 0.25, 0.75)
    for fraction in (-1.0, 0.0, 0.5, 1.0, 2.0):
        inner(fraction, "x")
    assert [fraction for fraction, _ in seen] == [0.25, 0.25, 0.5, 0.75, 0.75]


def test_the_model_of_polyphones_has_the_files_that_its_reader_wants() -> None:
    g2pw = pytest.importorskip("myna.text.zh.g2pw", reason="the extras zh and g2pw are not installed")
    assert [file.path for file in asset("g2pw").files] == list(g2pw.FILES)
    assert asset("g2pw").size == 588_856_634


def test_one_choice_among_many_is_fetched_by_its_name_only(tmp_path: Path) -> None:
    names = {row.name for row in wanted(["all"])}
    assert "hubert" in names
    assert "faster-whisper-large-v3" not in names
    assert [row.name for row in wanted(["faster-whisper-tiny"])] == ["faster-whisper-tiny"]
    with pytest.raises(
        MissingAsset, match=r"config\.json is missing .*78.2 MB\); get it with: myna fetch faster-whisper"
    ):
        find("faster-whisper-tiny", tmp_path)
    with pytest.raises(MissingAsset, match=r"get it with: myna fetch paraformer-zh"):
        find("paraformer-zh", tmp_path)
    with pytest.raises(MissingAsset, match=r"download it from https://modelscope.cn/models/iic/speech_UniASR"):
        find("uniasr-cantonese", tmp_path)
