"""From the speech folder to the files that ship: does what is next, stage by stage.

    python recipes/lite/train.py --speech SPEECH --work WORK --to src/myna/assets/lite [--device cuda]

With ``--budget-minutes`` a call ends in time, and the same call goes on. What is next is seen from what is in WORK: a
stage is over when its state has come to its steps (``--steps flow=40000``). ``--from-shipped`` begins with the weights
and tokens of the bundled base: its content encoder is kept, the others go on. ``--only gpt flow`` trains these alone.
After each stage `myna bench voice` says how good it is; its answers are kept in ``WORK/figures``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus import SPANS
from export import export
from state import INDEX, has_state, read_about
from vocoder_voices import MADE_INDEX

HERE = Path(__file__).parent
STEPS = {"content": 4000, "gpt": 6000, "flow": 20000, "vocoder": 100_000}
"""The trained stages, and how long each is by default: some pieces of 9 minutes on a GPU, weeks on a CPU."""
BENCH_MINUTES = 5.0
"""What `myna bench voice` may take; with less time left it is put off to the next piece."""
TOGETHER = "samples/together.wav"


@dataclass(frozen=True)
class Part:
    """A part of the recipe: what does it, and whether it is done. ``do`` is told how many minutes there are."""

    name: str
    is_done: Callable[[], bool]
    do: Callable[[float], None]
    least_minutes: float = 1.0


class Recipe:
    """All parts in order, for one work folder."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.work = options, options.work
        self.steps = STEPS | {name: int(count) for name, _, count in (one.partition("=") for one in options.steps)}
        kept = {"content"} if options.from_shipped else set()
        self.trained = [name for name in STEPS if name in (options.only or set(STEPS) - kept)]

    def parts(self) -> list[Part]:
        """Every part, done or not."""
        speech, to = str(self.options.speech), str(self.options.to)
        many = ("--processes", str(os.cpu_count() or 2))
        languages = ("--languages", *self.options.languages)
        keep = ("--keep-codebook",) if self.options.from_shipped else ()
        return [
            self._once("prepare", SPANS, "--speech", speech, *languages, *many),
            *self._stage("content"),
            self._once("tokens", "tokens.npz", *keep, "--device", self.options.device),
            self._bench("tokens", "tokens.npz"),
            *self._stage("gpt"),
            *self._stage("flow"),
            *self._vocoder(speech, many),
            self._once("export", TOGETHER, "--to", to, after=[f"state/{name}/{INDEX}" for name in STEPS]),
            self._bench("", TOGETHER),
        ]

    def _stage(self, name: str) -> list[Part]:
        if name not in self.trained:
            return []
        begin = ("--from-shipped",) if self.options.from_shipped else ()
        command = ("--device", self.options.device, "--steps", str(self.steps[name]), *begin)
        state = self.work / "state" / name

        def is_over() -> bool:
            return has_state(state) and read_about(state)["step"] >= self.steps[name]

        def go_on(minutes: float) -> None:
            self._run(f"{name}.py", *command, "--budget-minutes", f"{minutes:.2f}")

        return [Part(name, is_over, go_on, 2.0), self._bench(name, f"state/{name}/{INDEX}")]

    def _vocoder(self, speech: str, many: Sequence[str]) -> list[Part]:
        if "vocoder" not in self.trained:
            return []
        data = self._once("vocoder_data", "voices.jsonl", "--speech", speech, *many)
        mels = self._once("vocoder_mels", MADE_INDEX, *many, after=[f"state/flow/{INDEX}"])
        return [data, mels, *self._stage("vocoder")]

    def _once(self, program: str, product: str, *options: str, after: Sequence[str] = ()) -> Part:
        """A program that is done when its product is there, and newer than what it is made of."""
        return Part(
            program,
            lambda: self._is_newer(product, after),
            lambda minutes: self._run(f"{program}.py", *options),  # noqa: ARG005
        )

    def _bench(self, stage: str, product: str) -> Part:
        """`myna bench voice` of one stage, or of the whole, with what is trained so far."""
        figures = f"figures/{stage or 'all'}.txt"

        def measure(minutes: float) -> None:  # noqa: ARG001
            models = self.work / "models"
            export(self.work, models / "lite")
            command = [sys.executable, "-c", "from myna.cli import main; main()", "bench", "voice"]
            command += ["--speech", str(self.options.speech)]
            command += ["--models", str(models), *(("--stage", stage) if stage else ())]
            answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            print(answer, flush=True)
            (self.work / figures).parent.mkdir(exist_ok=True)
            (self.work / figures).write_text(answer, encoding="utf-8")

        return Part(f"bench {stage}".strip(), lambda: self._is_newer(figures, [product]), measure, BENCH_MINUTES)

    def _is_newer(self, product: str, sources: Sequence[str]) -> bool:
        there = [self.work / source for source in sources if (self.work / source).is_file()]
        made = self.work / product
        return made.is_file() and all(made.stat().st_mtime >= source.stat().st_mtime for source in there)

    def _run(self, program: str, *options: str) -> None:
        print(f"{program} {' '.join(options)}", flush=True)
        subprocess.run([sys.executable, str(HERE / program), "--work", str(self.work), *options], check=True)


def go_on(parts: Sequence[Part], minutes: float) -> str:
    """Do what is not done, in order, until the minutes are over; returns what is to be said of it."""
    begun = time.monotonic()
    for part in parts:
        if part.is_done():
            continue
        left = minutes - (time.monotonic() - begun) / 60
        if left < part.least_minutes:
            return f"next: {part.name}; the same command goes on"
        part.do(left)
        if not part.is_done():
            return f"{part.name} is not over; the same command goes on"
    return "all is done"


def main() -> None:
    """Go on with the recipe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True, help="folder of the files that ship")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--budget-minutes", type=float, default=1e9, help="end this call before")
    parser.add_argument("--steps", nargs="*", default=[], metavar="STAGE=STEPS", help=f"by default {STEPS}")
    parser.add_argument("--only", nargs="*", choices=list(STEPS), default=[], help="stages to train; by default all")
    parser.add_argument("--languages", nargs="*", default=[], help="by default those of which there is enough")
    parser.add_argument("--from-shipped", action="store_true", help="begin with the weights that ship")
    options = parser.parse_args()
    print(go_on(Recipe(options).parts(), options.budget_minutes))


if __name__ == "__main__":
    main()
