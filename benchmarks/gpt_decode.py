"""How fast semantic tokens are generated, against computing the whole sequence again for every token.

Random weights, one sentence. Run: ``python benchmarks/gpt_decode.py lite v4 --threads 1 2``.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time

import torch

from myna.core.versions import GptSizes, version
from myna.models.gpt import Gpt
from myna.models.gpt_decoding import GptDecoder
from myna.models.sampling import Sampling, exponential_noise

REAL_TIME = 25.0
"""Tokens per second of speech."""


def build(sizes: GptSizes) -> Gpt:
    """A random net that never draws the end token: its logit is 0, far from the likeliest."""
    torch.manual_seed(0)
    gpt = Gpt(sizes).eval()
    with torch.no_grad():
        gpt.ar_predict_layer.weight[sizes.end_token] = 0.0
    return gpt


def cached_rate(
    decoder: GptDecoder, phones: torch.Tensor, prompt: torch.Tensor, num_tokens: int
) -> tuple[float, float]:
    """Tokens per second after the first token, and seconds to the first token; the best of three runs."""
    rates, waits = [], []
    for _ in range(3):
        begin = time.perf_counter()
        stream = decoder.generate(phones, None, prompt, Sampling(), exponential_noise(None), max_tokens=num_tokens)
        next(stream)
        first = time.perf_counter()
        count = sum(1 for _ in stream)
        rates.append(count / (time.perf_counter() - first))
        waits.append(first - begin)
    return max(rates), min(waits)


@torch.inference_mode()
def naive_rate(gpt: Gpt, phones: torch.Tensor, prompt: torch.Tensor, num_tokens: int, samples: int = 6) -> float:
    """Tokens per second without a cache: mean cost of the training pass over evenly spaced lengths."""
    seconds = 0.0
    for step in range(samples):
        length = prompt.shape[1] + num_tokens * (2 * step + 1) // (2 * samples)
        tokens = prompt[:, torch.arange(length) % prompt.shape[1]]
        best = float("inf")
        for _ in range(2):
            begin = time.perf_counter()
            gpt(phones, torch.tensor([phones.shape[1]]), None, tokens, torch.tensor([length]))
            best = min(best, time.perf_counter() - begin)
        seconds += best
    return samples / seconds


def main() -> None:
    """Measure and write a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("versions", nargs="*", default=["lite", "v4"], help="model versions (default: lite v4)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="thread counts (default: 1 2)")
    parser.add_argument("--tokens", type=int, default=150, help="tokens to generate (default: 150, 6 s of speech)")
    parser.add_argument("--phones", type=int, default=80, help="phones of prompt and sentence (default: 80)")
    parser.add_argument("--prompt", type=int, default=100, help="prompt tokens (default: 100, 4 s)")
    given = parser.parse_args()
    sys.stdout.write("version threads weights  tokens/s  x real time  first token ms  x naive\n")
    for name, threads in itertools.product(given.versions, given.threads):
        torch.set_num_threads(threads)
        gpt = build(version(name).gpt)
        phones = torch.randint(0, gpt.sizes.phone_vocab, (1, given.phones))
        prompt = torch.randint(0, gpt.sizes.end_token, (1, given.prompt))
        naive = naive_rate(gpt, phones, prompt, given.tokens)
        for half in (False, True):
            decoder = GptDecoder(gpt, half_weights=half)
            rate, wait = cached_rate(decoder, phones, prompt, given.tokens)
            weights = "float16" if decoder.half_weights else "float32"
            sys.stdout.write(
                f"{name:7} {threads:7} {weights:7} {rate:9.1f} {rate / REAL_TIME:12.1f} {wait * 1e3:15.1f}"
                f" {rate / naive:8.1f}\n"
            )


if __name__ == "__main__":
    main()
