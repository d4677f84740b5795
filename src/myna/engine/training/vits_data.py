"""What SoVITS of the VITS kind learns from: clips as they are, in batches of like length.

The spectrogram is not stored: it is ten times the samples' size, and a device computes it from a whole batch in less
time than reading it takes.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from myna.audio.io import to_int16
from myna.checkpoints.tensor_file import read_tensor
from myna.core.errors import BadAudio, BadCheckpoint
from myna.core.progress import Progress
from myna.core.versions import ModelVersion
from myna.core.workspace import DatasetFolder
from myna.engine.training.clips import TextRow, repeats
from myna.engine.training.gpt_order import Batch, like_lengths
from myna.engine.training.sovits_order import LONGEST_FRAMES_VITS, official_order
from myna.engine.training.sovits_rows import (
    MARGIN,
    SPEC_HOP,
    check_frames,
    codes_and_frames,
    facts_of,
    read_rows,
    sound_of,
)
from myna.models.sovits_vits import SovitsVits


@dataclass(frozen=True)
class VitsRow:
    """One clip: codes (T25,), phones (Tx,), its sound (MARGIN + T + MARGIN,) int16 with mirrored ends, how many frames
    of it are read, and for versions that hear who speaks the speaker net's vector (W,)."""

    clip: str
    codes: Tensor
    phones: Tensor
    sound: Tensor
    frames: int
    speaker_print: Tensor | None = None


@dataclass
class VitsBatch:
    """Right-padded: ``codes`` (B, T25), ``phones`` (B, Tx), ``sound`` (B, T) int16 as in `VitsRow`, ``frames`` (B,),
    ``speaker_print`` (B, W) or None."""

    codes: Tensor
    phones: Tensor
    phone_lens: Tensor
    sound: Tensor
    frames: Tensor
    speaker_print: Tensor | None = None


def read_vits_rows(
    dataset: DatasetFolder, version: ModelVersion, net: SovitsVits, progress: Progress, *, is_official: bool = False
) -> Sequence[VitsRow]:
    """The usable clips of the dataset folder; codes are those of ``net``'s quantiser, see `codes_and_frames`.

    What is left out and what is raised: as `read_rows`.
    """

    def read(text: TextRow) -> VitsRow:
        samples = sound_of(dataset, text.clip)
        codes, frames = codes_and_frames(net, dataset, text.clip, len(samples), is_official=is_official)
        check_frames(frames, LONGEST_FRAMES_VITS)
        width = net.sizes.speaker_net_width
        speaker_print = _speaker_print(dataset, text.clip, width) if width else None
        sound = torch.from_numpy(np.pad(to_int16(samples), MARGIN, mode="reflect"))
        return VitsRow(text.clip, codes, torch.tensor(text.ids), sound, frames, speaker_print)

    return read_rows(dataset, version, VitsRow, read, facts_of(net, None, is_official=is_official), progress)


def _speaker_print(dataset: DatasetFolder, clip: str, width: int) -> Tensor:
    path = dataset.speaker / f"{clip}.pt"
    if not path.is_file():
        raise BadAudio(f"{path.relative_to(dataset.path)} is missing; run extract_speaker_vectors first")
    vector = torch.from_numpy(read_tensor(path)).float().flatten()
    if len(vector) != width:
        raise BadCheckpoint(f"{path} holds {len(vector)} numbers; the speaker vector of this version has {width}")
    return vector


class VitsData:
    """Epochs of `VitsBatch`: every clip several times where there are few (`myna.engine.training.recipe.Data`).

    ``is_official``: in the order of the official program, which fills up batches with clips that were in them already
    and pads them to an even number of frames and two more.
    """

    def __init__(self, rows: Sequence[VitsRow], batch_size: int, seed: int, *, is_official: bool = False) -> None:
        self.rows, self.batch_size, self.seed, self.is_official = rows, batch_size, seed, is_official
        self.frames = [row.frames for row in rows for _ in range(repeats(len(rows)))]
        self.repeats = repeats(len(rows))
        self.num_batches = len(self.draws(1))

    def draws(self, epoch: int) -> list[Batch]:
        """The places of the clips in each batch of ``epoch``; the same for the same seed."""
        if self.is_official:
            batches = official_order(self.frames, self.batch_size, epoch, LONGEST_FRAMES_VITS)
        else:
            batches = like_lengths(self.frames, self.batch_size, random.Random(f"{self.seed} {epoch}"))
        return [tuple(place // self.repeats for place in batch) for batch in batches]

    def load(self, draw: Batch) -> VitsBatch:
        """The clips of ``draw`` as a batch."""
        return collate([self.rows[place] for place in draw], is_official=self.is_official)

    def clips(self, draw: Batch) -> list[str]:
        """Their names."""
        return [self.rows[place].clip for place in draw]


def collate(rows: Sequence[VitsRow], *, is_official: bool = False) -> VitsBatch:
    """The rows as one batch, padded to the longest; ``is_official``: beyond it, and sorted, see `VitsData`."""
    if is_official:
        rows = sorted(rows, key=lambda row: row.frames, reverse=True)
    longest = max(row.frames for row in rows)
    num_frames = 2 * (longest // 2 + 1) if is_official else longest
    prints = [row.speaker_print for row in rows if row.speaker_print is not None]
    sounds = [row.sound[: num_frames * SPEC_HOP + 2 * MARGIN] for row in rows]
    codes = pad_sequence([row.codes for row in rows], batch_first=True)
    return VitsBatch(
        codes=torch.nn.functional.pad(codes, (0, -(-num_frames // 2) - codes.shape[1])),
        phones=pad_sequence([row.phones for row in rows], batch_first=True),
        phone_lens=torch.tensor([len(row.phones) for row in rows]),
        sound=torch.stack([_padded(sound, num_frames * SPEC_HOP + 2 * MARGIN) for sound in sounds]),
        frames=torch.tensor([row.frames for row in rows]),
        speaker_print=torch.stack(prints) if prints else None,
    )


def _padded(sound: Tensor, length: int) -> Tensor:
    return torch.nn.functional.pad(sound, (0, length - len(sound)))
