"""How well the GPT says what is written: phone error of its tokens, against the same measure on natural tokens.

    python recipes/lite/judge_gpt.py --work WORK [--clips 24] [--temperature 1 0.8 0.6] [--penalty 1.35 1.1 1]

A token is read as the phone it speaks most often in training, so natural tokens have an error of their own.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import numpy as np
import torch
from content import phone_errors
from corpus import CTC_CLASS, Tokens

from myna.core.versions import version
from myna.models.gpt import Gpt
from myna.models.gpt_decoding import GptDecoder
from myna.models.sampling import Sampling, exponential_noise
from myna.text.symbols import symbols

LITE = version("lite")
CLASS_OF_ID = [CTC_CLASS.get(s.rstrip("012"), 0) for s in symbols("v2")]


def phone_of_code(tokens: Tokens) -> np.ndarray:
    """The phone class that each code speaks most often, (codes,)."""
    votes = np.zeros((LITE.flow.codes, len(CTC_CLASS) + 1))
    for n in tokens.training(texted=True):
        classes = [CLASS_OF_ID[i] for i in tokens.ids[n][tokens.spoken[n]].tolist()]
        np.add.at(votes, (tokens.codes[n].numpy(), classes), 1)
    return votes.argmax(1)


def read(codes: list[int], phone: np.ndarray) -> list[int]:
    """Codes to phone classes, repeats joined, phones of a single token between two equal ones kept."""
    said = [int(phone[c]) for c in codes]
    return [p for i, p in enumerate(said) if p and (i == 0 or said[i - 1] != p)]


@torch.inference_mode()
def main() -> None:
    """Print one line per setting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--temperature", type=float, nargs="+", default=[1.0, 0.7])
    parser.add_argument("--penalty", type=float, nargs="+", default=[1.35, 1.1, 1.0])
    options = parser.parse_args()
    tokens = Tokens(options.work)
    phone = phone_of_code(tokens)
    net = Gpt(LITE.gpt).eval()
    net.load_state_dict(torch.load(options.work / "gpt.pt", weights_only=True)["average"])
    decoder = GptDecoder(net, half_weights=True)
    held = [n for n in tokens.held(texted=True) if 60 <= len(tokens.codes[n]) <= 220][::2][: options.clips]
    wanted = {n: [c for c in (CLASS_OF_ID[i] for i in tokens.ids[n].tolist()) if c] for n in held}
    total = sum(len(w) for w in wanted.values())
    natural = sum(phone_errors(wanted[n], read(tokens.codes[n].tolist(), phone)) for n in held)
    print(f"natural tokens: phone error {natural / total:.3f}")
    rng = random.Random(0)
    prompts = {n: rng.choice([m for m in tokens.by_speaker[tokens.clips[n].speaker] if m != n] or [n]) for n in held}
    for temperature in options.temperature:
        for penalty in options.penalty:
            wrong = ends = 0
            ratios = []
            for n in held:
                p = prompts[n]
                phones = torch.cat((tokens.ids[p], tokens.ids[n]))[None]
                sampling = Sampling(top_k=15, top_p=1.0, temperature=temperature, repetition_penalty=penalty)
                noise = exponential_noise(torch.Generator().manual_seed(n))
                spoken = torch.cat((tokens.spoken[p], torch.tensor([len(tokens.ids[p])])))[None]
                codes = tokens.codes[p][None]
                said = list(decoder.generate(phones, None, codes, sampling, noise, spoken=spoken, max_tokens=400))
                wrong += phone_errors(wanted[n], read(said, phone))
                ratios.append(len(said) / len(tokens.codes[n]))
                ends += not 0.5 < ratios[-1] < 1.8
            print(
                f"temperature {temperature} penalty {penalty}: phone error {wrong / total:.3f}, "
                f"bad ends {ends}/{len(held)}, length ratio {np.median(ratios):.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
