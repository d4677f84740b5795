"""Semantic tokens to sound: how each kind of SoVITS is used. One class per decoder kind, one row in `DECODERS`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from myna.audio.io import resample
from myna.core.errors import BadInput, UnknownChoice
from myna.core.speech import Voice
from myna.core.versions import ModelVersion
from myna.engine.dsp import denormalise_mel, mel
from myna.engine.library import Library
from myna.engine.synthesis.balance import AROUND, Balance, measured, unchanged
from myna.engine.synthesis.prompt import Prompt
from myna.engine.synthesis.stretches import cut_row, join_row
from myna.models.layers import length_mask
from myna.models.pitch import Register
from myna.models.sovits_flow import SovitsFlow
from myna.models.sovits_vits import SovitsVits

Sentence = tuple[Tensor, Tensor]
"""Codes (1, T25) and the phones (1, Tx) that they say."""

STRETCHES_AT_ONCE = 8
"""How many stretches, or sentences, are decoded as one batch; more would want more memory than they save time."""


MELODY_RATE_HZ = 50
_BALANCE_FRAMES = 500
"""Frames of mel that tell what a decoder lacks: 10 s, all of a usual reference."""


class Decoder(Protocol):
    """Speaks tokens in the voice of one prompt."""

    sample_rate: int

    def speak(self, codes: Tensor, phones: Tensor, *, speed: float, steps: int, seed: int) -> np.ndarray:
        """Codes (1, T25) that say ``phones`` (1, Tx), to float32 samples (T,)."""
        ...

    def speak_together(
        self, sentences: Sequence[Sentence], *, speed: float, steps: int, seeds: Sequence[int]
    ) -> list[np.ndarray]:
        """Many sentences at once, faster than one by one: each one's samples (T,), float32. ``seeds`` has one each."""
        ...


class MelodyDecoder(Decoder, Protocol):
    """One that can be told the pitch, or says that it cannot."""

    def melody(self, samples: np.ndarray, rate: int, *, keeps_key: bool) -> Tensor | None:
        """The pitch of a recording (T,), log Hz (1, frames) at `MELODY_RATE_HZ`, moved to where the voice speaks unless
        it ``keeps_key``; None where the decoder is not told the pitch."""
        ...

    def speak(
        self, codes: Tensor, phones: Tensor, *, speed: float, steps: int, seed: int, melody: Tensor | None = None
    ) -> np.ndarray:
        """As `Decoder.speak`, at the pitch of a ``melody`` (1, frames), as long as the codes say."""
        ...


@dataclass(frozen=True)
class FlowPrompt:
    """The prompt as flow matching uses it: ``features`` (1, C, Tp), ``mel`` (1, bands, Tp), ``speaker`` (1, G, 1), and
    where its voice speaks, for nets that are told the pitch."""

    features: Tensor
    mel: Tensor
    speaker: Tensor
    register: Register | None


