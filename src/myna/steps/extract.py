"""From labelled clips to the dataset folder: the four feature steps."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from myna.core.assets import find_for
from myna.core.findings import Findings
from myna.core.progress import Progress
from myna.core.training import Precision
from myna.steps.versioned import ReadingStep, VersionedStep


class ExtractionStep(VersionedStep):
    """A step that writes one part of the dataset folder from the labels and the clips.

    What it wrote before it was stopped stays, clip by clip.
    """

    indifferent: ClassVar[frozenset[str]] = VersionedStep.indifferent | {"gpu_numbers"}

    gpu_numbers: str = Field(
        default="", description="a process for each number: 0-0 two on GPU 0, 0-1 one on each; without GPUs on the CPU"
    )

    def inputs(self) -> tuple[Path, ...]:
        """The label file and the clips."""
        return (self.voice.labels, self.voice.denoised)


class HalfPrecisionStep(ExtractionStep):
    """A step whose nets the official program runs in half precision on a GPU."""

    precision: Precision = Field(
        default="auto",
        description="auto (fp16 on a GPU, on the CPU bf16 where it has that, else fp32), bf16, fp16 or fp32; "
        "NaN is redone in fp32",
    )


class ExtractTextFeatures(HalfPrecisionStep, ReadingStep):
    """Turn the clips' words into phones (and, for Chinese, BERT features)."""

    title = "text to phones"
    indifferent = ExtractionStep.indifferent | ReadingStep.indifferent

    def inputs(self) -> tuple[Path, ...]:
        """The label file and the dictionaries."""
        return (self.voice.labels, *self.dictionaries)

    def outputs(self) -> tuple[Path, ...]:
        """The phone table and the BERT features."""
        return (self.dataset.text_file, self.dataset.bert)

    def run(self, progress: Progress) -> Findings:
        """Extract, and tell which clips were left out; raises `BadInput` where no label is usable."""
        from myna.engine.features.left_out import left_out
        from myna.engine.features.phones import extract_phones
        from myna.engine.features.reading import dictionary

        extract_phones(
            self.voice.labels,
            self.dataset,
            version=self.record,
            models=self.models,
            device=self.device,
            progress=progress,
            gpu_numbers=self.gpu_numbers,
            precision=self.precision,
            words=dictionary((self.words, self.folder)),
        )
        return Findings(left_out(self.dataset, self.name))


class ExtractAudioFeatures(HalfPrecisionStep):
    """Turn the clips into content features and level-mixed 32 kHz wavs."""

    title = "sound to content features"
    kinds = ("content",)

    def outputs(self) -> tuple[Path, ...]:
        """The content features and the wavs."""
        return (self.dataset.content, self.dataset.wav32k)

    def run(self, progress: Progress) -> Findings:
        """Extract, and tell which clips were left out; raises `BadAudio` where no clip is usable."""
        from myna.engine.features.content import extract_content
        from myna.engine.features.left_out import left_out

        extract_content(
            self.voice.labels,
            self.voice.denoised,
            self.dataset,
            version=self.record,
            models=self.models,
            device=self.device,
            progress=progress,
            gpu_numbers=self.gpu_numbers,
            precision=self.precision,
        )
        return Findings(left_out(self.dataset, self.name))


class ExtractSpeakerVectors(HalfPrecisionStep):
    """Turn the clips into voiceprints."""

    title = "sound to voiceprints"

    def inputs(self) -> tuple[Path, ...]:
        """The label file and the clips; the level-mixed ones where the version takes a speaker vector."""
        if self.record.has_speaker_vector:
            return (self.voice.labels, self.dataset.wav32k)
        return super().inputs()

    def assets(self) -> tuple[Path, ...]:
        """The speaker net, where the version takes a speaker vector."""
        return (find_for(self.record.name, "voiceprint", self.models),) if self.record.has_speaker_vector else ()

    def outputs(self) -> tuple[Path, ...]:
        """The voiceprints."""
        return (self.dataset.speaker,)

    def run(self, progress: Progress) -> Findings:
        """Extract, and tell which clips were left out; raises `BadAudio` where no clip is usable."""
        from myna.engine.features.left_out import left_out
        from myna.engine.features.voiceprint import extract_voiceprints

        extract_voiceprints(
            self.voice.labels,
            self.voice.denoised,
            self.dataset,
            version=self.record,
            models=self.models,
            device=self.device,
            progress=progress,
            gpu_numbers=self.gpu_numbers,
            precision=self.precision,
        )
        return Findings(left_out(self.dataset, self.name))


class ExtractSemanticFeatures(ExtractionStep):
    """Turn content features into semantic tokens."""

    title = "content features to tokens"
    kinds = ("sovits",)

    sovits: Path | None = Field(default=None, description="SoVITS weights whose quantizer is used; empty: the base's")

    def assets(self) -> tuple[Path, ...]:
        """The base, where no other weights are given."""
        return () if self.sovits else super().assets()

    def inputs(self) -> tuple[Path, ...]:
        """The content features."""
        return (self.dataset.content, *([self.sovits] if self.sovits else []))

    def outputs(self) -> tuple[Path, ...]:
        """The token table."""
        return (self.dataset.semantic_file,)

    def run(self, progress: Progress) -> Findings:
        """Extract, and tell which clips were left out; raises `MissingAsset` where the base is not there."""
        from myna.engine.features.left_out import left_out
        from myna.engine.features.semantic import extract_semantic

        extract_semantic(
            self.dataset,
            version=self.record,
            models=self.models,
            sovits=self.sovits,
            device=self.device,
            progress=progress,
            gpu_numbers=self.gpu_numbers,
        )
        return Findings(left_out(self.dataset, self.name))
