"""Taking noise out of clips."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from myna.core.findings import Findings
from myna.core.progress import Progress
from myna.steps.step import WorkshopStep


class DenoiseAudio(WorkshopStep):
    """Take noise out of clips, in a folder of any sound files too; a page tells what that did to them."""

    title = "removing noise"
    indifferent = WorkshopStep.indifferent | {"n_parts"}

    engine: str = Field(
        default="rnnoise",
        description="rnnoise (needs no download), frcrn (16 kHz, the official one), mossformer2 (48 kHz); none copies",
    )
    report: bool = Field(default=True, description="measure every clip before and after, and write a page about it")
    n_parts: int = Field(default=0, ge=0, le=256, description="processes that share the clips; 0: one per core")
    device: str = Field(default="auto", description="auto, cpu, cuda or cuda:N, for engines with nets")
    models: Path = Field(default=Path("models"), description="folder of downloaded model files")

    def inputs(self) -> tuple[Path, ...]:
        """The clips."""
        return (self.source or self.voice.sliced,)

    def assets(self) -> tuple[Path, ...]:
        """The engine's weights; raises `UnknownChoice`, and `MissingAsset` that says how to get them."""
        from myna.engine.clean.table import weights_of

        return weights_of(self.engine, self.models)

    def outputs(self) -> tuple[Path, ...]:
        """The same clips, cleaned, and the reports beside them."""
        folder = self.target or self.voice.denoised
        reports = [folder.with_name(f"{folder.name}-quality.{kind}") for kind in ("jsonl", "html")]
        return (folder, *(reports if self.report else ()))

    def run(self, progress: Progress) -> Findings:
        """Clean; raises `BadAudio` where no clip can be used, `MissingExtra` where the engine is not installed."""
        from myna.engine.clean.denoiser import Wish
        from myna.engine.denoising import denoise_clips
        from myna.engine.denoising_report import Reports

        folder, *reports = self.outputs()
        return denoise_clips(
            self.inputs()[0],
            folder,
            engine=self.engine,
            wish=Wish(self.models, self.device),
            reports=Reports(*reports) if reports else None,
            num_parts=self.n_parts,
            root=None if self.source else self.folder,
            progress=progress,
        )
