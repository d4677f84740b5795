"""Voices of the VITS kind: files in and out, references, and the local speaker as a whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from myna.checkpoints.identify import identify
from myna.checkpoints.official import write_sovits
from myna.core.card import read_card, write_card
from myna.core.errors import BadCheckpoint, BadInput, NotFound
from myna.core.speech import SpeechRequest, Voice
from myna.core.versions import version
from myna.core.workspace import VoiceFolder
from myna.engine.library import Library
from myna.engine.synthesis.decoders import VitsDecoder, decoder_for
from myna.engine.synthesis.prompt import read_prompt
from myna.engine.synthesis.speaker import LocalSpeaker
from myna.engine.synthesis.timbre import tamed
from myna.engine.weights import load_sovits, save_net
from myna.models.eres2net import EresNet, EresSizes
from myna.models.sovits_vits import SovitsVits
from myna.testing.tiny_base import tiny_vits, write_tiny_vits
from tests.engine.voices import TEXTS, Recordings

VITS = ["v1", "v2", "v2Pro", "v2ProPlus"]
OFFICIAL_CONFIG = {
    "data": {"filter_length": 2048, "sampling_rate": 32000, "hop_length": 640, "win_length": 2048, "n_speakers": 300},
    "train": {"segment_size": 20480},
    "model": {"gin_channels": 16, "filter_channels": 16},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("vits")


@pytest.fixture(scope="module")
def speaker(folder: Path) -> LocalSpeaker:
    return LocalSpeaker(folder, "cpu")


@pytest.fixture(scope="module")
def voice(folder: Path, recordings: Recordings) -> Voice:
    gpt, sovits = write_tiny_vits(folder, "v2")
    clip = recordings.clips / "clip0.wav"
    return Voice(version="v2", gpt=gpt, sovits=sovits, reference=clip, reference_text=TEXTS[0])


def said(speaker: LocalSpeaker, voice: Voice, **options: Any) -> np.ndarray:
    request = SpeechRequest(text="A short test.", voice=voice, **{"seed": 7, "pause_s": 0.0, **options})
    chunks = list(speaker.say(request))
    assert {chunk.sample_rate for chunk in chunks} == {32000}
    return np.concatenate([chunk.samples for chunk in chunks])


def decoder_of(speaker: LocalSpeaker, voice: Voice) -> VitsDecoder:
    record = version(voice.version)
    decoder = decoder_for(voice, record, speaker.library, read_prompt(voice, record, speaker.library))
    assert isinstance(decoder, VitsDecoder)
    return decoder


def test_it_speaks_the_same_with_the_same_seed(speaker: LocalSpeaker, voice: Voice) -> None:
    first = said(speaker, voice)
    assert len(first) % 1280 == 0, "40 ms for each token"
    assert first.std() > 0
    np.testing.assert_array_equal(said(speaker, voice), first)
    other = said(speaker, voice, seed=8)
    assert len(other) != len(first) or not np.array_equal(other, first)


def test_speed_changes_the_length(speaker: LocalSpeaker, voice: Voice) -> None:
    codes, phones = torch.arange(30)[None], torch.arange(20)[None]
    decoder = decoder_of(speaker, voice)
    lengths = [len(decoder.speak(codes, phones, speed=speed, steps=1, seed=1)) for speed in (1.0, 2.0, 0.5)]
    assert lengths == [60 * 640, 31 * 640, 121 * 640]


def test_without_the_words_of_the_reference_its_timbre_is_used(speaker: LocalSpeaker, voice: Voice) -> None:
    wordless = voice.model_copy(update={"reference_text": ""})
    prompt = speaker.prompt(wordless, version("v2"))
    assert not prompt.leads
    assert prompt.phones.shape == (1, 0)
    assert said(speaker, wordless).std() > 0


def test_of_several_references_the_mean_is_spoken_with(
    speaker: LocalSpeaker, voice: Voice, recordings: Recordings
) -> None:
    clips = [recordings.clips / f"clip{number}.wav" for number in range(3)]
    alone = [decoder_of(speaker, voice.model_copy(update={"reference": clip})).speaker for clip in clips]
    together = voice.model_copy(update={"other_references": (clips[1], clips[2])})
    torch.testing.assert_close(decoder_of(speaker, together).speaker, torch.stack(alone).mean(dim=0))
    assert not torch.allclose(alone[0], alone[1])
    assert not np.array_equal(said(speaker, together), said(speaker, voice))


def test_other_references_must_be_there_and_wanted(
    speaker: LocalSpeaker, voice: Voice, models: Path, recordings: Recordings
) -> None:
    with pytest.raises(NotFound, match=r"there is no reference .*nowhere\.wav"):
        speaker.prompt(voice.model_copy(update={"other_references": (Path("nowhere.wav"),)}), version("v2"))
    clip = recordings.clips / "clip0.wav"
    flow = Voice(reference=clip, reference_text=TEXTS[0], other_references=(clip,))
    with pytest.raises(BadInput, match="takes one reference; leave out other_references"):
        read_prompt(flow, version("lite"), Library(models, "cpu"))


def test_a_card_keeps_other_references(tmp_path: Path, recordings: Recordings) -> None:
    folder = VoiceFolder(tmp_path / "anna")
    folder.path.mkdir()
    inside, outside = folder.path / "more.wav", recordings.clips / "clip1.wav"
    inside.write_bytes((recordings.clips / "clip2.wav").read_bytes())
    voice = Voice(version="v2", reference=outside, other_references=(inside, outside))
    write_card(folder, voice)
    assert '"more.wav"' in folder.card.read_text()
    assert read_card(folder).other_references == (inside.resolve(), outside.resolve())
    inside.unlink()
    with pytest.raises(NotFound, match=r"the other reference of voice 'anna' is gone: .*more\.wav"):
        read_card(folder)


def test_the_pro_versions_hear_the_speaker_twice(
    folder: Path, recordings: Recordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    sizes = EresSizes(width=2, group_width=8, groups=2, expansion=1, blocks=(1, 1, 1, 1))
    net = EresNet(replace(sizes, width=2)).eval()
    monkeypatch.setattr(Library, "speaker_net", lambda *_: net)
    record = version("v2Pro")
    width = sizes.vector_width
    vits = SovitsVits(replace(tiny_vits(record), speaker_net_width=width)).eval()
    save_net(folder / "pro.safetensors", vits, version=record, provenance={})
    gpt, _ = write_tiny_vits(folder, "v2Pro")
    clip = recordings.clips / "clip0.wav"
    voice = Voice(version="v2Pro", gpt=gpt, sovits=folder / "pro.safetensors", reference=clip, reference_text=TEXTS[0])
    speaker = LocalSpeaker(folder, "cpu")
    prompt = speaker.prompt(voice, record)
    assert prompt.timbres[0].speaker_print is not None
    assert prompt.timbres[0].speaker_print.shape == (1, width)
    assert said(speaker, voice).std() > 0


def test_references_that_are_too_loud_are_scaled_down_by_half_at_most() -> None:
    assert tamed(np.array([0.5, -0.9], np.float32)).abs().max() == pytest.approx(0.9)
    assert tamed(np.array([0.5, -1.6], np.float32)).abs().max() == pytest.approx(1.0)
    assert tamed(np.array([0.5, -3.0], np.float32)).abs().max() == pytest.approx(1.5)


@pytest.mark.parametrize("name", VITS)
def test_files_of_ours_and_official_ones_give_the_net_back(tmp_path: Path, name: str) -> None:
    torch.manual_seed(0)
    record = version(name)
    sizes = tiny_vits(record)
    net, tiny = SovitsVits(sizes).eval(), replace(record, vits=sizes)
    save_net(tmp_path / "own.safetensors", net, version=record, provenance={})
    whole = load_sovits(record, tmp_path / "own.safetensors", tmp_path)
    assert isinstance(whole, SovitsVits)
    assert whole.sizes == sizes
    write_sovits(tmp_path / "a.pth", net.state_dict(), OFFICIAL_CONFIG, version=name, epoch=1, step=2)
    if name.startswith("v2P"):
        assert identify(tmp_path / "a.pth").version == name
    trained = load_sovits(tiny, tmp_path / "a.pth", tmp_path)
    assert isinstance(trained, SovitsVits)
    assert hasattr(whole, "enc_q")
    assert not hasattr(trained, "enc_q"), "official files of trained voices lack it"
    for key, value in net.state_dict().items():
        torch.testing.assert_close(whole.state_dict()[key], value, atol=1e-3, rtol=1e-3)
        if not key.startswith("enc_q."):
            torch.testing.assert_close(trained.state_dict()[key], value.half().float(), atol=0, rtol=0)


def test_a_file_of_another_kind_is_refused(folder: Path, voice: Voice, tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match="a sovits model of version v1 is needed"):
        load_sovits(version("v1"), voice.sovits, folder)
    assert voice.gpt is not None
    with pytest.raises(BadCheckpoint, match="a sovits model of version v2 is needed"):
        load_sovits(version("v2"), voice.gpt, folder)
    net = SovitsVits(tiny_vits(version("v2")))
    state = {key: value for key, value in net.state_dict().items() if not key.startswith("flow.flows.0.post")}
    write_sovits(tmp_path / "a.pth", state, OFFICIAL_CONFIG, version="v2", epoch=1, step=2)
    with pytest.raises(BadCheckpoint, match=r"lacks 2 weights .*flow\.flows\.0\.post"):
        load_sovits(replace(version("v2"), vits=tiny_vits(version("v2"))), tmp_path / "a.pth", tmp_path)
