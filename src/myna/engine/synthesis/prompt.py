"""A reference clip made ready: its phones and tokens for the GPT, its spectrogram and mel for SoVITS."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from myna.audio.io import decode, resample
from myna.audio.loudness import check_recording, level_mix, peak
from myna.core.errors import BadAudio, BadInput, NotFound
from myna.core.speech import Voice
from myna.core.versions import MelSpec, ModelVersion
from myna.engine.dsp import mel, normalise_mel, spectrogram
from myna.engine.dsp import resample as sinc_resample
from myna.engine.features.alignment import ctc_scores, heard_phones
from myna.engine.features.content import CONTENT_RATE_HZ, DATASET_RATE_HZ, content_of
from myna.engine.features.prosody import prosody
from myna.engine.features.reading import mode_for
from myna.engine.library import Library
from myna.engine.training.sovits_data import REFERENCE_HOP, REFERENCE_N_FFT
from myna.models.content import LiteContent
from myna.models.sovits_flow import SovitsFlow
from myna.text.frontend import Phonemes, ended, phonemize
from myna.text.symbols import phone_ids
from myna.text.words import Words

MIN_SECONDS, MAX_SECONDS = 3.0, 10.0
"""What a reference may last (official rule)."""


@dataclass(frozen=True)
class Prompt:
    """A reference on the library's device.

    ``phones`` (1, Tx) and ``bert`` (1, C, Tx) or None; ``codes`` (1, T25); ``spec`` (1, bins, T50) magnitudes; ``mel``
    (1, bands, T) normalised. Where ``is_heard``, the phones were guessed from the sound: the GPT does not get them.
    """

    phones: Tensor
    bert: Tensor | None
    codes: Tensor
    spec: Tensor
    mel: Tensor
    is_heard: bool = False


@torch.inference_mode()
def read_prompt(
    voice: Voice, version: ModelVersion, library: Library, *, words: Words | None = None, any_length: bool = False
) -> Prompt:
    """The voice's reference clip, ready for its nets; with ``any_length`` it may be shorter or longer than one may be.

    ``words`` is the user's dictionary.

    Raises:
        NotFound: there is no such clip.
        BadAudio: it is not audio, silent, or not 3 to 10 s long.
        BadInput: its words are missing and cannot be heard, or cannot be spoken.
        UnknownChoice: they are in a language that the version does not speak.
    """
    samples = read_reference(voice.reference, version, any_length=any_length)
    sovits = library.sovits(version, voice.sovits)
    encoder = library.content(version)
    silence = version.prompt_silence_s
    content = content_of(encoder, samples, DATASET_RATE_HZ, silence_s=silence)
    if voice.reference_text.strip():
        spoken = _read(voice, version, words)
        bert = prosody([spoken], version, library)[0]
    elif isinstance(encoder, LiteContent):
        phones = heard_phones(ctc_scores(encoder, resample(samples, DATASET_RATE_HZ, CONTENT_RATE_HZ)))
        if not phones:
            raise BadAudio(f"no speech was heard in the reference {voice.reference}; give one with words")
        spoken, bert = Phonemes(phones, None, ""), None
    else:
        raise BadInput(f"version {version.name!r} needs the words of the reference; give its reference_text")
    ids = torch.tensor([phone_ids(spoken.phones, version.symbols)], device=library.device)
    spec, frames = _front_ends(samples, version, sovits)
    return Prompt(
        ids,
        bert,
        sovits.extract_codes(content),
        spec.to(library.device),
        frames.to(library.device),
        is_heard=not voice.reference_text.strip(),
    )


def read_reference(path: Path, version: ModelVersion, *, any_length: bool = False) -> np.ndarray:
    """The samples (T,) of a reference at 32 kHz, levelled as the version wants it; raises as `read_prompt`."""
    if not path.is_file():
        raise NotFound(f"there is no reference {path}")
    audio = decode(path, DATASET_RATE_HZ)
    check_recording(audio, min_seconds=0.0)
    if not (any_length or MIN_SECONDS <= audio.seconds <= MAX_SECONDS):
        raise BadAudio(
            f"the reference {path.name} is {audio.seconds:.1f} s long; give {MIN_SECONDS:g} to {MAX_SECONDS:g} s"
        )
    return level_mix(audio.samples) if version.has_mixed_reference else audio.samples


def _read(voice: Voice, version: ModelVersion, words: Words | None) -> Phonemes:
    """The words of the voice's reference."""
    mode = mode_for(voice.reference_text, voice.reference_language, version)
    return phonemize(ended(voice.reference_text.strip(), mode), mode, version.symbols, words)


def _front_ends(samples: np.ndarray, version: ModelVersion, sovits: SovitsFlow) -> tuple[Tensor, Tensor]:
    """Magnitudes (1, bins, T50) and normalised mel (1, bands, T) of a reference at 32 kHz."""
    if version.mel is None:
        raise BadInput(f"version {version.name!r} has no mel")
    sound = torch.from_numpy(samples)[None]
    # The official reference is scaled down only where it is louder than full scale, and never by more than half.
    loudest = peak(samples)
    tamed = sound / min(2.0, loudest) if loudest > 1.0 else sound
    spec = spectrogram(tamed, REFERENCE_N_FFT, REFERENCE_HOP)[:, : sovits.sizes.reference_bins]
    return spec, normalise_mel(mel(_at_mel_rate(samples, version.mel, version), version.mel))


def _at_mel_rate(samples: np.ndarray, spec: MelSpec, version: ModelVersion) -> Tensor:
    """(1, T) at the mel's rate, by the resampler that the version's training used."""
    if version.has_mixed_reference:
        return torch.from_numpy(resample(samples, DATASET_RATE_HZ, spec.sample_rate))[None]
    return sinc_resample(torch.from_numpy(samples)[None], DATASET_RATE_HZ, spec.sample_rate)
