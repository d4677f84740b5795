"""HuBERT and BERT as published, from local folders only: nothing is downloaded, nothing in a file is executed.

A folder is what ``save_pretrained`` of transformers writes: ``config.json``, one weights file and, for BERT, the
tokenizer.
"""

from __future__ import annotations

import json
import pickle
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from torch import nn

from myna.core.assets import how_to_get
from myna.core.errors import BadCheckpoint, BadInput, MissingAsset

_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_VOCABULARIES = ("tokenizer.json", "vocab.txt")
_PROSODY_LAYER = -3
_MAX_CHARACTERS = 510
_UNREADABLE = (
    OSError, ValueError, RuntimeError, LookupError, TypeError, AttributeError, EOFError, struct.error,
    pickle.UnpicklingError, SafetensorError,
)  # fmt: skip
"""What reading a damaged file raises: the libraries below check little before they unpack."""


class HubertContent(nn.Module):
    """HuBERT's last layer as content features: 16 kHz samples in -1..1, not normalised, to 50 frames per second."""

    sample_rate = 16000

    def __init__(self, hubert: nn.Module) -> None:
        super().__init__()
        self.hubert = hubert

    @classmethod
    def load(cls, folder: Path) -> HubertContent:
        """Read ``folder`` (chinese-hubert-base); raises `MissingAsset` or `BadCheckpoint`."""
        _require(folder, "HuBERT", "hubert", [("config.json",), _WEIGHTS])
        _require_kind(folder, "hubert")
        return cls(_load(transformers.HubertModel, folder)).eval()

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """(B, T) at 16 kHz, at least 400 samples, to (B, width, T50), T50 = (T - 80) // 320."""
        return self.hubert(samples)["last_hidden_state"].transpose(1, 2)


class BertProsody(nn.Module):
    """Character features of a Chinese BERT: the third layer from the end, one row per character."""

    def __init__(self, bert: nn.Module, tokenizer: Any) -> None:
        super().__init__()
        self.bert = bert
        self.tokenizer = tokenizer

    @classmethod
    def load(cls, folder: Path) -> BertProsody:
        """Read ``folder`` (chinese-roberta-wwm-ext-large); raises `MissingAsset` or `BadCheckpoint`."""
        _require(folder, "BERT", "bert", [("config.json",), _WEIGHTS, _VOCABULARIES])
        _require_kind(folder, "bert")
        try:
            tokenizer = transformers.BertTokenizer.from_pretrained(folder, local_files_only=True)
        except _UNREADABLE as error:
            raise BadCheckpoint(f"{folder}: the tokenizer cannot be read: {_first_line(error)}") from error
        return cls(_load(transformers.BertModel, folder, add_pooling_layer=False), tokenizer).eval()

    @torch.no_grad()
    def forward(self, text: str) -> torch.Tensor:
        """``text`` of 1 to 510 characters to (width, characters). Raises `BadInput` for other lengths.

        Every character is one token, so that rows and characters always agree; unknown ones get the unknown token.
        """
        if not 1 <= len(text) <= _MAX_CHARACTERS:
            raise BadInput(f"a text of {len(text)} characters cannot be read at once; 1 to {_MAX_CHARACTERS} can")
        tokens = [self.tokenizer.cls_token, *text.lower(), self.tokenizer.sep_token]
        device = next(self.bert.parameters()).device
        ids = torch.tensor([self.tokenizer.convert_tokens_to_ids(tokens)], device=device)
        hidden = self.bert(input_ids=ids, output_hidden_states=True)["hidden_states"][_PROSODY_LAYER]
        return hidden[0, 1:-1].transpose(0, 1)

    def phone_features(self, text: str, word2ph: list[int]) -> torch.Tensor:
        """Each character's row repeated for its phones: (width, sum(word2ph)). Raises `BadInput` when counts differ."""
        if len(word2ph) != len(text):
            raise BadInput(f"{len(text)} characters but {len(word2ph)} phone counts")
        features = self(text)
        return features.repeat_interleave(torch.tensor(word2ph, device=features.device), dim=1)


def _require(folder: Path, what: str, asset: str, groups: list[tuple[str, ...]]) -> None:
    """Of each group one file must be there."""
    get = how_to_get(asset)
    if not folder.is_dir():
        raise MissingAsset(f"the {what} folder {folder} does not exist; {get}")
    for names in groups:
        if not any((folder / name).is_file() for name in names):
            raise MissingAsset(f"the {what} folder {folder} has no {' or '.join(names)}; {get}")


def _require_kind(folder: Path, kind: str) -> None:
    """The folder's config must be of the kind that is wanted: transformers would only warn."""
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    except (ValueError, AttributeError) as error:
        raise BadCheckpoint(f"{folder / 'config.json'} is not a model configuration: {_first_line(error)}") from error
    if found != kind:
        raise BadCheckpoint(f"{folder} holds a {found!r} model, not {kind!r}")


def _load(kind: Any, folder: Path, **options: Any) -> nn.Module:
    """``kind.from_pretrained`` without network, in float32, refusing files that lack weights."""
    settings = {"local_files_only": True, "output_loading_info": True, "dtype": torch.float32, **options}
    try:
        with _quiet():
            net, report = kind.from_pretrained(folder, **settings)
    except _UNREADABLE as error:
        raise BadCheckpoint(f"{folder} cannot be read: {_first_line(error)}") from error
    missing = sorted(report["missing_keys"])
    if missing:
        raise BadCheckpoint(f"{folder} lacks {len(missing)} weights, the first is {missing[0]}")
    return net


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers from drawing progress bars and reporting the parts of a file that are not wanted."""
    logging = transformers.utils.logging
    before, had_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if had_bars:
            logging.enable_progress_bar()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
