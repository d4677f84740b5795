"""Stage (f): write what the stages trained as the files that ship, and hear whether they speak together.

    python recipes/lite/export.py --work WORK --to src/myna/assets/lite [--keep-state]

A stage that has no state in WORK keeps its file. ``--keep-state`` also writes into ``recipes/lite/state`` what the
repository keeps to go on from: second moments, step, metrics.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from stage import KEPT, SHIPPED, mean_of, without_weights
from state import has_state, read_state, write_state

from myna.audio.io import write_wav
from myna.core.assets import bundled
from myna.core.errors import BadCheckpoint
from myna.core.speech import SpeechRequest, Voice
from myna.core.versions import version
from myna.engine.synthesis.speaker import LocalSpeaker
from myna.engine.weights import save_net
from myna.models.content import ContentSizes, LiteContent
from myna.models.gpt import Gpt
from myna.models.source_filter import SourceFilter, SourceFilterSizes
from myna.models.sovits_flow import SovitsFlow

LITE = version("lite")
ABOUT = {
    "licence": "MIT; trained on speech under CC0, CC-BY-3.0, CC-BY-4.0 and Apache-2.0, see ATTRIBUTION.md",
    "recipe": "recipes/lite",
}
SENTENCE = "The train to the north leaves from another platform today."
SPEECH_S = (1.5, 12.0)
"""What the sentence may take, pauses included."""
QUIETEST = 0.01
"""Root mean square of what is not silence."""


def last_figures(metrics: Path) -> dict[str, float]:
    """The newest value of every figure that a stage reported."""
    figures: dict[str, float] = {}
    if metrics.is_file():
        for line in metrics.read_text(encoding="utf-8").splitlines():
            figures |= json.loads(line)
    return figures


def built(name: str, weights: dict[str, torch.Tensor]) -> torch.nn.Module:
    """The net of a stage; the content encoder has as many classes as its weights."""
    if name == "gpt":
        return Gpt(LITE.gpt)
    if name == "flow":
        return SovitsFlow(LITE.flow)
    if name == "vocoder":
        return SourceFilter(SourceFilterSizes())
    classes = len(weights["ctc_head.weight"])
    return LiteContent(replace(ContentSizes(), classes=classes, frame_classes=classes))


def export(work: Path, to: Path) -> list[Path]:
    """Write the file of every stage that has a state."""
    written = []
    for name in SHIPPED:
        if not has_state(work / "state" / name):
            continue
        weights = mean_of(name, work)
        net = built(name, weights)
        net.load_state_dict(weights)
        path = to / f"{SHIPPED[name]}.safetensors"
        figures = last_figures(work / "state" / name / "metrics.jsonl")
        save_net(path, net, version=LITE, provenance=ABOUT | {"figures": figures})
        written.append(path)
    return written


def keep_states(work: Path) -> None:
    """Write what the repository keeps of every state: all but the weights, which ship."""
    for name in SHIPPED:
        folder = work / "state" / name
        if has_state(folder):
            tensors, about = read_state(folder)
            shutil.rmtree(KEPT / name, ignore_errors=True)
            write_state(KEPT / name, without_weights(tensors), about)
            shutil.copy(folder / "metrics.jsonl", KEPT / name)


def check_together(models: Path, reference: Path, text: str, to: Path) -> str:
    """Say a sentence with the files below ``models`` and the bundled others; returns how it went.

    Raises `BadCheckpoint` where what comes out cannot be speech.
    """
    voice = Voice(version=LITE.name, reference=reference, reference_text=text, reference_language="en")
    request = SpeechRequest(text=SENTENCE, voice=voice, language="en", seed=0)
    samples = np.concatenate([chunk.samples for chunk in LocalSpeaker(models, "cpu").say(request)])
    seconds, loudness = len(samples) / LITE.output_rate_hz, float(np.sqrt(np.mean(np.square(samples))))
    write_wav(to, samples, LITE.output_rate_hz)
    if not SPEECH_S[0] <= seconds <= SPEECH_S[1] or not np.isfinite(loudness) or loudness < QUIETEST:
        raise BadCheckpoint(f"the nets do not speak together: {seconds:.1f} s of loudness {loudness:.3f} in {to}")
    return f"{seconds:.1f} s of loudness {loudness:.3f} in {to}"


def main() -> None:
    """Write the files, and check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--reference", type=Path, help="a recording to speak like; by default the demo's")
    parser.add_argument("--keep-state", action="store_true", help="write recipes/lite/state too")
    options = parser.parse_args()
    models = options.work / "models"
    for path in export(options.work, models / "lite"):
        print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")
    reference = options.reference or bundled("demo/recording.flac")
    print(check_together(models, reference, "", options.work / "samples" / "together.wav"))
    for path in sorted((models / "lite").glob("*.safetensors")):
        shutil.copy(path, options.to / path.name)
    if options.keep_state:
        keep_states(options.work)


if __name__ == "__main__":
    main()
