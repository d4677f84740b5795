"""First part of the dataset folder: what each clip says, as phones, and prosody features where a version has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from myna.audio.labels import usable_labels
from myna.checkpoints.tensor_file import write_tensor
from myna.core.errors import BadInput, UnknownChoice
from myna.core.findings import Tally
from myna.core.progress import Progress
from myna.core.versions import ModelVersion
from myna.core.workspace import DatasetFolder, write_text
from myna.engine.features.left_out import note_left_out
from myna.engine.features.prosody import prosody
from myna.engine.features.reading import choose_names, choose_polyphones, mode_for
from myna.engine.library import Library
from myna.text.frontend import Phonemes, phonemize_training
from myna.text.words import Words

STEP = "extract_text_features"
"""Under which name clips are noted as left out."""
_CLIPS_AT_ONCE = 32
_READ_SHARE = 0.2
"""How much of the work is reading, where prosody follows."""


def extract_phones(
    labels: Path,
    dataset: DatasetFolder,
    *,
    version: ModelVersion,
    models: Path,
    device: str,
    progress: Progress,
    words: Words | None = None,
) -> int:
    """Write ``2-name2text.txt`` and, for Chinese, ``3-bert``; returns the number of clips. Prosody that is there stays.

    ``words`` is the user's dictionary. A clip whose words cannot be spoken, or are in a language that the version does
    not speak, is left out, and named in the progress and in the folder's ``left_out.jsonl``. Raises `BadInput` or
    `UnknownChoice` where none is left, `MissingAsset` where the prosody model is needed and missing.
    """
    choose_polyphones(models)
    choose_names(models)
    read: dict[str, Phonemes] = {}
    tally, share = Tally(), _READ_SHARE if version.has_bert else 1.0
    foreign: UnknownChoice | None = None
    listed = usable_labels(labels, tally)
    for number, label in enumerate(listed):
        done = number / len(listed) * share
        progress(done, label.clip)
        try:
            mode = mode_for(label.text, label.language, version)
            read[label.clip] = phonemize_training(label.text, mode, version.symbols, words)
        except (BadInput, UnknownChoice) as error:
            tally.add(label.clip, error)
            progress(done, f"left out {tally.failures[-1]}")
            foreign = foreign or (error if isinstance(error, UnknownChoice) else None)
    if foreign and not read:
        raise foreign
    tally.require(len(read), BadInput, "no clip has words that can be spoken")
    _write_prosody(read, dataset, version, Library(models, device), progress)
    write_text(dataset.text_file, "".join(_row(clip, spoken) for clip, spoken in read.items()))
    note_left_out(dataset, STEP, tally.failures)
    return len(read)


def _row(clip: str, spoken: Phonemes) -> str:
    """The clip's line: name, phones, phones per character, normalised text."""
    text = " ".join(spoken.norm_text.split())
    return f"{clip}\t{' '.join(spoken.phones)}\t{spoken.word2ph}\t{text}\n"


def _write_prosody(
    read: dict[str, Phonemes], dataset: DatasetFolder, version: ModelVersion, library: Library, progress: Progress
) -> None:
    """The prosody of the clips that have Chinese words and no features yet."""
    files = {clip: dataset.bert / f"{clip}.pt" for clip, spoken in read.items() if spoken.bert_parts}
    todo = [clip for clip, path in files.items() if not path.is_file()] if version.has_bert else []
    for start in range(0, len(todo), _CLIPS_AT_ONCE):
        clips = todo[start : start + _CLIPS_AT_ONCE]
        progress(_READ_SHARE + (1 - _READ_SHARE) * start / len(todo), clips[0])
        for clip, features in zip(clips, prosody([read[clip] for clip in clips], version, library), strict=True):
            if features is not None:
                write_tensor(files[clip], features[0].cpu().numpy().astype(np.float16))
