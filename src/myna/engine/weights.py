"""Nets and their files: a net is built to the sizes that its file names, loaded strictly, and saved with its sizes.

Myna's own files (safetensors) say what they hold. Official files (.ckpt, .pth) are read as data and must fit the
version's sizes exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from myna.checkpoints.fit import check_build, sizes_as_told
from myna.checkpoints.model_file import LORA
from myna.checkpoints.native import halved, read_weights, write_weights
from myna.checkpoints.restricted import read_torch
from myna.core.assets import find_for
from myna.core.errors import BadCheckpoint, BadInput
from myna.core.versions import VERSIONS, ModelVersion
from myna.engine.model_fit import load_strictly, read_fitting
from myna.models.ap_bwe import BandwidthNet
from myna.models.build import (
    Sovits,
    build_content,
    build_discriminators,
    build_gpt,
    build_sovits,
    build_vocoder,
)
from myna.models.content import ContentSizes, LiteContent
from myna.models.discriminators import Discriminators
from myna.models.eres2net import EresNet
from myna.models.gpt import Gpt
from myna.models.layers import fold_weight_norm
from myna.models.pretrained import HubertContent
from myna.models.source_filter import SourceFilter, SourceFilterSizes
from myna.models.sovits_flow import SovitsFlow
from myna.models.sovits_vits import SovitsVits

SUFFIX = ".safetensors"

_BIGVGAN_FILE = "bigvgan_generator.pt"
_BANDWIDTH_FILE = "g_24kto48k.zip"
_TRAINING_ONLY = "enc_q."
_DRAWING = frozenset(["uniform_", "normal_", "kaiming_uniform_"])
"""Of tensors and of `torch.nn.init`; all others there come down to these."""

Net = TypeVar("Net", bound=nn.Module)
Sizes = TypeVar("Sizes")


@dataclass(frozen=True)
class _File:
    """A model file's tensors and, where it says so, its net's sizes."""

    path: Path
    tensors: Mapping[str, Tensor]
    sizes: Mapping[str, Any] | None = None


def load_gpt(version: ModelVersion, path: Path | None, models: Path, dropout: float = 0.0) -> Gpt:
    """The text-to-semantic net of ``path``, None: the version's base, on the CPU in float32, ready for inference.

    Raises `MissingAsset`, `NotFound` and `BadCheckpoint`; the latter also for a file of another version or kind.
    """
    file = _read(path or find_for(version.name, "gpt", models), "gpt", version, models)
    sized = replace(version, gpt=_sized(version.gpt, file))
    return _loaded(_built(lambda: build_gpt(sized, dropout), file), file)


def load_sovits(version: ModelVersion, path: Path | None, models: Path, dropout: float = 0.0) -> Sovits:
    """The SoVITS of ``path``, None: the version's base; as `load_gpt`.

    A VITS file without the encoder that only training needs, as trained voices are, gives a net without it.
    """
    file = _read(path or find_for(version.name, "sovits", models), "sovits", version, models)
    flow = None if version.flow is None else _sized(version.flow, file)
    vits = None if version.vits is None else _sized(version.vits, file)
    sized = replace(version, flow=flow, vits=vits)
    net = _built(lambda: build_sovits(sized, dropout), file, spared=_TRAINING_ONLY)
    if isinstance(net, SovitsVits) and not any(name.startswith(_TRAINING_ONLY) for name in file.tensors):
        del net.enc_q
    return _loaded(net, file)


def load_flow(version: ModelVersion, path: Path | None, models: Path, dropout: float = 0.0) -> SovitsFlow:
    """As `load_sovits`, for the flow kind; raises `BadInput` for a version of another kind."""
    if version.flow is None:
        raise BadInput(f"version {version.name!r} has no flow decoder; choose one that has")
    net = load_sovits(version, path, models, dropout)
    assert isinstance(net, SovitsFlow)  # its sizes are a flow's
    return net


def load_vits(version: ModelVersion, path: Path | None, models: Path, dropout: float = 0.0) -> SovitsVits:
    """As `load_sovits`, for training the VITS kind: with the encoder that only training needs.

    Files of trained voices lack it; theirs is that of the version's base. Raises `BadInput` for a version of another
    kind.
    """
    if version.vits is None:
        raise BadInput(f"version {version.name!r} is not of the VITS kind")
    own = _read(path or find_for(version.name, "sovits", models), "sovits", version, models)
    tensors = dict(own.tensors)
    if not any(name.startswith(_TRAINING_ONLY) for name in tensors):
        base = _read(find_for(version.name, "sovits", models), "sovits", version, models)
        tensors |= {name: value for name, value in base.tensors.items() if name.startswith(_TRAINING_ONLY)}
    file = replace(own, tensors=tensors)
    sized = replace(version, vits=_sized(version.vits, file))
    net = _loaded(_built(lambda: build_sovits(sized, dropout), file), file)
    assert isinstance(net, SovitsVits)  # its sizes are of that kind
    return net


def load_discriminators(version: ModelVersion, path: Path | None, models: Path) -> Discriminators:
    """The discriminators of ``path``, None: the version's; as `load_gpt`.

    ``version`` has the sizes of the net that they are to judge. Raises `UnknownChoice` for a version that has none.
    """
    net = build_discriminators(version)
    path = path or find_for(version.name, "discriminator", models)
    content = read_torch(path)
    named = next((content[key] for key in ("weight", "model") if key in content), content)
    if not isinstance(named, dict) or not all(isinstance(value, Tensor) for value in named.values()):
        raise BadCheckpoint(f"{path} holds something else than the weights of discriminators")
    return _loaded(net, _File(path, named))


def load_content(version: ModelVersion, models: Path) -> HubertContent | LiteContent:
    """The content encoder: 16 kHz samples (B, T) to (B, width, T50); as `load_gpt`."""
    path = find_for(version.name, "content", models)
    if path.is_dir():
        return build_content(version, path)
    file = _read(path, "content", version, models)
    sizes = _sized(ContentSizes(), file)
    return _loaded(_built(lambda: LiteContent(sizes), file), file)


def load_vocoder(version: ModelVersion, models: Path) -> nn.Module:
    """Log-mel (B, bands, T) to samples (B, 1, T * hop); as `load_gpt`."""
    net = build_vocoder(version)
    path = find_for(version.name, "vocoder", models)
    if isinstance(net, SourceFilter):
        return _source_filter(version, path, models)
    file = _published(path / _BIGVGAN_FILE if path.is_dir() else path, "generator")
    if not any(name.endswith("weight_g") for name in net.state_dict()):
        try:
            file = replace(file, tensors=fold_weight_norm(file.tensors))
        except KeyError as error:
            raise BadCheckpoint(f"{file.path} lacks {error}, one half of a weight") from None
    return _loaded(net, file)


def _source_filter(version: ModelVersion, path: Path, models: Path) -> SourceFilter:
    file = _read(path, "vocoder", version, models)
    sizes, mel = _sized(SourceFilterSizes(), file), version.mel
    net = _loaded(_built(lambda: SourceFilter(sizes), file), file)
    told = sizes.bands, sizes.rate * sizes.hop, sizes.sample_rate
    if mel is not None and told != (mel.bands, mel.hop, mel.sample_rate):
        raise BadCheckpoint(f"{path} makes sound of other mels than those of version {version.name}")
    return net


def load_speaker_net(version: ModelVersion, models: Path) -> EresNet:
    """The net whose view of a speaker the version takes; raises `MissingAsset` and `BadCheckpoint`."""
    file = _published(find_for(version.name, "voiceprint", models))
    return _loaded(_built(EresNet, file), file)


def load_super_resolution(version: ModelVersion, models: Path) -> BandwidthNet:
    """The net that widens the version's speech to 48 kHz; raises `MissingAsset` and `BadCheckpoint`."""
    path = find_for(version.name, "super_resolution", models) / _BANDWIDTH_FILE
    file = _published(path, "generator")
    return _loaded(_built(BandwidthNet, file), file)


