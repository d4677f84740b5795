"""First part of the dataset folder: what each clip says, as phones, and prosody features where a version has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from myna.audio.labels import Label, read_labels
from myna.checkpoints.tensor_file import write_tensor
from myna.core.errors import BadInput
from myna.core.progress import Progress
from myna.core.versions import ModelVersion
from myna.core.workspace import DatasetFolder, write_text
from myna.engine.library import Library
from myna.text.frontend import Phonemes, phonemize

PROSODY_LANGUAGE = "zh"
"""The language that the published BERT reads; in all others its features are zeros."""


def extract_phones(
    labels: Path, dataset: DatasetFolder, *, version: ModelVersion, models: Path, device: str, progress: Progress
) -> int:
    """Write ``2-name2text.txt`` and, for Chinese, ``3-bert``; returns the number of clips. Prosody that is there stays.

    A clip whose words cannot be spoken is left out, and named in the progress. Raises `BadInput` where none is left,
    `UnknownChoice` for a language that cannot be read, `MissingAsset` where the prosody model is needed and missing.
    """
    rows, last = [], ""
    library = Library(models, device)
    listed = read_labels(labels)
    for number, label in enumerate(listed):
        progress(number / len(listed), label.clip)
        try:
            spoken = phonemize(label.spoken, label.language, version.symbols)
        except BadInput as error:
            last = f"{label.clip}: {error}"
            progress(number / len(listed), f"left out {last}")
            continue
        if version.has_bert and label.language == PROSODY_LANGUAGE:
            _write_prosody(label, spoken, dataset, version, library)
        rows.append(_row(label.clip, spoken))
    if not rows:
        raise BadInput(f"no clip has words that can be spoken; {last}")
    write_text(dataset.text_file, "".join(rows))
    return len(rows)


def _row(clip: str, spoken: Phonemes) -> str:
    """The clip's line: name, phones, phones per character, normalised text."""
    text = " ".join(spoken.norm_text.split())
    return f"{clip}\t{' '.join(spoken.phones)}\t{spoken.word2ph}\t{text}\n"


def _write_prosody(
    label: Label, spoken: Phonemes, dataset: DatasetFolder, version: ModelVersion, library: Library
) -> None:
    path = dataset.bert / f"{label.clip}.pt"
    if path.is_file():
        return
    if spoken.word2ph is None:
        raise BadInput(f"{label.clip}: the reader of {label.language!r} does not say which phones a character has")
    features = library.bert(version).phone_features(spoken.norm_text, spoken.word2ph)
    write_tensor(path, features.cpu().numpy().astype(np.float16))
