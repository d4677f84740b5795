"""`myna fetch` against a hub on this machine, and from a checkout; every file is a few bytes long."""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from myna.core.assets import ASSETS, Asset, AssetFile, wanted
from myna.engine import download
from myna.engine.fetch import Piece, exclusive, pieces
from tests.cli.conftest import Answer, CommandLine
from tests.cli.test_bad_input import check
from tests.engine.hub_server import Hub, serving

V4 = {
    "G2PWModel/MONOPHONIC_CHARS.txt",
    "G2PWModel/POLYPHONIC_CHARS.txt",
    "G2PWModel/bopomofo_to_pinyin_wo_tune_dict.json",
    "G2PWModel/g2pW.onnx",
    "chinese-hubert-base/config.json",
    "chinese-hubert-base/preprocessor_config.json",
    "chinese-hubert-base/pytorch_model.bin",
    "chinese-roberta-wwm-ext-large/config.json",
    "chinese-roberta-wwm-ext-large/pytorch_model.bin",
    "chinese-roberta-wwm-ext-large/tokenizer.json",
    "gsv-v4-pretrained/s2Gv4.pth",
    "gsv-v4-pretrained/vocoder.pth",
    "s1v3.ckpt",
}


def content(path: str) -> bytes:
    return f"this is {path}\n".encode() * 3


