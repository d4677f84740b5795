"""The files that cases speak of, made afresh in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from myna.audio.encode import write_audio
from myna.audio.io import write_wav
from tests.parity.slicer.signals import signal

RATE_HZ = 32000
VERSIONS = {"V1_SOVITS": "v1", "V2PRO_SOVITS": "v2Pro", "V4_SOVITS": "v4", "SOVITS": "v2", "GPT": "v2"}
"""Which version each file of weights is of."""
API_KEY = "a-key-of-the-contract"


@dataclass(frozen=True)
class Fixtures:
    """Names (without the dollar sign) and what stands for them."""

    folder: Path
    values: dict[str, str]

    def fill(self, text: str) -> str:
        """``text`` with every ``$NAME`` replaced."""
        for name in sorted(self.values, key=len, reverse=True):
            text = text.replace(f"${name}", self.values[name])
        return text

    def version_of(self, weights: Path) -> str | None:
        """The version of a file of weights; None where it is none of ours."""
        names = {Path(self.values[name]): version for name, version in VERSIONS.items()}
        names[self.folder / "GPT_SoVITS/pretrained_models/s2G488k.pth"] = "v1"
        return names.get(weights)


def speech(seconds: float, rate_hz: int = RATE_HZ, tone_hz: float = 180.0) -> np.ndarray:
    """Something like a voice, (T,): a tone with overtones that swells and fades four times a second."""
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    tone = sum(np.sin(2 * np.pi * tone_hz * number * time) / number for number in (1, 2, 3))
    return (0.25 * tone * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * time))).astype(np.float32)


def make_fixtures(folder: Path) -> Fixtures:
    """All of them."""
    values = {f"REF{seconds}": str(folder / f"ref{seconds}.wav") for seconds in (2, 5, 12)} | {
        "AUX4": str(folder / "aux4.wav")
    }
    for name, path in values.items():
        write_wav(Path(path), speech(float(name.lstrip("REFAUX"))), RATE_HZ)
    wavs = folder / "wavs"
    for number in (1, 2):
        write_wav(wavs / f"take{number}.wav", speech(5.0, tone_hz=160.0 + 20 * number), RATE_HZ)
    labels = folder / "wavs.list"
    labels.write_text(f"{wavs}/take1.wav|anna|EN|hello there\n{wavs}/take2.wav|anna|EN|good morning", encoding="utf-8")
    write_audio(folder / "song.wav", speech(6.0, 44100), 44100)
    write_wav(folder / "tones_3x.wav", *signal("tones_3x"))
    (folder / "notaudio.wav").write_text("this is text", encoding="utf-8")
    pretrained = folder / "GPT_SoVITS/pretrained_models"
    pretrained.mkdir(parents=True)
    weights = {name: str(pretrained / f"{name.lower()}.{'ckpt' if name == 'GPT' else 'pth'}") for name in VERSIONS}
    for path in (*weights.values(), str(pretrained / "s2G488k.pth")):
        Path(path).write_bytes(b"PK\x03\x04 stands for weights")
    values |= weights | {
        "NOFILE": str(folder / "no/such.wav"),
        "NOFILE_CKPT": str(folder / "no/such.ckpt"),
        "NOFILE_PTH": str(folder / "no/such.pth"),
        "NOTAUDIO": str(folder / "notaudio.wav"),
        "DIR": str(folder / "wavs"),
        "WAVDIR": str(wavs),
        "WAVNAME": "wavs",
        "LIST": str(labels),
        "SONG": str(folder / "song.wav"),
        "OUT": str(folder / "out"),
        "TONES_3X_WAV": str(folder / "tones_3x.wav"),
        "API_KEY": API_KEY,
    }
    return Fixtures(folder, values)
