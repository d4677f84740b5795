"""Stage (d): train the flow decoder, tokens and phones to mel, in the voice of a reference.

python recipes/lite/flow.py --work WORK --budget-minutes 9 [--device cuda]
"""

from __future__ import annotations

import argparse
import random
from functools import partial
from pathlib import Path

import torch
from corpus import CODEBOOK, Draw, Tokens
from safetensors.torch import load_file
from samples import speak_flow
from stage import Figures, Stage, Task, mean_of, stage_options

from myna.core.versions import version
from myna.engine.training.flow_loss import FlowBatch, flow_loss
from myna.engine.training.recipe import moved
from myna.models.sovits_flow import SovitsFlow

LITE = version("lite")
WINDOW = 150  # codes: 6 s
REFERENCE = 150  # frames of the reference spectrogram: 3 s
CODES = {"cpu": 900, "cuda": 24000}
"""Codes of a batch."""


def window(tokens: Tokens, index: int, rng: random.Random) -> dict[str, torch.Tensor]:
    """At most 6 s of one clip, with the phones spoken in it, and 3 s of its speaker as reference."""
    clip, codes, spoken = tokens.clips[index], tokens.codes[index], tokens.spoken[index]
    start = rng.randrange(max(1, len(codes) - WINDOW + 1))
    stop = min(start + WINDOW, len(codes))
    first, last = int(spoken[start]), int(spoken[stop - 1])
    ids = tokens.ids[index] if stop - start == len(codes) else tokens.ids[index][first : last + 1]
    mel = tokens.frames(clip, "mel", 2 * start, 2 * stop)
    others = [n for n in tokens.by_speaker[clip.speaker] if n in tokens.spans["spec"]]
    other = tokens.clips[rng.choice(others)]
    cut = rng.randrange(max(1, tokens.spans["spec"][other.number][1] - REFERENCE + 1))
    reference = tokens.frames(other, "spec", cut, cut + REFERENCE)
    return {"codes": codes[start:stop], "phones": ids, "mel": mel, "reference": reference}


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


def batch_at(tokens: Tokens, draw: Draw, codes: int, step: int) -> FlowBatch:
    """The batch of one step, a function of its number alone; about ``codes`` codes in all."""
    rng = random.Random(step)
    # Many more than are needed, sorted, of which a run of like length is taken.
    size = 64 * max(1, codes // CODES["cpu"])
    pool = sorted(draw.clips(size, rng), key=lambda i: min(len(tokens.codes[i]), WINDOW))
    start = rng.randrange(size * 9 // 10)
    longest = min(len(tokens.codes[pool[min(start + size // 5, size - 1)]]), WINDOW)
    return collate([window(tokens, i, rng) for i in pool[start : start + max(4, codes // longest)]])


@torch.no_grad()
def held_out(net: SovitsFlow, tokens: Tokens, device: torch.device) -> Figures:
    """Both losses on held-out speakers, with fixed draws."""
    rng = random.Random(0)
    torch.manual_seed(0)
    numbers = tokens.of("held", texted=True, kind="mel")[::4][:24]
    batch = collate([window(tokens, number, rng) for number in numbers])
    figures = flow_loss(net, moved(batch, device), prior=1.0, shortcut_share=0.0)[1]
    return {name: float(value) for name, value in figures.items()}


def fresh(work: Path) -> SovitsFlow:
    """A net that knows nothing but the codebook."""
    net = SovitsFlow(LITE.flow)
    # The content's two frames per code are equal: their mean is the code's vector.
    eye = torch.eye(LITE.flow.content_width)[:, :, None]
    net.ssl_proj.weight.data.copy_(torch.cat((eye, eye), dim=2) / 2)
    net.ssl_proj.bias.data.zero_()
    net.quantizer.codebook.load_state_dict(load_file(work / CODEBOOK))
    assert net.pitch is not None  # by the version's sizes
    net.pitch.reader.load_state_dict(pitch_reader(work))
    return net


def pitch_reader(work: Path) -> dict[str, torch.Tensor]:
    """The weights of the vocoder's pitch reader, which was taught by `pitch_track.py`."""
    return {
        name.removeprefix("pitch."): value
        for name, value in mean_of("vocoder", work).items()
        if name.startswith("pitch.")
    }


def main() -> None:
    """Train, going on from what is in the work folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    stage_options(parser, steps=20000, learning_rate=8e-4)
    parser.add_argument("--codes", type=int, help=f"of a batch; by default {CODES}")
    options = parser.parse_args()
    tokens = Tokens(options.work)
    net = fresh(options.work)
    net.ssl_proj.requires_grad_(False)
    stage = Stage("flow", net, options)
    stage.compile(net.cfm.estimator)

    def loss(batch: FlowBatch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        return flow_loss(net, batch, prior=0.5, shortcut_share=0.15)

    draw = Draw(tokens, tokens.of("train", texted=False, kind="mel"))
    codes = options.codes or CODES[stage.device.type]
    judge = partial(held_out, net, tokens, stage.device)
    stage.train(Task(partial(batch_at, tokens, draw, codes), loss, judge, partial(speak_flow, net, tokens)))


if __name__ == "__main__":
    main()