def archive_of(row: Asset) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as zipped:
        for file in row.files:
            path = str(Path(row.file, file.path))
            zipped.writestr(zipfile.ZipInfo(path), content(path))
    return packed.getvalue()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every published file is `content` of its path."""
    monkeypatch.setattr(download, "_PAUSE_S", 0.0)
    for name, row in list(ASSETS.items()):
        files = []
        for file in row.files:
            data = content(Piece(row, file, Path()).title)
            digest = hashlib.sha256(data).hexdigest() if row.published else None
            files.append(replace(file, size=len(data) if row.published else None, sha256=digest))
        archive = row.archive
        if archive is not None:
            data = archive_of(row)
            archive = replace(archive, size=len(data), sha256=hashlib.sha256(data).hexdigest())
        monkeypatch.setitem(ASSETS, name, replace(row, files=tuple(files), archive=archive))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    paths = [piece.title for piece in pieces(["all"], Path()) if piece.row.published]
    archives = {row.archive.path: archive_of(row) for row in wanted(["all"]) if row.archive}
    with serving(Hub({path: content(path) for path in paths} | archives)) as hub:
        monkeypatch.setenv("MYNA_HUGGINGFACE_URL", hub.address)
        monkeypatch.setenv("MYNA_MODELSCOPE_URL", hub.address + "/")
        yield hub


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """An empty models folder, in place of the tiny base."""
    return tmp_path / "models"


def files_in(folder: Path) -> set[str]:
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    return found - {".fetch-lock"}


def states(answer: Answer) -> dict[str, str]:
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in answer.out.splitlines() if "│" in line]
    return {row[0]: row[2] for row in rows}


def test_a_version_is_fetched_once(myna: CommandLine, hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("myna.cli.doctor._polyphones", lambda folder: "")  # it would choose what was fetched, for good
    first = myna("fetch", "v4")
    assert (first.code, first.err) == (0, "")
    assert files_in(models) == V4
    assert all((models / path).read_bytes() == content(path) for path in V4)
    assert set(states(first).values()) == {"fetched"}
    asked = [path for method, path, _ in hub.asked if method == "GET"]
    assert [path for path in asked if not path.startswith("/cdn/lj1995/GPT-SoVITS/resolve/main/")] == [
        "/cdn/XXXXRT/GPT-SoVITS-Pretrained/resolve/main/G2PWModel.zip"
    ]
    num_packed = sum(path.startswith("G2PWModel/") for path in V4)
    assert len(hub.transfers) == len(asked) == len(V4) - num_packed + 1
    again = myna("fetch", "v4", "v4_vocoder")
    assert set(states(again).values()) == {"there already"}
    assert len(hub.transfers) == len(asked)
    assert "missing" not in "".join(line for line in myna("doctor").out.splitlines() if "v4_" in line)


def test_modelscope_is_asked_by_its_own_addresses(myna: CommandLine, hub: Hub, models: Path) -> None:
    name = "v2_gpt"
    path = ASSETS[name].file
    hub.files = {f"pretrained_models/{path}": content(path)}
    answer = myna("fetch", name, "--hub", "modelscope")
    assert (answer.code, answer.err) == (0, "")
    assert files_in(models) == {path}
    quoted = path.replace("=", "%3D")
    start = "/models/XXXXRT/GPT-SoVITS-Pretrained/resolve/master/pretrained_models"
    assert hub.asked == [("GET", f"{start}/{quoted}", "")]


def test_a_file_at_the_root_of_a_repository_gets_a_folder_of_its_own_here(
    myna: CommandLine, hub: Hub, models: Path
) -> None:
    check(myna("fetch", "dnsmos", "--hub", "modelscope"), "ModelScope does not have sig_bak_ovr.onnx")
    assert myna("fetch", "dnsmos").code == 0
    assert files_in(models) == {"dnsmos/sig_bak_ovr.onnx"}
    assert [path for method, path, _ in hub.asked if method == "GET"] == [
        "/cdn/Vyvo-Research/dnsmos/resolve/main/sig_bak_ovr.onnx"
    ]


def test_a_broken_transfer_goes_on_and_a_damaged_file_is_fetched_anew(
    myna: CommandLine, hub: Hub, models: Path
) -> None:
    hub.break_after = [20]
    (models / "gsv-v4-pretrained").mkdir(parents=True)
    (models / "gsv-v4-pretrained" / "vocoder.pth").write_bytes(b"cut off")
    assert myna("fetch", "v4_vocoder").code == 0
    assert hub.transfers == ["", "bytes=20-"]
    assert (models / "gsv-v4-pretrained" / "vocoder.pth").read_bytes() == content("gsv-v4-pretrained/vocoder.pth")


def test_another_file_than_was_published_is_refused_before_or_after_the_transfer(
    myna: CommandLine, hub: Hub, models: Path
) -> None:
    path = "gsv-v4-pretrained/vocoder.pth"
    hub.files[path] = content(path) + b"more"
    check(myna("fetch", "v4_vocoder"), "nothing was fetched")
    hub.files[path] = content(path).swapcase()
    check(myna("fetch", "v4_vocoder"), "its SHA-256 differs")
    assert hub.transfers == []
    hub.told = False
    check(myna("fetch", "v4_vocoder"), "nothing was kept")
    hub.files = {f"pretrained_models/{path}": b"<html>"}
    check(myna("fetch", "v4_vocoder", "--hub", "modelscope"), "nothing was kept")
    assert files_in(models) == set()


def test_what_cannot_be_fetched(
    myna: CommandLine, hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    check(myna("fetch"), "say what to fetch: one or more of v1, v2")
    check(myna("fetch", "v4", "v9"), "unknown model 'v9'; choose one of: all, v1, v2, v2Pro, v2ProPlus, v3, v4, hubert")
    check(myna("fetch", "v4", "--hub", "github"), "unknown hub 'github'; choose one of: huggingface, modelscope")
    check(myna("fetch", "v4", "--link"), "--link wants --from FOLDER")
    check(myna("fetch", "super_resolution"), "no hub has super_resolution; download it from https://")
    hub.files = {}
    check(myna("fetch", "v1_gpt"), "cannot be had: ")
    check(myna("fetch", "v1_gpt", "--hub", "modelscope"), "the hub answered 404")
    monkeypatch.setenv("MYNA_HUGGINGFACE_URL", "http://127.0.0.1:9")
    check(myna("fetch", "v1_gpt"), "http://127.0.0.1:9/lj1995/GPT-SoVITS/resolve/main/s1bert25hz")
    monkeypatch.setenv("MYNA_HUGGINGFACE_URL", "ftp://x")
    check(myna("fetch", "v1_gpt"), "'ftp://x' is no address of a hub")
    assert files_in(models) == set()
    (tmp_path / "file").write_bytes(b"x")
    monkeypatch.setenv("MYNA_MODELS", str(tmp_path / "file"))
    check(myna("fetch", "v1_gpt", "--hub", "modelscope"), "cannot write")


def test_a_disk_without_room_is_told_first(
    myna: CommandLine, hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = replace(ASSETS["v1_gpt"], files=(AssetFile("", 10**18, "0" * 64),))
    monkeypatch.setitem(ASSETS, "v1_gpt", huge)
    check(myna("fetch", "v1_gpt"), "1e+09 GB are to be fetched")
    assert hub.asked == []


def test_what_no_hub_has_is_told_beside_the_rest(myna: CommandLine, hub: Hub, models: Path) -> None:
    answer = myna("fetch", "v3")
    assert answer.code == 0
    assert states(answer)["24kto48k/g_24kto48k.zip"].startswith("missing; download it from https://drive.google.com/")
    assert "models--nvidia--bigvgan_v2_24khz_100band_256x/bigvgan_generator.pt" in files_in(models)


def test_a_model_in_an_archive_is_taken_out_of_it(
    myna: CommandLine, hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as zipped:
        zipped.writestr("Inner_1.1/net.onnx", b"net")
        zipped.writestr("Inner_1.1/../../escaped.txt", b"evil")
        zipped.writestr("Inner_1.1/table.txt", b"table")
    data = packed.getvalue()
    row = replace(
        ASSETS["v1_gpt"],
        file="Inner",
        files=(AssetFile("net.onnx"), AssetFile("table.txt")),
        archive=AssetFile("Inner.zip", len(data), hashlib.sha256(data).hexdigest()),
    )
    monkeypatch.setitem(ASSETS, "v1_gpt", row)
    hub.files["Inner.zip"] = data
    answer = myna("fetch", "v1_gpt")
    assert (answer.code, answer.err) == (0, "")
    assert files_in(models) == {"Inner/net.onnx", "Inner/table.txt"}
    assert (models / "Inner" / "table.txt").read_bytes() == b"table"
    assert states(answer) == {"Inner/net.onnx": "fetched", "Inner/table.txt": "fetched"}
    assert len(hub.transfers) == 1
    (models / "Inner" / "net.onnx").unlink()
    monkeypatch.setitem(ASSETS, "v1_gpt", replace(row, files=(AssetFile("net.onnx"), AssetFile("absent.txt"))))
    check(myna("fetch", "v1_gpt"), "the archive does not hold one absent.txt")
    assert files_in(models) == {"Inner/net.onnx", "Inner/table.txt"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A GPT-SoVITS checkout with the models of v4, and super-resolution."""
    root = tmp_path / "GPT-SoVITS"
    for path in V4 - {"chinese-hubert-base/preprocessor_config.json"}:
        place = "text" if path.startswith("G2PWModel/") else "pretrained_models"
        file = root / "GPT_SoVITS" / place / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content(path))
    (root / "tools" / "AP_BWE_main" / "24kto48k").mkdir(parents=True)
    (root / "tools" / "AP_BWE_main" / "24kto48k" / "g_24kto48k.zip").write_bytes(b"net")
    return root


