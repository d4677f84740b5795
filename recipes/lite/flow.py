"""Stage (d): train the flow decoder, tokens and phones to mel, in the voice of a reference.

python recipes/lite/flow.py --work WORK --minutes 60
"""

from __future__ import annotations

import argparse
import random

import torch
from corpus import Tokens
from stage import Stage

from myna.core.versions import version
from myna.engine.training.flow_loss import FlowBatch, flow_loss
from myna.engine.training.recipe import moved
from myna.models.sovits_flow import SovitsFlow

LITE = version("lite")
WINDOW = 150  # codes: 6 s
REFERENCE = 150  # frames of the reference spectrogram: 3 s


def window(tokens: Tokens, index: int, rng: random.Random) -> dict[str, torch.Tensor]:
    """At most 6 s of one clip, with the phones spoken in it, and 3 s of its speaker as reference."""
    clip, codes, spoken = tokens.clips[index], tokens.codes[index], tokens.spoken[index]
    start = rng.randrange(max(1, len(codes) - WINDOW + 1))
    stop = min(start + WINDOW, len(codes))
    first, last = int(spoken[start]), int(spoken[stop - 1])
    ids = tokens.ids[index] if stop - start == len(codes) else tokens.ids[index][first : last + 1]
    mel = tokens.frames(clip, "mel")[2 * start : 2 * stop]
    other = tokens.clips[rng.choice(tokens.by_speaker[clip.speaker])]
    spec = tokens.frames(other, "spec")
    cut = rng.randrange(max(1, len(spec) - REFERENCE + 1))
    return {"codes": codes[start:stop], "phones": ids, "mel": mel, "reference": spec[cut : cut + REFERENCE]}


def collate(rows: list[dict[str, torch.Tensor]]) -> FlowBatch:
    """Right-padded batch; mel and reference lie as (B, bins, T)."""
    padded, lens = {}, {}
    for name in rows[0]:
        items = [row[name] for row in rows]
        padded[name] = torch.nn.utils.rnn.pad_sequence(items, batch_first=True)
        lens[name] = torch.tensor([len(i) for i in items])
    return FlowBatch(
        padded["codes"],
        lens["codes"],
        padded["phones"],
        lens["phones"],
        padded["mel"].transpose(1, 2),
        lens["mel"],
        padded["reference"].transpose(1, 2),
        lens["reference"],
    )


def batch_at(tokens: Tokens, step: int, codes: int) -> FlowBatch:
    """The batch of one step, a function of its number alone; about ``codes`` codes in all."""
    rng = random.Random(step)
    training = tokens.training(texted=False)
    pool = sorted(rng.sample(training, 64), key=lambda i: min(len(tokens.codes[i]), WINDOW))
    start = rng.randrange(len(pool) - 6)
    longest = min(len(tokens.codes[pool[min(start + 12, 63)]]), WINDOW)
    return collate([window(tokens, i, rng) for i in pool[start : start + max(4, codes // longest)]])


@torch.no_grad()
def held_out(net: SovitsFlow, tokens: Tokens, device: torch.device) -> dict[str, float]:
    """Both losses on held-out speakers, with fixed draws."""
    rng = random.Random(0)
    torch.manual_seed(0)
    batch = collate([window(tokens, i, rng) for i in tokens.held(texted=True)[::4][:24]])
    return floats(flow_loss(net, moved(batch, device), prior=1.0, shortcut_share=0.0)[1])


def floats(figures: dict[str, torch.Tensor]) -> dict[str, float]:
    """Figures as numbers."""
    return {name: float(value) for name, value in figures.items()}


def main() -> None:
    """Train, going on from what is in the work folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    Stage.options(parser, minutes=60, learning_rate=8e-4)
    parser.add_argument("--codes", type=int, default=900)
    options = parser.parse_args()
    tokens = Tokens(options.work)
    net = SovitsFlow(LITE.flow)
    net.ssl_proj.requires_grad_(False)
    # The content's two frames per code are equal: their mean is the code's vector.
    eye = torch.eye(LITE.flow.content_width)[:, :, None]
    net.ssl_proj.weight.data.copy_(torch.cat((eye, eye), dim=2) / 2)
    net.ssl_proj.bias.data.zero_()
    net.quantizer.codebook.load_state_dict(torch.load(options.work / "codebook.pt", weights_only=True))
    stage = Stage("flow", net, options)

    def loss_at(step: int) -> tuple[torch.Tensor, dict[str, float]]:
        batch = moved(batch_at(tokens, step, options.codes), stage.device)
        loss, figures = flow_loss(net, batch, prior=0.5, shortcut_share=0.15)
        return loss, floats(figures)

    stage.train(loss_at, lambda: held_out(net, tokens, stage.device))


if __name__ == "__main__":
    main()
