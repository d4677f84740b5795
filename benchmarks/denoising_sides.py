"""The two sides of the denoising row of `workshop.py`: our step's way with a folder, and clip by clip.

python benchmarks/denoising_sides.py prepare|together|one_by_one PLACE rnnoise|frcrn
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import numpy as np

from myna.audio.io import decode, write_wav
from myna.core.assets import asset
from myna.core.progress import silent
from myna.core.workspace import make_folder
from myna.engine.clean.denoiser import Wish
from myna.engine.clean.table import denoiser
from myna.engine.denoising import denoise_clips

RATE = 32_000
CLIPS = {"rnnoise": 200, "frcrn": 8}
"""Eleven minutes of sound for what is quick, half a minute for what is not."""

_PARTS = re.compile(r"\.(encoder|decoder|fsmn_enc|fsmn_dec|se_layer_enc|se_layer_dec)\.(\d)\.")


def prepare(place: Path, engine: str) -> None:
    """Clips of 1.5 to 5 s of noise, and weights of FRCRN's size; prints how many clips, and their seconds."""
    import torch  # not above: every process of RNNoise's reads this file, and needs no torch

    from myna.models.frcrn import Frcrn

    clips, seconds = make_folder(place / engine), 0.0
    for number in range(CLIPS[engine]):
        length_s = 1.5 + (number * 7 % 29) / 8
        sound = 0.1 * np.random.default_rng(number).standard_normal(round(length_s * RATE))
        write_wav(clips / f"{number}.wav", sound, RATE)
        seconds += length_s
    weights = make_folder(place / "models" / asset("FRCRN_SE_16K").file) / "last_best_checkpoint.pt"
    torch.manual_seed(0)
    torch.save({_PARTS.sub(r".\1\2.", name): tensor for name, tensor in Frcrn().state_dict().items()}, weights)
    print(CLIPS[engine], seconds)


def together(place: Path, engine: str) -> None:
    """As the step does it; nothing is judged or drawn."""
    denoise_clips(place / engine, _empty(place), engine=engine, wish=Wish(place / "models", "cpu"), progress=silent)


def one_by_one(place: Path, engine: str) -> None:
    """One process, one clip at a time, as the official ``cmd-denoise.py`` goes about it."""
    out = make_folder(_empty(place))
    cleaner = denoiser(engine, Wish(place / "models", "cpu"))
    for clip in sorted((place / engine).iterdir()):
        sound = decode(clip)
        write_wav(out / clip.name, cleaner.clean_all([sound])[0], sound.sample_rate)


def _empty(place: Path) -> Path:
    shutil.rmtree(place / "clean", ignore_errors=True)
    return place / "clean"


if __name__ == "__main__":
    how, where, *engine_name = sys.argv[1:]
    {"prepare": prepare, "together": together, "one_by_one": one_by_one}[how](Path(where), *engine_name)
