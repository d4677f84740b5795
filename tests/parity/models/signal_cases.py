"""Golden cases of the signal front ends, the quantiser and the optimiser."""

from __future__ import annotations

import re
from unittest.mock import patch

import numpy as np
import torch
from torch import nn

from myna.audio.io import resample as soxr_resample
from myna.audio.loudness import level_mix, truncated_int16
from myna.core.versions import MelSpec, version
from myna.engine.dsp import join_overlapping, log_mel, mel, mel_filters, normalise_mel, resample, spectrogram
from myna.engine.synthesis.decoders import levelled
from myna.engine.training.optim import ScaledAdam, learning_rate
from myna.models.quantizer import Codebook, Quantizer
from tests.parity.models.golden import Case, fill_module

_TRAINING_MEL = MelSpec(sample_rate=32000, n_fft=2048, hop=640, bands=128)


def _mel_spec(name: str) -> MelSpec:
    spec = version(name).mel
    assert spec is not None
    return spec


def mels(case: Case) -> None:
    """The spectrogram of all versions, the training mel and those of v3 and v4."""
    wav32k, wav24k = case.inputs["wav32k"], case.inputs["wav24k"]
    spec = spectrogram(wav32k, n_fft=2048, hop=640)
    case.check("spec32k", spec, tolerance=1e-6)
    case.check("mel128", mel(wav32k, _TRAINING_MEL))
    case.check("mel128_from_spec", log_mel(spec, sample_rate=32000, bands=128))
    for name, wav in (("v3", wav24k), ("v4", wav32k)):
        frames = mel(wav, _mel_spec(name))
        case.check(f"mel_{name}", frames)
        case.check(f"mel_{name}_norm", normalise_mel(frames))


def filters(case: Case) -> None:
    """Mel filters."""
    for output, spec in (("v2", _TRAINING_MEL), ("v3", _mel_spec("v3")), ("v4", _mel_spec("v4"))):
        found = mel_filters(spec.sample_rate, spec.n_fft, spec.bands)
        case.check(output, torch.from_numpy(found), tolerance=1e-6)


def resampling(case: Case) -> None:
    """The published sinc resampler, and what the data set makes of a clip."""
    wav = case.inputs["wav"]
    for output in case.outputs:
        if rates := re.fullmatch(r"ta_(\d+)_(\d+)", output):
            case.check(output, resample(wav, int(rates[1]), int(rates[2])), tolerance=1e-5)
    # The recorded program was given the samples at nine tenths.
    mixed = level_mix(0.9 * wav.numpy())
    case.check("wav32k_int16", torch.from_numpy(truncated_int16(mixed, 32768)).long())
    content = mixed * 1145.14
    case.check("hubert_in_32k", torch.from_numpy(content))
    case.check("hubert_in_16k_soxr_hq", torch.from_numpy(soxr_resample(content, 32000, 16000)))


def overlap_join(case: Case) -> None:
    """Stretches of sound joined where they fit best."""
    count = sum(name.startswith("frag") for name in case.inputs)
    pieces = [case.inputs[f"frag{index}"] for index in range(count)]
    case.check("out", join_overlapping(pieces, case.meta["overlap_len"]), tolerance=1e-6)


def levelling(case: Case) -> None:
    """Pieces that are too loud, as the sound file has them, each with its pause behind it.

    Two things are put back as the official program has them: the pause counts samples of 32 kHz at every rate, and full
    scale becomes the lowest number. How sentences are put into batches is not compared; ours are not sorted by length.
    """
    pause = np.zeros(int(32000 * 0.01), np.float32)
    pieces = [(levelled(case.inputs[f"frag{index}"].numpy()), pause) for index in range(3)]
    samples = np.concatenate([part for piece in pieces for part in piece])
    numbers = (samples * np.float32(32768)).astype(np.int32)
    case.check("post_bucket_int16", torch.from_numpy(np.where(numbers == 32768, -32768, numbers)).long())


def quantizing(case: Case) -> None:
    """Codes and code vectors."""
    quantizer = Quantizer(codes=1024, width=768).eval()
    fill_module(quantizer, "quantizer.")
    x = case.inputs["x"]
    codes = quantizer.encode(x)
    case.check("codes", codes[None])
    case.check("decoded_every", quantizer.decode(codes)[:, ::16])
    out = quantizer(x)
    case.check("forward_loss", out.commitment)
    assert torch.equal(out.codes, codes)


def quantizer_training(case: Case) -> None:
    """Moving averages and the revival of dead codes."""
    quantizer = Quantizer(codes=case.meta["bins"], width=case.meta["dim"]).train()
    fill_module(quantizer, "quantizer.")
    book = quantizer.codebook
    if "cluster_size" in case.inputs:
        book.cluster_size.copy_(case.inputs["cluster_size"])
    for step in range(sum(name.startswith("x") for name in case.inputs)):
        rows = case.inputs.get(f"replace_index{step}", torch.empty(0, dtype=torch.int64))

        def recorded(_book: Codebook, vectors: torch.Tensor, count: int, rows: torch.Tensor = rows) -> torch.Tensor:
            assert count == len(rows)
            return vectors[rows]

        x = case.inputs[f"x{step}"].clone().requires_grad_()
        with patch.object(Codebook, "pick", recorded):
            out = quantizer(x)
        (0.1 * out.values.sum() + out.commitment).backward()
        assert x.grad is not None
        case.check(f"codes{step}", out.codes[None])
        case.check(f"quantized{step}", out.values)
        case.check(f"commit{step}", out.commitment)
        if f"x_grad{step}" in case.outputs:
            case.check(f"x_grad{step}", x.grad)
        for statistic in ("cluster_size", "embed_avg", "embed"):
            case.check(f"{statistic}{step}", getattr(book, statistic))
        if f"expired{step}" in case.outputs:
            case.check(f"expired{step}", (book.cluster_size < 2).nonzero()[:, 0])


def optimiser_steps(case: Case) -> None:
    """ScaledAdam, straight through and resumed after the seventh step."""
    for resumes in (False, True):
        names = case.meta["order"]
        parameters = {key: nn.Parameter(case.inputs[f"init:{key}"].clone()) for key in names}
        period = case.meta["clipping_update_period"]
        optimiser = ScaledAdam(parameters.values(), clipping_update_period=period)
        for step, official_rate in enumerate(case.meta["lr_per_step"]):
            assert learning_rate(step) == official_rate
            if resumes and step == 7:
                saved = optimiser.state_dict()
                optimiser = ScaledAdam(parameters.values(), clipping_update_period=period)
                optimiser.load_state_dict(saved)
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(step)
            for key, parameter in parameters.items():
                parameter.grad = case.inputs[f"grad{step}:{key}"].clone()
            optimiser.step()
            for key, parameter in parameters.items():
                case.check(f"after{step}:{key}", parameter, tolerance=1e-6)
