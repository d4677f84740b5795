"""The two sides of the separation row of `workshop.py`: our step's way with a folder, and the official tool's.

python benchmarks/separating_sides.py prepare PLACE
python benchmarks/separating_sides.py together|one_by_one PLACE
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import soundfile
import torch

from myna.audio.recording import DecodeLimits
from myna.core.progress import silent
from myna.core.workspace import make_folder
from myna.engine.separation.songs import Places, separate_files
from myna.engine.separation.table import Wish
from myna.engine.separation.vr_spectrum import analyse, layout, synthesise
from myna.engine.separation.weights import load_net
from myna.models.separation.vr_cascade import VrCascade

RATE = 44_100
SONGS = 2
SONG_S = 6
_MODEL = "HP2_all_vocals"
_WINDOW = 512


def prepare(place: Path) -> None:
    """Songs of noise, and weights of HP2's size; prints how many songs, and their seconds."""
    songs = make_folder(place / "songs")
    for number in range(SONGS):
        sound = np.random.default_rng(number).uniform(-0.3, 0.3, (SONG_S * RATE, 2))
        soundfile.write(songs / f"{number}.wav", sound, RATE)
    torch.manual_seed(0)
    tensors = {name: tensor.half() for name, tensor in VrCascade(layout().bins).state_dict().items()}
    torch.save(tensors, _weights(place, make=True))
    print(SONGS, SONGS * SONG_S)


def together(place: Path) -> None:
    """As the step does it."""
    out = _empty(place)
    wish = Wish(place / "models", "cpu")
    separate_files(
        place / "songs", Places(out, out, "wav"), chain=_MODEL, wish=wish, limits=DecodeLimits(), progress=silent
    )


@torch.inference_mode()
def one_by_one(place: Path) -> None:
    """As the official ``vr.py`` goes about it: whole songs in memory, windows through the net one by one."""
    out, plan = _empty(place), layout()
    net = load_net(lambda tensors: VrCascade.sized_as(tensors, plan.bins), _weights(place))
    for song in sorted((place / "songs").iterdir()):
        mix, _ = soundfile.read(song, dtype="float32")
        frames = len(mix) // plan.hop + 1
        spectrum, above = analyse(mix, 0, frames, torch.device("cpu"))
        step = _WINDOW - 2 * net.CONTEXT
        windows = -(-frames // step)
        side = (net.CONTEXT, windows * step - frames + net.CONTEXT)
        magnitudes = torch.nn.functional.pad(spectrum.abs() / spectrum.abs().max(), side)
        masks = [net(magnitudes[None, ..., at * step : at * step + _WINDOW])[0] for at in range(windows)]
        mask = torch.cat([mask[..., net.CONTEXT : -net.CONTEXT] for mask in masks], dim=-1)[..., :frames] ** 1.1
        for name, stem in (("instrument", spectrum * mask), ("vocal", spectrum * (1 - mask))):
            sound = synthesise(stem, above).T.numpy()
            soundfile.write(out / f"{name}_{song.name}_10.wav", (sound * 32768).astype(np.int16), RATE)


def _weights(place: Path, *, make: bool = False) -> Path:
    folder = place / "models" / "uvr5_weights"
    return (make_folder(folder) if make else folder) / f"{_MODEL}.pth"


def _empty(place: Path) -> Path:
    shutil.rmtree(place / "stems", ignore_errors=True)
    return make_folder(place / "stems")


if __name__ == "__main__":
    {"prepare": prepare, "together": together, "one_by_one": one_by_one}[sys.argv[1]](Path(sys.argv[2]))
