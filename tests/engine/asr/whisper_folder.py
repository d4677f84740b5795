"""A Whisper model folder in the published CTranslate2 form, small, with weights set so that it is known what it says.

The vocabulary is laid out as Whisper's own (51,865 tokens, 80 mel bins). Where the decoder stands decides which token
comes next, so every clip says the same sentence, `TOKEN_FRAMES` for each token; whether low or high sounds are stronger
decides its language, Chinese or English.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ctranslate2.specs import WhisperSpec
from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE

WIDTH = 64
BINS = 80
NUM_TEXT_TOKENS = 50257
TOKEN_FRAMES = 15
"""Frames of 20 ms between the places where the decoder looks for one token and for the next."""
PROMPT = 4
"""Tokens that are given: start, language, task, no timestamps."""

CODES = """
    en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml cy
    sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am yi lo
    uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su
""".split()
SENTENCE = [" Hello", " there", ",", " my", " friend", "."]


def whisper(
    folder: Path, sentence: list[str] | None = None, *, layers: tuple[int, int] = (1, 2), heads: int = 2
) -> Path:
    """Write the model; ``sentence`` is what it says, in tokens; ``layers`` are those of encoder and decoder."""
    said = SENTENCE if sentence is None else sentence
    folder.mkdir(parents=True)
    tokens, tokenizer = _vocabulary(said)
    tokenizer.save(str(folder / "tokenizer.json"))
    spec = WhisperSpec(layers[0], heads, layers[1], heads)
    _fill_encoder(spec.encoder)
    _fill_decoder(spec.decoder, [tokens.index(_byte_form(token)) for token in said], tokens)
    spec.register_vocabulary(tokens)
    first = tokens.index("<|en|>")
    spec.config.lang_ids = list(range(first, first + len(CODES)))
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [tokens.index("<|endoftext|>")]
    spec.config.alignment_heads = [(1, 0)]
    spec.validate()
    spec.optimize()
    spec.save(str(folder))
    return folder


def _byte_form(token: str) -> str:
    return token.replace(" ", "Ġ")


def _vocabulary(said: list[str]) -> tuple[list[str], Tokenizer]:
    """All tokens in order, and the tokenizer of them."""
    text = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges: list[tuple[str, str]] = []
    for token in map(_byte_form, said):
        for end in range(2, len(token) + 1):
            if token[:end] not in text:
                merges.append((token[: end - 1], token[end - 1]))
                text.append(token[:end])
    text += [f"unused{number}" for number in range(NUM_TEXT_TOKENS - 1 - len(text))]
    text.append("")  # by which CTranslate2 knows a model of many languages
    special = ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in CODES)]
    special += ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>"]
    special += ["<|notimestamps|>", *(f"<|{number * 0.02:.2f}|>" for number in range(1501))]
    tokenizer = Tokenizer(BPE({token: number for number, token in enumerate(text)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special])
    return text + special, tokenizer


def _zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


def _norm(norm: object, gain: float = 1.0) -> None:
    norm.gamma = np.full(WIDTH, gain, np.float32)  # type: ignore[attr-defined]
    norm.beta = _zeros(WIDTH)  # type: ignore[attr-defined]


def _linear(linear: object, out: int, inner: int) -> None:
    linear.weight, linear.bias = _zeros(out, inner), _zeros(out)  # type: ignore[attr-defined]


def _fill_attention(attention: object, is_self: bool) -> None:
    _norm(attention.layer_norm)  # type: ignore[attr-defined]
    sizes = [3 * WIDTH, WIDTH] if is_self else [WIDTH, 2 * WIDTH, WIDTH]
    for linear, size in zip(attention.linear, sizes, strict=True):  # type: ignore[attr-defined]
        _linear(linear, size, WIDTH)


def _fill_ffn(ffn: object) -> None:
    _norm(ffn.layer_norm)  # type: ignore[attr-defined]
    _linear(ffn.linear_0, WIDTH, WIDTH)  # type: ignore[attr-defined]
    _linear(ffn.linear_1, WIDTH, WIDTH)  # type: ignore[attr-defined]


def _fill_encoder(encoder: object) -> None:
    """The first channel is above nothing where low sounds are much stronger than high ones."""
    low = np.where(np.arange(BINS) < BINS // 2, 1.0, -1.0).astype(np.float32)
    encoder.conv1.weight = _zeros(WIDTH, BINS, 3)  # type: ignore[attr-defined]
    encoder.conv1.weight[0, :, 1] = 10 * low  # type: ignore[attr-defined]
    encoder.conv1.bias = _zeros(WIDTH)  # type: ignore[attr-defined]
    encoder.conv1.bias[0] = -150.0  # type: ignore[attr-defined]
    encoder.conv2.weight = _zeros(WIDTH, WIDTH, 3)  # type: ignore[attr-defined]
    encoder.conv2.weight[0, 0, 1] = 1.0  # type: ignore[attr-defined]
    encoder.conv2.bias = _zeros(WIDTH)  # type: ignore[attr-defined]
    encoder.position_encodings.encodings = 1000 * _waves(np.arange(1500))  # type: ignore[attr-defined]
    for layer in encoder.layer:  # type: ignore[attr-defined]
        _fill_attention(layer.self_attention, is_self=True)
        _fill_ffn(layer.ffn)
    _norm(encoder.layer_norm)  # type: ignore[attr-defined]


def _waves(frames: np.ndarray) -> np.ndarray:
    """Places of frames (n,) as waves (n, WIDTH), whose products are largest for the same place."""
    angles = frames[:, None] * 2 * np.pi / np.geomspace(20, 3000, 8)
    waves = _zeros(len(frames), WIDTH)
    waves[:, 1:33] = np.concatenate([np.sin(angles), -np.sin(angles), np.cos(angles), -np.cos(angles)], axis=1)
    return waves


def _fill_decoder(decoder: object, said: list[int], tokens: list[str]) -> None:
    """Each place names the next token by a direction of its own; low sounds push the first place towards Chinese."""
    names = ("<|en|>", "<|zh|>", "<|0.00|>", "<|endoftext|>")
    english, chinese, start, end = (tokens.index(name) for name in names)
    following = [*said, end]
    ours = dict.fromkeys([english, chinese, start, *following])
    directions = {token: 1 + number for number, token in enumerate(ours)}
    weight = _zeros(len(tokens), WIDTH)
    for token, direction in directions.items():
        weight[token, direction] = 1.0
    places = _zeros(448, WIDTH)
    places[0, directions[english]] = 1.0
    places[PROMPT - 2, directions[start]] = 100.0
    for number, token in enumerate(following):
        places[PROMPT - 1 + number, directions[token]] = 100.0
    places[PROMPT + len(following) - 1 :, directions[end]] = 100.0
    decoder.embeddings.weight = weight  # type: ignore[attr-defined]
    decoder.position_encodings.encodings = places  # type: ignore[attr-defined]
    for layer in decoder.layer:  # type: ignore[attr-defined]
        _fill_attention(layer.self_attention, is_self=True)
        _fill_attention(layer.attention, is_self=False)
        _fill_ffn(layer.ffn)
    across = decoder.layer[0].attention.linear  # type: ignore[attr-defined]
    across[1].weight[WIDTH, 0] = 1.0
    across[2].weight[directions[chinese], 0] = 400.0
    looking = decoder.layer[1].attention.linear  # type: ignore[attr-defined]
    for number, token in enumerate(following):
        looking[0].weight[:32, directions[token]] = _waves(np.array([(1 + number) * TOKEN_FRAMES]))[0, 1:33]
    looking[1].weight[:32, 1:33] = np.eye(32)
    _norm(decoder.layer_norm, gain=4.0)  # type: ignore[attr-defined]
    decoder.projection.weight = weight  # type: ignore[attr-defined]