def save_net(path: Path, net: nn.Module, *, version: ModelVersion, provenance: Mapping[str, Any]) -> None:
    """Write a `Gpt`, SoVITS, `LiteContent` or `SourceFilter` in half precision, and all that is needed to load it.

    ``provenance`` is JSON: base, data, steps, licence. Raises `WorkspaceError` where the file cannot be written.
    """
    config = {"version": version.name, "kind": kind_of(net), "sizes": _sizes_of(net)}
    write_weights(path, halved(net.state_dict()), config, provenance)


def kind_of(net: nn.Module) -> str:
    """The asset kind of a net: gpt, sovits, content or vocoder."""
    kinds: dict[type[nn.Module], str] = {
        Gpt: "gpt",
        SovitsFlow: "sovits",
        SovitsVits: "sovits",
        LiteContent: "content",
        SourceFilter: "vocoder",
    }
    return kinds[type(net)]


def _sizes_of(net: nn.Module) -> dict[str, Any]:
    assert isinstance(net, Gpt | SovitsFlow | SovitsVits | LiteContent | SourceFilter)  # `kind_of` knows no others
    return asdict(net.sizes)


def _read(path: Path, kind: str, version: ModelVersion, models: Path) -> _File:
    """The file of one net; raises `BadCheckpoint` where it is of another kind or version."""
    if path.suffix != SUFFIX:
        return _File(path, read_fitting(path, kind, version, models))
    weights = read_weights(path)
    found = weights.config.get("kind"), weights.config.get("version")
    if kind == "sovits" and found[0] == LORA:
        told = read_weights(find_for(version.name, kind, models)).config if version.is_bundled else {}
        return _File(path, read_fitting(path, kind, version, models), told.get("sizes"))
    if found[0] != kind or not _serves(str(found[1]), kind, version):
        raise BadCheckpoint(
            f"{path} holds a {found[0]} model of version {found[1]}; a {kind} model of version {version.name} is needed"
        )
    return _File(path, weights.tensors, weights.config.get("sizes"))


