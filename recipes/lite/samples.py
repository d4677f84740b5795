"""What a net makes of fixed sentences at every save: sounds as Ogg Vorbis, and heard phones as text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import torch
from corpus import Tokens
from torch import Tensor

from myna.checkpoints.native import read_weights
from myna.core.assets import bundled
from myna.core.versions import version
from myna.engine.dsp import denormalise_mel, normalise_mel
from myna.engine.weights import load_vocoder
from myna.models.gpt import Gpt
from myna.models.gpt_decoding import GptDecoder
from myna.models.sampling import Sampling, exponential_noise
from myna.models.sovits_flow import SovitsFlow

LITE = version("lite")
LONGEST_PROMPT = 250  # frames of mel
MOST_TOKENS = 400


def fixed(tokens: Tokens, count: int, kind: str | None = None) -> list[int]:
    """Clips of held-out speakers with words, the same every time, of different speakers."""
    found: dict[str, int] = {}
    for number in tokens.of("held", texted=True, kind=kind):
        if 50 <= len(tokens.codes[number]) <= 200:
            found.setdefault(tokens.clips[number].speaker, number)
    return list(found.values())[:count]


def prompt_of(tokens: Tokens, number: int, kind: str | None = None) -> int:
    """Another clip of the same speaker, the same every time; the clip itself where there is no other."""
    own = [
        other
        for other in tokens.by_speaker[tokens.clips[number].speaker]
        if other != number and len(tokens.codes[other]) > 50 and (kind is None or tokens.has(tokens.clips[other], kind))
    ]
    return own[number % len(own)] if own else number


@torch.no_grad()
def flow_mels(net: SovitsFlow, tokens: Tokens, number: int, codes: Tensor, steps: int) -> dict[str, Tensor]:
    """Log-mels (1, bands, T) of ``codes`` (T25,) that say what clip ``number`` says, in its speaker's voice.

    ``prior`` is read from the features directly, ``flow`` is the decoder's answer.
    """
    device = net.linear_mel.weight.device
    other = tokens.clips[prompt_of(tokens, number, "mel")]
    speaker = net.speaker_vector(tokens.frames(other, "spec").T[None].to(device))
    prompt = normalise_mel(tokens.frames(other, "mel").T[None].to(device))
    known, said = (
        net.features(one[None].to(device), tokens.ids[n][None].to(device), None, speaker)
        for one, n in ((tokens.codes[other.number], other.number), (codes, number))
    )
    size = min(prompt.shape[2], known.shape[2], LONGEST_PROMPT)
    both = torch.cat((known[..., :size], said), dim=2)
    flow = net.cfm.sample(
        both,
        torch.tensor([both.shape[2]], device=device),
        prompt[..., :size],
        steps=steps,
        temperature=LITE.sampling_temperature,
        guess=net.linear_mel(both),
        begin=LITE.sampling_begin,
        generator=torch.Generator(device).manual_seed(number),
    )
    return {"prior": denormalise_mel(net.linear_mel(said)), "flow": denormalise_mel(flow[..., size:])}


@torch.inference_mode()
def gpt_codes(net: Gpt, tokens: Tokens, number: int, sampling: Sampling) -> Tensor:
    """Tokens (T25,) that the net says the words of clip ``number`` with, behind a prompt of its speaker."""
    device, other = net.ar_predict_layer.weight.device, prompt_of(tokens, number)
    phones = torch.cat((tokens.ids[other], tokens.ids[number]))[None].to(device)
    spoken = torch.cat((tokens.spoken[other], torch.tensor([len(tokens.ids[other])])))[None].to(device)
    noise = exponential_noise(torch.Generator(device).manual_seed(number))
    codes = tokens.codes[other][None].to(device)
    said = GptDecoder(net).generate(phones, None, codes, sampling, noise, spoken=spoken, max_tokens=MOST_TOKENS)
    return torch.tensor(list(said), dtype=torch.long)


def shipped_sampling() -> Sampling:
    """How the bundled base draws."""
    return Sampling(15, 1.0, LITE.temperature, LITE.repetition_penalty)


def speak_flow(net: SovitsFlow, tokens: Tokens, folder: Path) -> None:
    """Natural tokens of held-out clips, spoken by the net."""
    for number in fixed(tokens, 4, "mel"):
        mel = flow_mels(net, tokens, number, tokens.codes[number], LITE.sampling_steps)["flow"]
        write_sound(folder / f"{tokens.clips[number].speaker}.ogg", mel)


def speak_gpt(net: Gpt, tokens: Tokens, folder: Path) -> None:
    """Tokens of the net, spoken by the flow decoder that ships, where there are frames to speak like."""
    numbers = fixed(tokens, 4)
    codes = {number: gpt_codes(net, tokens, number, shipped_sampling()) for number in numbers}
    text = "".join(f"{tokens.clips[n].text}\t{' '.join(map(str, said.tolist()))}\n" for n, said in codes.items())
    (folder / "tokens.tsv").write_text(text, encoding="utf-8")
    if not bundled("lite/sovits.safetensors").is_file() or not (tokens.work / "mel.f16").is_file():
        return
    decoder = SovitsFlow(LITE.flow).eval()
    decoder.load_state_dict(read_weights(bundled("lite/sovits.safetensors")).tensors)
    for number, said in codes.items():
        mel = flow_mels(decoder, tokens, number, said, LITE.sampling_steps)["flow"]
        write_sound(folder / f"{tokens.clips[number].speaker}.ogg", mel)


def write_sound(path: Path, mel: Tensor) -> None:
    """A log-mel (1, bands, T) as sound, by the vocoder of the bundled base."""
    with torch.no_grad():
        sound = load_vocoder(LITE, Path("models"))(mel.float().cpu())[0, 0].numpy()
    soundfile.write(path, np.clip(sound, -1, 1), LITE.mel.sample_rate, format="OGG", subtype="VORBIS")
