"""FunASR model folders in the published form, with small random nets: same files, same keys in them, fewer layers."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import yaml
from tokenizers import decoders

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
        "frontend": "WavFrontendOnline",
        "frontend_conf": {**FRONTEND, "lfr_m": 5, "lfr_n": 1},
    }

    def speech(weights: dict[str, torch.Tensor]) -> None:
        weights["encoder.out_linear2.linear.weight"].zero_()
        weights["encoder.out_linear2.linear.bias"].copy_(torch.tensor([-9.0] + [2.0] * 7))

    metas = {"init_param": "model.pt", "config": "config.yaml", "frontend_conf": {"cmvn_file": "am.mvn"}}
    return _written(folder, config, mvn=400, configuration={**CONFIGURATION, "file_path_metas": metas}, change=speech)


def uniasr(folder: Path) -> Path:
    """speech_UniASR_asr_2pass-cantonese-CHS-16k-common-vocab1468-tensorflow1-online, small."""
    chunks = {"pad_left": [5, 10], "encoder_att_look_back_factor": [0, 0], "decoder_att_look_back_factor": [0, 0]}
    first = {**SANM, "output_size": 32, "chunk_size": [20, 60], "stride": [10, 40], **chunks}
    second = {**SANM, "output_size": 32, "chunk_size": [45, 70], "stride": [35, 50], "kernel_size": 21, **chunks}
    decoder = {"attention_dim": 32, "attention_heads": 2, "linear_units": 32, "num_blocks": 2, "att_layer_num": 1}
    decoder |= {"kernel_size": 11, "concat_embeds": True}
    predictor = {"idim": 32, "threshold": 1.0, "l_order": 1, "r_order": 1}
    config = {
        "model": "UniASR",
        "model_conf": {"ctc_weight": 0.0, "decoder_attention_chunk_type": "chunk", "loss_weight_model1": 0.5},
        "encoder": "SANMEncoderChunkOpt",
        "encoder_conf": first,
        "decoder": "FsmnDecoderSCAMAOpt",
        "decoder_conf": decoder,
        "predictor": "CifPredictorV2",
        "predictor_conf": predictor,
        "encoder2": "SANMEncoderChunkOpt",
        "encoder2_conf": second,
        "decoder2": "FsmnDecoderSCAMAOpt",
        "decoder2_conf": decoder,
        "predictor2": "CifPredictorV2",
        "predictor2_conf": predictor,
        "stride_conv": "stride_conv1d",
        "stride_conv_conf": {"kernel_size": 2, "stride": 2, "pad": [0, 1]},
        "frontend": "WavFrontend",
        "frontend_conf": FRONTEND,
        "tokenizer": "CharTokenizer",
        "tokenizer_conf": {"unk_symbol": "<unk>", "split_with_space": True},
        "beam_size": 2,
    }
    return _written(folder, config, mvn=560, configuration=CONFIGURATION)


def sensevoice(folder: Path) -> Path:
    """SenseVoiceSmall, small; every frame says the next of the marks and words ``<|en|> ... hello``."""
    config = {
        "model": "SenseVoiceSmall",
        "model_conf": {"length_normalized_loss": True, "sos": 1, "eos": 2, "ignore_id": -1},
        "encoder": "SenseVoiceEncoderSmall",
        "encoder_conf": {**SANM, "output_size": 32, "tp_blocks": 1},
        "frontend": "WavFrontend",
        "frontend_conf": FRONTEND,
        "tokenizer": "SentencepiecesTokenizer",
        "tokenizer_conf": {"unk_symbol": "<unk>", "split_with_space": True},
    }
    name = "chn_jpn_yue_eng_ko_spectok.bpe.model"
    metas = {**CONFIGURATION["file_path_metas"], "tokenizer_conf": {"bpemodel": name}}  # type: ignore[dict-item]
    folder.mkdir(parents=True)
    _sentencepieces(folder / name)

    def tell(weights: dict[str, torch.Tensor]) -> None:
        weights["ctc.ctc_lo.weight"].mul_(0.2)
        weights["ctc.ctc_lo.bias"][:3] = -20.0

    return _written(folder, config, mvn=560, configuration={**CONFIGURATION, "file_path_metas": metas}, change=tell)


def _sentencepieces(file: Path) -> None:
    """A vocabulary of pieces with SenseVoice's marks."""
    import sentencepiece

    marks = ["<|en|>", "<|zh|>", "<|NEUTRAL|>", "<|Speech|>", "<|withitn|>", "<|woitn|>"]
    sentences = ["hello there my friend", "we will see the river soon", "你好我们今天去公园吃饭"] * 4
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_writer=model,
        vocab_size=60,
        user_defined_symbols=marks,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    file.write_bytes(model.getvalue())


