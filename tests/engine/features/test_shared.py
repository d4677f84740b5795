"""Features made by several processes, in batches and in half precision: the same as one after another."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from myna.core.errors import BadInput, Cancelled, InstallationError
from myna.core.findings import Tally
from myna.core.progress import silent
from myna.core.workspace import DatasetFolder, files_in
from myna.engine.features.batches import Answer, Piece, each_clip
from myna.engine.features.content import contents_of, extract_content
from myna.engine.features.half import in_half
from myna.engine.features.places import Place, places_of
from myna.engine.library import Library
from myna.models.pretrained import HubertContent
from tests.engine.voices import LITE, Recordings, buzz, record

LENGTHS = (1.0, 1.3, 2.1, 0.9, 1.1, 1.6, 1.2, 0.8, 1.4, 1.9)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Recordings:
    """More clips than a process is given together."""
    return record(tmp_path_factory.mktemp("many"), LENGTHS)


def test_two_processes_make_what_one_makes(many: Recordings, models: Path, tmp_path: Path) -> None:
    given: dict[str, Any] = {"version": LITE, "models": models, "device": "cpu", "progress": silent}
    made = []
    for gpu_numbers in ("", "0-0"):
        dataset = DatasetFolder(tmp_path / f"made{gpu_numbers}")
        assert extract_content(many.labels, many.clips, dataset, gpu_numbers=gpu_numbers, **given) == len(LENGTHS)
        files = [path for folder in (dataset.content, dataset.wav32k) for path in sorted(folder.iterdir())]
        made.append({path.name: path.read_bytes() for path in files})
    assert len(made[0]) == 2 * len(LENGTHS)
    assert made[1] == made[0], "bit for bit"


def test_who_is_stopped_half_way_has_the_rest_done(many: Recordings, models: Path, tmp_path: Path) -> None:
    given: dict[str, Any] = {"version": LITE, "models": models, "device": "cpu"}
    whole, dataset = DatasetFolder(tmp_path / "whole"), DatasetFolder(tmp_path / "half")
    extract_content(many.labels, many.clips, whole, progress=silent, **given)

    def stop(fraction: float, _note: str) -> None:
        if fraction > 0.5:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        extract_content(many.labels, many.clips, dataset, progress=stop, **given)
    done = {path.name: path.stat().st_mtime_ns for path in dataset.content.iterdir()}
    assert 0 < len(done) < len(LENGTHS)
    assert extract_content(many.labels, many.clips, dataset, progress=silent, **given) == len(LENGTHS)
    for path in dataset.content.iterdir():
        assert done.get(path.name, path.stat().st_mtime_ns) == path.stat().st_mtime_ns, "made twice"
        assert (whole.content / path.name).is_file()


def killed_half_way(labels: Path, clips: Path, dataset: DatasetFolder, models: Path) -> None:
    """Extract content in a process that kills itself."""

    def kill(fraction: float, _note: str) -> None:
        if fraction > 0.5:
            os.kill(os.getpid(), signal.SIGKILL)

    extract_content(labels, clips, dataset, version=LITE, models=models, device="cpu", progress=kill)


def test_who_is_killed_half_way_has_the_rest_done(many: Recordings, models: Path, tmp_path: Path) -> None:
    dataset = DatasetFolder(tmp_path / "half")
    process = get_context("spawn").Process(target=killed_half_way, args=(many.labels, many.clips, dataset, models))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    done = {path: path.stat().st_ino for path in files_in(dataset.content)}
    assert 0 < len(done) < len(LENGTHS)
    given: dict[str, Any] = {"version": LITE, "models": models, "device": "cpu", "progress": silent}
    assert extract_content(many.labels, many.clips, dataset, **given) == len(LENGTHS)
    assert {path: path.stat().st_ino for path in done} == done, "made twice"
    assert len(files_in(dataset.content)) == len(files_in(dataset.wav32k)) == len(LENGTHS)


class Doomed:
    """Ends its process at the clip that says so."""

    def __init__(self, fate: str, place: Place) -> None:
        place.settle()
        self.fate = fate

    def __call__(self, piece: Piece[int]) -> Sequence[Answer[int]]:
        if any(clip == self.fate for clip, _ in piece):
            os._exit(9)
        return [Answer(clip, number) if number % 2 else Answer(clip, None, "even") for clip, number in piece]


def numbered(clips: int, fate: str, processes: int) -> tuple[dict[str, int], Tally]:
    tally = Tally()
    items = {f"c{number}": number for number in range(clips)}
    places = [Place("cpu", 1)] * processes
    return each_clip(partial(Doomed, fate), items, places, tally, silent, float), tally


def test_what_cannot_be_used_is_named_in_the_clips_order() -> None:
    found, tally = numbered(20, "none", 1)
    assert found == {f"c{number}": number for number in range(1, 20, 2)}
    assert [str(one) for one in tally.failures] == [f"c{number}: even" for number in range(0, 20, 2)]
    assert numbered(0, "none", 1)[0] == {}


def test_a_process_that_dies_is_told() -> None:
    with pytest.raises(InstallationError, match="ended from outside"):
        numbered(20, "c3", 2)


def test_processes_are_given_by_their_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    for able, precision in (({"avx512_bf16": True}, "bf16"), ({"amx_bf16": True}, "bf16"), ({}, "fp32")):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda able=able: able)
        assert places_of("cpu") == [Place("cpu", 0, precision)]
    threads = max(1, torch.get_num_threads() // 2)
    assert places_of("auto" if not torch.cuda.is_available() else "cpu", "0-1") == [Place("cpu", threads)] * 2
    assert places_of("cpu", "", "bf16") == [Place("cpu", 0, "bf16")]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert places_of("auto", "0-0-1") == [Place(f"cuda:{number}", 0, "fp16") for number in (0, 0, 1)]
    with pytest.raises(BadInput, match=r"GPU 2 is not there; there are: 0, 1$"):
        places_of("auto", "0-2")


@pytest.mark.parametrize("wrong", ["0,1", "a", "0-", "-", " "])
def test_numbers_that_cannot_be_read_are_refused(wrong: str, models: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="give numbers with - between them"):
        places_of("cpu", wrong)
    with pytest.raises(BadInput, match="precision fp16 needs a GPU"):
        places_of("cpu", "0-0", "fp16")


def hubert(norm: str) -> HubertContent:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
        config = transformers.HubertConfig(
            **sizes,
            conv_dim=[16] * 7,
            feat_extract_norm=norm,
            do_stable_layer_norm=norm == "layer",  # as the published ones
            num_conv_pos_embeddings=16,
            num_conv_pos_embedding_groups=2,
        )
        return HubertContent(transformers.HubertModel(config)).eval()


@pytest.mark.parametrize("kind", ["group", "layer", "lite"])
def test_clips_of_a_batch_do_not_hear_each_other(kind: str, models: Path) -> None:
    encoder = Library(models, "cpu").content(LITE) if kind == "lite" else hubert(kind)
    sounds = [buzz(seconds, rate=16000, seed=number) for number, seconds in enumerate((2.0, 0.31, 1.23, 0.1))]
    together = contents_of(encoder, sounds)
    for sound, found in zip(sounds, together, strict=True):
        with torch.inference_mode():
            alone = encoder(torch.from_numpy(sound)[None])
        assert found is not None
        torch.testing.assert_close(found, alone, atol=1e-4, rtol=1e-4)
    coarse = contents_of(encoder, sounds, torch.bfloat16)
    for fine, half in zip(together, coarse, strict=True):
        assert fine is not None
        assert half is not None
        assert half.dtype == torch.float32
        assert 0 < (half - fine).abs().mean() < 0.1 * fine.abs().mean()


def test_what_is_no_number_in_half_precision_is_computed_again() -> None:
    asked: list[tuple[int, bool]] = []

    def net(inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        is_half = torch.is_autocast_enabled("cpu")
        asked.append((len(inputs), is_half))
        return [one * torch.nan if (is_half and one[0] > 1) or one[0] > 5 else one for one in inputs]

    found = in_half(net, [torch.tensor([number]) for number in (1.0, 3.0, 9.0)], CPU, torch.bfloat16)
    assert [None if one is None else one.item() for one in found] == [1.0, 3.0, None]
    assert asked == [(3, True), (1, False), (1, False)]


def test_too_little_memory_makes_batches_smaller() -> None:
    sizes: list[int] = []

    def net(inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        sizes.append(len(inputs))
        if len(inputs) > 2:
            raise torch.OutOfMemoryError("full")
        return list(inputs)

    inputs = [torch.tensor([float(number)]) for number in range(5)]
    assert in_half(net, inputs, CPU, torch.float32) == inputs
    assert sizes == [5, 2, 3, 1, 2]


def test_features_that_are_no_numbers_leave_the_clip_out(
    many: Recordings, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = Library(models, "cpu").content(LITE)
    monkeypatch.setattr(encoder, "contents", lambda sounds: [torch.full((1, 16, 4), np.nan) for _ in sounds])
    monkeypatch.setattr(Library, "content", lambda *_: encoder)
    given: dict[str, Any] = {"version": LITE, "models": models, "device": "cpu", "progress": silent}
    with pytest.raises(BadInput, match="content features are no numbers"):
        extract_content(many.labels, many.clips, DatasetFolder(tmp_path / "x"), **given)
