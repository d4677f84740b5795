"""One folder that suffices to train one stage on a machine that has nothing of this checkout.

    python recipes/lite/travel.py out  --speech SPEECH --work WORK --stage flow --to BOX [--limit-mb 62] [--light]
    sh run.sh DEVICE MINUTES OUT [options of the stage]          # there, in BOX
    python recipes/lite/travel.py back --come OUT --work WORK --stage flow

BOX holds the code that the stages need, the stage's state and as much speech as the limit leaves room for, as Opus;
with each ``--turn`` other clips. ``--light`` leaves a third of the state at home: training goes on from its mean
weights, and more speech fits. OUT gets the state and the samples, at most 8 files of at most 15 MB. Of the checkout
nothing else need travel: not the bundled base, not the tests.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

from corpus import CLIPS, CODEBOOK, SPANS
from pack import write_pack
from stage import SHIPPED, shipped_state
from state import has_state, read_state, write_state

from myna.core.assets import PACKAGE, bundled
from myna.core.errors import BadInput

DECODED = {
    "content": ("features.py", "--kinds", "front", "moved"),
    "gpt": ("features.py", "--kinds", "mel", "spec"),
    "flow": ("features.py", "--kinds", "mel", "spec"),
    "vocoder": ("vocoder_data.py", "--pack"),
}
"""What makes of the speech that travelled what each stage reads; of the GPT only the samples' sound does."""
MOST_SPEECH_MB = {"content": 40.0, "gpt": 2.0, "flow": 40.0, "vocoder": 40.0}
"""The GPT learns from tokens; it takes along little but the held-out speakers."""
_VOCODER = "lite/vocoder.safetensors"
BESIDE = {"content": (), "gpt": ("lite/sovits.safetensors", _VOCODER), "flow": (_VOCODER,), "vocoder": ()}
"""Files of the bundled base that a stage or its samples need; the flow reads the pitch with a part of the vocoder."""
LARGEST = 300_000
"""Bytes of a file of the package that travels: weights and dictionaries stay at home, phones are listed already."""
HERE = Path(__file__).parent
MOST_FILES = 8
SAMPLES = "samples.tar"
KEPT_BESIDE = ("metrics.jsonl", "targets.npz")
"""Files in a state's folder that are no part of `state`'s own."""

_RUN = """#!/bin/sh
# sh run.sh DEVICE MINUTES OUT [options of the stage]: one piece of training; what comes back lies in OUT.
# Needs Python 3.11 with torch, numpy, safetensors, transformers, soundfile and soxr.
device=$1; minutes=$2; mkdir -p "$3"; out=$(cd "$3" && pwd); shift 3
cd "$(dirname "$0")" || exit 1
PYTHONPATH=src exec "${PYTHON:-python3}" recipes/lite/travel.py run --work work --stage STAGE --device "$device" \\
    --minutes "$minutes" --to "$out" -- "$@"
"""


def send(options: argparse.Namespace) -> None:
    """Make the box. Raises `BadInput` where something is in its place, or the limit too small."""
    box, stage, work = options.to, options.stage, options.work
    if box.exists():
        raise BadInput(f"{box} is there already; name another folder, or remove it")
    shutil.copytree(PACKAGE.parent, box / "src" / "myna", ignore=_left_behind)
    shutil.copytree(HERE, box / "recipes" / "lite", ignore=_left_behind)
    for file in BESIDE[stage]:
        shutil.copy(bundled(file), box / "src" / "myna" / "assets" / file)
    inner = box / "work"
    inner.mkdir()
    for name in (CLIPS, "tokens.npz", CODEBOOK):
        if (work / name).is_file():
            shutil.copy(work / name, inner)
    _copy_state(work, inner, stage, is_light=options.light)
    (box / "run.sh").write_text(_RUN.replace("STAGE", stage), encoding="utf-8")
    room = options.limit_mb - size_mb(box) - 0.2
    if room <= 0:
        raise BadInput(
            f"code and state alone have {size_mb(box):.1f} MB; allow more, or leave a part at home (--light)"
        )
    write_pack(options.speech, inner, min(room, MOST_SPEECH_MB[stage]), options.turn)
    print(f"{box}: {size_mb(box):.1f} MB, {size_mb(inner / 'pack'):.1f} of it speech")


