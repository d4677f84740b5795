"""From a request to speech: pieces, retries, references, stretches, and the local speaker as a whole."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from myna.audio.io import write_wav
from myna.audio.labels import Label, read_labels, write_labels
from myna.core.errors import BadAudio, BadInput, NotFound, UnknownChoice
from myna.core.speech import AudioChunk, SpeechRequest, Voice
from myna.engine.features.alignment import TimedWord
from myna.engine.library import Library
from myna.engine.synthesis import reference as reference_module
from myna.engine.synthesis.decoders import FlowDecoder, decoder_for, levelled
from myna.engine.synthesis.prompt import read_prompt
from myna.engine.synthesis.reference import choose_reference
from myna.engine.synthesis.speaker import LocalSpeaker
from myna.engine.synthesis.subtitles import to_srt
from myna.engine.synthesis.takes import Script, expected_tokens, say_tokens, seeds_of
from myna.models.sampling import Sampling
from myna.text.symbols import symbols
from tests.engine.voices import LITE, RATE, TEXTS, Recordings, buzz, record


@pytest.fixture(scope="module")
def speaker(models: Path) -> LocalSpeaker:
    return LocalSpeaker(models, "cpu")


@pytest.fixture
def voice(recordings: Recordings) -> Voice:
    return Voice(reference=recordings.clips / "clip0.wav", reference_text=TEXTS[0])


def request(voice: Voice, text: str = "A short test.", **more: Any) -> SpeechRequest:
    given: dict[str, Any] = {"seed": 7, "sampling_steps": 2} | more
    return SpeechRequest(text=text, voice=voice, **given)


class Takes:
    """A decoder whose draws have given lengths."""

    device = torch.device("cpu")

    def __init__(self, *lengths: int) -> None:
        self.lengths = list(lengths)
        self.limits: list[int] = []

    def generate(self, *given: Any, max_tokens: int, **_: Any) -> list[int]:
        self.limits.append(max_tokens)
        length = min(self.lengths.pop(0), max_tokens)
        return [length] * length


@pytest.mark.parametrize(
    ("lengths", "said", "left"),
    [((100, 5), 100, 1), ((10, 90, 5), 90, 1), ((10, 2000, 30), 30, 0), ((11, 11, 11), 11, 0), ((999, 100), 100, 0)],
)
def test_odd_draws_are_made_again_and_the_best_is_kept(lengths: tuple[int, ...], said: int, left: int) -> None:
    decoder: Any = Takes(*lengths)
    script = Script(torch.ones(1, 50, dtype=torch.long), None, expected=100.0, seeds=seeds_of(1, 0))
    drawn = say_tokens(decoder, script, None, Sampling())
    assert len(drawn) == said
    assert len(decoder.lengths) == left
    assert set(decoder.limits) == {275}


def test_expected_length_follows_the_prompts_rate() -> None:
    usual = expected_tokens(50)
    assert expected_tokens(50, 60, 240) > usual > expected_tokens(50, 60, 60)
    assert len({*seeds_of(1, 0), *seeds_of(1, 1), *seeds_of(2, 0)}) == 9


def chunk(piece: int, text: str, start_s: float, seconds: float, pause_s: float = 0.0) -> AudioChunk:
    return AudioChunk(np.zeros(round(seconds * 1000), np.float32), 1000, start_s, piece, text, pause_s)


def test_subtitles_span_their_piece_without_its_pause() -> None:
    first = [chunk(0, "One,\ntwo.", 0.0, 1.0), chunk(0, "One,\ntwo.", 1.0, 1.5, 0.3)]
    chunks = [*first, chunk(1, "Three.", 3599.9996, 62.0)]
    assert to_srt(chunks) == (
        "1\n00:00:00,000 --> 00:00:02,200\nOne, two.\n\n2\n01:00:00,000 --> 01:01:02,000\nThree.\n"
    )
    assert to_srt([]) == ""


def test_speech_comes_in_pieces_that_follow_each_other(speaker: LocalSpeaker, voice: Voice) -> None:
    text = "This is the first of all sentences. And that is the second one, which is longer."
    chunks = list(speaker.say(request(voice, text, pause_s=0.5)))
    assert [one.piece for one in chunks] == [0, 1]
    assert " ".join(one.text for one in chunks) == text
    assert chunks[0].start_s == 0.0
    assert chunks[1].start_s == pytest.approx(chunks[0].end_s)
    for one in chunks:
        assert one.sample_rate == 24000
        assert one.samples.dtype == np.float32
        assert one.pause_s == 0.5
        assert not one.samples[-12000:].any()
        assert 0 < np.abs(one.samples).max() <= 1.0


def test_the_seed_makes_speech_repeatable(speaker: LocalSpeaker, voice: Voice, models: Path) -> None:
    first, second = (next(iter(speaker.say(request(voice)))).samples for _ in range(2))
    np.testing.assert_array_equal(first, second)
    anew = next(iter(LocalSpeaker(models, "cpu").say(request(voice)))).samples
    np.testing.assert_array_equal(first, anew)
    other = next(iter(speaker.say(request(voice, seed=8)))).samples
    assert len(other) != len(first) or not np.array_equal(other, first)
    free = [next(iter(speaker.say(request(voice, seed=None)))).samples for _ in range(2)]
    assert len(free[0]) != len(free[1]) or not np.array_equal(free[0], free[1])


def test_speed_changes_the_length(speaker: LocalSpeaker, voice: Voice) -> None:
    plain, fast = (next(iter(speaker.say(request(voice, speed=speed, pause_s=0.0)))).samples for speed in (1.0, 2.0))
    assert len(fast) == pytest.approx(len(plain) / 2, abs=481)


def test_what_is_wrong_is_said_before_anything_is(speaker: LocalSpeaker, voice: Voice, tmp_path: Path) -> None:
    write_wav(tmp_path / "short.wav", buzz(2.9), RATE)
    with pytest.raises(BadAudio, match=r"reference short\.wav is 2\.9 s long; give 3 to 10 s"):
        speaker.say(request(voice.model_copy(update={"reference": tmp_path / "short.wav"})))
    write_wav(tmp_path / "silent.wav", np.zeros(4 * RATE, np.float32), RATE)
    with pytest.raises(BadAudio, match="silent"):
        speaker.say(request(voice.model_copy(update={"reference": tmp_path / "silent.wav"})))
    with pytest.raises(NotFound, match="no reference"):
        speaker.say(request(voice.model_copy(update={"reference": tmp_path / "gone.wav"})))
    with pytest.raises(NotFound, match="no model file"):
        list(speaker.say(request(voice.model_copy(update={"gpt": tmp_path / "gone.safetensors"}))))
    with pytest.raises(UnknownChoice, match="lite"):
        speaker.say(request(voice.model_copy(update={"version": "v99"})))
    with pytest.raises(UnknownChoice, match=r"unknown language 'xx'; choose one of: auto, en$"):
        speaker.say(request(voice, language="xx"))
    with pytest.raises(UnknownChoice, match=r"unknown language for version 'lite' 'zh'; choose one of: auto, en$"):
        speaker.say(request(voice, text="你好", language="zh"))
    with pytest.raises(UnknownChoice, match="cut0, cut1, cut2, cut3, cut4, cut5, smart"):
        speaker.say(request(voice, cut="cut9"))
    with pytest.raises(UnknownChoice, match="language for version 'lite' 'ja'"):
        speaker.say(request(voice.model_copy(update={"reference_language": "ja"})))


def test_pauses_of_the_text_are_silence(speaker: LocalSpeaker, voice: Voice) -> None:
    text = "[pause:0.25s]This is said now,[pause:1s]and this is said much later. The very end comes here at last."
    chunks = list(speaker.say(request(voice, text, pause_s=0.1)))
    assert [(one.piece, one.text, one.pause_s) for one in chunks] == [
        (0, "", 0.25),
        (1, "This is said now,", 1.0),
        (2, "and this is said much later.", 0.1),
        (3, "The very end comes here at last.", 0.1),
    ]
    assert [text[slice(*one.place)] for one in chunks] == [one.text for one in chunks]
    assert chunks[1].start_s == 0.25
    assert not chunks[1].samples[-24000:].any()
    assert to_srt(chunks).startswith("1\n00:00:00,250 --> ")


def test_dictionaries_of_the_installation_and_the_voice_are_used(voice: Voice, models: Path, tmp_path: Path) -> None:
    speaker = LocalSpeaker(models, "cpu", tmp_path)
    own = voice.model_copy(update={"words": tmp_path / "anna", "reference_text": "A gif at noon."})

    def read() -> str:
        return " ".join(symbols("v2")[phone] for phone in speaker.prompt(own, LITE).phones[0])

    assert "N UW1 N" in read()
    (tmp_path / "words.tsv").write_text("gif\tJH IH1 F\nnoon\tN OW1 N\n", encoding="utf-8")
    assert "JH IH1 F AE1 T N OW1 N" in read()
    (tmp_path / "anna").mkdir()
    (tmp_path / "anna" / "words.tsv").write_text("gif\tG IH1 F\n", encoding="utf-8")
    assert "G IH1 F AE1 T N OW1 N" in read().replace("JH", "-")
    (tmp_path / "words.tsv").write_text("gif\tGIF\n", encoding="utf-8")
    with pytest.raises(BadInput, match="unknown phone 'GIF' in the reading of 'gif'"):
        speaker.say(request(voice, "A gif."))


def test_a_reference_without_words_is_heard(speaker: LocalSpeaker, voice: Voice) -> None:
    silent_voice = voice.model_copy(update={"reference_text": " "})
    prompt = speaker.prompt(silent_voice, LITE)
    assert not prompt.leads
    assert prompt.phones.shape[1] > 0
    assert next(iter(speaker.say(request(silent_voice)))).samples.size


def test_the_prompt_is_what_the_nets_were_trained_on(recordings: Recordings, voice: Voice, models: Path) -> None:
    prompt = read_prompt(voice, LITE, Library(models, "cpu"))
    assert prompt.codes.shape == (1, 100)
    assert prompt.spec.shape == (1, 704, 200)
    assert prompt.mel.shape == (1, 100, 200)
    stored = (recordings.dataset.semantic_file.read_text().splitlines()[1].split("\t")[1]).split(" ")
    same = np.mean([int(a) == int(b) for a, b in zip(stored, prompt.codes[0].tolist(), strict=True)])
    assert same > 0.95, "the data set's tokens of the same clip (which are made from half precision)"
    padded = read_prompt(voice, replace(LITE, prompt_silence_s=0.6), Library(models, "cpu"))
    assert padded.codes.shape == (1, 115)


def test_long_speech_is_made_in_stretches_that_continue_each_other(voice: Voice, models: Path) -> None:
    library = Library(models, "cpu")
    prompt = read_prompt(voice, LITE, library)
    short = replace(LITE, reference_frames=60, chunk_frames=100)
    decoder = FlowDecoder(voice, short, library, prompt)
    assert decoder.prompt.mel.shape == (1, 100, 60)
    torch.testing.assert_close(decoder.prompt.mel, prompt.mel[..., 140:])
    features = torch.randn(1, 16, 130, generator=torch.Generator().manual_seed(0))
    given: list[tuple[torch.Tensor, torch.Tensor]] = []
    sample = decoder.net.cfm.sample

    def spied(both: torch.Tensor, lens: torch.Tensor, known: torch.Tensor, **more: Any) -> torch.Tensor:
        given.append((both, known))
        return sample(both, lens, known, **more)

    decoder.net.cfm.sample = spied  # type: ignore[method-assign]
    try:
        mel = decoder.flow(features, 2, torch.Generator().manual_seed(1))
    finally:
        del decoder.net.cfm.sample
    assert mel.shape == (1, 100, 130)
    assert [both.shape[-1] for both, _ in given] == [100, 100, 100, 70]
    torch.testing.assert_close(given[1][1], torch.cat((decoder.prompt.mel, mel[..., :40]), dim=-1)[..., -60:])
    torch.testing.assert_close(given[3][0][..., :60], features[..., 60:120])
    torch.testing.assert_close(given[3][0][..., 60:], features[..., 120:])


def test_a_decoder_that_is_not_there_is_named(voice: Voice, models: Path) -> None:
    prompt = read_prompt(voice, LITE, Library(models, "cpu"))
    with pytest.raises(UnknownChoice, match="choose one of: flow, vits"):
        decoder_for(voice, replace(LITE, decoder="song"), Library(models, "cpu"), prompt)


def test_loud_speech_is_scaled_down_not_clipped() -> None:
    loud = np.array([0.5, -2.0, 1.0], np.float32)
    np.testing.assert_allclose(levelled(loud), [0.25, -1.0, 0.5])
    np.testing.assert_array_equal(levelled(loud / 4), loud / 4)


def choose(recordings: Recordings, models: Path) -> Voice:
    given: dict[str, Any] = {"version": LITE, "models": models, "device": "cpu"}
    return choose_reference(recordings.labels, recordings.clips, recordings.dataset, **given)


def test_a_clip_of_good_length_level_and_ending_is_chosen(tmp_path: Path, models: Path) -> None:
    recordings = record(tmp_path, seconds=(2.0, 5.0, 5.0, 5.0, 9.9, 14.0))
    labels = read_labels(recordings.labels)
    write_wav(recordings.clips / "clip2.wav", buzz(5.0, seed=2) * 0.02, RATE)
    labels[3] = replace(labels[3], text="No end of a sentence that is about as long as all the others")
    labels[1] = replace(labels[1], text=TEXTS[2])
    write_labels(recordings.labels, labels)
    chosen = choose(recordings, models)
    assert chosen.reference == (recordings.clips / "clip1.wav").resolve()
    assert chosen.reference_text == TEXTS[2]
    assert (chosen.version, chosen.gpt, chosen.sovits) == ("lite", None, None)


def test_short_clips_are_joined(tmp_path: Path, models: Path) -> None:
    chosen = choose(record(tmp_path, seconds=(1.5, 1.6, 1.7)), models)
    assert chosen.reference == (tmp_path / "buzz" / "reference.wav").resolve()
    assert chosen.reference_text == f"{TEXTS[0]} {TEXTS[1]}"
    assert read_prompt(chosen, LITE, Library(models, "cpu")).codes.shape[1] == math.ceil((1.5 + 0.25 + 1.6) * 25)


def test_a_long_clip_is_cut_at_the_longest_pause(tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = ((0.0, 2.0), (2.5, 4.0), (4.3, 6.0), (7.0, 11.0), (11.9, 13.0))
    words = [TimedWord(f"word{number}", *when) for number, when in enumerate(times)]
    monkeypatch.setattr(reference_module, "align_words", lambda *_, **__: words)
    chosen = choose(record(tmp_path, seconds=(14.0,)), models)
    assert chosen.reference_text == "The quick brown"
    assert read_prompt(chosen, LITE, Library(models, "cpu")).codes.shape[1] == math.ceil(6.5 * 25)


def test_no_reference_at_all_is_an_error(tmp_path: Path, models: Path) -> None:
    with pytest.raises(BadAudio, match="shorter than 3 s together"):
        choose(record(tmp_path, seconds=(1.0, 1.2)), models)
    other = tmp_path / "other"
    other.mkdir()
    write_labels(other / "x.list", [Label(other / "gone.wav", "x", "en", "Words.")])
    with pytest.raises(BadAudio, match="can be a reference"):
        choose(Recordings(other / "x.list", other, recordings_dataset(other)), models)


def recordings_dataset(folder: Path) -> Any:
    return record(folder / "more", seconds=()).dataset
