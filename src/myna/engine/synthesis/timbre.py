"""How the references of a voice sound, as versions of the VITS kind hear them: of several the mean is spoken with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from myna.audio.loudness import peak
from myna.core.versions import ModelVersion
from myna.engine.dsp import spectrogram
from myna.engine.features.content import DATASET_RATE_HZ
from myna.engine.library import Library
from myna.engine.speaker_print import speaker_print
from myna.engine.training.sovits_rows import SPEC_HOP, SPEC_N_FFT

_MOST_TAMING = 2.0


@dataclass(frozen=True)
class Timbre:
    """One reference: its magnitudes ``spec`` (1, bins, T50) and, where the version takes it, its ``speaker_print``
    (1, 20480)."""

    spec: Tensor
    speaker_print: Tensor | None = None


def tamed(samples: np.ndarray) -> Tensor:
    """Samples (T,) as (1, T), scaled down where they are louder than full scale, and never by more than half.

    That is the official rule for references.
    """
    loudest = peak(samples)
    sound = torch.from_numpy(samples)[None]
    return sound / min(_MOST_TAMING, loudest) if loudest > 1.0 else sound


@torch.inference_mode()
def timbre_of(samples: np.ndarray, version: ModelVersion, library: Library) -> Timbre:
    """The timbre of a reference (T,) at 32 kHz, on the library's device.

    Raises `MissingAsset` where the version takes a speaker net's vector and the net is missing.
    """
    sound = tamed(samples).to(library.device)
    vector = None
    if version.has_speaker_vector:
        vector = speaker_print(library.speaker_net(version), sound, DATASET_RATE_HZ)
    return Timbre(spectrogram(sound, SPEC_N_FFT, SPEC_HOP), vector)
