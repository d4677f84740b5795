"""Whatever somebody hands in as a recording: one line says what is wrong, quickly, and no other file is touched."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from myna.audio.io import Audio, DecodeLimits, decode, decode_blocks, probe
from myna.audio.loudness import check_recording
from myna.core.errors import BadAudio, BadInput, LimitExceeded
from tests.audio.files import FLOAT, by_libav, by_libsndfile, film, pcm16, silent_opus, voice_like, wav

SOUND = voice_like(4.0, 48000)

BAD_FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "text": (b"hello, this is no sound\n" * 400, "not audio that can be read; give one of: wav, mp3"),
    "zeros": (bytes(50000), "not audio"),
    "noise": (np.random.default_rng(0).bytes(300000), "not audio"),
    "sync words only": (b"\xff\xfb\x90\x44" * 20000, "not audio"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(5000), "not audio"),
    "m3u8": (b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n", "playlist"),
    "m3u8 behind a byte order mark": (b"\xef\xbb\xbf#EXTM3U\nhttp://127.0.0.1/x.ts\n", "playlist"),
    "ffconcat": (b"ffconcat version 1.0\nfile /etc/passwd\n", "playlist"),
    "dash": (b'<?xml version="1.0"?><MPD><BaseURL>http://127.0.0.1/</BaseURL></MPD>', "playlist"),
    "sdp": (b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n", "playlist"),
    "wav, header only": (wav(b""), "no sound"),
    "wav, cut in its header": (wav(b"")[:30], "truncated"),
    "wav, promises 1 GB": (wav(pcm16(SOUND), promised=10**9), "truncated.*promises 1000000000 bytes"),
    "wav, cut in two": (wav(pcm16(SOUND))[: len(SOUND)], "truncated"),
    "wav at 0 Hz": (wav(pcm16(SOUND), rate=0), "damaged"),
    "wav without channels": (wav(pcm16(SOUND), channels=0), "no audio track|damaged"),
    "film without sound": (film(), "no audio track"),
    "NaN": (wav(np.full(9000, np.nan, "<f4").tobytes(), kind=FLOAT, bits=32), "not numbers"),
    "one infinity": (wav(np.array([0.1] * 9000 + [np.inf], "<f4").tobytes(), kind=FLOAT, bits=32), "not numbers"),
    "unscaled": (wav(np.full(9000, 20000, "<f4").tobytes(), kind=FLOAT, bits=32), "where 1.0 is full scale"),
}

WHOLE_FILES: dict[str, Callable[[], bytes]] = {
    "flac": lambda: by_libav(SOUND, 48000, "flac", "flac"),
    "mp4": lambda: by_libav(SOUND, 48000, "mp4", "aac"),
    "mp3": lambda: by_libav(SOUND, 48000, "mp3", "libmp3lame"),
    "opus": lambda: by_libav(SOUND, 48000, "ogg", "libopus"),
    "vorbis": lambda: by_libsndfile(SOUND, 48000, "OGG", "VORBIS"),
    "webm": lambda: by_libav(SOUND, 48000, "webm", "libopus"),
}


@cache
def whole(kind: str) -> bytes:
    """A good file of this kind."""
    return WHOLE_FILES[kind]()


def _is_one_clear_line(error: BadInput) -> bool:
    message = str(error)
    return "\n" not in message and 20 < len(message) < 200 and ";" in message


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files(name: str, tmp_path: Path) -> None:
    data, reason = BAD_FILES[name]
    path = tmp_path / "recording.wav"
    path.write_bytes(data)
    for source in (data, path):
        with pytest.raises(BadAudio, match=reason) as caught:
            decode(source)
        assert _is_one_clear_line(caught.value)
        with pytest.raises(BadAudio):
            list(decode_blocks(source, 16000))


@pytest.mark.parametrize("kind", WHOLE_FILES)
@pytest.mark.parametrize("share", [0.9, 0.5, 0.1])
def test_truncated(kind: str, share: float) -> None:
    data = whole(kind)
    assert decode(data).seconds == pytest.approx(4.0, abs=0.06)
    with pytest.raises(BadAudio, match=r"truncated|damaged") as caught:
        decode(data[: int(share * len(data))])
    assert _is_one_clear_line(caught.value)


@pytest.mark.parametrize("channels", [9, 100, 600, 1000, 65535])
def test_too_many_channels(channels: int) -> None:
    data = wav(bytes(2 * channels * 100), channels=channels)
    with pytest.raises(LimitExceeded, match=f"has {channels} channels, at most 8"):
        decode(data)


def test_too_many_channels_elsewhere() -> None:
    stereo = by_libav(SOUND, 48000, "mp4", "aac", channels=2)
    with pytest.raises(LimitExceeded, match="has 2 channels, at most 1"):
        decode(stereo, limits=DecodeLimits(max_channels=1))


@pytest.mark.parametrize("rate", [1, 3999, 384001, 0x7FFFFFFF])
def test_rates_out_of_range(rate: int) -> None:
    with pytest.raises(LimitExceeded, match=rf"{rate} Hz; allowed are 4000 to 384000 Hz"):
        probe(wav(pcm16(SOUND), rate=rate))


def test_too_many_bytes(tmp_path: Path) -> None:
    data = wav(pcm16(SOUND))
    path = tmp_path / "long.wav"
    path.write_bytes(data)
    small = DecodeLimits(max_bytes=len(data) - 1)
    for source in (data, path, io.BytesIO(data)):
        with pytest.raises(LimitExceeded, match="MiB"):
            decode(source, limits=small)
    assert decode(data, limits=DecodeLimits(max_bytes=len(data))).seconds > 1


@pytest.mark.parametrize("kind", WHOLE_FILES)
def test_too_many_seconds(kind: str) -> None:
    data = whole(kind)
    with pytest.raises(LimitExceeded, match=r"allowed 1 s"):
        decode(data, limits=DecodeLimits(max_seconds=1.0))


@pytest.mark.parametrize("admitted", [True, False], ids=["admitted", "denied"])
def test_a_day_of_silence_in_two_megabytes(admitted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def decoded(*_: object) -> None:
        raise AssertionError("it was decoded rather than judged")

    monkeypatch.setattr("myna.audio.recording.Recording.blocks", decoded)
    data = silent_opus(24, admitted=admitted)
    assert len(data) < 3 << 20
    with pytest.raises(LimitExceeded, match="allowed 7200 s; give a shorter one"):
        decode(data)


def test_an_hour_of_silence_is_allowed_and_counted() -> None:
    blocks = decode_blocks(silent_opus(0.05), 16000)
    assert sum(len(block) for block in blocks) / 16000 == pytest.approx(0.05 * 3600, abs=31)


def test_a_clock_that_stands_still_is_caught_while_decoding() -> None:
    data = silent_opus(0.02, admitted=False)
    with pytest.raises(LimitExceeded, match="longer than the allowed 10 s"):
        decode(data, limits=DecodeLimits(max_seconds=10))


def test_a_rate_that_changes_midway() -> None:
    first, second = (by_libav(voice_like(1.0, rate), rate, "adts", "aac") for rate in (48000, 32000))
    with pytest.raises(BadAudio, match="changes from 48000 to 32000 Hz midway"):
        decode(first + second)


def test_a_few_broken_packets_are_survived_many_are_not() -> None:
    data = bytearray(by_libav(voice_like(20.0, 48000), 48000, "mp3", "libmp3lame"))
    scratched = data.copy()
    scratched[len(data) // 2 : len(data) // 2 + 300] = bytes(300)
    assert decode(bytes(scratched)).seconds == pytest.approx(20.0, abs=0.3)
    for start in range(3000, len(data) - 600, 600):
        data[start : start + 590] = np.random.default_rng(start).bytes(590)
    with pytest.raises(BadAudio, match=r"damaged|truncated"):
        decode(bytes(data))


def test_no_other_file_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(wav(pcm16(SOUND)))
    opened: list[str] = []
    real = io.open

    def watch(file: object, *args: object, **kwargs: object) -> object:
        opened.append(str(file))
        return real(file, *args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr("io.open", watch)
    monkeypatch.setattr("builtins.open", watch)
    monkeypatch.chdir(tmp_path)
    for text in (f"#EXTM3U\n#EXTINF:2,\n{secret}\n", f"ffconcat version 1.0\nfile {secret.name}\n"):
        with pytest.raises(BadAudio, match="playlist"):
            decode(text.encode())
    assert str(secret) not in opened


@given(
    st.binary(max_size=3000),
    st.sampled_from([b"", b"RIFF\xff\xff\0\0WAVE", b"OggS\0", b"fLaC", b"ID3\4\0\0", b"\xff\xfb"]),
)
@settings(max_examples=150, deadline=None)
def test_arbitrary_bytes_never_pass_nor_crash(data: bytes, head: bytes) -> None:
    with pytest.raises(BadInput):
        decode(head + data)


@given(st.sampled_from(sorted(WHOLE_FILES)), st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=30))
@example("webm", [(0.012272833483211551, 128)])  # a title that is no UTF-8
@settings(max_examples=60, deadline=None)
def test_damaged_files_decode_or_are_refused(kind: str, scratches: list[tuple[float, int]]) -> None:
    data = bytearray(whole(kind))
    for where, value in scratches:
        data[int(where * len(data))] = value
    try:
        assert np.isfinite(decode(bytes(data), 16000).samples).all()
    except BadInput as refusal:
        assert _is_one_clear_line(refusal)  # noqa: PT017  either outcome is right, a crash or NaN is not


def _audio(samples: np.ndarray) -> Audio:
    return Audio(samples.astype(np.float32), 16000)


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.zeros(0), "empty"),
        (np.zeros(16000 * 5), "silent"),
        (np.full(16000 * 5, 0.4), "silent"),
        (voice_like(5.0, 16000) * 1e-3, "silent .it stays below -66 dB"),
        (voice_like(2.9, 16000), r"only 2\.90 s long; at least 3 s"),
    ],
    ids=["empty", "zeros", "constant", "hardly anything", "short"],
)
def test_recordings_without_a_voice(samples: np.ndarray, reason: str) -> None:
    with pytest.raises(BadAudio, match=reason) as caught:
        check_recording(_audio(samples))
    assert "\n" not in str(caught.value)


def test_recordings_with_a_voice() -> None:
    check_recording(_audio(voice_like(3.0, 16000)))
    check_recording(_audio(voice_like(3.0, 16000) * 0.01))
    with pytest.raises(LimitExceeded, match=r"5\.0 s long, more than the allowed 4 s"):
        check_recording(_audio(voice_like(5.0, 16000)), max_seconds=4.0)
