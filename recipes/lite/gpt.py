"""Stage (c): train the GPT, phones to tokens, on single clips and on pairs of one speaker (prompt and continuation).

python recipes/lite/gpt.py --work WORK --minutes 60
"""

from __future__ import annotations

import argparse
import random

import torch
from corpus import Tokens
from stage import Stage

from myna.core.versions import version
from myna.engine.training.losses import GptBatch, gpt_loss, with_wrong_tokens
from myna.engine.training.recipe import moved
from myna.models.gpt import Gpt

LITE = version("lite")
LONGEST = 300  # tokens of one training row: 12 s


def sample(tokens: Tokens, first: int, rng: random.Random) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(phones, codes, spoken) of a clip, half of the time followed by another clip of its speaker."""
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


def collate(rows: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]) -> GptBatch:
    """Right-padded batch."""
    phones, codes, spoken = zip(*rows, strict=True)

    def pad(items: tuple[torch.Tensor, ...], value: int) -> torch.Tensor:
        return torch.nn.utils.rnn.pad_sequence(list(items), batch_first=True, padding_value=value)

    def lens(items: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return torch.tensor([len(i) for i in items])

    return GptBatch(pad(phones, 0), lens(phones), pad(codes, 0), lens(codes), spoken=pad(spoken, 0))


def batch_at(tokens: Tokens, step: int, positions: int) -> GptBatch:
    """The batch of one step, a function of its number alone; about ``positions`` phones and tokens."""
    rng = random.Random(step)
    texted = tokens.training(texted=True)
    pool = sorted((sample(tokens, rng.choice(texted), rng) for _ in range(96)), key=lambda r: len(r[0]) + len(r[1]))
    start = rng.randrange(len(pool) - 8)
    count = max(4, positions // (len(pool[min(start + 16, len(pool) - 1)][0]) + len(pool[min(start + 16, 95)][1])))
    return collate(pool[start : start + count])


@torch.no_grad()
def held_out(net: Gpt, tokens: Tokens, device: torch.device) -> dict[str, float]:
    """Cross-entropy and accuracy per token on held-out speakers."""
    rows = [(tokens.ids[i], tokens.codes[i], tokens.spoken[i]) for i in tokens.held(texted=True)][:48]
    return floats(gpt_loss(net, moved(collate(rows), device))[1])


def floats(figures: dict[str, torch.Tensor]) -> dict[str, float]:
    """Figures as numbers."""
    return {name: float(value) for name, value in figures.items()}


def main() -> None:
    """Train, going on from what is in the work folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    Stage.options(parser, minutes=45, learning_rate=6e-4)
    parser.add_argument("--positions", type=int, default=2600)
    options = parser.parse_args()
    tokens = Tokens(options.work)
    # No dropout: wrong tokens regularise better here, and dropout would halve the speed on a CPU.
    net = Gpt(LITE.gpt)
    for name, weight in net.named_parameters():
        if "embedding" in name:
            torch.nn.init.normal_(weight, std=0.3)

    def loss_at(step: int) -> tuple[torch.Tensor, dict[str, float]]:
        batch = moved(batch_at(tokens, step, options.positions), stage.device)
        loss, figures = gpt_loss(net, with_wrong_tokens(batch, 0.08, LITE.flow.codes))
        return loss, floats(figures)

    stage = Stage("gpt", net, options)
    stage.train(loss_at, lambda: held_out(net, tokens, stage.device))


if __name__ == "__main__":
    main()
