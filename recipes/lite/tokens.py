"""Stage (b): the codebook of semantic tokens by k-means over content features, and every clip as tokens.

    python recipes/lite/tokens.py --work WORK [--keep-codebook]

Writes ``codebook.safetensors`` and ``tokens.npz``: per clip its codes (25 a second), which phone each code speaks, and
the phones' ids. Clips that nobody wrote down get the phones that the content encoder hears, so that the decoder can
learn from them. ``--keep-codebook``: tokens go on meaning what nets that were trained with them take them for.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from corpus import CODEBOOK, Clip, Corpus, batches, pad, plain, save_tokens
from safetensors.torch import load_file, save
from stage import mean_of
from torch import Tensor

from myna.checkpoints.native import read_weights
from myna.core.assets import bundled
from myna.core.versions import version
from myna.core.workspace import write_bytes
from myna.engine.align import best_path, centres
from myna.engine.features.alignment import heard_phones, spoken_columns
from myna.models.content import CTC_PHONES, ContentSizes, LiteContent
from myna.models.quantizer import Codebook

IN_SOVITS = "quantizer.vq.layers.0._codebook."
MOST_VECTORS = 400_000


def content_net(work: Path, classes: int) -> LiteContent:
    """The content encoder as it is trained so far, or as it ships."""
    net = LiteContent(replace(ContentSizes(), classes=classes, frame_classes=classes)).eval()
    net.load_state_dict(mean_of("content", work))
    return net


def shipped_codebook() -> dict[str, Tensor]:
    """The codebook inside the decoder that ships."""
    weights = read_weights(bundled("lite/sovits.safetensors")).tensors
    return {name.removeprefix(IN_SOVITS): value for name, value in weights.items() if name.startswith(IN_SOVITS)}


@torch.no_grad()
def features(net: LiteContent, corpus: Corpus) -> Iterator[tuple[Clip, Tensor, np.ndarray]]:
    """Every decoded clip with its features (T25, width) and the CTC's log-probabilities (T25, classes)."""
    device = net.ctc_head.weight.device
    clips = [clip for clip in corpus.clips if corpus.has(clip, "front")]
    for group in batches(clips, 200 if device.type == "cpu" else 2000, 0):
        frames, lengths = pad([corpus.frames(c, "front") for c in group])
        with torch.autocast(device.type, torch.bfloat16):
            out = net.encode(frames.to(device), lengths.to(device))
        logp = out.ctc_logits.float().log_softmax(-1).cpu()
        for clip, row, scores, num in zip(group, out.features.float().cpu(), logp, out.lengths.tolist(), strict=True):
            yield clip, row[:num], scores[:num].numpy()


def columns(corpus: Corpus, clip: Clip, scores: np.ndarray) -> np.ndarray | None:
    """Which of the clip's phones each frame speaks; None where they do not fit."""
    if clip.language == "en":
        return spoken_columns(scores, clip.phones)
    # Other languages' phones are classes of this encoder only, which the package knows nothing of.
    path = best_path(scores, corpus.ctc(clip))
    if path is None:
        return None
    heard = [at for at, phone in enumerate(clip.phones) if plain(phone) in corpus.classes]
    middles = centres(path, len(heard))
    found: np.ndarray = np.asarray(heard)[np.abs(np.arange(len(scores))[:, None] - middles[None]).argmin(1)]
    return found


def codebook(vectors: Tensor, rounds: int) -> Codebook:
    """The codebook by k-means over ``vectors`` (N, C)."""
    book = Codebook(version("lite").flow.codes, vectors.shape[1]).to(vectors.device)
    book.start(vectors)
    for _ in range(rounds):
        counts, sums = book._totals(vectors, book.nearest(vectors))
        used = counts > 0
        book.embed[used] = sums[used] / counts[used, None]
        book.embed[~used] = book.pick(vectors, int((~used).sum()))
    book.cluster_size.copy_(counts)
    book.embed_avg.copy_(book.embed * counts[:, None])
    return book.cpu()


@torch.no_grad()
def main() -> None:
    """Write codebook and tokens."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--keep-codebook", action="store_true", help="do not make a new one")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    options = parser.parse_args()
    torch.manual_seed(0)
    corpus = Corpus(options.work)
    net = content_net(options.work, len(corpus.classes) + 1).to(options.device)
    found: dict[int, tuple[Tensor, np.ndarray]] = {}
    for clip, row, scores in features(net, corpus):
        if not clip.phones and clip.language == "en":
            clip.phones = heard_phones(scores[:, : len(CTC_PHONES) + 1])
        said = columns(corpus, clip, scores) if corpus.ctc(clip) else None
        if said is not None:
            found[clip.number] = row, said
    path, book = options.work / CODEBOOK, Codebook(version("lite").flow.codes, net.sizes.width)
    if options.keep_codebook:
        book.load_state_dict(load_file(path) if path.is_file() else shipped_codebook())
    else:
        vectors = torch.cat([row for number, (row, _) in found.items() if corpus.clips[number].split == "train"])
        some = vectors[torch.randperm(len(vectors))[:MOST_VECTORS]]
        book = codebook(some.to(options.device), options.rounds)
    write_bytes(path, save({name: value.contiguous() for name, value in book.state_dict().items()}))
    rows = {
        number: (book.nearest(row).numpy(), said, corpus.clips[number].ids)
        for number, (row, said) in sorted(found.items())
    }
    save_tokens(options.work, rows)
    share = book.cluster_size / book.cluster_size.sum()
    perplexity = float((-(share * share.clamp(min=1e-9).log()).sum()).exp())
    print(f"{len(rows)} of {len(corpus.clips)} clips; codebook perplexity {perplexity:.0f}")


if __name__ == "__main__":
    main()
