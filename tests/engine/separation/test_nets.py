"""Small nets of random weights in the real file formats, against what the official program made of the same files.

``records.npz`` holds every 441st sample of its stems (commit 48b1a01, float before it is written as 16 bits), and masks
of its nets at every 32nd point. The memory that its VR synthesis leaves unset was set to zero for the records. At both
ends the official resampling by Fourier transform wraps around, so 50 ms there are compared less strictly.
"""

from __future__ import annotations

from pathlib import Path
from shutil import copyfile

import numpy as np
import pytest
import torch

from myna.core.errors import BadCheckpoint
from myna.engine.separation import vr as vr_module
from myna.engine.separation.songs import load_chain, separate_samples
from myna.engine.separation.table import Wish, stage
from myna.models.separation.roformer import BsRoformer, RoformerSizes
from myna.models.separation.vr_cascade import VrCascade
from myna.models.separation.vr_recurrent import VrRecurrent
from tests.engine.separation.random_nets import (
    RATE,
    ROFORMER,
    SPARSE,
    filled,
    shapes_of,
    song,
    write_roformer,
)

HERE = Path(__file__).parent
RECORDS = np.load(HERE / "records.npz")
BINS = 672
SMALL_VR = {"vr": lambda: VrCascade(BINS, 4), "deecho": lambda: VrRecurrent(BINS, 8, 8)}


def write_vr(models: Path, kind: str, name: str) -> Path:
    """A ``.pth`` as published: the net's weights and nothing else."""
    path = models / "uvr5_weights" / f"{name}.pth"
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(filled(shapes_of(SMALL_VR[kind]())), path)
    return path


def stems_of(name: str, models: Path, seconds: float = 4.0, **wish: object) -> np.ndarray:
    separator = stage(name, Wish(models, "cpu", **wish)).separator
    return np.concatenate(list(separator.separate(song(seconds))), axis=1)


def difference(stem: np.ndarray, record: str) -> float:
    wanted = RECORDS[record]
    return float(np.abs(stem[::SPARSE][: len(wanted)] - wanted)[5:-5].max())


@pytest.mark.parametrize("kind", ["vr", "deecho"])
def test_vr_masks_are_the_official_ones(kind: str) -> None:
    net = SMALL_VR[kind]().eval()
    net.load_state_dict(filled(shapes_of(net)))
    seen = np.abs(np.random.default_rng(2).standard_normal((1, 2, BINS + 1, 512))) * np.linspace(0.1, 2, 512)
    with torch.inference_mode():
        mask = net(torch.from_numpy(seen.astype(np.float32)))[0].numpy()
    record = RECORDS[f"{kind}_mask"]
    assert record.std(axis=(1, 2)).max() > 0.005
    assert np.abs(mask[:, ::32, ::32] - record).max() < 1e-5


@pytest.mark.parametrize(
    ("kind", "name", "swapped"),
    [
        ("vr", "HP2_all_vocals", False),
        ("vr", "HP3_all_vocals", True),
        ("deecho", "VR-DeEchoNormal", False),
    ],
)
def test_vr_stems_are_the_official_ones(tmp_path: Path, kind: str, name: str, swapped: bool) -> None:
    write_vr(tmp_path, kind, name)
    vocals, instrument = stems_of(name, tmp_path)
    first, second = ("instrument", "vocals") if swapped else ("vocals", "instrument")
    assert difference(vocals, f"{kind}_{first}") < 2e-4
    assert difference(instrument, f"{kind}_{second}") < 2e-4
    assert RECORDS[f"{kind}_{first}"].std() > 0.01


@pytest.mark.parametrize(
    ("kind", "name"),
    [("vr", "HP5_only_main_vocal"), ("deecho", "VR-DeEchoAggressive"), ("deecho", "VR-DeEchoDeReverb")],
)
def test_the_other_official_vr_models_are_read_too(tmp_path: Path, kind: str, name: str) -> None:
    write_vr(tmp_path, kind, name)
    assert stage(name.upper(), Wish(tmp_path, "cpu")).model.name == name


