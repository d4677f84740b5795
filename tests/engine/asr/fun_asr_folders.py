"""FunASR model folders in the published form, with small random nets: same files, same keys in them, fewer layers."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml

TOKENS = ["<blank>", "<s>", "</s>", *"你好我们今天去公园吃饭看花", "he@@", "llo", "<unk>"]

FRONTEND = {
    "fs": 16000,
    "window": "hamming",
    "n_mels": 80,
    "frame_length": 25,
    "frame_shift": 10,
    "dither": 0.0,
    "lfr_m": 7,
    "lfr_n": 6,
}
SANM = {
    "attention_heads": 2,
    "linear_units": 32,
    "num_blocks": 2,
    "input_layer": "pe",
    "normalize_before": True,
    "kernel_size": 11,
    "sanm_shfit": 0,
    "selfattention_layer_type": "sanm",
}
CONFIGURATION = {
    "framework": "pytorch",
    "task": "auto-speech-recognition",
    "model": {"type": "funasr"},
    "file_path_metas": {
        "init_param": "model.pt",
        "config": "config.yaml",
        "tokenizer_conf": {"token_list": "tokens.json", "seg_dict_file": "seg_dict"},
        "frontend_conf": {"cmvn_file": "am.mvn"},
    },
}


def paraformer(folder: Path) -> Path:
    """speech_paraformer-large_asr_nat-zh-cn-16k-common-vocab8404-pytorch, small."""
    config = {
        "model": "Paraformer",
        "model_conf": {"ctc_weight": 0.0, "lsm_weight": 0.1, "predictor_weight": 1.0, "predictor_bias": 1},
        "encoder": "SANMEncoder",
        "encoder_conf": {**SANM, "output_size": 32},
        "decoder": "ParaformerSANMDecoder",
        "decoder_conf": {
            "attention_heads": 2,
            "linear_units": 32,
            "num_blocks": 2,
            "att_layer_num": 2,
            "kernel_size": 11,
            "sanm_shfit": 0,
        },
        "predictor": "CifPredictorV2",
        "predictor_conf": {"idim": 32, "threshold": 1.0, "l_order": 1, "r_order": 1, "tail_threshold": 0.45},
        "frontend": "WavFrontend",
        "frontend_conf": FRONTEND,
        "tokenizer": "CharTokenizer",
        "tokenizer_conf": {"unk_symbol": "<unk>", "split_with_space": True},
    }
    return _written(folder, config, mvn=560, configuration=CONFIGURATION)


def punctuation(folder: Path) -> Path:
    """punc_ct-transformer_zh-cn-common-vocab272727-pytorch, small; it says a full stop after each sentence."""
    config = {
        "model": "CTTransformer",
        "model_conf": {
            "ignore_id": 0,
            "embed_unit": 16,
            "att_unit": 16,
            "punc_list": ["<unk>", "_", "，", "。", "？", "、"],
            "punc_weight": [1.0] * 6,
            "sentence_end_id": 3,
        },
        "encoder": "SANMEncoder",
        "encoder_conf": {**SANM, "input_size": 16, "output_size": 16, "padding_idx": 0},
        "tokenizer": "CharTokenizer",
        "tokenizer_conf": {"unk_symbol": "<unk>"},
    }

    def silent(weights: dict[str, torch.Tensor]) -> None:
        weights["decoder.weight"].zero_()
        weights["decoder.bias"].copy_(torch.tensor([0.0, 9.0, 0.0, 0.0, 0.0, 0.0]))

    metas = {"init_param": "model.pt", "config": "config.yaml", "tokenizer_conf": {"token_list": "tokens.json"}}
    return _written(folder, config, configuration={**CONFIGURATION, "file_path_metas": metas}, change=silent)


def voice_activity(folder: Path) -> Path:
    """speech_fsmn_vad_zh-cn-16k-common-pytorch, small; everything is speech to it."""
    config = {
        "model": "FsmnVADStreaming",
        "model_conf": {"sample_rate": 16000, "max_single_segment_time": 10000},
        "encoder": "FSMN",
        "encoder_conf": {
            "input_dim": 400,
            "input_affine_dim": 16,
            "fsmn_layers": 1,
            "linear_dim": 16,
            "proj_dim": 16,
            "lorder": 4,
            "rorder": 0,
            "lstride": 1,
            "rstride": 0,
            "output_affine_dim": 16,
            "output_dim": 8,
        },
        "frontend": "WavFrontend",
        "frontend_conf": {**FRONTEND, "lfr_m": 5, "lfr_n": 1},
    }

    def speech(weights: dict[str, torch.Tensor]) -> None:
        weights["encoder.out_linear2.linear.weight"].zero_()
        weights["encoder.out_linear2.linear.bias"].copy_(torch.tensor([-9.0] + [2.0] * 7))

    metas = {"init_param": "model.pt", "config": "config.yaml", "frontend_conf": {"cmvn_file": "am.mvn"}}
    return _written(folder, config, mvn=400, configuration={**CONFIGURATION, "file_path_metas": metas}, change=speech)


def _written(
    folder: Path,
    config: dict[str, Any],
    *,
    configuration: dict[str, Any],
    mvn: int = 0,
    change: Callable[[dict[str, torch.Tensor]], None] | None = None,
) -> Path:
    """The folder with its files, the weights those of a net that FunASR itself makes of ``config``."""
    from funasr import AutoModel

    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    (folder / "configuration.json").write_text(json.dumps(configuration), encoding="utf-8")
    (folder / "tokens.json").write_text(json.dumps(TOKENS, ensure_ascii=False), encoding="utf-8")
    (folder / "seg_dict").write_text("hello he@@ llo\n", encoding="utf-8")
    if mvn:
        (folder / "am.mvn").write_text(cmvn(mvn), encoding="utf-8")
    save(folder, AutoModel, change)
    return folder


def save(folder: Path, make: Any, change: Callable[[dict[str, torch.Tensor]], None] | None, **more: Any) -> None:
    """Random weights for the config that stands in ``folder``."""
    torch.save({}, folder / "model.pt")
    with contextlib.redirect_stdout(io.StringIO()):
        net, _ = make.build_model(model=str(folder), device="cpu", ncpu=torch.get_num_threads(), **more)
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    if change:
        change(weights)
    torch.save(weights, folder / "model.pt")


def cmvn(size: int) -> str:
    """A normalisation that changes nothing, in the text form of Kaldi's nnet."""
    shift, scale = " ".join(["0"] * size), " ".join(["1"] * size)
    return (
        f"<Nnet>\n<Splice> {size} {size}\n[ 0 ]\n<AddShift> {size} {size}\n<LearnRateCoef> 0 [ {shift} ]\n"
        f"<Rescale> {size} {size}\n<LearnRateCoef> 0 [ {scale} ]\n</Nnet>\n"
    )
