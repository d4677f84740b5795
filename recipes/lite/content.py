"""Stage (a): train the content encoder with CTC over phones, then with frame targets from its own alignment.

python recipes/lite/content.py --work WORK --budget-minutes 9 [--device cuda]

It must not hear who speaks: half of the clips are heard at another pitch and speed (`features.py` made them), all of
them from another vocal tract, in another colour, with holes in time and frequency.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from corpus import Clip, Corpus, batches, pad
from features import front_filters
from stage import Figures, Stage, Task, stage_options
from torch import Tensor
from torch.nn import functional as F

from myna.engine.align import best_path, centres
from myna.engine.edit_distance import edits
from myna.models.content import ContentSizes, LiteContent

MOST_PHONES_PER_S = 24
SILENCE_DB = 38.0  # below the clip's loudest frame: silence, for the frame targets
MOVED = 0.5
"""Share of the clips that are heard at another pitch."""
SECONDS = {"cpu": 100.0, "cuda": 1600.0}
"""Of a batch."""


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


def greedy(logits: Tensor) -> list[int]:
    """Best class per frame, repeats and blanks removed; (T, classes)."""
    best = logits.argmax(-1).tolist()
    return [c for i, c in enumerate(best) if c and (i == 0 or best[i - 1] != c)]


@dataclass
class ContentBatch:
    """``frames`` (B, T, 80) and ``labels`` (B, L), CTC classes, with lengths (B,); ``wanted`` (B, T25) the class of
    every frame, -100 where none is known."""

    frames: Tensor
    lengths: Tensor
    labels: Tensor
    label_lens: Tensor
    wanted: Tensor


@torch.no_grad()
def held_out(net: LiteContent, corpus: Corpus) -> Figures:
    """Phone error rate on the speakers kept apart, and per language where there are several."""
    wrong: dict[str, int] = {}
    total: dict[str, int] = {}
    device = net.ctc_head.weight.device
    for group in batches(corpus.pick("held", texted=True), 120, 0):
        frames, lengths = pad([corpus.frames(c, "front") for c in group])
        out = net.encode(frames.to(device), lengths.to(device))
        for clip, logits, length in zip(group, out.ctc_logits.cpu(), out.lengths.tolist(), strict=True):
            said = corpus.ctc(clip)
            missed = edits(said, greedy(logits[:length]))
            wrong[clip.language] = wrong.get(clip.language, 0) + missed
            total[clip.language] = total.get(clip.language, 0) + len(said)
    figures = {"phone_error": sum(wrong.values()) / max(sum(total.values()), 1)}
    return figures | {f"phone_error_{name}": wrong[name] / total[name] for name in wrong if len(wrong) > 1}


@torch.no_grad()
def frame_targets(net: LiteContent, corpus: Corpus, clips: list[Clip]) -> dict[int, Tensor]:
    """Per clip number the class of every 25 Hz frame (0 silence), from the net's own CTC alignment."""
    net.eval()
    targets = {}
    device = net.ctc_head.weight.device
    for group in batches(clips, 160 if device.type == "cpu" else 2000, 0):
        rows = [corpus.frames(c, "front") for c in group]
        frames, lengths = pad(rows)
        with torch.autocast(device.type, torch.bfloat16):
            logits = net.encode(frames.to(device), lengths.to(device)).ctc_logits
        logp = logits.float().log_softmax(-1).cpu()
        for clip, row, scores in zip(group, rows, logp, strict=True):
            labels = _frame_labels(row, scores, corpus.ctc(clip))
            if labels is not None:
                targets[clip.number] = labels
    net.train()
    return targets


def save_targets(path: Path, targets: dict[int, Tensor]) -> None:
    """Write what `frame_targets` found, a byte per frame."""
    partial_file = path.with_suffix(".partial.npz")
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [labels.numpy().astype(np.uint8) for labels in targets.values()]
    lengths = np.asarray([len(row) for row in rows], np.int32)
    numbers = np.asarray(list(targets), np.int32)
    np.savez_compressed(partial_file, numbers=numbers, lengths=lengths, labels=np.concatenate(rows))
    partial_file.rename(path)


def read_targets(path: Path) -> dict[int, Tensor]:
    """What `save_targets` wrote."""
    with np.load(path) as stored:
        rows = np.split(stored["labels"].astype(np.int64), np.cumsum(stored["lengths"])[:-1])
        return {number: torch.from_numpy(row) for number, row in zip(stored["numbers"].tolist(), rows, strict=True)}


def _frame_labels(row: Tensor, scores: Tensor, said: list[int]) -> Tensor | None:
    """The class (T25,) of each frame of ``row`` (T100, 80): the nearest phone's, 0 where it is quiet between phones."""
    num = (len(row) + 3) // 4
    path = best_path(scores[:num].numpy(), said)
    if path is None:
        return None
    middles = centres(path, len(said))
    labels = np.asarray(said)[np.abs(np.arange(num)[:, None] - middles[None]).argmin(1)]
    loud = F.pad(row.exp().mean(1), (0, num * 4 - len(row))).view(num, 4).amax(1).clamp(min=1e-8).log10() * 10
    quiet = (loud < loud.max() - SILENCE_DB).numpy()
    quiet[middles.round().astype(int)] = False
    labels[quiet] = 0
    return torch.from_numpy(labels)