class FlowDecoder:
    """Flow matching over the prompt's mel and the sentence's features, in stretches, then a vocoder.

    A stretch continues the one before it: its last frames and their features are the next stretch's prompt.
    """

    def __init__(self, voice: Voice, version: ModelVersion, library: Library, prompt: Prompt) -> None:
        self.version, self.is_trained = version, voice.sovits is not None
        self.sample_rate = version.output_rate_hz
        net = library.sovits(version, voice.sovits)
        assert isinstance(net, SovitsFlow)  # by the version's kind
        self.net = net
        self.vocoder = library.vocoder(version)
        self.device = library.device
        self.prompt = self._prepared(prompt)
        self.balance = self._balance(prompt)

    @torch.inference_mode()
    def speak(
        self, codes: Tensor, phones: Tensor, *, speed: float, steps: int, seed: int, melody: Tensor | None = None
    ) -> np.ndarray:
        """As `Decoder.speak`; ``steps`` are the Euler steps of each stretch."""
        features, log_hz = self._features(codes, phones, speed, melody)
        generator = torch.Generator(self.device).manual_seed(seed)
        sound = self._sound(self.flow(features, steps, generator), log_hz)
        samples: np.ndarray = sound.cpu().numpy()
        return samples

    @torch.inference_mode()
    def speak_together(
        self,
        sentences: Sequence[Sentence],
        *,
        speed: float,
        steps: int,
        seeds: Sequence[int],
        official_cuts: bool = False,
    ) -> list[np.ndarray]:
        """As `Decoder.speak_together`: all in stretches of one length (see `stretches`), drawn by the first seed."""
        if not sentences:
            return []
        spoken = [self._features(codes, phones, speed) for codes, phones in sentences]
        row = cut_row([features for features, _ in spoken], self._stretch_frames())
        generator = torch.Generator(self.device).manual_seed(seeds[0])
        mels = torch.cat(
            [self._sampled(part, steps, generator) for part in torch.split(row.stretches, STRETCHES_AT_ONCE)]
        )
        sound = self._sound(_long(mels), self._long_pitch([log_hz for _, log_hz in spoken if log_hz is not None]))
        return [samples.cpu().numpy() for samples in join_row(row, sound, official_cuts=official_cuts)]

    @torch.inference_mode()
    def melody(self, samples: np.ndarray, rate: int, *, keeps_key: bool) -> Tensor | None:
        """As `MelodyDecoder.melody`."""
        if self.net.pitch is None or self.prompt.register is None:
            return None
        spec = self.version.mel
        assert spec is not None  # of its kind
        sound = torch.from_numpy(resample(samples, rate, spec.sample_rate))[None].to(self.device)
        track = self.net.pitch.read(mel(sound, spec))
        return track.log_hz if keeps_key else track.log_hz + (self.prompt.register.mean - track.mean())

    def _features(
        self, codes: Tensor, phones: Tensor, speed: float, melody: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """A sentence's features (1, C, T) and the pitch (1, T) that is in them, if the net is told one."""
        speaker, register, pitch = self.prompt.speaker, self.prompt.register, self.net.pitch
        said, mask = self.net.said(codes, phones, None, speaker, speed=speed)
        if pitch is None or register is None:
            return self.net.in_voice(said, mask, speaker), None
        if melody is None:
            log_hz = register(pitch.guess(said))
        else:
            log_hz = F.interpolate(melody[:, None], size=said.shape[-1], mode="linear")[:, 0]
        return self.net.in_voice(said, mask, speaker, log_hz), log_hz

    def _sound(self, mel: Tensor, log_hz: Tensor | None) -> Tensor:
        """Normalised mel (1, bands, T) as samples, balanced; at the pitch (1, T) that the net was told, if any."""
        balanced = denormalise_mel(self.balance(mel))
        sound: Tensor = self.vocoder(balanced) if log_hz is None else self.vocoder(balanced, log_hz)
        return sound[0, 0].float()

    def _long_pitch(self, pitches: Sequence[Tensor]) -> Tensor | None:
        """The pitches (1, T) of sentences, cut as their features are, end to end; None where there are none."""
        if not pitches or self.prompt.register is None:
            return None
        row = cut_row([log_hz[:, None] for log_hz in pitches], self._stretch_frames())
        long = _long(row.stretches)[:, 0]
        return torch.where(long > 0, long, self.prompt.register.mean)  # zeros are what it was filled up with

    def _sampled(self, stretches: Tensor, steps: int, generator: torch.Generator) -> Tensor:
        """Stretches (N, C, T), each behind the voice's own prompt, to normalised mel (N, bands, T)."""
        count = stretches.shape[0]
        both = torch.cat((self.prompt.features.expand(count, -1, -1), stretches), dim=-1)
        return self._sample(both, self.prompt.mel.expand(count, -1, -1), steps, generator)

    def _sample(self, features: Tensor, known_mel: Tensor, steps: int, generator: torch.Generator) -> Tensor:
        """Normalised mel of what follows ``known_mel`` (N, bands, Tp) in ``features`` (N, C, T)."""
        lens = torch.full((features.shape[0],), features.shape[-1], device=self.device)
        return self.net.cfm.sample(
            features,
            lens,
            known_mel,
            steps=steps,
            temperature=self.version.sampling_temperature,
            guess=self.net.linear_mel(features) if self.version.sampling_begin else None,
            begin=self.version.sampling_begin,
            generator=generator,
        )[..., known_mel.shape[-1] :]

    def _stretch_frames(self) -> int:
        """Frames behind the prompt that the net takes at once."""
        length = self.prompt.mel.shape[-1]
        size = self.version.chunk_frames - length
        if size <= 0:
            raise BadInput(f"version {self.version.name!r} leaves no frames behind a prompt of {length}")
        return size

    @torch.inference_mode()
    def flow(self, features: Tensor, steps: int, generator: torch.Generator) -> Tensor:
        """Features (1, C, T) to normalised mel (1, bands, T)."""
        known_features, known_mel = self.prompt.features, self.prompt.mel
        length, size = known_mel.shape[-1], self._stretch_frames()
        parts = []
        for start in range(0, features.shape[-1], size):
            both = torch.cat((known_features, features[..., start : start + size]), dim=-1)
            result = self._sample(both, known_mel, steps, generator)
            parts.append(result)
            known_mel = torch.cat((known_mel, result), dim=-1)[..., -length:]
            known_features = both[..., -length:]
        return torch.cat(parts, dim=-1)

    @torch.inference_mode()
    def _prepared(self, prompt: Prompt) -> FlowPrompt:
        """The prompt's features and mel, both cut to the frames they share and to those the version takes."""
        speaker = self.net.speaker_vector(prompt.spec)
        recorded = denormalise_mel(prompt.mel)
        features, register = self.net.own_features(prompt.codes, prompt.phones, speaker, recorded)
        shared = min(features.shape[-1], prompt.mel.shape[-1])
        start = max(shared - self.version.reference_frames, 0)
        return FlowPrompt(features[..., start:shared], prompt.mel[..., start:shared], speaker, register)

    @torch.inference_mode()
    def _balance(self, prompt: Prompt) -> Balance:
        """What the reference's own tokens lack when they are spoken; worked out once for a prompt and a net."""
        if not self.version.is_balanced:
            return unchanged(prompt.mel.shape[1], self.device)
        if self.net not in prompt.balances:
            recorded = denormalise_mel(prompt.mel)
            features, _ = self.net.own_features(prompt.codes, prompt.phones, self.prompt.speaker, recorded)
            generator = torch.Generator(self.device).manual_seed(0)
            made = self.flow(features[..., :_BALANCE_FRAMES], self.version.sampling_steps, generator)
            prompt.balances[self.net] = measured(made, prompt.mel, AROUND if self.is_trained else None)
        return prompt.balances[self.net]


def _long(stretches: Tensor) -> Tensor:
    """Stretches (N, C, T) end to end: (1, C, N * T)."""
    return stretches.transpose(0, 1).flatten(1)[None]


class VitsDecoder:
    """Straight to sound, in the mean timbre of all references."""

    def __init__(self, voice: Voice, version: ModelVersion, library: Library, prompt: Prompt) -> None:
        self.sample_rate = version.output_rate_hz
        net = library.sovits(version, voice.sovits)
        assert isinstance(net, SovitsVits)  # by the version's kind
        self.net = net
        self.device = library.device
        self.speaker = self._speaker(prompt)

    @torch.inference_mode()
    def speak(
        self,
        codes: Tensor,
        phones: Tensor,
        *,
        speed: float,
        steps: int,  # noqa: ARG002
        seed: int,
        melody: Tensor | None = None,  # noqa: ARG002
    ) -> np.ndarray:
        """As `Decoder.speak`; there are no ``steps``, and its tokens alone say the pitch."""
        generator = torch.Generator(self.device).manual_seed(seed)
        sound = self.net.decode(codes, phones, self.speaker, speed=speed, generator=generator)
        samples: np.ndarray = sound[0, 0].float().cpu().numpy()
        return samples

    def melody(self, samples: np.ndarray, rate: int, *, keeps_key: bool) -> Tensor | None:  # noqa: ARG002
        """As `MelodyDecoder.melody`: none."""
        return None

    @torch.inference_mode()
    def speak_together(
        self,
        sentences: Sequence[Sentence],
        *,
        speed: float,
        steps: int,  # noqa: ARG002
        seeds: Sequence[int],
    ) -> list[np.ndarray]:
        """As `Decoder.speak_together`, and but for the last 0.3 s of a sentence the same as one by one.

        There the decoder hears the padding behind it. Sentences of like length are decoded together.
        """
        order = sorted(range(len(sentences)), key=lambda number: sentences[number][0].shape[1])
        said: dict[int, np.ndarray] = {}
        for start in range(0, len(order), STRETCHES_AT_ONCE):
            group = order[start : start + STRETCHES_AT_ONCE]
            found = self._sounds([sentences[number] for number in group], speed, [seeds[number] for number in group])
            said |= zip(group, found, strict=True)
        return [said[number] for number in range(len(sentences))]

    def _sounds(self, sentences: Sequence[Sentence], speed: float, seeds: Sequence[int]) -> list[np.ndarray]:
        """The samples of each sentence; only what takes long, from features to sound, runs as one batch."""
        features = [self.net.prior(codes, phones, self.speaker, speed=speed)[0] for codes, phones in sentences]
        lens = torch.tensor([one.shape[-1] for one in features], device=self.device)
        longest = int(lens.max())
        drawn = (torch.Generator(self.device).manual_seed(seed) for seed in seeds)
        noise = [
            torch.randn(one.shape, generator=generator, device=self.device, dtype=one.dtype)
            for one, generator in zip(features, drawn, strict=True)
        ]
        sound = self.net.sound(
            _padded(features, longest),
            self.speaker.expand(len(features), -1, -1),
            length_mask(lens, longest),
            noise=_padded(noise, longest),
        )[:, 0]
        hop = sound.shape[-1] // longest
        rows = zip(sound.float().cpu().numpy(), lens.tolist(), strict=True)
        return [samples[: length * hop] for samples, length in rows]

    @torch.inference_mode()
    def _speaker(self, prompt: Prompt) -> Tensor:
        """The mean (1, G, 1) of the references' speaker vectors."""
        vectors = [self.net.speaker_vector(timbre.spec, None, timbre.speaker_print) for timbre in prompt.timbres]
        return torch.stack(vectors).mean(dim=0)


def _padded(parts: Sequence[Tensor], length: int) -> Tensor:
    """Features (1, C, T) of each sentence as (B, C, length), zeros behind them."""
    return torch.cat([F.pad(part, (0, length - part.shape[-1])) for part in parts])


DECODERS: dict[str, Callable[[Voice, ModelVersion, Library, Prompt], MelodyDecoder]] = {
    "flow": FlowDecoder,
    "vits": VitsDecoder,
}


def decoder_for(voice: Voice, version: ModelVersion, library: Library, prompt: Prompt) -> MelodyDecoder:
    """The decoder of the version's kind; raises `UnknownChoice` where there is none yet."""
    if version.decoder not in DECODERS:
        raise UnknownChoice("decoder", version.decoder, DECODERS)
    return DECODERS[version.decoder](voice, version, library, prompt)


def levelled(samples: np.ndarray) -> np.ndarray:
    """``samples`` with a peak of at most full scale (official rule: divided, not clipped)."""
    loudest = float(np.abs(samples).max()) if len(samples) else 0.0
    scaled: np.ndarray = samples / np.float32(loudest) if loudest > 1.0 else samples
    return scaled.astype(np.float32, copy=False)