def _serves(name: str, kind: str, version: ModelVersion) -> bool:
    """Whether a net of version ``name`` can be one of ``version``.

    Versions that read the same phones have GPTs of one make, which official files do not tell apart.
    """
    other = VERSIONS.get(name)
    is_alike = other is not None and (other.gpt, other.symbols) == (version.gpt, version.symbols)
    return name == version.name or (kind == "gpt" and is_alike)


def _published(path: Path, key: str = "") -> _File:
    """An official file that is nothing but a net's weights, perhaps under one ``key``."""
    content = read_torch(path)
    tensors = content.get(key, content)
    if not isinstance(tensors, dict) or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise BadCheckpoint(f"{path} holds something else than the weights of one net")
    return _File(path, tensors)


def _sized(sizes: Sizes, file: _File) -> Sizes:
    """``sizes`` with what the file says in place of the version's own."""
    if file.sizes is None:
        return sizes
    return sizes_as_told(sizes, file.sizes, file.tensors, file.path)


def _built(build: Callable[[], Net], file: _File, spared: str = "\0") -> Net:
    """What ``build`` makes; a net of sizes that the file itself claims is first tried without memory for weights.

    Weights whose names begin with ``spared`` may be missing from the file.
    """
    if file.sizes is not None:
        check_build(build, file.tensors, file.path, spared)
    with _Unset():
        return build()


class _Unset(TorchFunctionMode):
    """No weights are drawn for nets that are built meanwhile: `_loaded` sets every one of them."""

    def __torch_function__(
        self, func: Callable[..., Any], _types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        if getattr(func, "__name__", "") in _DRAWING:
            return args[0] if args else given["tensor"]
        return func(*args, **given)


def _loaded(net: Net, file: _File) -> Net:
    """``net`` with the file's weights, every one of them and no other, in float32."""
    return load_strictly(net, file.tensors, file.path)