def _copy_state(work: Path, inner: Path, stage: str, *, is_light: bool) -> None:
    source, target = work / "state" / stage, inner / "state" / stage
    if not has_state(source) and not bundled(f"lite/{SHIPPED[stage]}.safetensors").is_file():
        return  # it begins anew
    tensors, about = read_state(source) if has_state(source) else shipped_state(stage)
    if is_light:
        tensors = {name: value for name, value in tensors.items() if not name.startswith(("away.", "scale."))}
    write_state(target, tensors, about)
    for name in KEPT_BESIDE:
        if (source / name).is_file():
            shutil.copy(source / name, target)


def run(options: argparse.Namespace) -> None:
    """Decode what travelled, train one piece, lay out what goes back."""
    begun, work = time.monotonic(), options.work
    if not (work / SPANS).is_file() and not (work / "voices.jsonl").is_file():
        name, *kinds = DECODED[options.stage]
        program = [sys.executable, str(HERE / name), "--work", str(work), *kinds]
        subprocess.run([*program, "--processes", str(os.cpu_count() or 2)], check=True)
    left = options.minutes - (time.monotonic() - begun) / 60
    program = [sys.executable, str(HERE / f"{options.stage}.py"), "--work", str(work), "--device", options.device]
    subprocess.run([*program, "--budget-minutes", f"{left:.2f}", "--save-minutes", "1000", *options.rest], check=True)
    state = work / "state" / options.stage
    files = sorted(file for file in state.iterdir() if file.is_file())
    with tarfile.open(options.to / SAMPLES, "w") as tar:
        tar.add(work / "samples" / options.stage, arcname=".")
    for file in files:
        shutil.copy(file, options.to)
    if len(files) + 1 > MOST_FILES:
        raise BadInput(f"{len(files) + 1} files would go back, {MOST_FILES} may")


def take_back(options: argparse.Namespace) -> None:
    """Put what came back where it belongs."""
    if not has_state(options.come):
        raise BadInput(f"{options.come} holds no state that could be taken back")
    tensors, about = read_state(options.come)  # whole, or an error before anything is replaced
    target, samples = options.work / "state" / options.stage, options.work / "samples" / options.stage
    write_state(target, tensors, about)
    for name in KEPT_BESIDE:
        if (options.come / name).is_file():
            shutil.copy(options.come / name, target)
    samples.mkdir(parents=True, exist_ok=True)
    if (options.come / SAMPLES).is_file():
        with tarfile.open(options.come / SAMPLES) as tar:
            tar.extractall(samples, filter="data")
    print(f"{options.stage} is at step {about['step']}, after {about['spent'] / 60:.1f} minutes of computing")


def _left_behind(folder: str, names: list[str]) -> list[str]:
    """Of a folder what does not travel."""
    return [
        name
        for name in names
        for path in [Path(folder) / name]
        if name in ("__pycache__", "state") or (path.is_file() and path.stat().st_size > LARGEST)
    ]


def size_mb(folder: Path) -> float:
    """The bytes of all files below ``folder``, in MB."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def main() -> None:
    """Send, run or take back."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(required=True)
    out, there, back = (verbs.add_parser(name) for name in ("out", "run", "back"))
    for verb, act in ((out, send), (there, run), (back, take_back)):
        verb.set_defaults(act=act)
        verb.add_argument("--work", type=Path, required=True)
        verb.add_argument("--stage", choices=list(DECODED), required=True)
    out.add_argument("--speech", type=Path, required=True)
    out.add_argument("--to", type=Path, required=True)
    out.add_argument("--limit-mb", type=float, default=62.0)
    out.add_argument("--turn", type=int, default=0)
    out.add_argument("--light", action="store_true", help="leave at home how far the weights are from their mean")
    there.add_argument("--device", default="cpu")
    there.add_argument("--minutes", type=float, required=True)
    there.add_argument("--to", type=Path, required=True)
    there.add_argument("rest", nargs="*", help="options of the stage")
    back.add_argument("--come", type=Path, required=True, help="the folder with what came back")
    options = parser.parse_args()
    options.act(options)


if __name__ == "__main__":
    main()
