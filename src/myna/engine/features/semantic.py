"""Last part of the dataset folder: content features as semantic tokens."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch

from myna.checkpoints.tensor_file import read_tensor
from myna.core.assets import find_for
from myna.core.errors import BadCheckpoint, CallerError, NotFound
from myna.core.findings import Tally
from myna.core.progress import Progress
from myna.core.versions import ModelVersion
from myna.core.workspace import DatasetFolder, files_in, write_text
from myna.engine.features.batches import Answer, Piece, each_clip
from myna.engine.features.left_out import note_left_out
from myna.engine.features.places import Place, places_of
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
    gpu_numbers: str = "",
) -> int:
    """Write ``6-name2semantic.tsv`` from ``4-cnhubert``; returns the number of clips.

    ``sovits`` are the weights whose quantiser is used, None: the version's base. A clip whose features are damaged,
    another encoder's or too short for a token is left out, and named in the folder's ``left_out.jsonl``.
    ``gpu_numbers``: see `places_of`; the distances to the codebook are always float32's. Raises `NotFound`
    where there are no content features, `BadCheckpoint` where none can be used, `MissingAsset` without the base.
    """
    places = places_of(device, gpu_numbers, "fp32")
    sovits = sovits or find_for(version.name, "sovits", models)
    files = [path for path in files_in(dataset.content) if path.suffix == ".pt"]
    if not files:
        raise NotFound(f"there are no content features in {dataset.content}; run extract_audio_features first")
    tally = Tally()
    make = partial(_Maker, version, models, sovits)
    rows = each_clip(make, {path.stem: path for path in files}, places, tally, progress, _length)
    tally.require(len(rows), BadCheckpoint, f"no content features in {dataset.content} can be used")
    lines = (f"{clip}\t{codes}\n" for clip, codes in rows.items())
    write_text(dataset.semantic_file, "".join([f"{HEADER}\n", *lines]))
    note_left_out(dataset, STEP, tally.failures)
    return len(rows)


def _length(path: Path) -> float:
    return path.stat().st_size


class _Maker:
    """Makes tokens, in one process: the quantiser is read once."""

    def __init__(self, version: ModelVersion, models: Path, sovits: Path, place: Place) -> None:
        place.settle()
        self.net = Library(models, place.device).sovits(version, sovits)

    def __call__(self, piece: Piece[Path]) -> Sequence[Answer[str]]:
        return [self._answer(clip, path) for clip, path in piece]

    def _answer(self, clip: str, path: Path) -> Answer[str]:
        try:
            codes = codes_of(self.net, path)
        except CallerError as error:
            return Answer(clip, None, str(error))
        if not len(codes):
            return Answer(clip, None, "it is too short for a token")
        return Answer(clip, " ".join(map(str, codes.tolist())))


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
