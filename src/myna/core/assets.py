"""The model files: which there are, which come with the package, where the others are published and belong."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from myna.core.errors import MissingAsset, UnknownChoice


@dataclass(frozen=True)
class Asset:
    """One model file or folder.

    ``kind`` says which net it is: gpt, sovits, content, vocoder or bert. ``file`` is its place: below the models folder
    of the settings, where it carries the name it is published under; where ``is_bundled``, below the package's assets,
    unless the models folder has a file of that name, which then stands in for it.
    """

    name: str
    file: str
    kind: str
    purpose: str
    versions: tuple[str, ...]
    is_bundled: bool = False
    published: str = ""
    """Hugging Face repository that has it, with the path there where that differs from ``file``."""


_OFFICIAL = "lj1995/GPT-SoVITS"

ASSETS: dict[str, Asset] = {
    asset.name: asset
    for asset in (
        Asset(
            "lite_content",
            "lite/content.safetensors",
            "content",
            "speech to content features",
            ("lite",),
            is_bundled=True,
        ),
        Asset("lite_gpt", "lite/gpt.safetensors", "gpt", "text to semantic tokens", ("lite",), is_bundled=True),
        Asset("lite_sovits", "lite/sovits.safetensors", "sovits", "tokens to mel", ("lite",), is_bundled=True),
        Asset(
            "hubert", "chinese-hubert-base", "content", "speech to content features", ("v3", "v4"), published=_OFFICIAL
        ),
        Asset("bert", "chinese-roberta-wwm-ext-large", "bert", "Chinese prosody", ("v3", "v4"), published=_OFFICIAL),
        Asset("v3_gpt", "s1v3.ckpt", "gpt", "text to semantic tokens", ("v3", "v4"), published=_OFFICIAL),
        Asset("v3_sovits", "s2Gv3.pth", "sovits", "tokens to mel", ("v3",), published=_OFFICIAL),
        Asset(
            "v3_vocoder",
            "bigvgan_v2_24khz_100band_256x",
            "vocoder",
            "mel to sound",
            ("v3",),
            published="nvidia/bigvgan_v2_24khz_100band_256x",
        ),
        Asset("v4_sovits", "gsv-v4-pretrained/s2Gv4.pth", "sovits", "tokens to mel", ("v4",), published=_OFFICIAL),
        Asset("v4_vocoder", "gsv-v4-pretrained/vocoder.pth", "vocoder", "mel to sound", ("v4",), published=_OFFICIAL),
    )
}


def asset(name: str) -> Asset:
    """The row called ``name``; raises `UnknownChoice`."""
    try:
        return ASSETS[name]
    except KeyError:
        raise UnknownChoice("asset", name, ASSETS) from None


def place(name: str, models: Path) -> Path:
    """Where the asset lies, or would lie, with ``models`` as the models folder."""
    row = asset(name)
    own = models / row.file
    return bundled(row.file) if row.is_bundled and not own.exists() else own


def find(name: str, models: Path) -> Path:
    """The asset's path; raises `MissingAsset` that says how to get it."""
    path = place(name, models)
    if path.exists():
        return path
    raise MissingAsset(f"{path} is missing ({asset(name).purpose}); {how_to_get(name)}")


def find_for(version: str, kind: str, models: Path) -> Path:
    """The path of a version's asset of one ``kind``; raises `MissingAsset` that says how to get it."""
    for row in ASSETS.values():
        if row.kind == kind and version in row.versions:
            return find(row.name, models)
    raise MissingAsset(f"no {kind} model is known for version {version!r}")


def how_to_get(name: str) -> str:
    """One sentence: where the asset comes from."""
    row = asset(name)
    if row.is_bundled:
        return "it ships with the package: install myna again"
    return f"get it from huggingface.co/{row.published} and keep its name below the models folder"


def bundled(file: str) -> Path:
    """Path of a file that ships with the package; it may be missing in a damaged install."""
    return Path(str(files("myna.assets"))) / file
