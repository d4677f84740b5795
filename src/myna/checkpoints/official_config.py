"""The settings that official files carry: the official program builds its nets from them, whatever wrote the file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from myna.core.versions import GptSizes

_CONFIGS: Mapping[str, Any] = json.loads(
    (files("myna.checkpoints") / "official_config.json").read_text(encoding="utf-8")
)
"""The published settings files of GPT-SoVITS (MIT); ``sovits_versions``: where a version's model differs."""


def gpt_config(sizes: GptSizes) -> dict[str, Any]:
    """Settings of a GPT of ``sizes``."""
    model = {
        "vocab_size": sizes.semantic_vocab,
        "phoneme_vocab_size": sizes.phone_vocab,
        "embedding_dim": sizes.width,
        "hidden_dim": sizes.width,
        "head": sizes.heads,
        "linear_units": sizes.feed_forward,
        "n_layer": sizes.layers,
        "EOS": sizes.end_token,
    }
    config = _copy(_CONFIGS["gpt"])
    config["model"] |= model
    config["data"]["pad_val"] = sizes.end_token
    return config


def sizes_of_gpt(config: Mapping[str, Any]) -> GptSizes | None:
    """The sizes that a GPT's settings give; None where they are not those of a GPT."""
    model = config.get("model")
    names = ("phoneme_vocab_size", "vocab_size", "hidden_dim", "head", "n_layer")
    if not isinstance(model, Mapping) or not all(type(model.get(name)) is int for name in names):
        return None
    phones, tokens, width, heads, layers = (int(model[name]) for name in names)
    # The official net takes four times its width, whatever the settings say.
    return GptSizes(phones, tokens, width, heads, layers, feed_forward=4 * width)


def sovits_config(version: str) -> dict[str, Any]:
    """Settings of a published SoVITS of ``version``, one of `OFFICIAL_VERSIONS`."""
    config = _copy(_CONFIGS["sovits"])
    config["model"] |= _copy(_CONFIGS["sovits_versions"][version]) | {"version": version}
    return config


def _copy(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that nobody else holds."""
    return dict(json.loads(json.dumps(settings)))
