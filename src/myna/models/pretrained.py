"""HuBERT and BERT as published, from local folders only: nothing is downloaded, nothing in a file is executed.

A folder is what ``save_pretrained`` of transformers writes: ``config.json``, one weights file and, for BERT, the
tokenizer.
"""

from __future__ import annotations

import json
import pickle
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from myna.core.assets import how_to_get
from myna.core.errors import BadCheckpoint, BadInput, MissingAsset

_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_VOCABULARIES = ("tokenizer.json", "vocab.txt")
_PROSODY_LAYER = -3
_MAX_CHARACTERS = 510
_BATCH_TOKENS = 2048
_UNREADABLE = (
    OSError, ValueError, RuntimeError, LookupError, TypeError, AttributeError, EOFError, struct.error,
    pickle.UnpicklingError, SafetensorError,
)  # fmt: skip
"""What reading a damaged file raises: the libraries below check little before they unpack."""


class HubertContent(nn.Module):
    """HuBERT's last layer as content features: 16 kHz samples in -1..1, not normalised, to 50 frames per second."""

    sample_rate = 16000

    def __init__(self, hubert: Any) -> None:
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

    def contents(self, sounds: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """`forward` of each of ``sounds`` (T,), computed together: (1, width, T50) each.

        The first convolution is normalised over time, so every sound goes through the convolutions by itself; only the
        transformer sees them beside each other, padded and masked.
        """
        if len(sounds) == 1:
            return [self(sounds[0][None])]
        frames = [self.hubert.feature_extractor(sound[None])[0].T for sound in sounds]
        sizes = [len(one) for one in frames]
        padded = self.hubert.feature_projection(pad_sequence(frames, batch_first=True))
        mask = torch.arange(padded.shape[1], device=padded.device) < torch.tensor(sizes, device=padded.device)[:, None]
        rows = self.hubert.encoder(padded, attention_mask=mask)["last_hidden_state"]
        return [row[None, :size].transpose(1, 2) for row, size in zip(rows, sizes, strict=True)]


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
    def forward(self, texts: Sequence[str]) -> list[torch.Tensor]:
        """Each of ``texts`` of 1 to 510 characters to (width, characters). Raises `BadInput` for other lengths.

        Every character is one token, so that rows and characters always agree; unknown ones get the unknown token.
        Texts are read together, the shorter ones padded, which changes their features by rounding only.
        """
        for text in texts:
            if not 1 <= len(text) <= _MAX_CHARACTERS:
                raise BadInput(f"a text of {len(text)} characters cannot be read at once; 1 to {_MAX_CHARACTERS} can")
        found: dict[int, torch.Tensor] = {}
        for batch in _batches([len(text) for text in texts]):
            rows = self._rows([texts[number] for number in batch])
            found.update(zip(batch, rows, strict=True))
        return [found[number] for number in range(len(texts))]

    def phone_features(self, texts: Sequence[tuple[str, Sequence[int]]]) -> list[torch.Tensor]:
        """Of each (text, phones per character) every character's row repeated for its phones: (width, phones).

        Texts of more than 510 characters are read in parts. Raises `BadInput` when counts differ.
        """
        parts: list[str] = []
        for text, word2ph in texts:
            if len(word2ph) != len(text):
                raise BadInput(f"{len(text)} characters but {len(word2ph)} phone counts")
            parts += [text[at : at + _MAX_CHARACTERS] for at in range(0, len(text), _MAX_CHARACTERS)]
        rows = torch.cat(self(parts), dim=1)
        counts = torch.tensor([count for _, word2ph in texts for count in word2ph], device=rows.device)
        sizes = [sum(word2ph) for _, word2ph in texts]
        return list(rows.repeat_interleave(counts, dim=1).split(sizes, dim=1))

    def _rows(self, texts: Sequence[str]) -> list[torch.Tensor]:
        longest = max(map(len, texts)) + 2
        rows = []
        for text in texts:
            tokens = [self.tokenizer.cls_token, *map(str.lower, text), self.tokenizer.sep_token]
            rows.append(tokens + [self.tokenizer.pad_token] * (longest - len(tokens)))
        device = next(self.bert.parameters()).device
        ids = torch.tensor([self.tokenizer.convert_tokens_to_ids(row) for row in rows], device=device)
        sizes = torch.tensor([len(text) + 2 for text in texts], device=device)
        mask = (torch.arange(longest, device=device) < sizes[:, None]).long()
        hidden = self.bert(input_ids=ids, attention_mask=mask, output_hidden_states=True)["hidden_states"]
        return [row[1 : len(text) + 1].transpose(0, 1) for row, text in zip(hidden[_PROSODY_LAYER], texts, strict=True)]


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """The numbers of texts that are read together: of like length, and padded not longer than memory allows."""
    batch: list[int] = []
    for number in sorted(range(len(lengths)), key=lambda number: -lengths[number]):
        if batch and (len(batch) + 1) * (lengths[batch[0]] + 2) > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


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
