"""The training steps, run on a voice with nets of random weights."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree

import pytest

from myna.core.errors import BadInput
from myna.core.progress import silent
from myna.core.training import RUN_FILES, GptPlan, SovitsPlan
from myna.core.workspace import VoiceFolder, make_folder, write_text
from myna.steps.step import perform
from myna.steps.train import TrainGpt, TrainSovits
from myna.testing.tiny_base import write_tiny_base
from tests.engine.voices import LITE, extract, record


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_tiny_base(folder)
    return folder


@pytest.fixture(scope="module")
def voice(models: Path, tmp_path_factory: pytest.TempPathFactory) -> VoiceFolder:
    """A voice with a dataset folder and nothing else."""
    folder = tmp_path_factory.mktemp("voice")
    extract(record(folder), models)
    voice = VoiceFolder(folder / "buzz voice")
    copytree(folder / "buzz", voice.dataset().path)
    return voice


def test_a_step_is_its_trainers_plan_and_no_parameter_is_lost() -> None:
    step = TrainSovits(folder=Path("x"), epochs=3, lora_rank=0, precision="fp32", gpu_numbers="0-1", grad_ckpt=True)
    plan = step.plan(SovitsPlan)
    assert all(getattr(plan, name) == getattr(step, name) for name in SovitsPlan.model_fields)
    assert TrainGpt(folder=Path("x")).plan(GptPlan).models == Path("models")


def test_a_step_tells_what_happened_and_where_the_losses_are(voice: VoiceFolder, models: Path) -> None:
    step = TrainGpt(folder=voice.path, models=models, epochs=2, batch_size=200, device="cpu", sample_text="")
    findings = perform(step, silent).findings
    assert findings.pages == (voice.dataset().gpt_run(LITE) / "losses.svg",)
    assert findings.notes == ("batches have 99 rows instead of 200: there are not enough for more",)
    assert [path.name for path in step.outputs()] == ["buzz voice-e2.safetensors"]
    again = perform(step.model_copy(update={"sample_text": "Hello."}), silent)
    assert again.was_done_already, "what is said at a save decides nothing"
    assert again.findings == findings


def test_a_training_begun_anew_clears_its_own_files_alone(voice: VoiceFolder, models: Path) -> None:
    run = make_folder(voice.dataset().gpt_run(LITE))
    official = run / "ckpt" / "epoch=7-step=120.ckpt"
    write_text(official, "of the official program")
    for batch_size in (150, 160):
        perform(TrainGpt(folder=voice.path, models=models, epochs=1, batch_size=batch_size, device="cpu"), silent)
        assert official.is_file()
        curve = (run / "losses.jsonl").read_text().splitlines()
        assert len(curve) == 1, "of this training alone"
        assert {path.name for path in run.iterdir()} <= {*RUN_FILES, "ckpt"}


def test_devices_that_are_not_there_are_refused_before_anything_is_read(voice: VoiceFolder, models: Path) -> None:
    for given in ({"device": "cuda:99"}, {"gpu_numbers": "98-99"}, {"precision": "fp16", "device": "cpu"}):
        with pytest.raises(BadInput):
            perform(TrainGpt(folder=voice.path, models=models, **given), silent)
