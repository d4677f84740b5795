"""The vocoder's recipe: the pitch it is taught, the batches it sees, and that its two nets go on where they were."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from pitch_track import pitch
from stage import Stage, Task
from state import read_about, read_state
from vocoder import VocoderStage, fresh_net, held_out
from vocoder_data import all_clips, main
from vocoder_loss import own_mel, pitch_loss, spectral_loss
from vocoder_voices import FRAMES, HOP, Voices, blur

from myna.models.source_filter import SourceFilterSizes
from tests.recipes.lite.test_stage import options

RATE = 24000
SMALL = SourceFilterSizes(width=16, feed_forward=16, layers=1, pitch_width=16, pitch_layers=1)


@pytest.fixture(scope="module")
def work(speech: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder with the sound and the pitch of all clips."""
    folder = tmp_path_factory.mktemp("voices")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["x", "--speech", str(speech), "--work", str(folder), "--processes", "1"])
        main()
    return folder


@pytest.mark.parametrize("hz", [80.0, 200.0, 420.0])
def test_the_pitch_of_a_gliding_voice_is_followed(hz: float) -> None:
    at = np.arange(2 * RATE) / RATE
    gliding = hz * 2 ** (0.25 * np.sin(2 * np.pi * at))
    turns = np.cumsum(gliding) / RATE * 2 * np.pi
    voice = sum(np.cos(k * turns) / k for k in range(1, 8)).astype(np.float32) * 0.1
    found = pitch(voice, RATE)
    wanted = gliding[HOP // 2 :: HOP]
    assert found.shape == wanted.shape
    off = np.abs(np.log2(found[5:-5] / wanted[5:-5])) * 12
    assert off.max() < 0.5, "semitones"


def test_noise_and_silence_have_no_pitch() -> None:
    noise = np.random.default_rng(0).normal(size=RATE).astype(np.float32)
    assert (pitch(noise, RATE) > 0).mean() < 0.05
    assert not pitch(np.zeros(RATE, np.float32), RATE).any()
    assert len(pitch(np.zeros(0, np.float32), RATE)) == 0


def test_clips_whose_licence_would_bind_the_weights_are_left_out(speech: Path, tmp_path: Path) -> None:
    (tmp_path / "test").symlink_to(speech / "test")
    (tmp_path / "train").mkdir()
    head, *lines = (speech / "train" / "manifest.tsv").read_text(encoding="utf-8").splitlines()
    licensed = [f"{line}\t{'CC-BY-SA-4.0' if 'bob' in line else 'CC-BY-4.0'}" for line in lines]
    (tmp_path / "train" / "manifest.tsv").write_text("\n".join([f"{head}\tlicence", *licensed]) + "\n")
    found = {clip["speaker"]: clip["split"] for clip in all_clips(tmp_path)}
    assert "bob" not in found
    assert (found["ann"], found["li"], found["LJ"]) == ("train", "train", "held")


def test_a_batch_depends_on_its_step_alone_and_its_mel_is_that_of_its_sound(work: Path) -> None:
    voices = Voices(work)
    batch, again, other = (voices.batch(step, "train", 3, blurred=False) for step in (5, 5, 6))
    assert torch.equal(batch.sound, again.sound)
    assert torch.equal(batch.noise, again.noise)
    assert not torch.equal(batch.sound, other.sound)
    assert batch.sound.shape == (3, FRAMES * HOP)
    assert (batch.mel.shape, batch.hz.shape) == ((3, 100, FRAMES // 2), (3, FRAMES))
    within = slice(2, -2)  # both ends are reflected in one of them
    assert torch.allclose(batch.mel[..., within], own_mel(batch.sound)[..., within], atol=1e-3)


def test_blurred_mels_are_near_the_true_ones() -> None:
    mel = torch.randn(50, 100, 48).cumsum(1) * 0.3 - 5
    apart = (blur(mel, torch.Generator().manual_seed(0)) - mel).abs().mean(dim=(1, 2))
    assert 0.2 < (apart == 0).float().mean() < 0.6
    assert 0.05 < apart[apart > 0].mean() < 0.6


def test_the_loss_is_none_for_the_same_sound_and_small_for_one_like_it() -> None:
    sound = 0.1 * torch.randn(2, 12000)
    same, like, other = (float(spectral_loss(one, sound)[0]) for one in (sound, 1.05 * sound, 0.1 * sound))
    assert same == pytest.approx(0.0, abs=1e-5)
    assert same < like < 0.2 < other


def test_the_pitch_loss_counts_what_is_wrong() -> None:
    reader = fresh_net(SMALL).pitch
    hz = torch.tensor([[100.0, 200.0, 0.0, 0.0]])
    bins = -((reader.grid - hz.clamp(min=50).log()[..., None]) * 30).square()
    voiced = torch.tensor([[5.0, 5.0, -5.0, 5.0]])
    figures = pitch_loss(reader, bins, voiced, hz)[1]
    assert (figures["pitch_wrong"], figures["voice_wrong"]) == (0.0, 0.25)


@pytest.fixture(autouse=True)
def small_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vocoder.JUDGE_WIDTH", 2)
    monkeypatch.setattr("vocoder.JUDGED_SAMPLES", 3000)


def stage_of(work: Path, voices: Voices, **changed: object) -> tuple[Stage, Task]:
    torch.manual_seed(0)
    net = fresh_net(SMALL)
    told = options(work, judged_from=2, steps=6, grain=2, learning_rate=1e-3)
    stage = VocoderStage(net, argparse.Namespace(**vars(told) | changed))
    task = Task(
        lambda step: voices.batch(step, "train", 2, blurred=True),
        lambda batch: stage._loss(batch),
        lambda: held_out(net, voices, stage.device),
    )
    return stage, task


def test_generator_and_judges_go_on_where_they_were(work: Path, tmp_path: Path) -> None:
    voices = Voices(work)
    whole, task = stage_of(tmp_path / "whole", voices)
    whole.train(task)
    for steps in (2, 4, 6):
        part, task = stage_of(tmp_path / "parts", voices, steps=steps)
        part.options.steps = 6  # the schedule is that of the whole
        part.train(task) if steps == 6 else _until(part, task, steps)
    first, second = (read_state(tmp_path / name / "state" / "vocoder")[0] for name in ("whole", "parts"))
    assert first.keys() == second.keys()
    assert any(name.startswith("judges.mean.") for name in first)
    assert all(torch.equal(first[name], second[name]) for name in first)
    rows = (tmp_path / "whole" / "state" / "vocoder" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(rows[-1])["held_mel"] > 0


def _until(stage: Stage, task: Task, step: int) -> None:
    stage._run(task, step)
    stage._settle()
    stage.save(task)
    assert read_about(stage.folder)["step"] == step


def test_training_begins_with_what_the_repository_keeps(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    voices = Voices(work)
    first, task = stage_of(tmp_path / "first", voices)
    first.train(task)
    monkeypatch.setattr("stage.KEPT", tmp_path / "first" / "state")
    assert stage_of(tmp_path / "second", voices, from_shipped=True)[0].step == 6
    assert stage_of(tmp_path / "third", voices)[0].step == 0