def test_aggressiveness_takes_more_away_from_the_older_nets_only(tmp_path: Path) -> None:
    write_vr(tmp_path, "vr", "HP2_all_vocals")
    write_vr(tmp_path, "deecho", "VR-DeEchoNormal")
    gentle, strong = (stems_of("HP2_all_vocals", tmp_path, 1.0, aggressiveness=value)[1].std() for value in (0, 20))
    assert strong < gentle
    same = [stems_of("VR-DeEchoNormal", tmp_path, 1.0, aggressiveness=value)[1].std() for value in (0, 20)]
    assert same[0] == same[1]


def test_vr_blocks_join_as_if_there_were_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_vr(tmp_path, "vr", "HP2_all_vocals")
    whole = stems_of("HP2_all_vocals", tmp_path)
    monkeypatch.setattr(vr_module, "_WINDOWS", 1)
    assert np.abs(stems_of("HP2_all_vocals", tmp_path) - whole).max() < 1e-6


@pytest.mark.parametrize("kind", ["bs_roformer", "mel_band_roformer"])
def test_roformer_stems_are_the_official_ones(tmp_path: Path, kind: str, roformers: dict[str, dict]) -> None:
    weights = write_roformer(tmp_path, kind, roformers[kind])
    vocals, other = stems_of(weights.stem, tmp_path)
    assert difference(vocals, kind) < 1e-5
    assert np.abs(vocals + other - song()).max() < 1e-6


@pytest.mark.parametrize("kind", ["bs_roformer", "mel_band_roformer"])
def test_without_a_config_the_weights_tell_the_net(tmp_path: Path, kind: str, roformers: dict[str, dict]) -> None:
    weights = write_roformer(tmp_path, kind, roformers[kind])
    named = stage(weights.name, Wish(tmp_path, "cpu")).separator
    weights.with_suffix(".yaml").unlink()
    told = stage(weights.name, Wish(tmp_path, "cpu")).separator
    assert told._net.sizes == named._net.sizes
    assert told.stems == ("vocals", "other")


@pytest.fixture(scope="module")
def roformers() -> dict[str, dict[str, torch.Tensor]]:
    """Weights by kind; the mel net's bands are found by the program itself, so its shapes come from a build."""
    from myna.engine.separation.roformer import _built

    bs = BsRoformer(RoformerSizes(**{name: ROFORMER[name] for name in ROFORMER if hasattr(RoformerSizes(), name)}))
    mel = _built(
        RoformerSizes(
            **{name: ROFORMER[name] for name in ROFORMER if hasattr(RoformerSizes(), name)},
            freqs_per_bands=(),
            num_bands=60,
        )
    )
    return {"bs_roformer": filled(shapes_of(bs)), "mel_band_roformer": filled(shapes_of(mel))}


def test_a_net_of_several_stems_names_them(tmp_path: Path, roformers: dict[str, dict]) -> None:
    tensors = dict(roformers["bs_roformer"])
    second = {name.replace("estimators.0", "estimators.1"): tensor for name, tensor in tensors.items()}
    changes = {"model__num_stems": 2, "training__target_instrument": None, "training__instruments": ["speech", "music"]}
    weights = write_roformer(tmp_path, "bs_roformer", {**tensors, **second}, **changes)
    separator = stage(weights.stem, Wish(tmp_path, "cpu")).separator
    assert separator.stems == ("speech", "music")
    stems = np.concatenate(list(separator.separate(song(1.0))), axis=1)
    assert np.abs(stems[0] - stems[1]).max() < 1e-6


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"model__depth": 2}, "lacks"),
        ({"model__dim": 32}, "shape"),
        ({"model__num_stems": 3}, "stems"),
        ({"model__depth": "many"}, "depth cannot be"),
        ({"model__linear_transformer_depth": 1}, "linear"),
        ({"audio__sample_rate": 48000}, "48000"),
        ({"audio__chunk_size": 5}, "chunks"),
        ({"inference__num_overlap": 0}, "cannot be"),
        ({"model__freqs_per_bands": (1000, 24)}, "1024"),
    ],
)
def test_configs_that_do_not_fit_are_refused(
    tmp_path: Path, roformers: dict[str, dict], changes: dict[str, object], told: str
) -> None:
    weights = write_roformer(tmp_path, "bs_roformer", roformers["bs_roformer"], **changes)
    with pytest.raises(BadCheckpoint, match=told):
        stage(weights.stem, Wish(tmp_path, "cpu"))