def nano(folder: Path) -> Path:
    """Fun-ASR-Nano-2512, small: an encoder, an adaptor and a Qwen3 of one layer that answers "Hi"."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    qwen = folder / "Qwen3-0.6B"
    qwen.mkdir(parents=True)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    marks = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = Tokenizer(models.BPE({token: number for number, token in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(marks)
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>").save_pretrained(qwen)
    transformers.Qwen3Config(
        vocab_size=len(alphabet) + len(marks),
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        eos_token_id=len(alphabet) + 2,
        pad_token_id=len(alphabet),
        architectures=["Qwen3ForCausalLM"],
    ).save_pretrained(qwen)
    config = {
        "model": "FunASRNano",
        "model_conf": {"lsm_weight": 0.1, "length_normalized_loss": True},
        "audio_encoder": "SenseVoiceEncoderSmall",
        "audio_encoder_conf": {**SANM, "output_size": 32, "tp_blocks": 1, "freeze": True},
        "llm": "Qwen3-0.6b",
        "llm_conf": {"freeze": True, "llm_dtype": "fp32", "init_param_path": "Qwen3-0.6B"},
        "audio_adaptor": "Transformer",
        "audio_adaptor_conf": {
            "downsample_rate": 1,
            "use_low_frame_rate": True,
            "ffn_dim": 32,
            "llm_dim": 32,
            "encoder_dim": 32,
            "n_layer": 1,
            "attention_heads": 2,
            "freeze": True,
        },
        "ctc_decoder": "Transformer",
        "ctc_decoder_conf": {
            "downsample_rate": 1,
            "ffn_dim": 32,
            "llm_dim": 32,
            "encoder_dim": 32,
            "n_layer": 1,
            "attention_heads": 2,
        },
        "ctc_vocab_size": 300,
        "frontend": "WavFrontend",
        "frontend_conf": {**FRONTEND, "cmvn_file": None},
        "tokenizer": "HuggingfaceTokenizer",
        "tokenizer_conf": {"init_param_path": "Qwen3-0.6B"},
        "max_length": 12,
    }
    metas = {
        "init_param": "model.pt",
        "config": "config.yaml",
        "tokenizer_conf": {"init_param_path": "Qwen3-0.6B"},
        "llm_conf": {"init_param_path": "Qwen3-0.6B"},
    }

    def answer(weights: dict[str, torch.Tensor]) -> None:
        """Each token is followed by the next of these, whatever came before."""
        chain = [alphabet.index("Ċ"), alphabet.index("H"), alphabet.index("i"), len(alphabet) + 2]
        for name in weights:
            if name.startswith("llm.model.layers.") and "norm" not in name:
                weights[name].zero_()
        into, out = weights["llm.model.embed_tokens.weight"], weights["llm.lm_head.weight"]
        into.zero_()
        out.zero_()
        for place, (before, after) in enumerate(pairwise(chain)):
            into[before, place] = out[after, place] = 1.0

    whole = {**CONFIGURATION, "file_path_metas": metas}
    return _written(folder, config, configuration=whole, change=answer, ctc_decoder=None)


def _written(
    folder: Path,
    config: dict[str, Any],
    *,
    configuration: dict[str, Any],
    mvn: int = 0,
    change: Callable[[dict[str, torch.Tensor]], None] | None = None,
    **more: Any,
) -> Path:
    """The folder with its files, the weights those of a net that FunASR itself makes of ``config``."""
    from funasr import AutoModel

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    (folder / "configuration.json").write_text(json.dumps(configuration), encoding="utf-8")
    (folder / "tokens.json").write_text(json.dumps(TOKENS, ensure_ascii=False), encoding="utf-8")
    (folder / "seg_dict").write_text("hello he@@ llo\n", encoding="utf-8")
    if mvn:
        (folder / "am.mvn").write_text(cmvn(mvn), encoding="utf-8")
    save(folder, AutoModel, change, **more)
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
