"""A reference clip made ready: its phones and tokens for the GPT, its spectrogram and mel for SoVITS."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from myna.audio.io import decode, resample
from myna.audio.loudness import check_recording, level_mix
from myna.core.errors import BadAudio, BadInput, NotFound
from myna.core.speech import Voice
from myna.core.versions import MelSpec, ModelVersion
from myna.engine.dsp import mel, normalise_mel, spectrogram
from myna.engine.dsp import resample as sinc_resample
from myna.engine.features.alignment import ctc_scores, heard_phones, spoken_columns
from myna.engine.features.content import CONTENT_RATE_HZ, DATASET_RATE_HZ, content_of
from myna.engine.features.prosody import prosody
from myna.engine.features.reading import mode_for
from myna.engine.library import Library
from myna.engine.synthesis.balance import Balance
from myna.engine.synthesis.excerpt import Excerpt, excerpt
from myna.engine.synthesis.timbre import Timbre, tamed, timbre_of
from myna.engine.training.sovits_rows import SPEC_HOP, SPEC_N_FFT
from myna.models.content import LiteContent
from myna.models.gpt_following import followable
from myna.text.frontend import Phonemes, ended, phonemize
from myna.text.symbols import phone_ids
from myna.text.words import Words


@dataclass(frozen=True)
class Prompt:
    """A reference on the library's device.

    ``phones`` (1, Tx) and ``bert`` (1, C, Tx) or None; ``codes`` (1, T25); ``spec`` (1, bins, T50) magnitudes; ``mel``
    (1, bands, T) normalised. ``leads`` says whether the GPT goes on from it: not where its words are unknown, and the
    phones a guess from the sound or none. ``spoken`` (1, T25 + 1), for nets that follow the text, is the phone each
    code says and, last, where the new speech begins. ``timbres`` are those of all references, for the VITS kind.
    ``notices`` tell a person which part of a reference is used, where it was too long. ``balances`` are what
    decoders have worked out of it, each for its net: a voice that is trained again is measured again.
    """

    phones: Tensor
    bert: Tensor | None
    codes: Tensor
    spec: Tensor
    mel: Tensor
    leads: bool = True
    spoken: Tensor | None = None
    timbres: tuple[Timbre, ...] = ()
    notices: tuple[str, ...] = ()
    balances: WeakKeyDictionary[nn.Module, Balance] = field(default_factory=WeakKeyDictionary, compare=False)


@torch.inference_mode()
def read_prompt(
    voice: Voice, version: ModelVersion, library: Library, *, words: Words | None = None, any_length: bool = False
) -> Prompt:
    """The voice's references, ready for its nets: of one longer than 10 s the best part, as `excerpt` finds it.

    With ``any_length`` they are taken whole, however long. ``words`` is the user's dictionary. Where a version of the
    VITS kind is not told the reference's words, its timbre alone is used.

    Raises:
        NotFound: there is no such clip.
        BadAudio: it is not audio, silent, or shorter than 3 s.
        BadInput: its words are missing and cannot be heard, or cannot be spoken; several references, where the
            version takes one.
        UnknownChoice: they are in a language that the version does not speak.
    """
    used = _references(voice, version, library, any_length=any_length)
    samples, voice = used[0].samples, voice.model_copy(update={"reference_text": used[0].words})
    timbres = _timbres(used, version, library)
    sovits = library.sovits(version, voice.sovits)
    encoder = library.content(version)
    codes = sovits.extract_codes(content_of(encoder, samples, DATASET_RATE_HZ, silence_s=version.prompt_silence_s))
    scores = None
    if isinstance(encoder, LiteContent):
        scores = ctc_scores(encoder, resample(samples, DATASET_RATE_HZ, CONTENT_RATE_HZ))
    has_words = bool(voice.reference_text.strip())
    if has_words:
        spoken = _read(voice, version, words)
    elif scores is not None:
        spoken = _heard(scores, voice.reference)
    elif timbres:
        spoken = Phonemes([], None, "")
    else:
        part = f" ({used[0].notice}): give a clip of 3 to 10 s" if used[0].notice else "; give its reference_text"
        raise BadInput(f"version {version.name!r} needs the words of the reference{part}")
    follows = version.gpt.follows_text
    places = _places(scores, spoken, codes) if follows and has_words else None
    spec, frames = _front_ends(samples, version, sovits.sizes.reference_bins)
    return Prompt(
        torch.tensor([phone_ids(spoken.phones, version.symbols)], dtype=torch.long, device=library.device),
        prosody([spoken], version, library.bert)[0],
        codes,
        spec.to(library.device),
        frames.to(library.device),
        leads=has_words and (places is not None or not follows),
        spoken=places,
        timbres=timbres,
        notices=tuple(one.notice for one in used if one.notice),
    )


def _references(voice: Voice, version: ModelVersion, library: Library, *, any_length: bool) -> list[Excerpt]:
    """What is used of the voice's reference, and of its other ones, levelled as the version wants it."""
    if version.vits is None and voice.other_references:
        raise BadInput(f"version {version.name!r} takes one reference; leave out other_references")
    used = []
    for number, path in enumerate((voice.reference, *voice.other_references)):
        samples, speaks = _decoded(path), None if number else voice
        part = Excerpt(samples, voice.reference_text) if any_length else excerpt(samples, path, speaks, library)
        used.append(replace(part, samples=level_mix(part.samples)) if version.has_mixed_reference else part)
    return used


