"""Stage (a): train the content encoder with CTC over phones, then with frame targets from its own alignment.

python recipes/lite/content.py --work WORK --epochs 12 --frames-from 7
"""

from __future__ import annotations

import argparse
import random

import numpy as np
import torch
from corpus import Clip, Corpus, batches, pad
from prepare import front_filters
from stage import Stage
from torch import Tensor
from torch.nn import functional as F

from myna.engine.align import best_path, centres
from myna.models.content import LiteContent

MOST_PHONES_PER_S = 24
SILENCE_DB = 38.0  # below the clip's loudest frame: silence, for the frame targets


def warp(bands: int, factor: float) -> Tensor:
    """The (bands, bands) matrix that stretches the band axis by ``factor`` (vocal tract length perturbation, Jaitly and
    Hinton 2013)."""
    at = (torch.arange(bands) * factor).clamp(max=bands - 1.001)
    low = at.long()
    matrix = torch.zeros(bands, bands)
    matrix[low, torch.arange(bands)] = 1 - (at - low)
    matrix[low + 1, torch.arange(bands)] += at - low
    return matrix


def augment(frames: Tensor, rng: random.Random) -> Tensor:
    """Another vocal tract, another colour, holes in time and frequency (SpecAugment, Park et al. 2019)."""
    frames = frames @ warp(frames.shape[1], rng.uniform(0.84, 1.18))
    frames += torch.linspace(-1, 1, frames.shape[1]) * rng.uniform(-1.2, 1.2)
    mean = frames.mean()
    for _ in range(2):
        start, width = rng.randrange(frames.shape[1]), rng.randrange(14)
        frames[:, start : start + width] = mean
    for _ in range(1 + frames.shape[0] // 250):
        start, width = rng.randrange(frames.shape[0]), rng.randrange(22)
        frames[start : start + width] = mean
    return frames


def phone_errors(reference: list[int], guess: list[int]) -> int:
    """Levenshtein distance."""
    row = list(range(len(guess) + 1))
    for i, r in enumerate(reference, 1):
        last, row[0] = row[0], i
        for j, g in enumerate(guess, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (r != g))
    return row[-1]


def greedy(logits: Tensor) -> list[int]:
    """Best class per frame, repeats and blanks removed; (T, classes)."""
    best = logits.argmax(-1).tolist()
    return [c for i, c in enumerate(best) if c and (i == 0 or best[i - 1] != c)]


@torch.no_grad()
def held_out(net: LiteContent, corpus: Corpus) -> float:
    """Phone error rate on the speakers kept apart."""
    net.eval()
    wrong = total = 0
    device = net.ctc_head.weight.device
    for group in batches(corpus.pick("held", texted=True), 120, 0):
        frames, lengths = pad([corpus.frames(c, "front") for c in group])
        out = net.encode(frames.to(device), lengths.to(device))
        for clip, logits, length in zip(group, out.ctc_logits.cpu(), out.lengths.tolist(), strict=True):
            wrong += phone_errors(clip.ctc, greedy(logits[:length]))
            total += len(clip.ctc)
    net.train()
    return wrong / total


@torch.no_grad()
def frame_targets(net: LiteContent, corpus: Corpus, clips: list[Clip]) -> dict[str, Tensor]:
    """Per clip the phone class of every 25 Hz frame (0 silence), from the net's own CTC alignment."""
    net.eval()
    targets = {}
    device = net.ctc_head.weight.device
    for group in batches(clips, 160, 0):
        rows = [corpus.frames(c, "front") for c in group]
        frames, lengths = pad(rows)
        with torch.autocast(device.type, torch.bfloat16):
            logits = net.encode(frames.to(device), lengths.to(device)).ctc_logits
        logp = logits.float().log_softmax(-1).cpu()
        for clip, row, scores in zip(group, rows, logp, strict=True):
            num = (len(row) + 3) // 4
            path = best_path(scores[:num].numpy(), clip.ctc)
            if path is None:
                continue
            middles = centres(path, len(clip.ctc))
            nearest = np.abs(np.arange(num)[:, None] - middles[None]).argmin(1)
            labels = np.asarray(clip.ctc)[nearest]
            loud = F.pad(row.exp().mean(1), (0, num * 4 - len(row))).view(num, 4).amax(1).clamp(min=1e-8).log10() * 10
            quiet = (loud < loud.max() - SILENCE_DB).numpy()
            quiet[middles.round().astype(int)] = False
            labels[quiet] = 0
            targets[clip.file] = torch.from_numpy(labels)
    net.train()
    return targets


def content_loss(
    net: LiteContent, corpus: Corpus, group: list[Clip], targets: dict[str, Tensor], rng: random.Random
) -> tuple[Tensor, dict[str, float]]:
    """CTC loss per phone, plus half the frame cross-entropy where targets are known."""
    device = net.ctc_head.weight.device
    frames, lengths = pad([augment(corpus.frames(c, "front"), rng) for c in group])
    out = net.encode(frames.to(device), lengths.to(device))
    labels, label_lens = (x.to(device) for x in pad([torch.tensor(c.ctc) for c in group]))
    logp = out.ctc_logits.float().log_softmax(-1).transpose(0, 1)
    ctc = F.ctc_loss(logp, labels, out.lengths, label_lens, reduction="sum", zero_infinity=True) / label_lens.sum()
    figures = {"ctc": float(ctc.detach())}
    if not targets:
        return ctc, figures
    none = torch.tensor([], dtype=torch.long)
    wanted, _ = pad([targets.get(c.file, none) for c in group], -100)
    wanted = F.pad(wanted, (0, out.features.shape[1] - wanted.shape[1]), value=-100)
    frame = F.cross_entropy(out.frame_logits.float().flatten(0, 1), wanted.flatten().to(device), ignore_index=-100)
    return ctc + 0.5 * frame, figures | {"frame": float(frame.detach())}


def main() -> None:
    """Train, going on from what is in the work folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    Stage.options(parser, minutes=35, learning_rate=1.5e-3)
    parser.add_argument("--frames-from", type=float, default=0.5, help="share of the minutes before frame targets")
    parser.add_argument("--batch-seconds", type=float, default=100)
    options = parser.parse_args()
    corpus = Corpus(options.work)
    clips = [c for c in corpus.pick("train", texted=True) if len(c.ctc) < c.seconds * MOST_PHONES_PER_S]
    net = LiteContent()
    net.front.filters.copy_(front_filters())
    stage = Stage("content", net, options)
    rounds: dict[int, list[list[Clip]]] = {}
    targets: dict[str, Tensor] = {}
    length = len(batches(clips, options.batch_seconds, 0))

    def loss_at(step: int) -> tuple[Tensor, dict[str, float]]:
        if not targets and stage.done >= options.frames_from:
            targets.update(frame_targets(net, corpus, clips))
        epoch = step // length
        if epoch not in rounds:
            rounds.clear()
            rounds[epoch] = batches(clips, options.batch_seconds, epoch)
        # The number of batches differs a little from round to round.
        group = rounds[epoch][step % length % len(rounds[epoch])]
        return content_loss(net, corpus, group, targets, random.Random(step))

    stage.train(loss_at, lambda: {"phone_error": held_out(net, corpus)})


if __name__ == "__main__":
    main()
