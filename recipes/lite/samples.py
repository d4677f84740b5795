"""What a net makes of fixed sentences at every save: sounds as Ogg Vorbis, and heard phones as text."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
from myna.engine.synthesis.balance import Balance, measured, unchanged
from myna.engine.weights import load_vocoder
from myna.models.gpt import Gpt
from myna.models.gpt_decoding import GptDecoder
from myna.models.pitch import Register
from myna.models.sampling import Sampling, exponential_noise
from myna.models.sovits_flow import SovitsFlow

LITE = version("lite")
MOST_TOKENS = 400
_UNCHANGED = unchanged(LITE.mel.bands, torch.device("cpu"))


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


@dataclass(frozen=True)
class Reference:
    """A clip that others are spoken like: its speaker vector (1, G, 1), its features (1, C, T) and normalised mel
    (1, bands, T), cut to a prompt, where its voice speaks, and what the decoder lacks beside it."""

    speaker: Tensor
    features: Tensor
    mel: Tensor
    register: Register | None
    balance: Balance


@torch.no_grad()
def reference_of(net: SovitsFlow, tokens: Tokens, number: int) -> Reference:
    """Clip ``number`` as a reference."""
    clip, device = tokens.clips[number], net.linear_mel.weight.device
    speaker = net.speaker_vector(tokens.frames(clip, "spec").T[None].to(device))
    recorded = tokens.frames(clip, "mel").T[None].to(device)
    codes, phones = tokens.codes[number][None].to(device), tokens.ids[number][None].to(device)
    features, register = net.own_features(codes, phones, speaker, recorded)
    mel = normalise_mel(recorded)
    size = min(mel.shape[2], features.shape[2])
    mel, features = mel[..., :size], features[..., :size]
    last = slice(-LITE.reference_frames, None)
    bare = Reference(speaker, features[..., last], mel[..., last], register, _UNCHANGED)
    balance = measured(_flow(net, bare, features, LITE.sampling_steps, 0), mel)
    return replace(bare, balance=balance)


@torch.no_grad()
def spoken_flow(net: SovitsFlow, tokens: Tokens, reference: Reference, number: int, codes: Tensor) -> Tensor:
    """Log-mel (1, bands, T) of ``codes`` (T25,) that say what clip ``number`` says, in the voice of ``reference``."""
    device = net.linear_mel.weight.device
    phones, register = tokens.ids[number][None].to(device), reference.register
    said = net.features(codes[None].to(device), phones, None, reference.speaker, register=register)
    return denormalise_mel(reference.balance(_flow(net, reference, said, LITE.sampling_steps, number)))


@torch.no_grad()
def spoken_again(net: SovitsFlow, tokens: Tokens, reference: Reference, number: int) -> Tensor:
    """Clip ``number`` as the net says it in the voice of ``reference``, with the clip's own pitch: log-mel as above."""
    device = net.linear_mel.weight.device
    codes, phones = (rows[number][None].to(device) for rows in (tokens.codes, tokens.ids))
    recorded = tokens.frames(tokens.clips[number], "mel").T[None].to(device)
    said, _ = net.own_features(codes, phones, reference.speaker, recorded)
    return denormalise_mel(reference.balance(_flow(net, reference, said, LITE.sampling_steps, number)))


def _flow(net: SovitsFlow, reference: Reference, features: Tensor, steps: int, seed: int) -> Tensor:
    """Features (1, C, T) to normalised mel (1, bands, T)."""
    both = torch.cat((reference.features, features), dim=2)
    flow = net.cfm.sample(
        both,
        torch.tensor([both.shape[2]], device=both.device),
        reference.mel,
        steps=steps,
        temperature=LITE.sampling_temperature,
        guess=net.linear_mel(both),
        begin=LITE.sampling_begin,
        generator=torch.Generator(both.device).manual_seed(seed),
    )
    return flow[..., reference.mel.shape[2] :]


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
        reference = reference_of(net, tokens, prompt_of(tokens, number, "mel"))
        mel = spoken_flow(net, tokens, reference, number, tokens.codes[number])
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
        reference = reference_of(decoder, tokens, prompt_of(tokens, number, "mel"))
        mel = spoken_flow(decoder, tokens, reference, number, said)
        write_sound(folder / f"{tokens.clips[number].speaker}.ogg", mel)


def write_sound(path: Path, mel: Tensor) -> None:
    """A log-mel (1, bands, T) as sound, by the vocoder of the bundled base."""
    with torch.no_grad():
        sound = load_vocoder(LITE, Path("models"))(mel.float().cpu())[0, 0].numpy()
    soundfile.write(path, np.clip(sound, -1, 1), LITE.mel.sample_rate, format="OGG", subtype="VORBIS")
