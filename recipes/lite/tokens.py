"""Stage (b): content features of every clip, the codebook by k-means, tokens, and which phone each token speaks.

    python recipes/lite/tokens.py --work WORK

Writes ``tokens.npz`` (per clip: codes, spoken phone per code, phone ids) and ``codebook.pt``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from content import greedy
from corpus import Clip, Corpus, batches, pad
from torch import Tensor

from myna.core.versions import version
from myna.engine.features.alignment import spoken_columns
from myna.models.content import CTC_PHONES, LiteContent
from myna.models.quantizer import Codebook
from myna.text.symbols import phone_ids

VOWELS = frozenset(["AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"])


def guess_phones(clip: Clip, logits: Tensor) -> None:
    """Give an untranscribed clip the phones the encoder hears (main stress on every vowel: it cannot hear stress)."""
    heard = [CTC_PHONES[c - 1] for c in greedy(logits)]
    clip.phones = [p + "1" if p in VOWELS else p for p in heard]
    clip.ids = phone_ids(clip.phones, "v2")


def codebook(options: argparse.Namespace, vectors: Tensor) -> Codebook:
    """The codebook by k-means over ``vectors`` (N, C); with ``--keep-codebook`` the one that is there."""
    path = options.work / "codebook.pt"
    book = Codebook(version("lite").flow.codes, vectors.shape[1])
    if options.keep_codebook:
        book.load_state_dict(torch.load(path, weights_only=True))
        return book
    book.start(vectors[torch.randperm(len(vectors))[:120_000]])
    for _ in range(options.rounds):
        counts, sums = book._totals(vectors, book.nearest(vectors))
        used = counts > 0
        book.embed[used] = sums[used] / counts[used, None]
        book.embed[~used] = book.pick(vectors, int((~used).sum()))
    book.cluster_size.copy_(counts)
    book.embed_avg.copy_(book.embed * counts[:, None])
    torch.save(book.state_dict(), path)
    return book


@torch.no_grad()
def main() -> None:
    """Write tokens and codebook."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--keep-codebook", action="store_true", help="do not make a new one")
    options = parser.parse_args()
    torch.manual_seed(0)
    corpus = Corpus(options.work)
    net = LiteContent().eval()
    net.load_state_dict(torch.load(options.work / "content.pt", weights_only=True)["average"])
    features: dict[str, Tensor] = {}
    spoken: dict[str, np.ndarray] = {}
    for group in batches(corpus.clips, 200, 0):
        frames, lengths = pad([corpus.frames(c, "front") for c in group])
        with torch.autocast("cpu", torch.bfloat16):
            out = net.encode(frames, lengths)
        logp = out.ctc_logits.float().log_softmax(-1)
        for clip, row, logits, num in zip(group, out.features.float(), logp, out.lengths.tolist(), strict=True):
            # Content is 50 frames/s, two equal ones per inner frame; a code stands for two of them.
            features[clip.file] = row[:num]
            if not clip.phones:
                guess_phones(clip, logits[:num])
            if clip.ctc:
                columns = spoken_columns(logits[:num].numpy(), clip.phones)
                if columns is not None:
                    spoken[clip.file] = columns
    train = torch.cat([features[c.file] for c in corpus.clips if c.split == "train"])
    book = codebook(options, train)
    arrays = {}
    for number, clip in enumerate(corpus.clips):
        if clip.file in spoken:
            arrays[f"{number}.codes"] = book.nearest(features[clip.file]).numpy().astype(np.int16)
            arrays[f"{number}.spoken"] = spoken[clip.file].astype(np.int16)
            arrays[f"{number}.ids"] = np.asarray(clip.ids, np.int16)
    np.savez(options.work / "tokens.npz", **arrays)
    share = book.cluster_size / book.cluster_size.sum()
    perplexity = float((-(share * share.clamp(min=1e-9).log()).sum()).exp())
    print(f"{len(arrays) // 3} of {len(corpus.clips)} clips; codebook perplexity {perplexity:.0f}")


if __name__ == "__main__":
    main()
