"""Last part of the dataset folder: content features as semantic tokens."""

from __future__ import annotations

from pathlib import Path

import torch

from myna.checkpoints.tensor_file import read_tensor
from myna.core.errors import BadCheckpoint, NotFound
from myna.core.progress import Progress
from myna.core.versions import ModelVersion
from myna.core.workspace import DatasetFolder, files_in, write_text
from myna.engine.library import Library
from myna.models.build import Sovits

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

    ``sovits`` are the weights whose quantiser is used, None: the version's base. Raises `NotFound` where there are no
    content features, `BadCheckpoint` where they are another encoder's, `MissingAsset` without the base.
    """
    net = Library(models, device).sovits(version, sovits)
    files = [path for path in files_in(dataset.content) if path.suffix == ".pt"]
    rows = [HEADER]
    for number, path in enumerate(files):
        progress(number / len(files), path.stem)
        codes = codes_of(net, path)
        if len(codes):
            rows.append(f"{path.stem}\t{' '.join(map(str, codes.tolist()))}")
    if len(rows) == 1:
        raise NotFound(f"there are no content features in {dataset.content}; run extract_audio_features first")
    write_text(dataset.semantic_file, "\n".join(rows) + "\n")
    return len(rows) - 1


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
