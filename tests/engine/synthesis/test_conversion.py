"""Voice conversion with tiny nets: what is kept of the recording, what the voice decides, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from myna.audio.io import decode, write_wav
from myna.audio.loudness import level_mix
from myna.core.errors import BadAudio, BadInput, LimitExceeded, NotFound, UnknownChoice
from myna.core.speech import AudioChunk, ConversionRequest, Voice
from myna.core.versions import version
from myna.engine.features.content import content_of
from myna.engine.synthesis import conversion
from myna.engine.synthesis.conversion import LocalConverter
from myna.engine.synthesis.decoders import FlowDecoder, VitsDecoder
from myna.engine.synthesis.speaker import LocalSpeaker
from myna.models.sovits_flow import SovitsFlow
from myna.testing.tiny_base import write_tiny_base, write_tiny_vits
from myna.text.frontend import phonemize
from myna.text.symbols import symbols
from tests.engine.voices import RATE, TEXTS, Recordings, buzz

KINDS = ("lite", "v2")
WORDS = "She sells sea shells by the shore. And a journey begins with one small step."
Spoken = list[tuple[torch.Tensor, torch.Tensor]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conversion")
    write_tiny_base(folder)
    return folder


@pytest.fixture(scope="module")
def converter(folder: Path) -> LocalConverter:
    return LocalConverter(LocalSpeaker(folder, "cpu"))


@pytest.fixture(scope="module")
def voices(folder: Path, recordings: Recordings) -> dict[str, Voice]:
    clip = recordings.clips / "clip0.wav"
    gpt, sovits = write_tiny_vits(folder, "v2")
    vits = Voice(version="v2", gpt=gpt, sovits=sovits, reference=clip, reference_text=TEXTS[0])
    return {"lite": Voice(reference=clip, reference_text=TEXTS[0]), "v2": vits}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Half a second of silence, speech, 1.5 s of silence, speech, a second of silence: 11 s."""
    parts = (np.zeros(RATE // 2), buzz(4.5, 180.0, seed=4), np.zeros(RATE * 3 // 2), buzz(3.5, 170.0, seed=5))
    write_wav(tmp_path / "source.wav", np.concatenate([*parts, np.zeros(RATE)]).astype(np.float32), RATE)
    return tmp_path / "source.wav"


@pytest.fixture
def spoken(monkeypatch: pytest.MonkeyPatch) -> Spoken:
    """The (codes, phones) that decoders were given."""
    given: Spoken = []
    for kind in (FlowDecoder, VitsDecoder):
        monkeypatch.setattr(kind, "speak", _spied(kind.speak, given))
    return given


def _spied(speak: Callable[..., np.ndarray], given: Spoken) -> Callable[..., np.ndarray]:
    def spied(self: object, codes: torch.Tensor, phones: torch.Tensor, **more: Any) -> np.ndarray:
        given.append((codes, phones))
        return speak(self, codes, phones, **more)

    return spied


def convert(converter: LocalConverter, source: Path, voice: Voice, **more: Any) -> list[AudioChunk]:
    given: dict[str, Any] = {"seed": 3, "sampling_steps": 1} | more
    return list(converter.convert(ConversionRequest(source=source, voice=voice, **given)))


def joined(chunks: list[AudioChunk]) -> np.ndarray:
    return np.concatenate([one.samples for one in chunks])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("speed", [1.0, 1.25])
def test_it_is_as_long_as_the_recording_and_its_pauses_stay(
    converter: LocalConverter, voices: dict[str, Voice], source: Path, kind: str, speed: float
) -> None:
    progress: list[float] = []
    request = ConversionRequest(source=source, voice=voices[kind], seed=3, sampling_steps=1, speed=speed)
    chunks = list(converter.convert(request, lambda fraction, _: progress.append(fraction)))
    rate = version(kind).output_rate_hz
    assert {one.sample_rate for one in chunks} == {rate}
    sound = joined(chunks)
    assert len(sound) == round(11.0 / speed * rate)
    assert [one.start_s for one in chunks[1:]] == pytest.approx([one.end_s for one in chunks[:-1]])
    assert progress == sorted(progress)
    assert len(progress) == len(chunks)
    at = {
        second: sound[round((second - 0.1) / speed * rate) : round((second + 0.1) / speed * rate)]
        for second in range(1, 11)
    }
    assert {second for second, part in at.items() if not part.any()} == {6}, "the middle of the pause"
    assert np.abs(sound).max() <= 1.0


@pytest.mark.parametrize("kind", KINDS)
def test_the_tokens_are_the_recordings(
    converter: LocalConverter, voices: dict[str, Voice], source: Path, spoken: Spoken, kind: str
) -> None:
    voice, record = voices[kind], version(kind)
    convert(converter, source, voice)
    samples = decode(source, RATE).samples
    encoder, net = converter.library.content(record), converter.library.sovits(record, voice.sovits)
    assert len(spoken) == 2
    spans = conversion._spans(samples)
    for (codes, _), (start, end), around in zip(spoken, spans, ((0.5, 5.0), (6.5, 10.0)), strict=True):
        assert start / RATE == pytest.approx(around[0], abs=0.35)
        assert end / RATE == pytest.approx(around[1], abs=0.35)
        heard = level_mix(samples[start:end]) if record.has_mixed_reference else samples[start:end]
        with torch.inference_mode():
            own = net.extract_codes(content_of(encoder, heard, RATE))
        torch.testing.assert_close(codes, own)
        assert codes.shape[1] == pytest.approx((end - start) / RATE * 25, abs=1)
        assert len(set(codes[0].tolist())) > 1


def test_the_melody_is_the_recordings_moved_to_the_voice_or_in_its_own_key(
    folder: Path, voices: dict[str, Voice], source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    converter, record = LocalConverter(LocalSpeaker(folder, "cpu")), version("lite")
    net = converter.library.sovits(record, None)
    assert isinstance(net, SovitsFlow)
    assert net.pitch is not None
    net.pitch.told.data.normal_()  # as made they say nothing
    told: list[torch.Tensor] = []

    def spied(self: FlowDecoder, codes: torch.Tensor, phones: torch.Tensor, **more: Any) -> np.ndarray:
        told.append(more["melody"])
        return speak(self, codes, phones, **more)

    speak = FlowDecoder.speak
    monkeypatch.setattr(FlowDecoder, "speak", spied)
    moved, sung = (joined(convert(converter, source, voices["lite"], keeps_key=key)) for key in (False, True))
    assert moved.shape == sung.shape
    assert not np.allclose(moved, sung)
    spans = conversion._spans(decode(source, RATE).samples)
    assert [one.shape[1] for one in told] == pytest.approx(
        [(end - start) / RATE * 50 for start, end in spans * 2], abs=1
    )
    away = torch.cat(told[:2], dim=1) - torch.cat(told[2:], dim=1)
    assert float(away.std()) < 1e-5 < abs(float(away.mean())), "one shift for the whole recording"
    prompt = converter.speaker.prompt(voices["lite"], record)
    decoder = FlowDecoder(voices["lite"], record, converter.library, prompt)
    whole = decoder.melody(decode(source, RATE).samples, RATE, keeps_key=True)
    assert whole is not None
    assert whole.shape == (1, round(11.0 * 50))
    first = slice(*(round(edge / RATE * 50) for edge in spans[0]))
    torch.testing.assert_close(told[2], whole[:, first])


def test_published_versions_are_told_no_melody(converter: LocalConverter, voices: dict[str, Voice]) -> None:
    record = version("v2")
    decoder = VitsDecoder(voices["v2"], record, converter.library, converter.speaker.prompt(voices["v2"], record))
    assert decoder.melody(buzz(2.0, 180.0, seed=1), RATE, keeps_key=False) is None


@pytest.mark.parametrize("kind", KINDS)
def test_the_reference_decides_who_speaks_and_nothing_else(
    converter: LocalConverter, voices: dict[str, Voice], recordings: Recordings, source: Path, spoken: Spoken, kind: str
) -> None:
    other = voices[kind].model_copy(update={"reference": recordings.clips / "clip1.wav", "reference_text": TEXTS[1]})
    one, another = joined(convert(converter, source, voices[kind])), joined(convert(converter, source, other))
    assert len(one) == len(another)
    assert not np.allclose(one, another)
    for (codes, phones), (others, other_phones) in zip(spoken[:2], spoken[2:], strict=True):
        torch.testing.assert_close(codes, others)
        torch.testing.assert_close(phones, other_phones)


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_makes_it_repeatable(
    converter: LocalConverter, voices: dict[str, Voice], source: Path, kind: str
) -> None:
    first, second = (joined(convert(converter, source, voices[kind])) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(joined(convert(converter, source, voices[kind], seed=4)), first)


def test_given_words_are_laid_along_the_recording(
    converter: LocalConverter, voices: dict[str, Voice], source: Path, spoken: Spoken, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = phonemize(WORDS, "en").phones
    convert(converter, source, voices["v2"], text=WORDS)
    named = [[symbols("v2")[phone] for phone in phones[0]] for _, phones in spoken]
    assert named[0] == whole[: len(named[0])]
    assert len(whole) - 1 <= len(named[0]) + len(named[1]) <= len(whole) + 1, "each phone is said, and in one stretch"
    spoken.clear()
    evenly = lambda scores, phones: np.arange(len(scores)) * len(phones) // len(scores)  # noqa: E731
    monkeypatch.setattr(conversion, "spoken_columns", evenly)
    convert(converter, source, voices["v2"], text=WORDS)
    named = [[symbols("v2")[phone] for phone in phones[0]] for _, phones in spoken]
    middle = (5.0 + 6.5) / 2 / 11.0 * len(whole)
    assert named[0] == whole[: len(named[0])]
    assert named[1] == whole[-len(named[1]) :]
    assert len(named[0]) == pytest.approx(middle, abs=3)
    assert len(named[1]) == pytest.approx(len(whole) - middle, abs=3)


def test_words_in_other_languages_are_given_whole_to_one_stretch(
    converter: LocalConverter, voices: dict[str, Voice], source: Path, spoken: Spoken, monkeypatch: pytest.MonkeyPatch
) -> None:
    wishes: dict[str, Any] = {"text": "こんにちは。", "language": "ja"}
    chunks = convert(converter, source, voices["v2"], **wishes)
    assert len(spoken) == 1
    assert len(joined(chunks)) == 11 * 32_000
    monkeypatch.setattr(conversion, "MOST_UNALIGNED_S", 10.0)
    with pytest.raises(BadInput, match=r"source\.wav is 11 s long; words in 'ja' cannot be laid along it"):
        convert(converter, source, voices["v2"], **wishes)


def test_without_words_the_phones_are_heard(
    converter: LocalConverter, voices: dict[str, Voice], source: Path, spoken: Spoken, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = iter((["HH", "AY1"], []))
    monkeypatch.setattr(conversion, "heard_phones", lambda _: next(heard))
    convert(converter, source, voices["v2"])
    assert [[symbols("v2")[phone] for phone in phones[0]] for _, phones in spoken] == [["HH", "AY1"], [","]]
    monkeypatch.setattr(conversion, "heard_phones", lambda _: [])
    with pytest.raises(BadAudio, match=r"no speech was heard in source\.wav; give its words"):
        convert(converter, source, voices["v2"])


def test_a_quiet_recording_without_pauses_is_cut_too(
    converter: LocalConverter, voices: dict[str, Voice], spoken: Spoken, tmp_path: Path
) -> None:
    write_wav(tmp_path / "long.wav", 0.01 * buzz(31.0), RATE)
    chunks = convert(converter, tmp_path / "long.wav", voices["v2"])
    assert len(spoken) >= 3
    assert max(codes.shape[1] for codes, _ in spoken) <= 12 * 25 + 1
    assert len(joined(chunks)) == 31 * 32_000


def test_what_cannot_be_converted_is_refused_before_anything_is(
    converter: LocalConverter, voices: dict[str, Voice], source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(error: type[Exception], says: str, path: Path, **more: Any) -> None:
        voice = more.pop("voice", voices["lite"])
        with pytest.raises(error, match=says):
            converter.convert(ConversionRequest(source=path, voice=voice, **more))

    write_wav(tmp_path / "silent.wav", np.zeros(4 * RATE, np.float32), RATE)
    write_wav(tmp_path / "short.wav", buzz(0.4), RATE)
    (tmp_path / "text.wav").write_bytes(b"These are words, not sound. " * 500)
    refused(NotFound, "there is no recording .*gone", tmp_path / "gone.wav")
    refused(BadAudio, r"^silent\.wav: the recording is silent", tmp_path / "silent.wav")
    refused(BadAudio, r"^short\.wav: the recording is only 0\.40 s long; at least 0\.5 s", tmp_path / "short.wav")
    refused(BadAudio, r"text\.wav", tmp_path / "text.wav")
    refused(BadInput, r"phones are heard in English only; give the words of source\.wav", source, language="zh")
    refused(UnknownChoice, "language for version 'lite' 'zh'", source, text="你好", language="zh")
    refused(BadInput, r"more phones than fit into source\.wav", source, text=WORDS * 10)
    gone = voices["lite"].model_copy(update={"reference": tmp_path / "gone.wav"})
    refused(NotFound, "there is no reference", source, voice=gone)
    monkeypatch.setattr(conversion, "MAX_SECONDS", 10.0)
    refused(LimitExceeded, r"^source\.wav: the recording is 11\.0 s long, more than", source)
