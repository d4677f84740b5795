from __future__ import annotations

from pathlib import Path

import pytest

from myna.core.errors import MissingAsset, MissingExtra, UnknownChoice
from myna.engine.separation import known
from myna.engine.separation.known import MODEL_NAMES, WEIGHTS_FOLDER, find_model, names_in


def put(models: Path, *names: str) -> None:
    for name in names:
        path = models / WEIGHTS_FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.fixture(params=[True, False])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(known, "has_library", lambda: request.param)
    return bool(request.param)


@pytest.mark.parametrize("name", [name for name in MODEL_NAMES if name != "centre"])
def test_a_missing_model_says_which_where_from_and_how_to_get_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(MissingAsset, match=r"myna fetch|download it from") as caught:
        find_model(name, tmp_path)
    assert name in str(caught.value)
    assert WEIGHTS_FOLDER in str(caught.value)


@pytest.mark.parametrize(
    ("given", "name", "kind"),
    [
        ("HP2_all_vocals", "HP2_all_vocals", "vr"),
        ("HP2_all_vocals.pth", "HP2_all_vocals", "vr"),
        (" hp2 ", "HP2_all_vocals", "vr"),
        ("HP3_all_vocals", "HP3_all_vocals", "vr_vocal"),
        ("HP5-主旋律人声vocals+其他instrumentals.pth", "HP5_only_main_vocal", "vr"),
        ("VR-DeEchoNormal.pth", "VR-DeEchoNormal", "vr_deecho"),
        ("onnx_dereverb", "onnx_dereverb_By_FoxJoy", "mdx_dereverb"),
        ("model_bs_roformer_ep_317_sdr_12.9755", "model_bs_roformer_ep_317_sdr_12.9755", "roformer"),
        ("model_bs_roformer_ep_317_sdr_12.9755.ckpt", "model_bs_roformer_ep_317_sdr_12.9755", "roformer"),
        ("centre", "centre", "centre"),
    ],
)
def test_official_names_are_known_with_and_without_extension(tmp_path: Path, given: str, name: str, kind: str) -> None:
    put(tmp_path, "HP2_all_vocals.pth", "HP3_all_vocals.pth", "HP5_only_main_vocal.pth", "VR-DeEchoNormal.pth")
    put(tmp_path, "onnx_dereverb_By_FoxJoy/vocals.onnx", "model_bs_roformer_ep_317_sdr_12.9755.ckpt")
    found = find_model(given, tmp_path)
    assert (found.name, found.kind) == (name, kind)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("files", "name"),
    [
        (["my_mel_band_roformer.ckpt", "my_mel_band_roformer.yaml"], "my_mel_band_roformer"),
        (["voices_roformer_9.5.ckpt"], "voices_roformer_9.5"),
        (["other.ckpt", "other.yaml"], "other"),
    ],
)
def test_any_roformer_goes_by_its_files_name(tmp_path: Path, files: list[str], name: str) -> None:
    put(tmp_path, *files)
    for file in files[1:]:
        (tmp_path / WEIGHTS_FOLDER / file).write_text("model:\n  num_bands: 60\n")
    found = find_model(name, tmp_path)
    assert found.kind == "roformer"
    assert [file.name for file in found.files] == files


def test_a_config_of_another_net_makes_no_roformer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "has_library", lambda: True)
    put(tmp_path, "MDX23C.ckpt", "MDX23C.yaml")
    assert find_model("MDX23C.ckpt", tmp_path).kind == "library"


def test_other_files_are_for_the_library_or_for_our_own_nets(tmp_path: Path, library: bool) -> None:
    put(tmp_path, "5_HP-Karaoke-UVR.pth", "UVR-De-Echo-Normal.pth", "UVR-MDX-NET-Voc_FT.onnx")
    kinds = ["library"] * 2 if library else ["vr", "vr_deecho"]
    assert [find_model(name, tmp_path).kind for name in ("5_HP-Karaoke-UVR", "UVR-De-Echo-Normal.pth")] == kinds
    if library:
        assert find_model("UVR-MDX-NET-Voc_FT.onnx", tmp_path).kind == "library"
    else:
        with pytest.raises(MissingExtra, match=r"myna\[separation\]"):
            find_model("UVR-MDX-NET-Voc_FT", tmp_path)


@pytest.mark.parametrize("name", ["../HP2", "/etc/passwd", "a/b", "..", "nobody", "nobody.pth"])
def test_names_that_are_no_models_are_refused(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "has_library", lambda: False)
    with pytest.raises(UnknownChoice, match="HP2_all_vocals"):
        find_model(name, tmp_path)


def test_a_missing_roformer_says_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(MissingAsset, match=r"bs_roformer_mine.ckpt is missing.*yaml"):
        find_model("bs_roformer_mine", tmp_path)


def test_a_file_that_only_the_library_may_know_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "has_library", lambda: True)
    with pytest.raises(MissingAsset, match=r"audio-separator --download_model_only -m Kim_Vocal_2.onnx"):
        find_model("Kim_Vocal_2.onnx", tmp_path)


def test_a_chain_is_names_between_commas() -> None:
    assert names_in(" HP2, onnx_dereverb ,VR-DeEchoNormal,") == ["HP2", "onnx_dereverb", "VR-DeEchoNormal"]
