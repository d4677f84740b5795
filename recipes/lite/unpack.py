"""Begin a work folder with the weights that ship, so that training goes on from them.

    python recipes/lite/unpack.py --work WORK

Writes ``content.pt``, ``gpt.pt``, ``flow.pt`` and ``codebook.pt`` where they are not there yet. Then run
``tokens.py --keep-codebook``: tokens must go on meaning what the shipped nets take them for.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from myna.checkpoints.native import read_weights
from myna.core.assets import bundled

CODEBOOK = "quantizer.vq.layers.0._codebook."


def main() -> None:
    """Write the states."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    for stage, name in (("content", "content"), ("gpt", "gpt"), ("flow", "sovits")):
        shipped = read_weights(bundled(f"lite/{name}.safetensors")).tensors
        weights = {k: v.float() if v.is_floating_point() else v for k, v in shipped.items()}
        files = {f"{stage}.pt": {"net": weights, "average": weights, "step": 0, "spent": 0.0}}
        if stage == "flow":
            files["codebook.pt"] = {k.removeprefix(CODEBOOK): v for k, v in weights.items() if k.startswith(CODEBOOK)}
        for file, state in files.items():
            if (options.work / file).exists():
                print(f"{file} is there already: kept")
            else:
                torch.save(state, options.work / file)
                print(f"{file} written")


if __name__ == "__main__":
    main()
