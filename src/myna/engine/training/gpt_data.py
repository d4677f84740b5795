"""What the GPT learns from: phones and tokens of clips, alone or two in a row, as prompt and continuation."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from myna.checkpoints.tensor_file import read_tensor
from myna.core.errors import TrainingFailed
from myna.core.findings import Tally
from myna.core.progress import Progress
from myna.core.versions import ModelVersion
from myna.core.workspace import DatasetFolder
from myna.engine.features.left_out import note_left_out
from myna.engine.training.clips import (
    TOKENS_PER_SECOND,
    TextRow,
    read_semantic_file,
    read_text_file,
    repeats,
    spoken_in,
)
from myna.engine.training.losses import GptBatch
from myna.models.gpt_following import followable

STEP = "train_gpt"
"""Under which name clips are noted as left out."""
MAX_TOKENS = 54 * TOKENS_PER_SECOND
MAX_PHONES = 540
PHONES_PER_SECOND = (3.0, 25.0)
"""Clips outside these are left out (official rules): their text and sound hardly belong together."""
JOIN_SHARE = 0.5
"""How often a clip follows another one of the speaker, as a sentence follows the reference when the voice speaks."""


@dataclass(frozen=True)
class GptRow:
    """One training row: phones (Tx,), tokens (Ty,), prosody (C, Tx), and for nets that follow the text which phone each
    token says (Ty,)."""

    phones: Tensor
    tokens: Tensor
    bert: Tensor | None = None
    spoken: Tensor | None = None

    @property
    def length(self) -> int:
        """Columns that the net computes."""
        return len(self.phones) + len(self.tokens)


def read_gpt_rows(
    dataset: DatasetFolder, version: ModelVersion, encoder: nn.Module | None, progress: Progress
) -> list[GptRow]:
    """The clips of the dataset folder that have phones and tokens.

    Where the version's GPT follows the text, ``encoder`` aligns them, and a clip whose words do not fit is left out.
    What is left out is named in the folder's ``left_out.jsonl``. Raises `NotFound` where a part of the folder is
    missing, `TrainingFailed` where no clip is usable.
    """
    tally = Tally()
    texts, tokens = read_text_file(dataset, version.symbols, tally), read_semantic_file(dataset)
    rows = []
    for number, (clip, text) in enumerate(texts.items()):
        progress(number / len(texts), clip)
        codes = tokens.get(clip, [])
        reason = _unusable(len(text.ids), codes, version.gpt.end_token)
        spoken = _places(encoder, dataset, text, len(codes)) if version.gpt.follows_text and not reason else None
        if version.gpt.follows_text and spoken is None:
            reason = reason or "its words do not fit its sound"
        if reason:
            tally.add(clip, reason)
            continue
        bert = dataset.bert / f"{clip}.pt"
        rows.append(
            GptRow(
                torch.tensor(text.ids),
                torch.tensor(codes),
                torch.from_numpy(read_tensor(bert)).float() if version.has_bert and bert.is_file() else None,
                spoken,
            )
        )
    note_left_out(dataset, STEP, tally.failures)
    if not rows:
        raise TrainingFailed(
            f"none of the {len(texts)} clips can be used: each needs tokens, at most {MAX_PHONES} phones, "
            f"{PHONES_PER_SECOND[0]:g} to {PHONES_PER_SECOND[1]:g} phones a second, and words that fit its sound"
        )
    return rows


def _places(encoder: nn.Module | None, dataset: DatasetFolder, text: TextRow, num_tokens: int) -> Tensor | None:
    """Which phone each token says, (Ty,); None where it cannot be known."""
    spoken = spoken_in(encoder, dataset, text)
    if spoken is None or len(spoken) < num_tokens:
        return None
    return followable(torch.from_numpy(spoken[:num_tokens]))


def _unusable(num_phones: int, codes: Sequence[int], end_token: int) -> str:
    """Why a clip is left out; "" where it is not."""
    low, high = PHONES_PER_SECOND
    if not codes:
        return "it has no tokens"
    if len(codes) > MAX_TOKENS:
        return f"it has {len(codes)} tokens, more than {MAX_TOKENS}"
    if num_phones > MAX_PHONES:
        return f"it has {num_phones} phones, more than {MAX_PHONES}"
    rate = num_phones * TOKENS_PER_SECOND / len(codes)
    if not low <= rate <= high:
        return f"it has {rate:.1f} phones a second, outside {low:g} to {high:g}: text and sound hardly belong together"
    return "" if max(codes) < end_token else f"its token {max(codes)} is none of this version"


class GptData:
    """Epochs of `GptBatch`: every clip several times, half of the time behind another one, batched by length."""

    def __init__(self, rows: Sequence[GptRow], batch_size: int, joined_tokens: int, seed: int) -> None:
        self.rows, self.batch_size, self.joined_tokens, self.seed = rows, batch_size, joined_tokens, seed
        self.repeats = repeats(len(rows))
        self.num_batches = -(-len(rows) * self.repeats // batch_size)

    def epoch(self, number: int) -> Iterator[GptBatch]:
        """The batches of epoch ``number``; the same for the same seed."""
        rng = random.Random(f"{self.seed} {number}")
        drawn = [self._drawn(row, rng) for row in self.rows for _ in range(self.repeats)]
        drawn.sort(key=lambda row: row.length * rng.uniform(0.9, 1.1))
        starts = [index * self.batch_size for index in range(self.num_batches)]
        rng.shuffle(starts)
        for start in starts:
            yield collate(drawn[start : start + self.batch_size])

    def _drawn(self, row: GptRow, rng: random.Random) -> GptRow:
        """``row``, or another one with ``row`` behind it."""
        if len(self.rows) < 2 or rng.random() >= JOIN_SHARE:
            return row
        other = rng.choice(self.rows)
        if other is row or len(other.tokens) + len(row.tokens) > self.joined_tokens:
            return row
        return joined(other, row)


def joined(first: GptRow, second: GptRow) -> GptRow:
    """Both rows as one: phones of both, then tokens of both."""
    bert = spoken = None
    if first.bert is not None and second.bert is not None:
        bert = torch.cat((first.bert, second.bert), dim=1)
    if first.spoken is not None and second.spoken is not None:
        spoken = torch.cat((first.spoken, second.spoken + len(first.phones)))
    phones, tokens = torch.cat((first.phones, second.phones)), torch.cat((first.tokens, second.tokens))
    return GptRow(phones, tokens, bert, spoken)


def collate(rows: Sequence[GptRow]) -> GptBatch:
    """Right-padded batch; prosody that a row lacks is zeros."""
    longest = max(len(row.phones) for row in rows)
    bert = spoken = None
    widths = {row.bert.shape[0] for row in rows if row.bert is not None}
    if widths:
        bert = torch.zeros(len(rows), widths.pop(), longest)
        for index, row in enumerate(rows):
            if row.bert is not None:
                bert[index, :, : row.bert.shape[1]] = row.bert
    places = [row.spoken for row in rows if row.spoken is not None]
    if len(places) == len(rows):
        spoken = pad_sequence(places, batch_first=True)
    return GptBatch(
        pad_sequence([row.phones for row in rows], batch_first=True),
        torch.tensor([len(row.phones) for row in rows]),
        pad_sequence([row.tokens for row in rows], batch_first=True),
        torch.tensor([len(row.tokens) for row in rows]),
        bert,
        spoken,
    )
