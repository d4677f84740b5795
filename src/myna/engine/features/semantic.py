"""Last part of the dataset folder: content features as semantic tokens."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from myna.checkpoints.tensor_file import read_tensor
from myna.core.errors import BadAudio, BadCheckpoint, NotFound
from myna.core.findings import Tally, each
from myna.core.progress import Progress
from myna.core.versions import ModelVersion
from myna.core.workspace import DatasetFolder, files_in, write_text
from myna.engine.features.left_out import note_left_out
from myna.engine.library import Library
from myna.models.build import Sovits

STEP = "extract_semantic_features"
"""Under which name clips are noted as left out."""
HEADER = "item_name\tsemantic_audio"


def extract_semantic(
    dataset: DatasetFolder,
    *,
    version: ModelVersion,
    models: Path,
    sovits: Path | None,
    device: str,
    progress: Progress,
) -> int:
    """Write ``6-name2semantic.tsv`` from ``4-cnhubert``; returns the number of clips.

    ``sovits`` are the weights whose quantiser is used, None: the version's base. A clip whose features are damaged,
    another encoder's or too short for a token is left out, and named in the folder's ``left_out.jsonl``. Raises
    `NotFound` where there are no content features, `BadCheckpoint` where none can be used, `MissingAsset` without the
    base.
    """
    net = Library(models, device).sovits(version, sovits)
    files = [path for path in files_in(dataset.content) if path.suffix == ".pt"]
    if not files:
        raise NotFound(f"there are no content features in {dataset.content}; run extract_audio_features first")
    tally = Tally()
    rows = [f"{path.stem}\t{codes}" for path, codes in each(files, partial(_written_codes, net), tally, progress)]
    tally.require(len(rows), BadCheckpoint, f"no content features in {dataset.content} can be used")
    write_text(dataset.semantic_file, "\n".join([HEADER, *rows]) + "\n")
    note_left_out(dataset, STEP, [replace(failure, file=Path(failure.file).stem) for failure in tally.failures])
    return len(rows)


def _written_codes(net: Sovits, path: Path) -> str:
    codes = codes_of(net, path)
    if not len(codes):
        raise BadAudio("it is too short for a token")
    return " ".join(map(str, codes.tolist()))


@torch.inference_mode()
def codes_of(net: Sovits, path: Path) -> torch.Tensor:
    """Semantic tokens (T25,) of one content file, on the CPU; raises `BadCheckpoint` where its width does not fit."""
    content = torch.from_numpy(read_tensor(path)).float()
    width = net.sizes.content_width
    if content.dim() != 3 or tuple(content.shape[:2]) != (1, width):
        raise BadCheckpoint(f"{path} has shape {tuple(content.shape)}; content of this version is (1, {width}, frames)")
    if content.shape[2] < 2:
        return torch.zeros(0, dtype=torch.long)
    return net.extract_codes(content.to(net.ssl_proj.weight.device))[0].cpu()