@pytest.mark.parametrize("inside", ["", "GPT_SoVITS", "GPT_SoVITS/pretrained_models"])
@pytest.mark.parametrize("link", [False, True])
def test_a_checkout_is_taken_over(myna: CommandLine, models: Path, checkout: Path, inside: str, link: bool) -> None:
    answer = myna("fetch", "--from", checkout / inside, *(["--link"] if link else []))
    assert (answer.code, answer.err) == (0, "")
    assert files_in(models) == V4 - {"chinese-hubert-base/preprocessor_config.json"} | {"24kto48k/g_24kto48k.zip"}
    vocoder = models / "gsv-v4-pretrained" / "vocoder.pth"
    assert vocoder.is_symlink() is link
    assert vocoder.read_bytes() == content("gsv-v4-pretrained/vocoder.pth")
    told = states(answer)
    assert told["s1v3.ckpt"] == ("linked" if link else "copied")
    assert told["s2Gv3.pth"] == "missing; get it with: myna fetch v3"
    assert set(states(myna("fetch", "v4_vocoder", "--from", checkout / inside)).values()) == {"there already"}


def test_the_list_of_english_names_comes_from_a_checkout_alone(
    myna: CommandLine, hub: Hub, models: Path, checkout: Path
) -> None:
    check(myna("fetch", "english_names"), "no hub has english_names; take it from a GPT-SoVITS checkout with: myna")
    check(myna("fetch", "english_names", "--from", checkout), "has none of the published files, such as namedict")
    (checkout / "GPT_SoVITS" / "text" / "namedict_cache.pickle").write_bytes(b"names")
    answer = myna("fetch", "english_names", "--from", checkout)
    assert (answer.code, answer.err) == (0, "")
    assert (models / "namedict_cache.pickle").read_bytes() == b"names"
    assert hub.asked == []


