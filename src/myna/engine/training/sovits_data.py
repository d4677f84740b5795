"""What SoVITS of the flow kind learns from: tokens, phones and mel of a clip or a stretch of it, and a reference.

The published nets learn from whole clips, which are their own reference; the bundled one from stretches, with a stretch
of any clip as reference, as it is used later.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from myna.audio.io import resample, to_int16
from myna.core.errors import BadInput
from myna.core.progress import Progress
from myna.core.versions import FlowSizes, ModelVersion
from myna.core.workspace import DatasetFolder
from myna.engine.dsp import magnitudes, mel
from myna.engine.features.content import DATASET_RATE_HZ
from myna.engine.training.clips import TOKENS_PER_SECOND, TextRow, repeats, spoken_in
from myna.engine.training.flow_loss import FlowBatch
from myna.engine.training.gpt_order import like_lengths
from myna.engine.training.sovits_order import LONGEST_FRAMES_FLOW, official_order
from myna.engine.training.sovits_rows import (
    FULL_SCALE,
    MARGIN,
    SPEC_HOP,
    SPEC_N_FFT,
    check_frames,
    codes_and_frames,
    facts_of,
    read_rows,
    sound_of,
)
from myna.models.sovits_flow import SovitsFlow

WINDOW_TOKENS = 6 * TOKENS_PER_SECOND
REFERENCE_FRAMES = 150


@dataclass(frozen=True)
class FlowRow:
    """One clip: codes (T25,), phones (Tx,), log-mel (T, bands), its sound (MARGIN + T + MARGIN,) int16 with mirrored
    ends, and how many frames of it are read, 50 a second.

    ``spoken`` (T25,) is the phone each code says; without it the clip is always taken whole.
    """

    clip: str
    codes: Tensor
    phones: Tensor
    mel: Tensor
    sound: Tensor
    frames: int
    spoken: Tensor | None = None


def read_flow_rows(
    dataset: DatasetFolder,
    version: ModelVersion,
    net: SovitsFlow,
    encoder: nn.Module | None,
    progress: Progress,
    *,
    is_official: bool = False,
) -> Sequence[FlowRow]:
    """The usable clips of the dataset folder; codes are those of ``net``'s quantiser, see `codes_and_frames`.

    ``encoder``, where there is one, finds out which phone each code says. What is left out and what is raised: as
    `read_rows`.
    """
    spec = version.mel
    if spec is None:
        raise BadInput(f"version {version.name!r} has no mel to train on")

    def read(text: TextRow) -> FlowRow:
        samples = sound_of(dataset, text.clip)
        codes, frames = codes_and_frames(net, dataset, text.clip, len(samples), is_official=is_official)
        if encoder is None:
            check_frames(frames, LONGEST_FRAMES_FLOW)
        at_mel = torch.from_numpy(resample(samples, DATASET_RATE_HZ, spec.sample_rate))[None]
        mels = mel(at_mel, spec)[0].T
        if not is_official:
            mels = mels[: int(frames * net.sizes.frames_per_content)]
        spoken = spoken_in(encoder, dataset, text)
        known = spoken is not None and len(spoken) >= len(codes)
        return FlowRow(
            text.clip,
            codes,
            torch.tensor(text.ids),
            mels.contiguous(),
            torch.from_numpy(np.pad(to_int16(samples), MARGIN, mode="reflect")),
            frames,
            torch.from_numpy(spoken[: len(codes)]) if spoken is not None and known else None,
        )

    return read_rows(dataset, version, FlowRow, read, facts_of(net, encoder, is_official=is_official), progress)


@dataclass(frozen=True)
class Stretch:
    """What is taken of one clip: codes ``start`` to ``stop``; and its reference, frames from ``reference_start`` on of
    the clip at place ``reference``, at most ``reference_frames``."""

    place: int
    start: int
    stop: int
    reference: int
    reference_start: int
    reference_frames: int


Draw = tuple[Stretch, ...]


class FlowData:
    """Epochs of `FlowBatch`: every clip several times where there are few (`myna.engine.training.recipe.Data`).

    ``takes_stretches``: at most 6 s of a clip, with another stretch as reference; else whole clips, each its own
    reference. ``is_official``: in the order of the official program, which fills up batches with clips that were in
    them already and pads them to an even number of frames and two more.
    """

    def __init__(
        self,
        rows: Sequence[FlowRow],
        batch_size: int,
        sizes: FlowSizes,
        seed: int,
        *,
        takes_stretches: bool,
        is_official: bool = False,
    ) -> None:
        self.rows, self.batch_size, self.seed = rows, batch_size, seed
        self.takes_stretches, self.is_official = takes_stretches, is_official
        self.frames_per_code = 2 * sizes.frames_per_content
        self.reference_bins = sizes.reference_bins
        self.repeats = repeats(len(rows))
        self.frames = [row.frames for row in rows for _ in range(self.repeats)]
        self.num_batches = len(self.draws(1))

    def draws(self, epoch: int) -> list[Draw]:
        """What each batch of ``epoch`` takes; the same for the same seed."""
        rng = random.Random(f"{self.seed} {epoch}")
        if self.is_official:
            batches = official_order(self.frames, self.batch_size, epoch, LONGEST_FRAMES_FLOW)
        else:
            longest = 2 * WINDOW_TOKENS if self.takes_stretches else LONGEST_FRAMES_FLOW
            batches = like_lengths([min(frames, longest) for frames in self.frames], self.batch_size, rng)
        draw = self._stretch if self.takes_stretches else self._whole
        return [tuple(draw(place // self.repeats, rng) for place in batch) for batch in batches]

    def _whole(self, place: int, _rng: random.Random) -> Stretch:
        row = self.rows[place]
        return Stretch(place, 0, len(row.codes), place, 0, row.frames)

    def _stretch(self, place: int, rng: random.Random) -> Stretch:
        row = self.rows[place]
        start, stop = 0, len(row.codes)
        if row.spoken is not None and stop > WINDOW_TOKENS:
            start = rng.randrange(stop - WINDOW_TOKENS + 1)
            stop = start + WINDOW_TOKENS
        reference = rng.randrange(len(self.rows))
        cut = rng.randrange(max(1, self.rows[reference].frames - REFERENCE_FRAMES + 1))
        return Stretch(place, start, stop, reference, cut, REFERENCE_FRAMES)

    def load(self, draw: Draw) -> FlowBatch:
        """The stretches of ``draw`` as a batch."""
        if self.is_official:
            draw = tuple(sorted(draw, key=lambda one: self.rows[one.place].frames, reverse=True))
        return self._collate([self._cut(one) for one in draw])

    def clips(self, draw: Draw) -> list[str]:
        """The clips' names."""
        return [self.rows[one.place].clip for one in draw]

    def _cut(self, one: Stretch) -> dict[str, Tensor]:
        """A stretch: what `FlowBatch` has of it, and the sound of its reference."""
        row, reference = self.rows[one.place], self.rows[one.reference]
        phones = row.phones
        if row.spoken is not None and one.stop - one.start < len(row.codes):
            phones = phones[int(row.spoken[one.start]) : int(row.spoken[one.stop - 1]) + 1]
        first, last = round(one.start * self.frames_per_code), round(one.stop * self.frames_per_code)
        heard = min(one.reference_frames, reference.frames - one.reference_start)
        begin = one.reference_start * SPEC_HOP
        return {
            "codes": row.codes[one.start : one.stop],
            "phones": phones,
            "mel": row.mel[first:last] if self.takes_stretches else row.mel,
            "sound": reference.sound[begin : begin + (heard - 1) * SPEC_HOP + SPEC_N_FFT],
            "frames": torch.tensor(row.frames),
        }

    def _collate(self, rows: Sequence[dict[str, Tensor]]) -> FlowBatch:
        """Right-padded batch; mel and reference lie as (B, bins, T)."""

        def padded(name: str) -> tuple[Tensor, Tensor]:
            items = [row[name] for row in rows]
            return pad_sequence(items, batch_first=True), torch.tensor([len(item) for item in items])

        (codes, code_lens), (phones, phone_lens) = padded("codes"), padded("phones")
        (mels, mel_lens), (sounds, sound_lens) = padded("mel"), padded("sound")
        frames = torch.stack([row["frames"] for row in rows])
        if self.is_official:
            columns = int(frames.max()) // 2 + 1
            codes = F.pad(codes, (0, columns - codes.shape[1]))
            missing = int(columns * self.frames_per_code) - mels.shape[1]
            mels = F.pad(mels, (0, 0, 0, max(missing, 0)))
        spec = magnitudes(sounds.float() / FULL_SCALE, SPEC_N_FFT, SPEC_HOP)[:, : self.reference_bins]
        return FlowBatch(
            codes,
            code_lens,
            phones,
            phone_lens,
            mels.transpose(1, 2),
            mel_lens,
            spec,
            (sound_lens - SPEC_N_FFT) // SPEC_HOP + 1,
            None if self.takes_stretches else frames,
        )
