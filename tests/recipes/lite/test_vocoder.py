"""The vocoder's recipe: the pitch it is taught, the batches it sees, and that its two nets go on where they were."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from corpus import CODEBOOK, Tokens
from flow import fresh
from pitch_track import pitch
from safetensors.torch import save
from stage import Stage, Task
from state import read_about, read_state
from vocoder import VocoderStage, fresh_net, held_out
from vocoder_data import all_clips, main
from vocoder_loss import own_mel, pitch_loss, spectral_loss
from vocoder_mels import chosen, groups
from vocoder_mels import spoken as spoken_group
from vocoder_mels import write as write_made
from vocoder_voices import FRAMES, HOP, Voices, blur

from myna.core.workspace import write_bytes
from myna.models.quantizer import Codebook
from myna.models.source_filter import SourceFilterSizes
from tests.recipes.lite.test_stage import options

RATE = 24000
SMALL = SourceFilterSizes(width=16, feed_forward=16, layers=1, pitch_width=16, pitch_layers=1)


@pytest.fixture(scope="module")
def sounds(speech: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
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


def test_a_batch_depends_on_its_step_alone_and_its_mel_is_that_of_its_sound(sounds: Path) -> None:
    voices = Voices(sounds)
    batch, again, other = (voices.batch(step, "train", 3, blurred=False) for step in (5, 5, 6))
    assert torch.equal(batch.sound, again.sound)
    assert torch.equal(batch.noise, again.noise)
    assert not torch.equal(batch.sound, other.sound)
    assert batch.sound.shape == (3, FRAMES * HOP)
    assert (batch.mel.shape, batch.hz.shape) == ((3, 100, FRAMES // 2), (3, FRAMES))
    within = slice(2, -2)  # both ends are reflected in one of them
    assert torch.allclose(batch.mel[..., within], own_mel(batch.sound)[..., within], atol=1e-3)


@pytest.fixture
def spoken(tokens: Path, sounds: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A work folder in which a flow decoder that has learnt nothing has spoken the clips."""
    write_bytes(tokens / CODEBOOK, save(Codebook(512, 256).state_dict()))
    torch.manual_seed(0)
    monkeypatch.setattr("vocoder_mels.mean_of", lambda name, folder: fresh(folder).state_dict())
    monkeypatch.setattr("vocoder_mels.SHORTEST", 25)
    for file in ("voices.s16", "pitch.f16", "voices.jsonl"):
        (tokens / file).symlink_to(sounds / file)
    rows = [spoken_group(group, tokens) for group in groups(Tokens(tokens), chosen(Tokens(tokens), 6))]
    write_made(tokens, iter(rows), len(rows))
    return tokens


def test_mels_that_the_decoder_makes_lie_beside_their_sound(spoken: Path) -> None:
    voices, tokens = Voices(spoken), Tokens(spoken)
    files = {clip.file: len(tokens.codes[clip.number]) for clip in tokens.clips}
    assert voices.spoken["train"]
    assert voices.spoken["held"]
    assert {name: count for name, (_, count) in voices.spans.items()} == {n: 2 * files[n] for n in voices.spans}
    natural = voices.batch(3, "train", 4, blurred=False)
    made = voices.batch(3, "train", 4, blurred=False, made=0.5)
    row = voices._draw(voices.spoken["train"], 2, np.random.default_rng([3, 0]))[0]
    at, count = voices.spans[row["file"]]
    frames = torch.from_numpy(np.array(voices.made[at : at + count], np.float32).T)
    apart = (made.mel[0].T[0][:, None] - frames).abs().sum(0)
    assert apart.min() == 0.0, "the segment's first frame is one of that clip's"
    within = slice(2, -2)
    assert made.is_own.tolist() == [False, False, True, True]
    for number in (2, 3):  # the other half is natural
        assert torch.allclose(made.mel[number, :, within], own_mel(made.sound)[number, :, within], atol=1e-3)
    assert not torch.equal(natural.mel, made.mel)
    assert "made_mel" in held_out(fresh_net(SMALL), voices, torch.device("cpu"))


def test_a_clip_is_spoken_behind_another_one_of_its_speaker(spoken: Path) -> None:
    tokens = Tokens(spoken)
    for prompt, group in groups(tokens, chosen(tokens, 6)):
        assert prompt not in group
        assert {tokens.clips[n].speaker for n in group} == {tokens.clips[prompt].speaker}


def test_louder_sound_has_louder_made_mels(spoken: Path) -> None:
    voices = Voices(spoken)
    plain, louder = (voices.batch(1, "train", 4, blurred=blurred, made=1.0) for blurred in (False, True))
    gain = (louder.sound.norm(dim=1) / plain.sound.norm(dim=1)).log()
    difference = louder.mel - plain.mel
    torch.testing.assert_close(difference.median(dim=2).values.median(dim=1).values, gain, atol=1e-3, rtol=1e-3)


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


def test_generator_and_judges_go_on_where_they_were(sounds: Path, tmp_path: Path) -> None:
    voices = Voices(sounds)
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
    sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    voices = Voices(sounds)
    first, task = stage_of(tmp_path / "first", voices)
    first.train(task)
    monkeypatch.setattr("stage.KEPT", tmp_path / "first" / "state")
    assert stage_of(tmp_path / "second", voices, from_shipped=True)[0].step == 6
    assert stage_of(tmp_path / "third", voices)[0].step == 0
