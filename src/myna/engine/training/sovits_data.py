"""What SoVITS learns from: tokens, phones and mel of a stretch of a clip, and a stretch of another one as reference."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from myna.audio.io import decode, resample
from myna.core.errors import BadAudio, BadInput, TrainingFailed
from myna.core.findings import Tally
from myna.core.progress import Progress
from myna.core.versions import ModelVersion
from myna.core.workspace import DatasetFolder
from myna.engine.dsp import mel, spectrogram
from myna.engine.features.content import DATASET_RATE_HZ
from myna.engine.features.left_out import note_left_out
from myna.engine.features.semantic import codes_of
from myna.engine.training.clips import TOKENS_PER_SECOND, TextRow, read_text_file, repeats, spoken_in
from myna.engine.training.losses import FlowBatch
from myna.models.sovits_flow import SovitsFlow

STEP = "train_sovits"
"""Under which name clips are noted as left out."""
REFERENCE_N_FFT, REFERENCE_HOP = 2048, 640
"""The reference spectrogram: 50 frames a second at 32 kHz."""
SECONDS = (0.6, 54.0)
"""Clips that are shorter than the first or not shorter than the second are left out (official rule)."""
WINDOW_TOKENS = 6 * TOKENS_PER_SECOND
REFERENCE_FRAMES = 150


@dataclass(frozen=True)
class FlowRow:
    """One clip: codes (T25,), phones (Tx,), log-mel (T, bands), reference magnitudes (T50, bins).

    ``spoken`` (T25,) is the phone each code says; without it the clip is always taken whole.
    """

    codes: Tensor
    phones: Tensor
    mel: Tensor
    spec: Tensor
    spoken: Tensor | None = None


def read_flow_rows(
    dataset: DatasetFolder, version: ModelVersion, net: SovitsFlow, encoder: nn.Module | None, progress: Progress
) -> list[FlowRow]:
    """The clips of the dataset folder that have phones, content and wav; codes are those of ``net``'s quantiser.

    What is left out is named in the folder's ``left_out.jsonl``. Raises `NotFound` where a part of the folder is
    missing, `TrainingFailed` where no clip is usable.
    """
    tally, rows = Tally(), []
    texts = read_text_file(dataset, version.symbols, tally)
    for number, text in enumerate(texts.values()):
        progress(number / len(texts), text.clip)
        try:
            rows.append(_row(dataset, text, version, net, encoder))
        except BadAudio as error:
            tally.add(text.clip, error)
    note_left_out(dataset, STEP, tally.failures)
    if not rows:
        raise TrainingFailed(
            f"none of the {len(texts)} clips can be used: each needs content features and a wav of "
            f"{SECONDS[0]:g} to {SECONDS[1]:g} s"
        )
    return rows


def _row(
    dataset: DatasetFolder, text: TextRow, version: ModelVersion, net: SovitsFlow, encoder: nn.Module | None
) -> FlowRow:
    """The clip; raises `BadAudio` where it is missing, too short or too long."""
    if version.mel is None:
        raise BadInput(f"version {version.name!r} has no mel to train on")
    wav, content = dataset.wav32k / text.clip, dataset.content / f"{text.clip}.pt"
    for path in (wav, content):
        if not path.is_file():
            raise BadAudio(f"{path.relative_to(dataset.path)} is missing")
    samples = decode(wav, DATASET_RATE_HZ).samples
    seconds = len(samples) / DATASET_RATE_HZ
    if not SECONDS[0] <= seconds < SECONDS[1]:
        raise BadAudio(f"it is {seconds:.2f} s long; training takes {SECONDS[0]:g} s to less than {SECONDS[1]:g} s")
    codes = codes_of(net, content)
    if not len(codes):
        raise BadAudio("it has no tokens")
    at_mel = torch.from_numpy(resample(samples, DATASET_RATE_HZ, version.mel.sample_rate))[None]
    spec = spectrogram(torch.from_numpy(samples)[None], REFERENCE_N_FFT, REFERENCE_HOP)[0, : net.sizes.reference_bins]
    frames = mel(at_mel, version.mel)[0].T.contiguous()
    spoken = spoken_in(encoder, dataset, text)
    known = spoken is not None and len(spoken) >= len(codes)
    return FlowRow(
        codes,
        torch.tensor(text.ids),
        frames,
        spec.T.contiguous(),
        torch.from_numpy(spoken[: len(codes)]) if spoken is not None and known else None,
    )


class FlowData:
    """Epochs of `FlowBatch`: every clip several times, a stretch of at most 6 s each."""

    def __init__(self, rows: Sequence[FlowRow], batch_size: int, frame_rate: float, seed: int) -> None:
        self.rows, self.batch_size, self.seed = rows, batch_size, seed
        self.frames_per_code = frame_rate / TOKENS_PER_SECOND
        self.repeats = repeats(len(rows))
        self.num_batches = -(-len(rows) * self.repeats // batch_size)

    def epoch(self, number: int) -> Iterator[FlowBatch]:
        """The batches of epoch ``number``; the same for the same seed."""
        rng = random.Random(f"{self.seed} {number}")
        drawn = [row for row in self.rows for _ in range(self.repeats)]
        drawn.sort(key=lambda row: min(len(row.codes), WINDOW_TOKENS) * rng.uniform(0.9, 1.1))
        starts = [index * self.batch_size for index in range(self.num_batches)]
        rng.shuffle(starts)
        for start in starts:
            yield collate([self._window(row, rng) for row in drawn[start : start + self.batch_size]])

    def _window(self, row: FlowRow, rng: random.Random) -> dict[str, Tensor]:
        """A stretch of ``row``, the phones said in it, and a stretch of any clip as reference."""
        start, stop, phones = 0, len(row.codes), row.phones
        if row.spoken is not None and len(row.codes) > WINDOW_TOKENS:
            start = rng.randrange(len(row.codes) - WINDOW_TOKENS + 1)
            stop = start + WINDOW_TOKENS
            phones = row.phones[int(row.spoken[start]) : int(row.spoken[stop - 1]) + 1]
        spec = rng.choice(self.rows).spec
        cut = rng.randrange(max(1, len(spec) - REFERENCE_FRAMES + 1))
        first, last = round(start * self.frames_per_code), round(stop * self.frames_per_code)
        return {
            "codes": row.codes[start:stop],
            "phones": phones,
            "mel": row.mel[first:last],
            "reference": spec[cut : cut + REFERENCE_FRAMES],
        }


def collate(rows: Sequence[dict[str, Tensor]]) -> FlowBatch:
    """Right-padded batch; mel and reference lie as (B, bins, T)."""

    def padded(name: str) -> tuple[Tensor, Tensor]:
        items = [row[name] for row in rows]
        return pad_sequence(items, batch_first=True), torch.tensor([len(item) for item in items])

    (codes, code_lens), (phones, phone_lens) = padded("codes"), padded("phones")
    (mels, mel_lens), (reference, reference_lens) = padded("mel"), padded("reference")
    return FlowBatch(
        codes,
        code_lens,
        phones,
        phone_lens,
        mels.transpose(1, 2),
        mel_lens,
        reference.transpose(1, 2),
        reference_lens,
    )
