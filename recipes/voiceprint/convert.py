"""Take the speaker encoder out of Resemblyzer's wheel and write it as the package's own model file.

    pip download --no-deps resemblyzer==0.1.4
    python recipes/voiceprint/convert.py Resemblyzer-0.1.4-py3-none-any.whl

Only the encoder's tensors are taken, as float16 (the optimiser's state and the loss's two scalars stay behind). The
file inside the wheel is read as data; nothing of it is executed.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import zipfile
from pathlib import Path

import torch

from myna.checkpoints.native import write_weights
from myna.checkpoints.restricted import read_torch
from myna.models.voiceprint import SpeakerEncoder

MEMBER = "resemblyzer/pretrained.pt"
TARGET = Path(__file__).parents[2] / "src" / "myna" / "assets" / "voiceprint" / "ge2e.safetensors"


def convert(wheel: Path, target: Path) -> None:
    """Write the encoder in ``wheel`` to ``target``."""
    with zipfile.ZipFile(wheel) as archive:
        data = archive.read(MEMBER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pretrained.pt"
        path.write_bytes(data)
        content = read_torch(path)
    names = SpeakerEncoder().state_dict().keys()
    tensors = {name: content["model_state"][name].to(torch.float16) for name in names}
    write_weights(
        target,
        tensors,
        config={"bands": 40, "width": 256, "layers": 3, "sample_rate": 16000},
        provenance={
            "from": "Resemblyzer 0.1.4, resemblyzer/pretrained.pt",
            "by": "Corentin Jemine, Resemble AI",
            "licence": "Apache-2.0",
            "sha256": hashlib.sha256(data).hexdigest(),
            "steps": content["step"],
            "changes": "encoder only, rounded to float16",
        },
    )
    print(f"{target}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--target", type=Path, default=TARGET)
    arguments = parser.parse_args()
    convert(arguments.wheel, arguments.target)