class Batches:
    """Rounds over all clips; the batch of a step depends on its number, and on the targets once these are there."""

    def __init__(self, corpus: Corpus, clips: list[Clip], seconds: float) -> None:
        self.corpus, self.clips, self.seconds = corpus, clips, seconds
        self.length = len(batches(clips, seconds, 0))
        self.rounds: dict[int, list[list[Clip]]] = {}
        self.targets: dict[int, Tensor] = {}

    def at(self, step: int) -> ContentBatch:
        """The batch of one step."""
        number = step // self.length
        if number not in self.rounds:
            self.rounds = {number: batches(self.clips, self.seconds, number)}
        # The number of batches differs a little from round to round.
        group = self.rounds[number][step % self.length % len(self.rounds[number])]
        rng = random.Random(step)
        kinds = ["moved" if rng.random() < MOVED else "front" for _ in group]
        rows = [augment(self.corpus.frames(c, kind), rng) for c, kind in zip(group, kinds, strict=True)]
        frames, lengths = pad(rows)
        labels = pad([torch.tensor(self.corpus.ctc(c)) for c in group])
        wanted = [self._wanted(c, (len(row) + 3) // 4) for c, row in zip(group, rows, strict=True)]
        return ContentBatch(frames, lengths, *labels, pad(wanted, -100)[0])

    def _wanted(self, clip: Clip, length: int) -> Tensor:
        """The clip's targets at the speed at which it is heard, (length,)."""
        if clip.number not in self.targets:
            return torch.full((length,), -100)
        known = self.targets[clip.number]
        return known[(torch.arange(length) * len(known)) // length]


def content_loss(net: LiteContent, batch: ContentBatch) -> tuple[Tensor, dict[str, Tensor]]:
    """CTC loss per phone, plus half the frame cross-entropy where targets are known."""
    out = net.encode(batch.frames, batch.lengths)
    logp = out.ctc_logits.float().log_softmax(-1).transpose(0, 1)
    lens = batch.label_lens
    ctc = F.ctc_loss(logp, batch.labels, out.lengths, lens, reduction="sum", zero_infinity=True) / lens.sum()
    known = batch.wanted >= 0
    missed = F.cross_entropy(
        out.frame_logits.float().flatten(0, 1), batch.wanted.flatten(), ignore_index=-100, reduction="sum"
    )
    frame = missed / known.sum().clamp(min=1)
    return ctc + 0.5 * frame, {"ctc": ctc.detach(), "frame": frame.detach()}


def write_heard(net: LiteContent, corpus: Corpus, folder: Path) -> None:
    """What the net hears in fixed clips of held-out speakers, below what was said."""
    names = {number: phone for phone, number in corpus.classes.items()}
    device, lines = net.ctc_head.weight.device, []
    for clip in corpus.pick("held", texted=True)[::40][:6]:
        frames = corpus.frames(clip, "front")[None].to(device)
        with torch.no_grad():
            logits = net.encode(frames, torch.tensor([frames.shape[1]], device=device)).ctc_logits[0]
        said, heard = (" ".join(names[c] for c in row) for row in (corpus.ctc(clip), greedy(logits)))
        lines.append(f"{clip.file}\nsaid   {said}\nheard  {heard}\n")
    (folder / "heard.txt").write_text("\n".join(lines), encoding="utf-8")


def main() -> None:
    """Train, going on from what is in the work folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    stage_options(parser, steps=4000, learning_rate=1.5e-3)
    parser.add_argument("--frames-from", type=float, default=0.5, help="share of the steps before frame targets")
    parser.add_argument("--batch-seconds", type=float, help=f"by default {SECONDS}")
    options = parser.parse_args()
    corpus = Corpus(options.work)
    clips = [c for c in corpus.pick("train", texted=True) if len(corpus.ctc(c)) < c.seconds * MOST_PHONES_PER_S]
    count = len(corpus.classes) + 1
    net = LiteContent(replace(ContentSizes(), classes=count, frame_classes=count))
    net.front.filters.copy_(front_filters())
    stage = Stage("content", net, options)
    for block in net.blocks:
        stage.compile(block)
    rounds = Batches(corpus, clips, options.batch_seconds or SECONDS[stage.device.type])
    begin, file = options.frames_from * options.steps, stage.folder / "targets.npz"

    def prepare() -> None:
        # Kept beside the state: another piece must go on with the same targets.
        if stage.step >= begin and not file.is_file():
            save_targets(file, frame_targets(net, corpus, clips))
        if file.is_file() and not rounds.targets:
            rounds.targets = read_targets(file)

    judge, speak = partial(held_out, net, corpus), partial(write_heard, net, corpus)
    stage.train(Task(rounds.at, partial(content_loss, net), judge, speak, prepare))


if __name__ == "__main__":
    main()
