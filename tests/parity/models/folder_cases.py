"""Recorded folders: data sets as the official program reads them, and model files as it writes and tells them apart."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from myna.checkpoints.identify import Identity, identify, told_by
from myna.checkpoints.restricted import read_torch
from myna.core.progress import silent
from myna.core.versions import version
from myna.core.workspace import DatasetFolder
from myna.engine.dsp import magnitudes
from myna.engine.training.clips import TOKENS_PER_SECOND, read_text_file, repeats
from myna.engine.training.gpt_batches import GptData, collate
from myna.engine.training.gpt_data import GptRow, read_gpt_rows
from myna.engine.training.sovits_data import FlowRow, read_flow_rows
from myna.engine.training.sovits_order import SHORTEST_FRAMES
from myna.engine.training.sovits_rows import MARGIN, SPEC_HOP, SPEC_N_FFT
from myna.engine.training.vits_data import VitsRow, read_vits_rows
from myna.models.build import build_sovits
from myna.models.sovits_flow import SovitsFlow
from myna.models.sovits_vits import SovitsVits
from myna.testing.tiny_base import tiny_vits
from tests.parity.models.golden import Case, Comparison, relative_error

EXPECTED = "expected.json"


def read_folder(folder: Path, *, is_strict: bool = True) -> Case:
    """The record of a folder: what its ``expected.json`` says is the case's ``meta``."""
    meta = json.loads((folder / EXPECTED).read_text(encoding="utf-8"))
    return Case(folder.name, {}, {}, {"stats": {}, "folder": folder, "expected": meta}, is_strict)


@contextmanager
def _opened(case: Case) -> Iterator[DatasetFolder]:
    """A copy of the record: readers note in the folder what they leave out."""
    folder: Path = case.meta["folder"]
    with TemporaryDirectory() as place:
        yield DatasetFolder(shutil.copytree(folder, Path(place) / folder.name, copy_function=shutil.copyfile))


def gpt_rows(case: Case) -> None:
    """Which clips the GPT learns from, in which order, how often, and how a batch of them is padded."""
    expected = case.meta["expected"]
    record = version(expected["settings"]["version"])
    with _opened(case) as dataset:
        rows = read_gpt_rows(dataset, record, None, silent)
    clips = expected["unique_in_order"]
    case.check_items("clips", [row.clip for row in rows], clips)
    data = GptData(rows, 4, 0, end_token=record.gpt.end_token)
    case.check_items("repeats", [repeats(len(rows)), len(data.order)], _counts(expected))
    case.check_items("order", [rows[number].clip for number in data.order[:20]], expected["order_first_20"])
    case.check_items("first_ids", rows[0].phones[:10].tolist(), expected["first_ids"])
    lengths = [round(seconds * TOKENS_PER_SECOND) for seconds in expected["seconds_first_6"]]
    case.check_items("seconds", [len(rows[number].tokens) for number in data.order[:6]], lengths)
    _check_batch(case, rows, record.gpt.end_token)


def _counts(expected: dict[str, Any]) -> list[int]:
    return [expected["repeats"], expected["length"]]


def _check_batch(case: Case, rows: list[GptRow], end_token: int) -> None:
    expected = case.meta["expected"]
    shapes = expected["collate_of_0_1_4"]
    batch = collate([rows[index] for index in shapes["ids"]], end_token)
    assert batch.bert is not None
    case.check_items("phones of a batch", batch.phones.shape, shapes["phoneme_ids"])
    case.check_items("tokens of a batch", batch.tokens.shape, shapes["semantic_ids"])
    case.check_items("prosody of a batch", batch.bert.shape, shapes["bert_feature"])
    case.check_items("lengths", [*batch.phone_lens.shape, *batch.token_lens.shape], _lengths(shapes))
    case.check_items("type of prosody", [str(batch.bert.dtype)], [expected["bert_dtype"]])
    case.check_items("padding of phones", batch.phones[1, -4:].tolist(), expected["phoneme_row1_tail"])
    case.check_items("padding of tokens", batch.tokens[0, -4:].tolist(), expected["semantic_row0_tail"])
    sums = batch.bert.abs().sum(dim=(1, 2))
    error = relative_error(sums, torch.tensor(expected["bert_abs_sum_rows"]))
    case.note(Comparison("prosody's sums", error, 1e-4))


