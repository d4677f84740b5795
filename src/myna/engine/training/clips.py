"""The dataset folder as training reads it: which clips there are, what they say, and how often each is seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import nn

from myna.audio.io import decode
from myna.core.errors import BadInput, NotFound
from myna.core.findings import Tally
from myna.core.workspace import DatasetFolder
from myna.engine.features.alignment import ctc_scores, spoken_columns
from myna.engine.features.content import CONTENT_RATE_HZ
from myna.models.content import LiteContent
from myna.text.symbols import symbols

FEW_CLIPS = 100
"""A smaller data set is gone through several times in an epoch (official rule)."""
TOKENS_PER_SECOND = 25


@dataclass(frozen=True)
class TextRow:
    """One line of ``2-name2text.txt``: the clip's name and its phones' ids."""

    clip: str
    phones: list[str]
    ids: list[int]


def read_text_file(dataset: DatasetFolder, table: str, tally: Tally | None = None) -> dict[str, TextRow]:
    """The lines of ``2-name2text.txt`` by clip; lines of another form and unknown phones are left out (official rule),
    and named in ``tally``.

    Raises `NotFound` where the file is missing, `BadInput` where no line can be used.
    """
    path = dataset.text_file
    if not path.is_file():
        raise NotFound(f"{path} is missing; run extract_text_features first")
    ids = {symbol: number for number, symbol in enumerate(symbols(table))}
    rows, tally = {}, Tally() if tally is None else tally
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        fields = line.split("\t")
        phones = fields[1].split(" ") if len(fields) == 4 else []
        unknown = [phone for phone in phones if phone not in ids]
        if not phones:
            tally.add(f"{path.name} line {number}", f"it has {len(fields)} fields instead of 4")
        elif unknown:
            tally.add(fields[0], f"table {table!r} has no phone {unknown[0]!r}")
        else:
            rows[fields[0]] = TextRow(fields[0], phones, [ids[phone] for phone in phones])
    if not rows:
        raise BadInput(f"{path} has no line with four fields and phones of table {table!r}")
    return rows


def read_semantic_file(dataset: DatasetFolder) -> dict[str, list[int]]:
    """The tokens of ``6-name2semantic.tsv`` by clip; raises `NotFound` where it is missing, `BadInput` if damaged."""
    path = dataset.semantic_file
    if not path.is_file():
        raise NotFound(f"{path} is missing; run extract_semantic_features first")
    rows = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        clip, _, tokens = line.partition("\t")
        if number == 1 and not tokens.replace(" ", "").isdigit():
            continue
        try:
            rows[clip] = [int(token) for token in tokens.split()]
        except ValueError:
            raise BadInput(f"{path} line {number} holds something else than tokens") from None
    return rows


def repeats(num_clips: int) -> int:
    """How often an epoch goes through ``num_clips`` clips (official rule)."""
    return 1 if num_clips >= FEW_CLIPS else max(2, FEW_CLIPS // num_clips)


def spoken_in(encoder: nn.Module | None, dataset: DatasetFolder, row: TextRow) -> np.ndarray | None:
    """Which phone each token of the clip says, (T25,); None where it cannot be known."""
    wav = dataset.wav32k / row.clip
    if not isinstance(encoder, LiteContent) or not wav.is_file():
        return None
    return spoken_columns(ctc_scores(encoder, decode(wav, CONTENT_RATE_HZ).samples), row.phones)
