"""Stage (c): train the GPT, phones to tokens, on single clips and on pairs of one speaker (prompt and continuation).

python recipes/lite/gpt.py --work WORK --budget-minutes 9 [--device cuda]
"""

from __future__ import annotations

import argparse
import random
from functools import partial

import torch
from corpus import Draw, Tokens, pad
from samples import speak_gpt
from stage import Figures, Stage, Task, stage_options

from myna.core.versions import version
from myna.engine.training.losses import GptBatch, gpt_loss, with_wrong_tokens
from myna.engine.training.recipe import moved
from myna.models.gpt import Gpt

LITE = version("lite")
LONGEST = 300  # tokens of one training row: 12 s
POSITIONS = {"cpu": 2600, "cuda": 48000}
"""Phones and tokens of a batch."""
WRONG = 0.08
"""Share of the tokens that are read wrong, so that the net learns to go on behind its own errors."""

Sample = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def sample(tokens: Tokens, first: int, rng: random.Random) -> Sample:
    """(phones, codes, spoken) of a clip, a third of the time behind another clip of its speaker."""
    rows = [first]
    others = tokens.by_speaker[tokens.clips[first].speaker]
    if rng.random() < 0.35 and len(others) > 1:
        other = rng.choice(others)
        if other != first and len(tokens.codes[first]) + len(tokens.codes[other]) <= LONGEST:
            rows.insert(0, other)
    phones, codes, spoken, offset = [], [], [], 0
    for row in rows:
        phones.append(tokens.ids[row])
        codes.append(tokens.codes[row])
        spoken.append(tokens.spoken[row] + offset)
        offset += len(tokens.ids[row])
    return torch.cat(phones), torch.cat(codes)[:LONGEST], torch.cat(spoken)[:LONGEST]


def collate(rows: list[Sample]) -> GptBatch:
    """Right-padded batch."""
    phones, codes, spoken = (pad(items) for items in zip(*rows, strict=True))
    return GptBatch(*phones, *codes, spoken=spoken[0])


def batch_at(tokens: Tokens, draw: Draw, positions: int, step: int) -> GptBatch:
    """The batch of one step, a function of its number alone; about ``positions`` phones and tokens."""
    rng = random.Random(step)
    # Many more than are needed, sorted, of which a run of like length is taken.
    size = 96 * max(1, positions // POSITIONS["cpu"])
    pool = sorted((sample(tokens, n, rng) for n in draw.clips(size, rng)), key=lambda r: len(r[0]) + len(r[1]))
    start = rng.randrange(size * 11 // 12)
    longest = pool[min(start + size // 6, size - 1)]
    return collate(pool[start : start + max(4, positions // (len(longest[0]) + len(longest[1])))])


@torch.no_grad()
def held_out(net: Gpt, tokens: Tokens, device: torch.device) -> Figures:
    """Cross-entropy and accuracy per token on held-out speakers."""
    rows = [(tokens.ids[i], tokens.codes[i], tokens.spoken[i]) for i in tokens.of("held", texted=True)][:48]
    return {name: float(value) for name, value in gpt_loss(net, moved(collate(rows), device))[1].items()}


def main() -> None:
    """Train, going on from what is in the work folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    stage_options(parser, steps=6000, learning_rate=6e-4)
    parser.add_argument("--positions", type=int, help=f"of a batch; by default {POSITIONS}")
    options = parser.parse_args()
    tokens = Tokens(options.work)
    # No dropout: wrong tokens regularise better here, and dropout would halve the speed on a CPU.
    net = Gpt(LITE.gpt)
    for name, weight in net.named_parameters():
        if "embedding" in name:
            torch.nn.init.normal_(weight, std=0.3)
    stage = Stage("gpt", net, options)
    stage.compile(net.h)

    def loss(batch: GptBatch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        return gpt_loss(net, with_wrong_tokens(batch, WRONG, LITE.flow.codes))

    draw = Draw(tokens, tokens.of("train", texted=True))
    positions = options.positions or POSITIONS[stage.device.type]
    judge = partial(held_out, net, tokens, stage.device)
    stage.train(Task(partial(batch_at, tokens, draw, positions), loss, judge, partial(speak_gpt, net, tokens)))


if __name__ == "__main__":
    main()
