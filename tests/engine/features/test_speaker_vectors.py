"""The speaker vectors of versions that take one: from the level-mixed clips, by the speaker net, once per clip."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from myna.audio.io import decode
from myna.audio.labels import Label, read_labels, write_labels
from myna.checkpoints.tensor_file import read_tensor, write_tensor
from myna.core.errors import BadAudio, BadCheckpoint, MissingAsset, NotFound
from myna.core.progress import silent
from myna.core.versions import version
from myna.core.workspace import DatasetFolder
from myna.engine.dsp import resample
from myna.engine.features.voiceprint import extract_voiceprints
from myna.engine.filter_bank import filter_bank
from myna.engine.library import Library
from myna.engine.speaker_print import speaker_bank, speaker_print, speaker_prints
from myna.models.eres2net import EresNet, EresSizes, fold_norms
from myna.steps.extract import ExtractSpeakerVectors
from tests.engine.voices import Recordings

PRO = version("v2Pro")
FILE = "sv/pretrained_eres2netv2w24s4ep4.ckpt"


@pytest.fixture(scope="module")
def net() -> EresNet:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return EresNet(EresSizes(width=8, group_width=4)).eval()


@pytest.fixture
def dataset(recordings: Recordings, tmp_path: Path) -> DatasetFolder:
    """A folder with the level-mixed clips alone."""
    found = DatasetFolder(tmp_path / "buzz")
    shutil.copytree(recordings.dataset.wav32k, found.wav32k)
    return found


def extract(recordings: Recordings, dataset: DatasetFolder, models: Path, **more: Any) -> int:
    given: dict[str, Any] = {"version": PRO, "models": models, "device": "cpu", "progress": silent}
    given |= {"precision": "fp32"} | more
    return extract_voiceprints(recordings.labels, recordings.clips, dataset, **given)


def test_each_clip_has_the_nets_view_of_it(
    recordings: Recordings, dataset: DatasetFolder, net: EresNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Library, "speaker_net", lambda *_: copy.deepcopy(net))
    assert extract(recordings, dataset, tmp_path) == 3
    for name in ("clip0.wav", "clip1.wav"):
        vector = read_tensor(dataset.speaker / f"{name}.pt")
        assert vector.shape == (1, net.sizes.vector_width)
        assert vector.dtype == np.float32
        mixed = torch.from_numpy(decode(dataset.wav32k / name).samples)[None]
        with torch.no_grad():
            expected = net(filter_bank(resample(mixed, 32_000, 16_000)))
        np.testing.assert_allclose(vector, expected.numpy(), atol=1e-6)
    write_tensor(dataset.speaker / "clip0.wav.pt", vector * 0)
    assert extract(recordings, dataset, tmp_path) == 3
    assert not read_tensor(dataset.speaker / "clip0.wav.pt").any(), "what is there stays"


def test_missing_clips_are_left_out_and_named(
    recordings: Recordings, dataset: DatasetFolder, net: EresNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Library, "speaker_net", lambda *_: copy.deepcopy(net))
    (dataset.wav32k / "clip1.wav").unlink()
    told: list[str] = []
    assert extract(recordings, dataset, tmp_path, progress=lambda _, note: told.append(note)) == 2
    assert "left out clip1.wav: there is no such clip" in told
    labels = tmp_path / "gone.list"
    write_labels(labels, [Label(tmp_path / "gone.wav", "x", "en", "Words."), read_labels(recordings.labels)[1]])
    with pytest.raises(BadAudio, match="no such clip"):
        extract_voiceprints(
            labels, recordings.clips, dataset, version=PRO, models=tmp_path, device="cpu", progress=silent
        )


def test_what_is_not_there_says_how_to_get_it(recordings: Recordings, dataset: DatasetFolder, tmp_path: Path) -> None:
    with pytest.raises(MissingAsset, match=r"pretrained_eres2netv2w24s4ep4\.ckpt"):
        extract(recordings, dataset, tmp_path)
    with pytest.raises(NotFound, match="run extract_audio_features first"):
        extract(recordings, DatasetFolder(tmp_path / "empty"), tmp_path)


@pytest.mark.parametrize("content", [{"a": torch.ones(1)}, {"conv1.weight": 3}, [1, 2]])
def test_another_file_in_the_nets_place_is_refused(
    recordings: Recordings, dataset: DatasetFolder, tmp_path: Path, content: object
) -> None:
    (tmp_path / "sv").mkdir()
    torch.save(content, tmp_path / FILE)
    with pytest.raises(BadCheckpoint, match=r"w24s4ep4\.ckpt"):
        extract(recordings, dataset, tmp_path)


def test_speakers_of_a_batch_do_not_mix(net: EresNet) -> None:
    sounds = torch.randn(2, 8000, generator=torch.Generator().manual_seed(1))
    both = speaker_print(net, sounds, 16_000)
    assert both.shape == (2, net.sizes.vector_width)
    torch.testing.assert_close(both[1:], speaker_print(net, sounds[1:], 16_000))
    assert not torch.allclose(both[0], both[1])


@pytest.mark.parametrize("frames", [(98, 97, 33), (64, 8, 1), (51, 50, 49, 48, 47)])
def test_padding_changes_no_speaker(net: EresNet, frames: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(2)
    sounds = [torch.randn(400 + 160 * (number - 1), generator=generator) for number in frames]
    together = speaker_prints(net, [speaker_bank(sound, 16_000) for sound in sounds])
    for sound, vector in zip(sounds, together, strict=True):
        torch.testing.assert_close(vector, speaker_print(net, sound[None], 16_000), atol=1e-5, rtol=1e-4)


def test_the_step_reads_what_the_version_wants(tmp_path: Path) -> None:
    (tmp_path / "sv").mkdir()
    (tmp_path / FILE).write_bytes(b"x")
    step = ExtractSpeakerVectors(folder=tmp_path / "anna", version="v2Pro", models=tmp_path)
    assert step.inputs() == (step.voice.labels, step.dataset.wav32k)
    assert step.assets() == (tmp_path / FILE,)
    for name in ("lite", "v3"):
        step = ExtractSpeakerVectors(folder=tmp_path / "anna", version=name, models=tmp_path)
        assert step.inputs() == (step.voice.labels, step.voice.denoised)
        assert step.assets() == ()


@torch.no_grad()
def test_norms_that_are_folded_into_convolutions_change_no_vector(net: EresNet) -> None:
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # as if it had been trained
            for value in (module.weight, module.bias, module.running_mean, module.running_var):
                assert value is not None
                value.copy_(torch.rand(value.shape, generator=torch.Generator().manual_seed(1)) + 0.5)
    frames, lengths = torch.randn(2, 90, 80, generator=torch.Generator().manual_seed(0)), torch.tensor([90, 61])
    quick = copy.deepcopy(net)
    fold_norms(quick)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in quick.modules())
    torch.testing.assert_close(quick(frames, lengths), net(frames, lengths), rtol=1e-4, atol=1e-4)
