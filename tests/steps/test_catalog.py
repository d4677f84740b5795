from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from myna.audio.io import write_wav
from myna.core.errors import BadInput, NotFound, UnknownChoice
from myna.core.fields import parse
from myna.core.versions import version
from myna.core.workspace import VoiceFolder, make_folder, write_text
from myna.steps.catalog import PIPELINE, STEPS, known_parameters, make_step, run_job, step_class
from myna.steps.render import TestInference
from myna.steps.train import TrainGpt, TrainSovits

NAMES = [
    "convert_audio",
    "slice_audio",
    "denoise_audio",
    "asr_transcribe",
    "extract_text_features",
    "extract_audio_features",
    "extract_speaker_vectors",
    "extract_semantic_features",
    "train_sovits",
    "train_gpt",
    "test_inference",
]


def test_the_eleven_steps_have_their_published_names_in_order() -> None:
    assert list(PIPELINE) == NAMES


@pytest.mark.parametrize("name", STEPS)
def test_the_catalogue_calls_a_step_what_it_calls_itself(name: str) -> None:
    assert STEPS[name].name == name


@pytest.mark.parametrize("name", STEPS)
def test_every_parameter_is_documented(name: str) -> None:
    step = STEPS[name]
    assert step.title
    assert step.__doc__
    for field, info in step.model_fields.items():
        assert info.description, f"{name}.{field}"


@pytest.mark.parametrize("name", STEPS)
def test_a_step_survives_json(name: str, tmp_path: Path) -> None:
    step = make_step(name, {"folder": tmp_path})
    assert parse(STEPS[name], json.dumps(step.model_dump(mode="json"))) == step


@pytest.mark.parametrize("name", STEPS)
def test_steps_stay_inside_their_folder(name: str, tmp_path: Path) -> None:
    step = make_step(name, {"folder": tmp_path / "anna"})
    for path in (*step.inputs(), *step.outputs(), *step.state()):
        assert tmp_path / "anna" in path.parents


@pytest.mark.parametrize("name", NAMES)
def test_every_step_reads_what_an_earlier_one_wrote(name: str, tmp_path: Path) -> None:
    steps = [make_step(other, {"folder": tmp_path / "anna"}) for other in NAMES]
    position = NAMES.index(name)
    written = {tmp_path / "anna" / "input_audio"}.union(*(set(step.outputs()) for step in steps[:position]))
    assert set(steps[position].inputs()) <= written


def test_an_unknown_step_is_answered_with_all() -> None:
    with pytest.raises(UnknownChoice, match=r"choose one of: convert_audio, .*test_inference"):
        step_class("sing")


def test_one_set_of_wishes_serves_all_steps(tmp_path: Path) -> None:
    wishes = {"folder": tmp_path, "language": "en", "epochs": 2, "device": "cpu"}
    assert known_parameters("slice_audio", wishes) == {"folder": tmp_path}
    assert known_parameters("train_gpt", wishes) == {"folder": tmp_path, "epochs": 2, "device": "cpu"}


def test_a_wrong_parameter_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="epochs: Input should be greater than or equal to 1"):
        make_step("train_gpt", {"folder": tmp_path, "epochs": 0})


class Told:
    """A report that remembers what it was told."""

    device = ""

    def __init__(self) -> None:
        self.steps: list[tuple[str, str]] = []
        self.fractions: list[float] = []

    def __call__(self, fraction: float, note: str) -> None:
        self.fractions.append(fraction)

    def step(self, name: str, state: str, note: str = "") -> None:
        self.steps.append((name, state))


def test_a_chain_does_its_steps_in_order_until_one_fails(tmp_path: Path) -> None:
    voice = VoiceFolder(tmp_path / "anna")
    make_folder(voice.input_audio)
    write_wav(voice.input_audio / "a.wav", (0.3 * np.sin(np.arange(4 * 16000) / 7)).astype(np.float32), 16000)
    folder, told = str(voice.path), Told()
    steps = [["convert_audio", {"folder": folder}], ["slice_audio", {"folder": folder}]]
    found = run_job("chain", {"steps": steps}, told)
    assert set(found) == {"convert_audio", "slice_audio"}
    assert [state for _, state in told.steps] == ["started", "completed"] * 2
    assert told.fractions == sorted(told.fractions)
    assert told.fractions[-1] == 1.0
    again = Told()
    with pytest.raises(NotFound, match="extract_audio_features found nothing"):
        run_job("chain", {"steps": [*steps, ["extract_audio_features", {"folder": folder}]]}, again)
    assert again.steps[-1] == ("extract_audio_features", "failed")
    assert all(run_job("chain", {"steps": steps}, Told())[name]["was_done_already"] for name in found)


