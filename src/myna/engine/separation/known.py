"""Which separation models there are, by their official names, and where their files lie. Needs no torch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from myna.core.assets import find
from myna.core.errors import MissingAsset, MissingExtra, UnknownChoice

EMBEDDED = "centre"
"""The model that needs no files."""

WEIGHTS_FOLDER = "uvr5_weights"
"""Of the models folder, named and filled as ``tools/uvr5/uvr5_weights`` of the official program."""

_EXTENSIONS = (".pth", ".ckpt", ".onnx", ".yaml", ".th")


@dataclass(frozen=True)
class KnownModel:
    """A model, found: ``kind`` says which net reads it; ``files`` are its weights and, where it has one, its config."""

    name: str
    kind: str
    files: tuple[Path, ...] = ()


_OFFICIAL: Mapping[str, str] = MappingProxyType(
    {
        EMBEDDED: "centre",
        "HP2_all_vocals": "vr",
        "HP3_all_vocals": "vr_vocal",
        "HP5_only_main_vocal": "vr",
        "VR-DeEchoAggressive": "vr_deecho",
        "VR-DeEchoDeReverb": "vr_deecho",
        "VR-DeEchoNormal": "vr_deecho",
        "onnx_dereverb_By_FoxJoy": "mdx_dereverb",
        "model_bs_roformer_ep_317_sdr_12.9755": "roformer",
        "model_mel_band_roformer_ep_3005_sdr_11.4360": "roformer",
    }
)
"""Official names, which are those of the assets too, and the kind of net."""

MODEL_NAMES = tuple(_OFFICIAL)

_OTHER_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "HP2": "HP2_all_vocals",
        "HP2-人声vocals+非人声instrumentals": "HP2_all_vocals",
        "HP3": "HP3_all_vocals",
        "HP5": "HP5_only_main_vocal",
        "HP5-主旋律人声vocals+其他instrumentals": "HP5_only_main_vocal",
        "DeEchoAggressive": "VR-DeEchoAggressive",
        "DeEchoDeReverb": "VR-DeEchoDeReverb",
        "DeEchoNormal": "VR-DeEchoNormal",
        "onnx_dereverb": "onnx_dereverb_By_FoxJoy",
        "bs_roformer": "model_bs_roformer_ep_317_sdr_12.9755",
        "mel_band_roformer": "model_mel_band_roformer_ep_3005_sdr_11.4360",
    }
)


def find_model(name: str, models: Path) -> KnownModel:
    """The model called ``name``, with or without its extension, in the folder ``models``.

    Official names are known; beside them, any file of `WEIGHTS_FOLDER` goes by its own name.

    Raises:
        UnknownChoice: no such model; the official ones are listed.
        MissingAsset: its file is not there; says how to get it.
        MissingExtra: only audio-separator can read it, and that is not installed.
    """
    plain = _plain(name)
    official = {known.casefold(): known for known in (*_OFFICIAL, *_OTHER_NAMES)}.get(plain.casefold())
    if official is not None:
        official = _OTHER_NAMES.get(official, official)
        files = () if official == EMBEDDED else tuple(_with_config(find(official, models)))
        return KnownModel(official, _OFFICIAL[official], files)
    found = _file_called(plain, models / WEIGHTS_FOLDER)
    if found is None:
        raise _unknown(name, plain, models)
    kind = _kind_of(found)
    if kind == "library" and not has_library():
        raise MissingExtra(
            f"{found.name} is none of the models that are read here ({', '.join(MODEL_NAMES)}); audio-separator may "
            "know it: pip install 'myna[separation]'"
        )
    return KnownModel(found.stem, kind, tuple(_with_config(found)))


def names_in(chain: str) -> list[str]:
    """The models of a chain, which are separated by commas."""
    return [name.strip() for name in chain.split(",") if name.strip()]


def has_library() -> bool:
    """Whether audio-separator is installed."""
    return find_spec("audio_separator") is not None


def _plain(name: str) -> str:
    """``name`` without an extension that a model's file has."""
    stem, dot, last = name.strip().rpartition(".")
    return stem if dot and f".{last.lower()}" in _EXTENSIONS else name.strip()


def _file_called(plain: str, folder: Path) -> Path | None:
    """The weights called ``plain`` in ``folder``, whatever their extension."""
    candidates = (folder / f"{plain}{extension}" for extension in _EXTENSIONS)
    return None if re.search(r"[/\\]|^\.", plain) else next((path for path in candidates if path.is_file()), None)


def _with_config(weights: Path) -> Iterator[Path]:
    if weights.is_dir():
        yield from sorted(weights.glob("*.onnx"))
        return
    yield weights
    config = weights.with_suffix(".yaml")
    if config != weights and config.is_file():
        yield config


def _kind_of(weights: Path) -> str:
    """Which net reads a file that is none of the official ones: told by its name, as in the official program."""
    if weights.suffix == ".ckpt" and ("roformer" in weights.name.lower() or _has_bands(weights.with_suffix(".yaml"))):
        return "roformer"
    if weights.suffix == ".pth" and not has_library():
        return "vr_deecho" if re.search("de-?echo", weights.name, re.IGNORECASE) else "vr"
    return "library"


def _has_bands(config: Path) -> bool:
    """Whether a config is a Roformer's: nets of other forms come with one too."""
    return config.is_file() and re.search(rb"\b(freqs_per_bands|num_bands)\b", config.read_bytes()) is not None


def _unknown(name: str, plain: str, models: Path) -> UnknownChoice | MissingAsset:
    folder = models / WEIGHTS_FOLDER
    if "roformer" in plain.lower() and not re.search(r"[/\\]", plain):
        return MissingAsset(
            f"{folder / plain}.ckpt is missing (a Roformer for separation); put the file and its .yaml of the same "
            f"name into {folder}, or take model_bs_roformer_ep_317_sdr_12.9755"
        )
    if has_library() and name.lower().endswith(_EXTENSIONS):
        return MissingAsset(
            f"{folder / name} is missing; if audio-separator knows it, it gets it with: "
            f"audio-separator --download_model_only -m {name} --model_file_dir {folder}"
        )
    return UnknownChoice("separation model", name, MODEL_NAMES)
