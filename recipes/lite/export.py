"""Stage (f): write what the stages trained into the package as float16 safetensors.

python recipes/lite/export.py --work WORK --to src/myna/assets/lite
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from myna.core.versions import version
from myna.engine.weights import save_net
from myna.models.content import LiteContent
from myna.models.gpt import Gpt
from myna.models.sovits_flow import SovitsFlow

LITE = version("lite")
ABOUT = {
    "licence": "MIT; trained on speech under CC0, CC-BY-3.0, CC-BY-4.0 and Apache-2.0, see ATTRIBUTION.md",
    "recipe": "recipes/lite",
}


def last_figures(metrics: Path) -> dict:
    """The newest value of every figure that the stage reported."""
    figures: dict = {}
    for line in metrics.read_text().splitlines():
        figures |= json.loads(line)
    return figures


def main() -> None:
    """Write the three files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True)
    options = parser.parse_args()
    stages = (
        ("content", "content", LiteContent()),
        ("gpt", "gpt", Gpt(LITE.gpt)),
        ("sovits", "flow", SovitsFlow(LITE.flow)),
    )
    for name, stage, net in stages:
        saved = torch.load(options.work / f"{stage}.pt", weights_only=True)
        net.load_state_dict(saved["average"])
        path = options.to / f"{name}.safetensors"
        figures = last_figures(options.work / f"{stage}.metrics.jsonl")
        save_net(path, net, version=LITE, provenance=ABOUT | {"figures": figures})
        print(f"{path}: {path.stat().st_size / 2**20:.1f} MB")


if __name__ == "__main__":
    main()
