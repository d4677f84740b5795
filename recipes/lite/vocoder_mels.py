"""Speak training clips' own tokens by the flow decoder: mels as the vocoder gets them, frame by frame beside the sound.

    python recipes/lite/vocoder_mels.py --work WORK [--clips 1500] [--processes 2]

Needs what `prepare.py` and `tokens.py` wrote, and takes the decoder as trained so far, or as it ships.
Writes ``made.f16`` (log-mels, all clips end to end) and ``made.json`` (where each file's lies) into WORK; from then on
`vocoder.py` learns from these as well. Each clip is spoken behind another one of its speaker, as a reference is used,
at the pitch that it has.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from corpus import Draw, Tokens
from flow import fresh
from samples import Reference, reference_of, spoken_again
from stage import mean_of
from vocoder_voices import MADE, MADE_INDEX

from myna.core.workspace import write_bytes
from myna.models.sovits_flow import SovitsFlow

SHORTEST, LONGEST = 38, 250  # codes: 1.5 s to 10 s
PROMPT = 100  # codes: 4 s at least, of a clip that others are spoken behind
AT_ONCE = 8


def chosen(tokens: Tokens, count: int) -> list[int]:
    """Numbers of about ``count`` clips for training, of many speakers, and of all that are held out."""
    fit = [n for n in tokens.of("train", texted=False, kind="mel") if SHORTEST <= len(tokens.codes[n]) <= LONGEST]
    drawn = Draw(tokens, fit).clips(count, random.Random(0)) if fit else []
    held = [n for n in tokens.of("held", texted=False, kind="mel") if SHORTEST <= len(tokens.codes[n]) <= LONGEST]
    return sorted({*drawn, *held})


def groups(tokens: Tokens, numbers: Sequence[int]) -> list[tuple[int, list[int]]]:
    """Some clips of one speaker each, and the other clip that they are spoken behind."""
    by_speaker: dict[str, list[int]] = {}
    for number in numbers:
        by_speaker.setdefault(tokens.clips[number].speaker, []).append(number)
    rng, found = random.Random(0), []
    for speaker, own in by_speaker.items():
        for at in range(0, len(own), AT_ONCE):
            group = own[at : at + AT_ONCE]
            others = [n for n in tokens.by_speaker[speaker] if n not in group and tokens.has(tokens.clips[n], "mel")]
            others = others or [group.pop()]
            long = [n for n in others if PROMPT <= len(tokens.codes[n]) <= LONGEST]
            if group:
                found.append((rng.choice(long or others), group))
    return found


@torch.inference_mode()
def spoken(group: tuple[int, list[int]], work: Path) -> list[tuple[str, np.ndarray]]:
    """File and log-mel (T, bands), float16, of every clip of a group."""
    net, tokens = _loaded(work)
    reference: Reference = reference_of(net, tokens, group[0])
    rows = ((n, spoken_again(net, tokens, reference, n)) for n in group[1])
    return [(tokens.clips[n].file, mel[0].T.numpy().astype(np.float16)) for n, mel in rows]


_KEPT: dict[Path, tuple[SovitsFlow, Tokens]] = {}


def _loaded(work: Path) -> tuple[SovitsFlow, Tokens]:
    """Net and corpus, once for each process."""
    if work not in _KEPT:
        torch.set_num_threads(1)
        net = fresh(work).eval()
        net.load_state_dict(mean_of("flow", work))
        _KEPT[work] = net, Tokens(work)
    return _KEPT[work]


def write(work: Path, found: Iterator[list[tuple[str, np.ndarray]]], count: int) -> None:
    """Lay all mels end to end."""
    spans, at = dict[str, tuple[int, int]](), 0
    with (work / f"{MADE}.partial").open("wb") as file:
        for done, rows in enumerate(found, start=1):
            for name, mel in rows:
                spans[name] = at, len(mel)
                at += len(mel)
                mel.tofile(file)
            if done % 20 == 0 or done == count:
                print(f"spoken: {done} of {count} groups", flush=True)
    (work / f"{MADE}.partial").rename(work / MADE)
    write_bytes(work / MADE_INDEX, json.dumps(spans).encode())


def main() -> None:
    """Speak them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=1500)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    tokens = Tokens(options.work)
    tasks = groups(tokens, chosen(tokens, options.clips))
    with ProcessPoolExecutor(options.processes) as pool:
        write(options.work, pool.map(partial(spoken, work=options.work), tasks), len(tasks))


if __name__ == "__main__":
    main()