def test_a_checkout_that_lacks_or_changed_something(
    myna: CommandLine, models: Path, checkout: Path, tmp_path: Path
) -> None:
    check(myna("fetch", "v3_sovits", "v4_vocoder", "--from", checkout), "does not have s2Gv3.pth; get it with: myna")
    assert files_in(models) == {"gsv-v4-pretrained/vocoder.pth"}
    gpt = checkout / "GPT_SoVITS" / "pretrained_models" / "s1v3.ckpt"
    gpt.write_bytes(content("s1v3.ckpt").swapcase())
    check(myna("fetch", "v3_gpt", "--from", checkout), "s1v3.ckpt is not the published file: its SHA-256 differs")
    gpt.write_bytes(b"version https://git-lfs.github.com/spec/v1")
    check(myna("fetch", "v3_gpt", "--from", checkout), "it has 42 bytes and not")
    check(myna("fetch", "--from", tmp_path / "gone"), "there is no folder")
    (tmp_path / "empty").mkdir()
    check(myna("fetch", "--from", tmp_path / "empty"), "has none of the published files, such as")
    assert files_in(models) == {"gsv-v4-pretrained/vocoder.pth"}


def test_one_fetch_at_a_time(myna: CommandLine, hub: Hub, models: Path) -> None:
    with exclusive(models):
        check(myna("fetch", "v4_vocoder"), "another myna fetch is at work")


def test_without_the_library_of_hugging_face_modelscope_is_offered(
    myna: CommandLine, hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    check(myna("fetch", "v4_vocoder"), "pip install 'myna[fetch]', or take ModelScope: myna fetch --hub modelscope")


def test_a_model_that_only_modelscope_has_comes_from_there(myna: CommandLine, hub: Hub, models: Path) -> None:
    names = ("configuration.json", "config.yaml", "model.pt", "am.mvn")
    hub.files = {name: content(name) for name in names}
    answer = myna("fetch", "fsmn-vad")
    assert (answer.code, answer.err) == (0, "")
    assert files_in(models) == {f"asr/speech_fsmn_vad_zh-cn-16k-common-pytorch/{name}" for name in names}
    assert hub.asked[0] == (
        "GET",
        "/models/iic/speech_fsmn_vad_zh-cn-16k-common-pytorch/resolve/master/configuration.json",
        "",
    )


def test_recognisers_of_a_checkout_are_taken_over_too(myna: CommandLine, models: Path, tmp_path: Path) -> None:
    row = ASSETS["faster-whisper-tiny"]
    checkout = tmp_path / "GPT-SoVITS"
    (checkout / "GPT_SoVITS" / "pretrained_models").mkdir(parents=True)
    for file in row.files:
        place = checkout / row.checkout / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content(file.path))
    assert myna("fetch", "--from", checkout).code == 0
    assert files_in(models) == {f"asr/faster-whisper-tiny/{file.path}" for file in row.files}
