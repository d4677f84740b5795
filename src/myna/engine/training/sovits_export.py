"""Trained SoVITS weights as files: in our form, in the official one, or in both; whole nets and LoRAs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from myna.checkpoints.model_file import LORA, OFFICIAL_VERSIONS
from myna.checkpoints.native import halved, write_weights
from myna.checkpoints.official import write_sovits
from myna.checkpoints.official_config import sovits_config
from myna.core.errors import BadInput
from myna.core.training import SovitsPlan
from myna.core.versions import FlowSizes, ModelVersion, VitsSizes
from myna.engine.model_fit import OFFICIAL_SETTINGS
from myna.engine.training.lora import lora_tensors
from myna.engine.training.recipe import Moment
from myna.engine.weights import SUFFIX, save_net
from myna.models.sovits_flow import SovitsFlow
from myna.models.sovits_vits import SovitsVits

OFFICIAL_SUFFIX = ".pth"


def check_export(version: ModelVersion, plan: SovitsPlan) -> None:
    """Raise `BadInput` where the plan wants a form that the version has not."""
    if plan.export != "myna" and version.name not in OFFICIAL_VERSIONS:
        raise BadInput(f"version {version.name!r} has no official form of weights; choose export 'myna'")


class Exporter:
    """Writes the weights of one training into ``folder``, named as the official program names them."""

    def __init__(
        self,
        folder: Path,
        name: str,
        version: ModelVersion,
        plan: SovitsPlan,
        provenance: Mapping[str, Any],
        lora_rank: int = 0,
    ) -> None:
        self.folder, self.name, self.version, self.plan = folder, name, version, plan
        self.provenance, self.lora_rank = dict(provenance), lora_rank

    def save(self, net: SovitsVits | SovitsFlow, moment: Moment) -> Path:
        """Write ``net`` in half precision in the plan's forms; returns our own file where there is one.

        Of a LoRA, which ``net`` then carries, only what it changes of its base. Raises `WorkspaceError`.
        """
        ours, official = (self._path(moment, suffix) for suffix in (SUFFIX, OFFICIAL_SUFFIX))
        if self.plan.export != "myna":
            self._write_official(official, net, moment)
        if self.plan.export == "official":
            return official
        self._write_own(ours, net, moment)
        return ours

    def _path(self, moment: Moment, suffix: str) -> Path:
        rank = f"_l{self.lora_rank}" if self.lora_rank else ""
        return self.folder / f"{self.name}_e{moment.epoch}_s{moment.step}{rank}{suffix}"

    def _write_own(self, path: Path, net: SovitsVits | SovitsFlow, moment: Moment) -> None:
        about = self.provenance | {"epoch": moment.epoch, "step": moment.step, "seed": self.plan.seed}
        if not self.lora_rank:
            save_net(path, net, version=self.version, provenance=about)
            return
        config = {"version": self.version.name, "kind": LORA, "lora_rank": self.lora_rank}
        write_weights(path, halved(self._tensors(net)), config, about)

    def _tensors(self, net: SovitsVits | SovitsFlow) -> Mapping[str, Tensor]:
        if self.lora_rank and isinstance(net, SovitsFlow):
            return lora_tensors(net)
        return net.state_dict()

    def _write_official(self, path: Path, net: SovitsVits | SovitsFlow, moment: Moment) -> None:
        write_sovits(
            path,
            self._tensors(net),
            official_settings(self.version, net.sizes, self.plan, self.name),
            version=self.version.name,
            epoch=moment.epoch,
            step=moment.step,
            lora_rank=self.lora_rank or None,
        )


def official_settings(
    version: ModelVersion, sizes: VitsSizes | FlowSizes, plan: SovitsPlan, name: str
) -> dict[str, Any]:
    """The settings that the official program builds its net from, for a net of ``sizes``."""
    config = sovits_config(version.name)
    config["model"] |= {theirs: getattr(sizes, ours) for theirs, ours in OFFICIAL_SETTINGS["sovits"].items()}
    config["train"] |= {"epochs": plan.epochs, "batch_size": plan.batch_size, "seed": plan.seed}
    return config | {"name": name, "version": version.name}
