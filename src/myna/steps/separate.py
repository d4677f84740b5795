"""The step that takes voices out of music."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, ConfigDict, Field

from myna.core.findings import Findings
from myna.core.progress import Progress
from myna.steps.step import WorkshopStep

EMBEDDED = "centre"
"""The model that needs no files."""


class SeparateVocals(WorkshopStep):
    """Take recordings apart: the voice, and what sounds beside it; then, if wished, the room and the echo out of it."""

    model_config = ConfigDict(validate_by_name=True)
    title = "separating voices"
    indifferent = WorkshopStep.indifferent | {"max_seconds", "max_bytes", "instruments", "half"}

    instruments: Path | None = Field(default=None, description="folder for the rest; empty: with a target, the same")
    model: str = Field(
        default=EMBEDDED,
        description="model by its official name, with or without extension (HP2_all_vocals, VR-DeEchoNormal, ...); "
        "several, separated by commas, one after the other; centre needs no files",
    )
    aggressiveness: int = Field(
        default=10,
        ge=0,
        le=20,
        description="how much HP2, HP3 and HP5 take away, 0 to 20",
        validation_alias=AliasChoices("aggressiveness", "agg"),
    )
    format: Literal["wav", "flac", "mp3", "m4a"] = Field(default="flac", description="wav, flac, mp3 or m4a")
    half: bool = Field(default=False, description="compute in half precision, on a GPU")
    device: str = Field(default="auto", description="auto, cpu, cuda or cuda:N")
    models: Path = Field(default=Path("models"), description="folder of downloaded model files")
    max_seconds: float = Field(default=7200.0, gt=0.0, description="longest recording, seconds")
    max_bytes: int = Field(default=2**30, gt=0, description="largest recording, bytes")

    def inputs(self) -> tuple[Path, ...]:
        """The recordings as they came."""
        return (self.source or self.voice.input_audio,)

    def assets(self) -> tuple[Path, ...]:
        """The files of all models; raises `UnknownChoice` and `MissingAsset`."""
        from myna.engine.separation.known import find_model, names_in

        return tuple(file for name in names_in(self.model) for file in find_model(name, self.models).files)

    def outputs(self) -> tuple[Path, ...]:
        """The voices, and the rest."""
        voices = self.target or self.voice.separated
        others = self.instruments or self.target or self.voice.accompaniment
        return (voices,) if others == voices else (voices, others)

    def run(self, progress: Progress) -> Findings:
        """Separate; raises `BadAudio` where no recording can be used. Those that cannot are told with the reason."""
        from myna.audio.recording import DecodeLimits
        from myna.engine.separation.songs import Places, separate_files
        from myna.engine.separation.table import Wish

        voices, *others = self.outputs()
        return separate_files(
            self.inputs()[0],
            Places(voices, others[0] if others else voices, self.format),
            chain=self.model,
            wish=Wish(self.models, self.device, self.aggressiveness, self.half),
            limits=DecodeLimits(max_bytes=self.max_bytes, max_seconds=self.max_seconds),
            progress=progress,
            root=None if self.source else self.folder,
        )