def _timbres(used: list[Excerpt], version: ModelVersion, library: Library) -> tuple[Timbre, ...]:
    """Those of all references; none for versions of another kind than VITS."""
    return () if version.vits is None else tuple(timbre_of(one.samples, version, library) for one in used)


def _heard(scores: np.ndarray, reference: Path) -> Phonemes:
    phones = heard_phones(scores)
    if not phones:
        raise BadAudio(f"no speech was heard in the reference {reference}; give one with words")
    return Phonemes(phones, None, "")


def _places(scores: np.ndarray | None, spoken: Phonemes, codes: Tensor) -> Tensor | None:
    """Which phone each code says (1, T25 + 1), behind them the first of the new speech; None where they do not fit."""
    columns = None if scores is None else spoken_columns(scores, spoken.phones)
    if columns is None:
        return None
    said = followable(torch.from_numpy(columns)[: codes.shape[1]])
    said = torch.nn.functional.pad(said, (0, codes.shape[1] - len(said)), value=int(said[-1]))
    return torch.cat((said, torch.tensor([len(spoken.phones)])))[None].to(codes.device)


def _decoded(path: Path) -> np.ndarray:
    """The samples (T,) of a reference at 32 kHz; raises as `read_prompt`."""
    if not path.is_file():
        raise NotFound(f"there is no reference {path}")
    audio = decode(path, DATASET_RATE_HZ)
    check_recording(audio, min_seconds=0.0)
    return audio.samples


def _read(voice: Voice, version: ModelVersion, words: Words | None) -> Phonemes:
    """The words of the voice's reference."""
    mode = mode_for(voice.reference_text, voice.reference_language, version)
    return phonemize(ended(voice.reference_text.strip(), mode), mode, version.symbols, words)


def _front_ends(samples: np.ndarray, version: ModelVersion, bins: int) -> tuple[Tensor, Tensor]:
    """Magnitudes (1, bins, T50) and normalised mel (1, bands, T) of a reference at 32 kHz."""
    if version.mel is None:
        raise BadInput(f"version {version.name!r} has no mel")
    spec = spectrogram(tamed(samples), SPEC_N_FFT, SPEC_HOP)[:, :bins]
    return spec, normalise_mel(mel(_at_mel_rate(samples, version.mel, version), version.mel))


def _at_mel_rate(samples: np.ndarray, spec: MelSpec, version: ModelVersion) -> Tensor:
    """(1, T) at the mel's rate, by the resampler that the version's training used."""
    if version.has_mixed_reference:
        return torch.from_numpy(resample(samples, DATASET_RATE_HZ, spec.sample_rate))[None]
    return sinc_resample(torch.from_numpy(samples)[None], DATASET_RATE_HZ, spec.sample_rate)
