"""From recordings to labelled clips: the first four steps."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, ConfigDict, Field

from myna.core.findings import Findings
from myna.core.progress import Progress
from myna.steps.step import WorkshopStep


class ConvertAudio(WorkshopStep):
    """Decode every recording of any format to 32 kHz mono wav, and refuse what cannot become a voice."""

    title = "converting recordings"
    enters = "myna.engine.recordings"
    indifferent = WorkshopStep.indifferent | {"min_seconds", "max_seconds", "max_bytes", "n_parts"}

    min_seconds: float = Field(default=3.0, ge=0.0, description="shortest recording, seconds")
    max_seconds: float = Field(default=7200.0, gt=0.0, description="longest recording, seconds")
    max_bytes: int = Field(default=2**30, gt=0, description="largest recording, bytes")
    n_parts: int = Field(default=0, ge=0, le=256, description="processes that share a folder's files; 0: one per core")

    def inputs(self) -> tuple[Path, ...]:
        """The recordings as they came."""
        return (self.source or self.voice.input_audio,)

    def outputs(self) -> tuple[Path, ...]:
        """One wav per recording."""
        return (self.target or self.voice.converted_wav,)

    def run(self, progress: Progress) -> Findings:
        """Convert; raises `BadAudio` where no recording can be used. Those that cannot are told with the reason."""
        from myna.engine.recordings import RecordingLimits, convert_recordings

        limits = RecordingLimits(self.min_seconds, self.max_seconds, self.max_bytes)
        source, target = self.inputs()[0], self.outputs()[0]
        return convert_recordings(
            source,
            target,
            limits=limits,
            num_parts=self.n_parts,
            root=None if self.source else self.folder,
            progress=progress,
        )


class SliceAudio(WorkshopStep):
    """Cut recordings into clips, at pauses or where nobody speaks; from a folder of any sound files too."""

    model_config = ConfigDict(validate_by_name=True)
    title = "cutting at pauses"
    enters = "myna.engine.recordings"
    indifferent = WorkshopStep.indifferent | {"n_parts"}

    method: Literal["silence", "voice"] = Field(
        default="silence", description="what a pause is: silence (quieter than the threshold) or voice (nobody speaks)"
    )
    threshold_db: float = Field(
        default=-34.0,
        ge=-120.0,
        lt=0.0,
        description="quieter than this is silence, dBFS",
        validation_alias=AliasChoices("threshold_db", "threshold"),
    )
    voice_threshold: float = Field(
        default=0.5, gt=0.0, lt=1.0, description="with method voice: likelihood from which somebody speaks"
    )
    min_length_ms: int = Field(
        default=4000,
        ge=1,
        description="shortest clip, ms",
        validation_alias=AliasChoices("min_length_ms", "min_length"),
    )
    min_interval_ms: int = Field(
        default=300,
        ge=1,
        description="shortest pause that is cut, ms",
        validation_alias=AliasChoices("min_interval_ms", "min_interval"),
    )
    hop_size_ms: int = Field(
        default=10,
        ge=1,
        description="step of the loudness measure, ms",
        validation_alias=AliasChoices("hop_size_ms", "hop_size"),
    )
    max_sil_kept_ms: int = Field(
        default=500,
        ge=1,
        description="silence kept at each side of a cut, ms",
        validation_alias=AliasChoices("max_sil_kept_ms", "max_sil_kept"),
    )
    max_length_ms: int = Field(
        default=12000,
        ge=0,
        description="longest clip, ms; longer ones are cut where quietest; 0: any",
        validation_alias=AliasChoices("max_length_ms", "max_length"),
    )
    peak_level: float = Field(
        default=0.9,
        gt=0.0,
        le=1.0,
        description="peak of the levelled share of a clip",
        validation_alias=AliasChoices("peak_level", "max", "_max"),
    )
    level_share: float = Field(
        default=0.25,
        ge=0.0,
        le=1.0,
        description="share of a clip that is levelled",
        validation_alias=AliasChoices("level_share", "alpha"),
    )
    n_parts: int = Field(default=0, ge=0, le=256, description="processes that share a folder's files; 0: one per core")
    i_part: int = Field(default=0, ge=0, description="with all_part: which part of the folder's files to cut")
    all_part: int = Field(default=1, ge=1, description="in how many parts, by separate commands, a folder is cut")

    @property
    def stamp_name(self) -> str:
        """One stamp for each part."""
        return super().stamp_name if self.all_part == 1 else f"{super().stamp_name}-{self.i_part}-{self.all_part}"

    def inputs(self) -> tuple[Path, ...]:
        """The converted recordings."""
        return (self.source or self.voice.converted_wav,)

    def outputs(self) -> tuple[Path, ...]:
        """The clips."""
        return (self.target or self.voice.sliced,)

    def run(self, progress: Progress) -> Findings:
        """Cut; raises `BadAudio` where no recording gives a clip. Those that give none are told with the reason."""
        from myna.audio.slicer import SliceSettings
        from myna.engine.recordings import slice_recordings

        settings = SliceSettings(
            threshold=self.threshold_db,
            min_length=self.min_length_ms,
            min_interval=self.min_interval_ms,
            hop_size=self.hop_size_ms,
            max_sil_kept=self.max_sil_kept_ms,
            max_length=self.max_length_ms,
            top=self.peak_level,
            share=self.level_share,
        )
        source, target = self.inputs()[0], self.outputs()[0]
        return slice_recordings(
            source,
            target,
            settings=settings,
            voice_threshold=self.voice_threshold if self.method == "voice" else None,
            num_parts=self.n_parts,
            share=(self.i_part, self.all_part),
            root=None if self.source else self.folder,
            progress=progress,
        )
