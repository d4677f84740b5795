"""The GPT's batches: which clips each epoch draws, alone or two in a row, and how they are padded."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from myna.engine.training.clips import TOKENS_PER_SECOND, repeats
from myna.engine.training.gpt_data import GptRow, joined
from myna.engine.training.gpt_order import like_lengths, official_order
from myna.engine.training.losses import GptBatch
from myna.models.gpt_loss import draw_spoiling, spoil

JOIN_SHARE = 0.5
"""How often a clip follows another one of the speaker, as a sentence follows the reference when the voice speaks."""


@dataclass(frozen=True)
class GptDraw:
    """What one batch is made of: for each row the clips that stand in it one behind the other; ``seed`` draws how
    rejected sentences are spoilt."""

    rows: tuple[tuple[int, ...], ...]
    seed: int = 0


class GptData:
    """Epochs of `GptBatch`: every clip as often as the official rule says, in batches of like length.

    With ``joined_tokens`` half of the clips come behind another one, where both have no more tokens than that. With
    ``is_official`` the official program's order is drawn, and every batch has prosody of ``bert_width``, zeros where
    there is none. ``has_preference`` adds rejected sentences.
    """

    def __init__(
        self,
        rows: Sequence[GptRow],
        batch_size: int,
        seed: int,
        *,
        end_token: int,
        bert_width: int = 0,
        joined_tokens: int = 0,
        is_official: bool = False,
        has_preference: bool = False,
    ) -> None:
        self.rows, self.batch_size, self.seed, self.end_token = rows, batch_size, seed, end_token
        self.joined_tokens, self.is_official, self.has_preference = joined_tokens, is_official, has_preference
        self.bert_width = bert_width if is_official else 0
        self.order = [number for _ in range(repeats(len(rows))) for number in range(len(rows))]
        self.num_batches = -(-len(self.order) // batch_size)

    def draws(self, epoch: int) -> list[GptDraw]:
        """What the batches of ``epoch`` (from 1) are made of; the same for the same seed."""
        rng = random.Random(f"{self.seed} {epoch}")
        if self.is_official:
            rows: list[tuple[int, ...]] = [(number,) for number in self.order]
            seconds = [len(self.rows[number].tokens) / TOKENS_PER_SECOND for number in self.order]
            batches = official_order(seconds, self.batch_size, epoch - 1)
        else:
            rows = [self._drawn(number, rng) for number in self.order]
            lengths = [sum(self.rows[number].length for number in row) for row in rows]
            batches = like_lengths(lengths, self.batch_size, rng)
        return [GptDraw(tuple(rows[index] for index in batch), rng.getrandbits(62)) for batch in batches]

    def load(self, draw: GptDraw) -> GptBatch:
        """The batch."""
        rows = [self._row(numbers) for numbers in draw.rows]
        batch = collate(rows, self.end_token, self.bert_width)
        if not self.has_preference:
            return batch
        return with_rejected(batch, torch.Generator().manual_seed(draw.seed), is_padded=self.is_official)

    def clips(self, draw: GptDraw) -> list[str]:
        """The names of the clips in it."""
        return [self.rows[number].clip for numbers in draw.rows for number in numbers]

    def _row(self, numbers: tuple[int, ...]) -> GptRow:
        first, *others = (self.rows[number] for number in numbers)
        return joined(first, others[0]) if others else first

    def _drawn(self, number: int, rng: random.Random) -> tuple[int, ...]:
        """The clip, or another one with it behind."""
        if not self.joined_tokens or len(self.rows) < 2 or rng.random() >= JOIN_SHARE:
            return (number,)
        other = rng.randrange(len(self.rows))
        num_tokens = len(self.rows[other].tokens) + len(self.rows[number].tokens)
        return (number,) if other == number or num_tokens > self.joined_tokens else (other, number)


def collate(rows: Sequence[GptRow], end_token: int, bert_width: int = 0) -> GptBatch:
    """Batch padded on the right as the official one is: phones with 0, tokens with the end, prosody with zeros.

    A batch without any prosody has zeros of ``bert_width``, 0: none, which sounds the same but teaches the projection
    nothing. ``spoken`` is there when all rows have it.
    """
    longest = max(len(row.phones) for row in rows)
    bert = spoken = None
    width = next((row.bert.shape[0] for row in rows if row.bert is not None), bert_width)
    if width:
        bert = torch.zeros(len(rows), width, longest)
        for index, row in enumerate(rows):
            if row.bert is not None:
                bert[index, :, : row.bert.shape[1]] = row.bert
    places = [row.spoken for row in rows if row.spoken is not None]
    if len(places) == len(rows):
        spoken = pad_sequence(places, batch_first=True)
    return GptBatch(
        pad_sequence([row.phones for row in rows], batch_first=True),
        torch.tensor([len(row.phones) for row in rows]),
        pad_sequence([row.tokens for row in rows], batch_first=True, padding_value=end_token),
        torch.tensor([len(row.tokens) for row in rows]),
        bert,
        spoken,
    )


def with_rejected(batch: GptBatch, generator: torch.Generator, *, is_padded: bool) -> GptBatch:
    """The batch with a spoilt copy of each sentence; ``is_padded``: its padding counts, as it does officially."""
    lengths = torch.full_like(batch.token_lens, batch.tokens.shape[1]) if is_padded else batch.token_lens
    repeat, slices = draw_spoiling(lengths, generator)

    def spoilt(values: Tensor) -> tuple[Tensor, Tensor]:
        return spoil([row[:length] for row, length in zip(values, lengths, strict=True)], repeat, slices)

    rejected, rejected_lens = spoilt(batch.tokens)
    spoken = None if batch.spoken is None else spoilt(batch.spoken)[0]
    return replace(batch, rejected=rejected, rejected_lens=rejected_lens, rejected_spoken=spoken)
