"""What the GPT learns from: phones and tokens of clips that belong together, and their prosody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from myna.checkpoints.tensor_file import read_tensor
from myna.core.errors import BadInput, CallerError, TrainingFailed
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
    spoken_in,
)
from myna.engine.training.shards import Basis, stored_rows, weights_print
from myna.models.gpt_following import followable

STEP = "train_gpt"
"""Under which name clips are noted as left out."""
MAX_TOKENS = 54 * TOKENS_PER_SECOND
MAX_PHONES = 540
PHONES_PER_SECOND = (3.0, 25.0)
"""Clips outside these are left out (official rules): their text and sound hardly belong together."""


@dataclass(frozen=True)
class GptRow:
    """One training row: phones (Tx,), tokens (Ty,), prosody (C, Tx) in the file's type, and for nets that follow the
    text which phone each token says (Ty,). ``clip`` is its name."""

    phones: Tensor
    tokens: Tensor
    bert: Tensor | None = None
    spoken: Tensor | None = None
    clip: str = ""

    @property
    def length(self) -> int:
        """Columns that the net computes."""
        return len(self.phones) + len(self.tokens)


def read_gpt_rows(
    dataset: DatasetFolder, version: ModelVersion, encoder: nn.Module | None, progress: Progress
) -> Sequence[GptRow]:
    """The clips of the dataset folder that have phones and tokens, in the order of the tokens' file.

    Where the version's GPT follows the text, ``encoder`` aligns them, and a clip whose words do not fit is left out.
    They are kept in shards, see `stored_rows`. What is left out is named in the folder's ``left_out.jsonl``. Raises
    `NotFound` where a part of the folder is missing, `TrainingFailed` where no clip is usable.
    """

    def made(tally: Tally) -> Iterator[GptRow]:
        texts, tokens = read_text_file(dataset, version.symbols, tally), read_semantic_file(dataset)
        clips = dict.fromkeys((*tokens, *texts))
        for number, clip in enumerate(clips):
            progress(number / len(clips), clip)
            try:
                row = _row(dataset, version, encoder, texts.get(clip), tokens.get(clip, ()))
            except CallerError as error:
                if clip not in {failure.file for failure in tally.failures}:
                    tally.add(clip, error)
                continue
            yield row

    sounds = (dataset.wav32k,) if encoder is not None else ()
    sources = (dataset.text_file, dataset.semantic_file, dataset.bert, *sounds)
    facts = {"version": repr(version), "encoder": weights_print(encoder)}
    rows, failures = stored_rows(dataset.shards, f"gpt-{version.name}", GptRow, Basis(sources, facts), made, progress)
    note_left_out(dataset, STEP, failures)
    if not rows:
        count = len(read_text_file(dataset, version.symbols))
        raise TrainingFailed(
            f"none of the {count} clips can be used: each needs tokens, at most {MAX_PHONES} phones, "
            f"{PHONES_PER_SECOND[0]:g} to {PHONES_PER_SECOND[1]:g} phones a second, and words that fit its sound"
        )
    return rows


def _row(
    dataset: DatasetFolder,
    version: ModelVersion,
    encoder: nn.Module | None,
    text: TextRow | None,
    codes: Sequence[int],
) -> GptRow:
    """The clip; raises `CallerError` with the reason where it is left out."""
    if text is None:
        raise BadInput(f"{dataset.text_file.name} has no line for it")
    _check_usable(len(text.ids), codes, version.gpt.end_token)
    spoken = _places(encoder, dataset, text, len(codes)) if version.gpt.follows_text else None
    if version.gpt.follows_text and spoken is None:
        raise BadInput("its words do not fit its sound")
    bert = _prosody(dataset.bert / f"{text.clip}.pt", version, len(text.ids)) if version.has_bert else None
    return GptRow(torch.tensor(text.ids), torch.tensor(codes), bert, spoken, text.clip)


def _prosody(path: Path, version: ModelVersion, num_phones: int) -> Tensor | None:
    """The clip's prosody (C, Tx), None where it has none, as in languages other than Chinese."""
    if not path.is_file():
        return None
    features = torch.from_numpy(read_tensor(path))
    wanted = (version.gpt.bert_width, num_phones)
    if tuple(features.shape) != wanted or not features.is_floating_point():
        raise BadInput(f"its BERT features are {tuple(features.shape)} in place of {wanted}; extract them anew")
    return features


def _places(encoder: nn.Module | None, dataset: DatasetFolder, text: TextRow, num_tokens: int) -> Tensor | None:
    """Which phone each token says, (Ty,); None where it cannot be known."""
    spoken = spoken_in(encoder, dataset, text)
    if spoken is None or len(spoken) < num_tokens:
        return None
    return followable(torch.from_numpy(spoken[:num_tokens]))


def _check_usable(num_phones: int, codes: Sequence[int], end_token: int) -> None:
    """Raise `BadInput` where official rules leave a clip out, or its tokens are of another version."""
    low, high = PHONES_PER_SECOND
    if not codes:
        raise BadInput("it has no tokens")
    if len(codes) > MAX_TOKENS:
        raise BadInput(f"it has {len(codes)} tokens, more than {MAX_TOKENS}")
    if num_phones > MAX_PHONES:
        raise BadInput(f"it has {num_phones} phones, more than {MAX_PHONES}")
    rate = num_phones * TOKENS_PER_SECOND / len(codes)
    if not low <= rate <= high:
        raise BadInput(
            f"it has {rate:.1f} phones a second, outside {low:g} to {high:g}: text and sound hardly belong together"
        )
    if max(codes) >= end_token:
        raise BadInput(f"its token {max(codes)} is none of this version")


def joined(first: GptRow, second: GptRow) -> GptRow:
    """Both rows as one: phones of both, then tokens of both."""
    bert = spoken = None
    if first.bert is not None and second.bert is not None:
        bert = torch.cat((first.bert, second.bert), dim=1)
    if first.spoken is not None and second.spoken is not None:
        spoken = torch.cat((first.spoken, second.spoken + len(first.phones)))
    phones, tokens = torch.cat((first.phones, second.phones)), torch.cat((first.tokens, second.tokens))
    return GptRow(phones, tokens, bert, spoken)
