"""`myna cmd_denoise`, the twin of the official command."""

from __future__ import annotations

from pathlib import Path

import pytest

from myna.audio.io import decode
from myna.cli.doctor import models
from myna.core.workspace import files_in
from myna.engine import denoising
from tests.cli.conftest import CommandLine
from tests.cli.test_bad_input import check
from tests.engine.clean.stored_nets import store_clearvoice_frcrn
from tests.engine.clips import four_clips


@pytest.fixture(autouse=True)
def no_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(denoising, "_judge", lambda models: None)


def test_without_weights_rnnoise_does_it(myna: CommandLine, tmp_path: Path) -> None:
    source = four_clips(tmp_path / "my clips")
    (source / "bad.wav").write_bytes(b"no sound")
    answer = myna("cmd_denoise", "-i", str(source), "-o", str(tmp_path / "out"), "-p", "float32")
    assert answer.code == 0, answer
    assert "4 clips by rnnoise" in answer.out + answer.err
    assert "bad.wav" in answer.out + answer.err
    assert len(files_in(tmp_path / "out")) == 4
    assert (tmp_path / "out-quality.html").is_file()


def test_where_its_weights_are_frcrn_does_it_as_in_the_official_command(
    myna: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYNA_MODELS", str(tmp_path / "models"))
    source = four_clips(tmp_path / "in")
    store_clearvoice_frcrn(tmp_path / "models")
    answer = myna("cmd_denoise", "--input_folder", str(source), "--output_folder", str(tmp_path / "out"))
    assert answer.code == 0, answer
    assert "4 clips by frcrn" in answer.out + answer.err
    for path in files_in(tmp_path / "out"):
        assert decode(path).samples.shape == decode(source / path.name).samples.shape


def test_what_is_missing_or_wrong_is_said_in_one_line(myna: CommandLine, tmp_path: Path) -> None:
    source = four_clips(tmp_path / "in")
    out = str(tmp_path / "out")
    check(
        myna("cmd_denoise", "-i", str(source), "-o", out, "--engine", "frcrn"), "myna fetch speech_frcrn_ans_cirm_16k"
    )
    check(myna("cmd_denoise", "-i", str(source), "-o", out, "--engine", "magic"), "choose one of: rnnoise, frcrn")
    check(myna("cmd_denoise", "-i", str(tmp_path / "nowhere"), "-o", out), "nowhere")
    assert myna("cmd_denoise", "-i", str(source), "-o", out, "-p", "int8").code == 2


def test_doctor_says_where_the_judge_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = tmp_path / "wheel" / "sig_bak_ovr.onnx"
    monkeypatch.setattr("myna.engine.dnsmos.dnsmos_file", lambda models: wheel)
    states = {row[0]: row[3] for row in models(tmp_path)}
    assert states["dnsmos"] == str(wheel)
    assert states["FRCRN_SE_16K"] == "missing; get it with: myna fetch FRCRN_SE_16K"
    monkeypatch.setattr("myna.engine.dnsmos.dnsmos_file", lambda models: None)
    assert {row[0]: row[3] for row in models(tmp_path)}["dnsmos"] == "missing; get it with: myna fetch dnsmos"