def _lengths(shapes: dict[str, Any]) -> list[int]:
    return [*shapes["phoneme_ids_len"], *shapes["semantic_ids_len"]]


def sound_rows(case: Case) -> None:
    """Which clips SoVITS learns from, their phones, frames and sound, but for those that the official sampler drops.

    How often is not compared: the official program counts the clips that it then leaves out.
    """
    with _opened(case) as dataset:
        for name, record in case.meta["expected"].items():
            _check_sounds(case, dataset, name, record["per_file"])


def _check_sounds(case: Case, dataset: DatasetFolder, name: str, clips: dict[str, Any]) -> None:
    texts = read_text_file(dataset, version(name).symbols)
    wanted = [clips[clip] for clip in texts if clip in clips and clips[clip]["frames"] > SHORTEST_FRAMES]
    rows = _flow_rows(dataset, name) if version(name).flow is not None else _vits_rows(dataset, name)
    case.check_items(f"{name} frames", [row.frames for row in rows], [one["frames"] for one in wanted])
    case.check_items(f"{name} phones", [row.phones.tolist() for row in rows], [one["ids"] for one in wanted])
    spec, third = [one["shapes"][1] for one in wanted], [one["shapes"][2] for one in wanted]
    for row, (bins, frames) in zip(rows, spec, strict=True):
        found = magnitudes(row.sound[None].float(), SPEC_N_FFT, SPEC_HOP)[0]
        case.check_items(f"{name} spectrogram of {row.clip}", found.shape, (bins, frames))
    mels = [list(row.mel.T.shape) for row in rows if isinstance(row, FlowRow)]
    sounds = [[1, len(row.sound) - 2 * MARGIN] for row in rows if isinstance(row, VitsRow)]
    case.check_items(f"{name} mel or sound", mels + sounds, third)


def _flow_rows(dataset: DatasetFolder, name: str) -> list[FlowRow]:
    """The rows that a small net of the version is trained on, the official way."""
    record = version(name)
    assert record.flow is not None
    sizes = replace(record.flow, dit_width=16, dit_depth=1, dit_heads=2, feature_width=16, wavenet_layers=1)
    net = build_sovits(replace(record, flow=sizes))
    assert isinstance(net, SovitsFlow)
    return read_flow_rows(dataset, record, net.eval(), None, silent, is_official=True)


def _vits_rows(dataset: DatasetFolder, name: str) -> list[VitsRow]:
    """The same, of the VITS kind."""
    record = version(name)
    assert record.vits is not None
    sizes = replace(tiny_vits(record), content_width=768, speaker_net_width=record.vits.speaker_net_width)
    return read_vits_rows(dataset, record, SovitsVits(sizes).eval(), silent, is_official=True)


def model_files(case: Case) -> None:
    """Files of the official writers: told apart as the official program does, and read with all they hold."""
    folder, expected = case.meta["folder"], case.meta["expected"]
    for name, record in expected.items():
        if name.startswith("_"):
            continue
        content = read_torch(folder / name)
        case.check_items(f"{name} parts", list(content), record["top_level"])
        for field in ("info", "iteration", "learning_rate", "lora_rank"):
            if record.get(field) is not None:
                case.check_items(f"{name} {field}", [content[field]], [record[field]])
        if "keys" in record:
            weight = content["weight"]
            case.check_items(f"{name} tensors", sorted(weight), sorted(record["keys"]))
            types = sorted({str(tensor.dtype) for tensor in weight.values()})
            case.check_items(f"{name} types", types, sorted(record["dtypes"]))
        if "detected" in record:
            case.check_items(f"{name} version", _listed(identify(folder / name)), record["detected"])
    for row in expected.get("_detection", {}).get("rows", ()):
        told = told_by(row["first_two_bytes"].encode() + bytes(100), row.get("size", 5000))
        case.check_items("heads and sizes", _listed(told), row["detected"])


def _listed(identity: Identity) -> list[object]:
    return [identity.symbols, identity.version, identity.is_lora]
