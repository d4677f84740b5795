"""How libav is let search a wav for what its header does not tell."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from myna.audio.by_libav import opened_by_libav
from myna.audio.io import decode, write_wav
from myna.audio.recording import DEFAULT_LIMITS
from tests.audio.test_plain_mp3 import mp3


def test_pcm_is_searched_for_other_codecs_only_where_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, str]] = []
    opened = av.open

    def noted(*given: Any, **named: Any) -> Any:
        asked.append(named["options"])
        return opened(*given, **named)

    monkeypatch.setattr(av, "open", noted)
    sound = np.random.default_rng(0).normal(0, 0.1, 32000).astype(np.float32)
    write_wav(tmp_path / "a.wav", sound, 32000)
    np.testing.assert_allclose(decode(tmp_path / "a.wav").samples, sound, atol=1 / 32767)
    assert {options["max_probe_packets"] for options in asked} == {"1"}


def test_mp3_that_a_wav_calls_pcm_is_found() -> None:
    data = mp3(44100, 128_000, 2, ())
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 2, 44100, 4 * 44100, 4, 16)
    wav = b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVE" + form + b"data" + struct.pack("<I", len(data)) + data
    with opened_by_libav(io.BytesIO(wav), "wav", DEFAULT_LIMITS) as decoder:
        assert decoder.info.codec == "mp3float"