def test_a_job_is_revived_by_its_kind(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="slice_audio found nothing"):
        run_job("slice_audio", {"folder": str(tmp_path)}, Told())
    with pytest.raises(BadInput, match="tempo: no such parameter"):
        run_job("slice_audio", {"folder": str(tmp_path), "tempo": 1}, Told())


def test_weights_of_other_experiments_and_versions_are_not_this_ones_outputs(tmp_path: Path) -> None:
    voice = VoiceFolder(tmp_path / "anna")
    for name in ("anna_e4_s10.safetensors", "other_e4_s10.safetensors"):
        write_text(voice.sovits_weights(version("lite")) / name, "x")
    for name in ("anna-e5.safetensors", "anna-e15.safetensors", "other-e9.safetensors"):
        write_text(voice.gpt_weights(version("lite")) / name, "x")
    assert [path.name for path in TrainSovits(folder=voice.path).outputs()] == ["anna_e4_s10.safetensors"]
    assert {path.name for path in TrainGpt(folder=voice.path).outputs()} == {
        "anna-e5.safetensors",
        "anna-e15.safetensors",
    }
    assert TrainGpt(folder=voice.path, version="v4").outputs() == ()
    assert [path.name for path in TestInference(folder=voice.path).inputs()[:1]] == ["anna-e15.safetensors"]
    assert (
        voice.sovits_weights(version("lite")) / "anna_e4_s10.safetensors" in TestInference(folder=voice.path).inputs()
    )


def test_official_weights_are_outputs_too_and_are_spoken_with(tmp_path: Path) -> None:
    voice = VoiceFolder(tmp_path / "anna")
    for name in ("anna_e4_s10_l32.pth", "anna_e2_s5_l32.pth"):
        write_text(voice.sovits_weights(version("v4")) / name, "x")
    write_text(voice.gpt_weights(version("v4")) / "anna-e5.ckpt", "x")
    assert len(TrainSovits(folder=voice.path, version="v4").outputs()) == 2
    assert [path.name for path in TestInference(folder=voice.path, version="v4").inputs()[:2]] == [
        "anna-e5.ckpt",
        "anna_e4_s10_l32.pth",
    ]


def test_more_epochs_continue_and_another_batch_size_does_not() -> None:
    assert "epochs" in TrainGpt.extends
    assert "batch_size" not in TrainGpt.extends


def test_a_gpt_is_trained_as_long_as_is_usual_for_its_version(tmp_path: Path) -> None:
    def epochs(**given: object) -> tuple[int, int]:
        step = make_step("train_gpt", {"folder": tmp_path, **given})
        assert isinstance(step, TrainGpt)
        return step.epochs, step.save_every

    assert epochs() == (8, 4)
    assert epochs(version="v2") == (15, 5), "as the official program"
    assert epochs(version="v2", epochs=3) == (3, 5)


def test_what_is_left_out_of_a_sovits_training_is_as_usual_for_its_version(tmp_path: Path) -> None:
    def told(**given: Any) -> tuple[int, int, int, int | None]:
        step = TrainSovits(folder=tmp_path, **given)
        return step.epochs, step.save_every, step.batch_size, step.lora_rank

    assert told() == (10, 4, 8, 0)
    assert told(version="v2Pro") == (8, 4, 8, 0)
    assert told(version="v4") == (2, 1, 2, 32)
    assert told(version="v4", epochs=5, lora_rank=0) == (5, 1, 2, 0)
    assert told(version="v4", lora_rank=None) == (2, 1, 2, 32)
    with pytest.raises(ValidationError):
        told(version="v4", epochs=0)
