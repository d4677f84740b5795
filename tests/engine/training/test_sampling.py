"""A sentence at every save: it is spoken, it disturbs nothing, and training goes on where it cannot be."""

from __future__ import annotations

import random
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import torch

from myna.audio.io import decode
from myna.audio.labels import Label, write_labels
from myna.checkpoints.native import read_weights
from myna.core.errors import Cancelled, MissingAsset, NotFound
from myna.core.progress import silent
from myna.core.training import GptPlan
from myna.core.workspace import VoiceFolder, make_folder
from myna.engine.training.gpt import train_gpt
from myna.engine.training.loop import Training
from myna.engine.training.sampling import Sampler
from myna.engine.training.telling import notes_of
from tests.engine.training.toy import plan, toy_recipe
from tests.engine.voices import LITE, TEXTS, Recordings


@pytest.fixture
def voice(recordings: Recordings, tmp_path: Path) -> VoiceFolder:
    """A voice whose dataset folder is complete."""
    voice = VoiceFolder(tmp_path / "buzz")
    copytree(recordings.dataset.path, voice.dataset().path)
    copytree(recordings.clips, voice.denoised)
    labels = [Label(voice.denoised / f"clip{number}.wav", "buzz", "en", text) for number, text in enumerate(TEXTS)]
    write_labels(make_folder(voice.transcripts) / "denoised.list", labels)
    return voice


def trained(voice: VoiceFolder, models: Path, text: str) -> Path:
    given = GptPlan(
        models=models, epochs=2, batch_size=50, save_every=1, seed=5, device="cpu", sample_text=text, precision="fp32"
    )
    weights = voice.gpt_weights(LITE)
    return train_gpt(voice.dataset(), weights, version=LITE, plan=given, progress=silent)


def test_every_save_is_heard_and_the_training_does_not_notice(voice: VoiceFolder, models: Path, tmp_path: Path) -> None:
    last = trained(voice, models, "Hello there.")
    samples = voice.dataset().gpt_run(LITE) / "samples"
    assert sorted(path.name for path in samples.iterdir()) == ["buzz-e1.wav", "buzz-e2.wav"]
    assert 0.1 < decode(samples / "buzz-e2.wav").seconds < 60.0
    state = random.getstate(), torch.random.get_rng_state()
    given = plan(models=models, sample_text="Hello there.")
    again = Sampler(voice.dataset(), LITE, given, "gpt").say(last, tmp_path)
    assert again == tmp_path / "samples" / "buzz-e2.wav"
    assert again.read_bytes() == (samples / "buzz-e2.wav").read_bytes()
    assert random.getstate() == state[0]
    assert torch.equal(torch.random.get_rng_state(), state[1])
    mute = VoiceFolder(tmp_path / "mute" / "buzz")
    copytree(voice.path, mute.path, ignore=lambda *_: ["logs_s1_lite", "GPT_weights_lite"])
    other = trained(mute, models, "")
    assert not (mute.dataset().gpt_run(LITE) / "samples").exists()
    ours, theirs = read_weights(last).tensors, read_weights(other).tensors
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())


def test_a_dataset_without_a_voice_cannot_be_heard(recordings: Recordings, models: Path, tmp_path: Path) -> None:
    sampler = Sampler(recordings.dataset, LITE, plan(models=models), "gpt")
    with pytest.raises(NotFound, match="there is no label file"):
        sampler.say(tmp_path / "weights.safetensors", tmp_path)


@pytest.mark.parametrize("error", [MissingAsset("no vocoder is here"), torch.OutOfMemoryError("no room")])
def test_training_goes_on_where_nothing_can_be_said(error: Exception, tmp_path: Path) -> None:
    def sample(weights: Path, run: Path) -> Path:
        raise error

    recipe = toy_recipe(tmp_path / "weights", sample=sample)
    Training(recipe, plan(save_every=3), tmp_path / "run").train(silent)
    assert notes_of(tmp_path / "run") == (f"toy_e3_s9.safetensors was not let speak: {error}",)


def test_a_training_that_is_cancelled_while_it_speaks_has_its_weights(tmp_path: Path) -> None:
    def sample(weights: Path, run: Path) -> Path:
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        Training(toy_recipe(tmp_path / "weights", sample=sample), plan(), tmp_path / "run").train(silent)
    heard: list[str] = []

    def hear(weights: Path, run: Path) -> Any:
        heard.append(weights.name)

    Training(toy_recipe(tmp_path / "weights", sample=hear), plan(), tmp_path / "run").train(silent)
    assert heard == ["toy_e2_s6.safetensors", "toy_e3_s9.safetensors"]
