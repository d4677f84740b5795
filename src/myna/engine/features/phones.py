"""First part of the dataset folder: what each clip says, as phones, and prosody features where a version has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import Tensor

from myna.audio.labels import usable_labels
from myna.checkpoints.tensor_file import write_tensor
from myna.core.errors import BadInput, UnknownChoice
from myna.core.findings import Tally
from myna.core.progress import Progress
from myna.core.training import Precision
from myna.core.versions import ModelVersion
from myna.core.workspace import DatasetFolder, write_text
from myna.engine.features.batches import Answer, Piece, each_clip
from myna.engine.features.half import halved, in_half
from myna.engine.features.left_out import note_left_out
from myna.engine.features.places import Place, places_of
from myna.engine.features.prosody import prosody
from myna.engine.features.reading import choose_names, choose_polyphones, mode_for
from myna.engine.library import Library
from myna.models.pretrained import BertProsody
from myna.text.frontend import Phonemes, phonemize_training
from myna.text.words import Words

STEP = "extract_text_features"
"""Under which name clips are noted as left out."""


def extract_phones(
    labels: Path,
    dataset: DatasetFolder,
    *,
    version: ModelVersion,
    models: Path,
    device: str,
    progress: Progress,
    words: Words | None = None,
    gpu_numbers: str = "",
    precision: Precision = "auto",
) -> int:
    """Write ``2-name2text.txt`` and, for Chinese, ``3-bert``; returns the number of clips. Prosody that is there stays.

    ``words`` is the user's dictionary. A clip whose words cannot be spoken, or are in a language that the version does
    not speak, is left out, and named in the progress and in the folder's ``left_out.jsonl``. Every process of
    ``gpu_numbers``, see `places_of`, reads texts and computes their prosody. Raises `BadInput` or `UnknownChoice` where
    none is left, `MissingAsset` where the prosody model is needed and missing.
    """
    places = places_of(device, gpu_numbers, precision)
    tally = Tally()
    listed = {label.clip: label for label in usable_labels(labels, tally)}
    todo = {clip: _Line(label.text, label.language, dataset.bert / f"{clip}.pt") for clip, label in listed.items()}
    rows = each_clip(partial(_Maker, version, models, words), todo, places, tally, progress, _length)
    if not rows:
        for line in todo.values():  # raises where a language is none of the version's
            _known_mode(line, version)
    tally.require(len(rows), BadInput, "no clip has words that can be spoken")
    write_text(dataset.text_file, "".join(f"{clip}\t{row}\n" for clip, row in rows.items()))
    note_left_out(dataset, STEP, tally.failures)
    return len(rows)


class _Line(NamedTuple):
    """What a clip says, and where its prosody goes."""

    text: str
    language: str
    bert: Path


def _length(line: _Line) -> float:
    return len(line.text)


def _known_mode(line: _Line, version: ModelVersion) -> None:
    with suppress(BadInput):
        mode_for(line.text, line.language, version)


class _Maker:
    """Reads texts, in one process, which reads its nets once."""

    def __init__(self, version: ModelVersion, models: Path, words: Words | None, place: Place) -> None:
        place.settle()
        choose_polyphones(models)
        choose_names(models)
        self.version, self.words, self.type = version, words, place.type
        self.library = Library(models, place.device)
        self._half: BertProsody | None = None

    def __call__(self, piece: Piece[_Line]) -> Sequence[Answer[str]]:
        answers: dict[str, Answer[str]] = {}
        missing: list[tuple[str, Path, Phonemes]] = []
        for clip, line in piece:
            try:
                mode = mode_for(line.text, line.language, self.version)
                spoken = phonemize_training(line.text, mode, self.version.symbols, self.words)
            except (BadInput, UnknownChoice) as error:
                answers[clip] = Answer(clip, None, " ".join(str(error).split()))
                continue
            answers[clip] = Answer(clip, _row(spoken))
            if self.version.has_bert and spoken.bert_parts and not line.bert.is_file():
                missing.append((clip, line.bert, spoken))
        if missing:
            half, whole = (partial(self._prosody, bert) for bert in (self._half_bert, self.library.bert))
            found = in_half(half, [spoken for *_, spoken in missing], self.library.device, self.type, whole)
            for (clip, path, _), features in zip(missing, found, strict=True):
                if features is None:
                    answers[clip] = Answer(clip, None, "its prosody features are no numbers")
                else:
                    write_tensor(path, features.numpy().astype(np.float16))
        return list(answers.values())

    def _half_bert(self, version: ModelVersion) -> BertProsody:
        if self._half is None:
            self._half = halved(self.library.bert(version), self.type)
        return self._half

    def _prosody(self, bert: Callable[[ModelVersion], BertProsody], texts: Sequence[Phonemes]) -> list[Tensor]:
        """Of texts that have Chinese words; read together, those of like length in one batch."""
        return [features[0] for features in prosody(texts, self.version, bert) if features is not None]


def _row(spoken: Phonemes) -> str:
    """The clip's line behind its name: phones, phones per character, normalised text."""
    text = " ".join(spoken.norm_text.split())
    return f"{' '.join(spoken.phones)}\t{spoken.word2ph}\t{text}"
