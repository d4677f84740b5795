"""How well the decoder speaks natural tokens: mel error and word error, against the vocoder alone.

    python recipes/lite/judge_flow.py --work WORK [--clips 12] [--steps 10] [--pictures FOLDER]

The prompt is another clip of the speaker. "prior" is the mel that is read from the features directly, without the flow.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from corpus import Tokens
from jiwer import wer
from torch import Tensor

from myna.core.versions import version
from myna.engine.asr import recogniser
from myna.engine.dsp import denormalise_mel, mel_filters, normalise_mel
from myna.engine.griffin_lim import GriffinLim
from myna.models.sovits_flow import SovitsFlow

LITE = version("lite")


def words(text: str) -> str:
    """Lower case, letters only."""
    return " ".join("".join(c if c.isalpha() or c == "'" else " " for c in text.lower()).split())


def mels_of(net: SovitsFlow, tokens: Tokens, n: int, steps: int) -> dict[str, Tensor]:
    """Log-mels (1, bands, T) of one clip: natural, prior and flow."""
    others = [m for m in tokens.by_speaker[tokens.clips[n].speaker] if m != n and len(tokens.codes[m]) > 50]
    p = others[n % len(others)]
    speaker = net.speaker_vector(tokens.frames(tokens.clips[p], "spec").T[None])
    target = tokens.frames(tokens.clips[n], "mel").T[None]
    prompt = normalise_mel(tokens.frames(tokens.clips[p], "mel").T[None])
    known, said = (net.features(tokens.codes[m][None], tokens.ids[m][None], None, speaker) for m in (p, n))
    size = min(prompt.shape[2], known.shape[2], 250)
    both = torch.cat((known[..., :size], said), dim=2)
    length = torch.tensor([both.shape[2]])
    flow = net.cfm.sample(
        both,
        length,
        prompt[..., :size],
        steps=steps,
        temperature=LITE.sampling_temperature,
        guess=net.linear_mel(both),
        begin=LITE.sampling_begin,
        generator=torch.Generator().manual_seed(n),
    )
    frames = min(target.shape[2], said.shape[2])
    out = {"natural": target, "prior": denormalise_mel(net.linear_mel(said)), "flow": denormalise_mel(flow[..., size:])}
    return {name: mel[..., :frames] for name, mel in out.items()}


def draw(rows: dict[str, Tensor], path: Path) -> None:
    """The mels below each other."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(rows), 1, figsize=(10, 7))
    for axis, (name, mel) in zip(axes, rows.items(), strict=True):
        axis.imshow(mel[0].numpy(), origin="lower", aspect="auto", vmin=-9, vmax=1)
        axis.set_title(name)
    figure.tight_layout()
    figure.savefig(path)


@torch.inference_mode()
def main() -> None:
    """Print one line per kind of mel."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=12)
    parser.add_argument("--steps", type=int, default=LITE.sampling_steps)
    parser.add_argument("--pictures", type=Path)
    options = parser.parse_args()
    tokens = Tokens(options.work)
    net = SovitsFlow(LITE.flow).eval()
    net.load_state_dict(torch.load(options.work / "flow.pt", weights_only=True)["average"])
    spec = LITE.mel
    vocoder = GriffinLim(spec, torch.from_numpy(mel_filters(spec.sample_rate, spec.n_fft, spec.bands)))
    hearing = recogniser("pocketsphinx", "en")
    held = [n for n in tokens.held(texted=True) if tokens.clips[n].speaker == "LJ"][: options.clips]
    texts, heard, errors = [], {}, {}
    for n in held:
        texts.append(words(tokens.clips[n].text))
        rows = mels_of(net, tokens, n, options.steps)
        for name, mel in rows.items():
            sound = vocoder(mel)[0, 0].numpy()
            heard.setdefault(name, []).append(words(hearing.transcribe(sound, spec.sample_rate).text))
            errors.setdefault(name, []).append(float((mel - rows["natural"]).abs().mean()))
        if options.pictures:
            draw(rows, options.pictures / f"{n}.png")
    for name in heard:
        print(f"{name}: mel error {np.mean(errors[name]):.3f}, word error {wer(texts, heard[name]):.3f}", flush=True)


if __name__ == "__main__":
    main()
