"""Stage (a): train the content encoder with CTC over phones, then with frame targets from its own alignment.

    python recipes/lite/content.py --work WORK --epochs 12 --frames-from 7
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from pathlib import Path

import numpy as np
import torch
from corpus import Clip, Corpus, batches, pad
from prepare import front_filters
from torch import Tensor
from torch.nn import functional as F

from myna.engine.align import best_path, centres
from myna.models.content import LiteContent

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
    for group in batches(corpus.pick("held", texted=True), 120, 0):
        frames, lengths = pad([corpus.frames(c, "front") for c in group])
        out = net.encode(frames, lengths)
        for clip, logits, length in zip(group, out.ctc_logits, out.lengths.tolist(), strict=True):
            wrong += phone_errors(clip.ctc, greedy(logits[:length]))
            total += len(clip.ctc)
    net.train()
    return wrong / total


@torch.no_grad()
def frame_targets(net: LiteContent, corpus: Corpus, clips: list[Clip]) -> dict[str, Tensor]:
    """Per clip the phone class of every 25 Hz frame (0 silence), from the net's own CTC alignment."""
    net.eval()
    targets = {}
    for group in batches(clips, 160, 0):
        rows = [corpus.frames(c, "front") for c in group]
        frames, lengths = pad(rows)
        with torch.autocast("cpu", torch.bfloat16):
            logits = net.encode(frames, lengths).ctc_logits
        logp = logits.float().log_softmax(-1)
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


def step_loss(net: LiteContent, corpus: Corpus, group: list[Clip], targets: dict[str, Tensor], rng: random.Random) -> Tensor:
    """CTC loss per phone, plus frame cross-entropy where targets are known."""
    frames, lengths = pad([augment(corpus.frames(c, "front"), rng) for c in group])
    with torch.autocast("cpu", torch.bfloat16):
        out = net.encode(frames, lengths)
    labels, label_lens = pad([torch.tensor(c.ctc) for c in group])
    logp = out.ctc_logits.float().log_softmax(-1).transpose(0, 1)
    ctc = F.ctc_loss(logp, labels, out.lengths, label_lens, reduction="sum", zero_infinity=True) / label_lens.sum()
    if not targets:
        return ctc
    none = torch.tensor([], dtype=torch.long)
    wanted, _ = pad([targets.get(c.file, none) for c in group], -100)
    wanted = F.pad(wanted, (0, out.features.shape[1] - wanted.shape[1]), value=-100)
    frame = F.cross_entropy(out.frame_logits.float().flatten(0, 1), wanted.flatten(), ignore_index=-100)
    return ctc + 0.5 * frame


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--frames-from", type=int, default=7, help="epoch from which frame targets are used")
    parser.add_argument("--batch-seconds", type=float, default=100)
    parser.add_argument("--learning-rate", type=float, default=1.5e-3)
    options = parser.parse_args()
    torch.manual_seed(0)
    corpus = Corpus(options.work)
    clips = [c for c in corpus.pick("train", texted=True) if len(c.ctc) < c.seconds * 24]
    net = LiteContent()
    net.front.filters.copy_(front_filters())
    optim = torch.optim.AdamW(net.parameters(), lr=options.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    total = len(batches(clips, options.batch_seconds, 0)) * options.epochs
    warm = 300
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optim, lambda s: min((s + 1) / warm, 0.5 * (1 + math.cos(math.pi * min(s / total, 1.0))) + 0.01))
    state, first = options.work / "content.pt", 0
    if state.exists():
        saved = torch.load(state, weights_only=True)
        net.load_state_dict(saved["net"])
        optim.load_state_dict(saved["optim"])
        schedule.load_state_dict(saved["schedule"])
        first = saved["epoch"]
    targets: dict[str, Tensor] = {}
    for epoch in range(first + 1, options.epochs + 1):
        begun, losses = time.time(), []
        if epoch >= options.frames_from and (not targets or epoch == options.frames_from + 2):
            targets = frame_targets(net, corpus, clips)
        rng = random.Random(epoch)
        for number, group in enumerate(batches(clips, options.batch_seconds, epoch)):
            loss = step_loss(net, corpus, group, targets, rng)
            optim.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optim.step()
            schedule.step()
            losses.append(loss.item())
            if number % 50 == 0:
                print(f"epoch {epoch} batch {number} loss {np.mean(losses[-50:]):.3f} {time.time() - begun:.0f}s", flush=True)
        row = {"epoch": epoch, "loss": float(np.mean(losses)), "phone_error": held_out(net, corpus), "seconds": time.time() - begun}
        print(json.dumps(row), flush=True)
        with open(options.work / "content.metrics.jsonl", "a") as file:
            file.write(json.dumps(row) + "\n")
        saved = {"net": net.state_dict(), "optim": optim.state_dict(), "schedule": schedule.state_dict(), "epoch": epoch}
        torch.save(saved, state.with_suffix(".partial"))
        state.with_suffix(".partial").rename(state)


if __name__ == "__main__":
    main()