def test_configs_execute_nothing(tmp_path: Path, roformers: dict[str, dict]) -> None:
    weights = write_roformer(tmp_path, "bs_roformer", roformers["bs_roformer"])
    marker = tmp_path / "executed"
    weights.with_suffix(".yaml").write_text(f"model: !!python/object/apply:os.mkdir ['{marker}']\n")
    with pytest.raises(BadCheckpoint, match="no config that can be read"):
        stage(weights.stem, Wish(tmp_path, "cpu"))
    assert not marker.exists()


@pytest.mark.parametrize(
    ("kind", "name"), [("deecho", "HP2_all_vocals"), ("vr", "VR-DeEchoNormal"), ("vr", "my_bs_roformer")]
)
def test_weights_of_another_net_are_refused(tmp_path: Path, kind: str, name: str) -> None:
    path = write_vr(tmp_path, kind, name)
    if "roformer" in name:
        path = path.rename(path.with_suffix(".ckpt"))
    with pytest.raises(BadCheckpoint, match=name):
        stage(name, Wish(tmp_path, "cpu"))


@pytest.mark.parametrize("content", [b"", b"PK not a model", b"\x80\x04N."])
def test_damaged_files_are_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    for name in ("HP2_all_vocals.pth", "my_roformer.ckpt", "onnx_dereverb_By_FoxJoy/vocals.onnx"):
        path = tmp_path / "uvr5_weights" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for name in ("HP2_all_vocals", "my_roformer", "onnx_dereverb_By_FoxJoy"):
        with pytest.raises(BadCheckpoint) as caught:
            stage(name, Wish(tmp_path, "cpu"))
        assert "\n" not in str(caught.value)


def put_dereverb(models: Path) -> None:
    folder = models / "uvr5_weights" / "onnx_dereverb_By_FoxJoy"
    folder.mkdir(parents=True)
    copyfile(HERE / "small_dereverb.onnx", folder / "vocals.onnx")


def test_mdx_stems_are_the_official_ones(tmp_path: Path) -> None:
    put_dereverb(tmp_path)
    dry, room = stems_of("onnx_dereverb_By_FoxJoy", tmp_path)
    assert difference(dry, "dereverb_main_vocal") < 1e-5
    assert difference(room, "dereverb_others") < 1e-5


def test_separate_then_dereverb_then_deecho(tmp_path: Path) -> None:
    write_vr(tmp_path, "vr", "HP2_all_vocals")
    write_vr(tmp_path, "deecho", "VR-DeEchoNormal")
    put_dereverb(tmp_path)
    chain = load_chain("HP2_all_vocals.pth, onnx_dereverb_By_FoxJoy, VR-DeEchoNormal", Wish(tmp_path, "cpu"))
    stems = separate_samples(song(1.0), RATE, chain)
    assert list(stems) == ["vocals", "instrument", "others", "instrument VR-DeEchoNormal"]
    assert all(np.isfinite(stem).all() and stem.shape == (RATE, 2) for stem in stems.values())


@pytest.mark.parametrize("length", [0, 1, 700, 40_000])
def test_every_kind_keeps_any_length(tmp_path: Path, length: int, roformers: dict[str, dict]) -> None:
    write_vr(tmp_path, "vr", "HP2_all_vocals")
    put_dereverb(tmp_path)
    weights = write_roformer(tmp_path, "bs_roformer", roformers["bs_roformer"])
    for name in ("HP2_all_vocals", "onnx_dereverb_By_FoxJoy", weights.stem):
        separator = stage(name, Wish(tmp_path, "cpu")).separator
        blocks = list(separator.separate(song(1.0)[:length]))
        assert sum(block.shape[1] for block in blocks) == length
        assert all(np.isfinite(block).all() for block in blocks)


def test_silence_stays_silence(tmp_path: Path) -> None:
    write_vr(tmp_path, "vr", "HP2_all_vocals")
    silence = np.zeros((RATE, 2), np.float32)
    separator = stage("HP2_all_vocals", Wish(tmp_path, "cpu")).separator
    assert not np.concatenate(list(separator.separate(silence)), axis=1).any()
