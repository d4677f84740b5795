"""Denoising as a step: in a voice, and in any folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from myna.core.errors import MissingAsset, UnknownChoice
from myna.core.progress import silent
from myna.core.workspace import files_in
from myna.engine import denoising
from myna.steps.denoise import DenoiseAudio
from myna.steps.step import perform
from tests.engine.clean.stored_nets import store_clearvoice_frcrn, store_official_frcrn
from tests.engine.clips import four_clips


@pytest.fixture(autouse=True)
def no_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(denoising, "_judge", lambda models: None)


def test_in_a_voice_the_reports_lie_beside_its_clips(tmp_path: Path) -> None:
    step = DenoiseAudio(folder=tmp_path / "me", engine="none")
    four_clips(step.voice.sliced)
    outcome = perform(step, silent)
    assert len(files_in(step.voice.denoised)) == 4
    assert [path.name for path in files_in(step.folder)] == ["denoised-quality.html", "denoised-quality.jsonl"]
    assert outcome.findings.pages == (step.folder / "denoised-quality.html",)
    page = outcome.findings.pages[0].read_text(encoding="utf-8")
    assert "listeners’ opinions are missing" in page
    assert perform(step, silent).was_done_already
    outcome.findings.pages[0].unlink()
    assert not perform(step, silent).was_done_already


def test_any_folder_is_cleaned_into_any_other(tmp_path: Path) -> None:
    source = four_clips(tmp_path / "in")
    target = tmp_path / "out"
    step = DenoiseAudio(folder=target, source=source, target=target, engine="none", report=False)
    perform(step, silent)
    assert [path.name for path in files_in(target)] == [path.name for path in files_in(source)]
    assert [path.name for path in files_in(tmp_path)] == []


def test_other_weights_are_other_work(tmp_path: Path) -> None:
    source, models = four_clips(tmp_path / "in"), tmp_path / "models"
    wishes = {"folder": tmp_path / "v", "source": source, "models": models, "device": "cpu", "report": False}
    step = DenoiseAudio(engine="frcrn", **wishes)
    with pytest.raises(MissingAsset, match="myna fetch FRCRN_SE_16K"):
        perform(step, silent)
    path = store_clearvoice_frcrn(models)
    perform(step, silent)
    assert perform(step, silent).was_done_already
    assert step.assets() == (path,)
    path.unlink()
    store_official_frcrn(models)
    assert not perform(step, silent).was_done_already
    with pytest.raises(UnknownChoice, match="frcrn"):
        perform(DenoiseAudio(engine="magic", **wishes), silent)
