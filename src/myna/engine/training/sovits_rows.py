"""Reading a dataset folder for SoVITS, whatever its kind: which clips can be used, their sound and their tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from myna.audio.io import decode
from myna.checkpoints.tensor_file import read_tensor
from myna.core.errors import BadAudio, BadCheckpoint, CallerError, TrainingFailed
from myna.core.findings import Tally
from myna.core.progress import Progress
from myna.core.versions import ModelVersion
from myna.core.workspace import DatasetFolder
from myna.engine.features.content import DATASET_RATE_HZ
from myna.engine.features.left_out import note_left_out
from myna.engine.features.semantic import codes_of
from myna.engine.training.clips import TextRow, read_text_file
from myna.engine.training.shards import Basis, stored_rows, weights_print
from myna.engine.training.sovits_order import SHORTEST_FRAMES
from myna.models.build import Sovits

STEP = "train_sovits"
"""Under which name clips are noted as left out."""
SPEC_N_FFT, SPEC_HOP = 2048, 640
"""The spectrogram of a clip: 50 frames a second at 32 kHz."""
MARGIN = (SPEC_N_FFT - SPEC_HOP) // 2
"""Samples that are mirrored at both ends of a clip, so that the spectrogram's first and last frames are whole."""
FULL_SCALE = 32768.0
"""What samples of 16 bits are divided by."""
SECONDS = (0.6, 54.0)
"""Clips that are shorter than the first or not shorter than the second are left out (official rule)."""
FRAMES_PER_CODE = 2

Row = TypeVar("Row")


def read_rows(
    dataset: DatasetFolder,
    version: ModelVersion,
    row: type[Row],
    read: Callable[[TextRow], Row],
    facts: Mapping[str, str],
    progress: Progress,
) -> Sequence[Row]:
    """What ``read`` makes of every clip of the dataset folder; it raises a `CallerError` for one that cannot be used.

    The rows are kept in shards; ``facts`` are what decides them beside the folder. What is left out is named in the
    folder's ``left_out.jsonl``. Raises `NotFound` where a part of the folder is missing, `TrainingFailed` where no clip
    is usable.
    """

    def made(tally: Tally) -> Iterator[Row]:
        texts = read_text_file(dataset, version.symbols, tally)
        for number, text in enumerate(texts.values()):
            progress(number / len(texts), text.clip)
            try:
                one = read(text)
            except CallerError as error:
                tally.add(text.clip, error)
                continue
            yield one

    sources = (dataset.text_file, dataset.content, dataset.wav32k, dataset.speaker)
    basis = Basis(sources, {"version": repr(version), **facts})
    rows, failures = stored_rows(dataset.shards, f"sovits-{version.name}", row, basis, made, progress)
    note_left_out(dataset, STEP, failures)
    if not rows:
        count = len(read_text_file(dataset, version.symbols))
        raise TrainingFailed(
            f"none of the {count} clips can be used: each needs content features and a wav of {SECONDS[0]:g} "
            f"to {SECONDS[1]:g} s; {failures[-1]}"
        )
    return rows


def facts_of(net: Sovits, encoder: nn.Module | None, *, is_official: bool) -> dict[str, str]:
    """What decides a clip's codes and their phones, beside the clip."""
    tokens = weights_print(net.ssl_proj, net.quantizer)
    return {"tokens": tokens, "encoder": weights_print(encoder), "official": str(is_official)}


def sound_of(dataset: DatasetFolder, clip: str) -> np.ndarray:
    """The clip's samples (T,) at 32 kHz; raises `BadAudio` where a part of it is missing or its length is unusable."""
    wav = dataset.wav32k / clip
    for path in (wav, content_file(dataset, clip)):
        if not path.is_file():
            raise BadAudio(f"{path.relative_to(dataset.path)} is missing")
    samples: np.ndarray = decode(wav, DATASET_RATE_HZ).samples
    seconds = len(samples) / DATASET_RATE_HZ
    if not SECONDS[0] <= seconds < SECONDS[1]:
        raise BadAudio(f"it is {seconds:.2f} s long; training takes {SECONDS[0]:g} s to less than {SECONDS[1]:g} s")
    return samples


def content_file(dataset: DatasetFolder, clip: str) -> Path:
    """Where the clip's content features lie."""
    return dataset.content / f"{clip}.pt"


def check_frames(frames: int, longest: int) -> None:
    """Raise `BadAudio` for a clip of so many frames that the official sampler would drop it without a word."""
    if not SHORTEST_FRAMES < frames <= longest:
        rate = DATASET_RATE_HZ / SPEC_HOP
        raise BadAudio(
            f"it is {frames / rate:.2f} s long; this version is trained on clips of more than "
            f"{SHORTEST_FRAMES / rate:g} s and at most {longest / rate:g} s"
        )


_MOST_APART = 5
"""Frames, a tenth of a second, by which features and sound may differ: encoders round and lose their edges."""


def codes_and_frames(
    net: Sovits, dataset: DatasetFolder, clip: str, num_samples: int, *, is_official: bool
) -> tuple[Tensor, int]:
    """The clip's codes (T25,) and how many of its frames training reads, 50 a second.

    As many as have codes of their own. ``is_official``: all of the spectrogram's, for which the official program
    repeats the last frame of content and fills up with zeros, so that the last code is one that no GPT ever says.
    Raises `BadAudio` where there are none, `BadCheckpoint` where the features are of another encoder or another sound.
    """
    path, frames = content_file(dataset, clip), num_samples // SPEC_HOP
    codes = _filled_codes(net, path, frames) if is_official else codes_of(net, path)
    told = FRAMES_PER_CODE * len(codes)
    if not told or not frames:
        raise BadAudio("it has no tokens")
    if abs(told - frames) > _MOST_APART:
        raise BadCheckpoint(
            f"its content features last {told / 50:.1f} s and its sound {frames / 50:.1f} s; "
            "run extract_audio_features again"
        )
    frames = min(frames, told)
    return codes[: -(-frames // FRAMES_PER_CODE)], frames


@torch.inference_mode()
def _filled_codes(net: Sovits, path: Path, frames: int) -> Tensor:
    content = torch.from_numpy(read_tensor(path)).float()
    if content.dim() != 3 or content.shape[1] != net.sizes.content_width:
        width = net.sizes.content_width
        raise BadCheckpoint(f"{path} has shape {tuple(content.shape)}; content of this version is (1, {width}, frames)")
    if content.shape[2] != frames:
        content = F.pad(content, (0, 1), mode="replicate")
    content = F.pad(content, (0, content.shape[2] % FRAMES_PER_CODE))
    return net.extract_codes(content.to(net.ssl_proj.weight.device))[0].cpu()
