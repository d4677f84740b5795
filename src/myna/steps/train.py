"""From the dataset folder to trained weights: the two training steps."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from myna.core.findings import Findings
from myna.core.progress import Progress
from myna.steps.step import VersionedStep


class TrainingStep(VersionedStep):
    """What both trainings are told."""

    extends = frozenset({"epochs", "save_every"})

    base: Path | None = Field(default=None, description="weights to begin with; empty: the version's base")
    batch_size: int = Field(default=8, ge=1, le=512, description="clips per training step")
    save_every: int = Field(default=4, ge=1, description="weights are saved every so many epochs, and at the end")
    learning_rate: float | None = Field(default=None, gt=0.0, le=1.0, description="empty: the trainer's own")
    seed: int = Field(default=1234, ge=0, lt=2**63, description="start of the random numbers")

    @property
    def stamp_name(self) -> str:
        """One stamp per dataset folder and version: weights of several versions live side by side."""
        return f"{self.name}-{self.dataset.name}-{self.version}"

    def assets(self) -> tuple[Path, ...]:
        """The base, where no other weights are given."""
        return () if self.base else super().assets()


class TrainSovits(TrainingStep):
    """Fine-tune SoVITS: tokens to sound in this voice."""

    title = "training SoVITS"
    kinds = ("sovits",)

    epochs: int = Field(default=10, ge=1, le=10000, description="rounds through the clips")
    lora_rank: int = Field(default=0, ge=0, le=512, description="train low-rank additions of this rank; 0: all weights")

    def inputs(self) -> tuple[Path, ...]:
        """Phones, content features, wavs, voiceprints."""
        dataset = self.dataset
        return (
            dataset.text_file,
            dataset.content,
            dataset.wav32k,
            dataset.speaker,
            *([self.base] if self.base else []),
        )

    def outputs(self) -> tuple[Path, ...]:
        """The weights saved so far."""
        return tuple(self.voice.sovits_weights(self.record).glob(f"{self.dataset.name}_e*_s*.safetensors"))

    def state(self) -> tuple[Path, ...]:
        """What an interrupted training goes on from."""
        return (self.dataset.sovits_run(self.record),)

    def run(self, progress: Progress) -> Findings:
        """Train, and tell which clips were left out; raises `TrainingFailed`."""
        from myna.engine.features.left_out import left_out
        from myna.engine.training.sovits_flow import train_sovits

        train_sovits(
            self.dataset,
            self.voice.sovits_weights(self.record),
            version=self.record,
            models=self.models,
            base=self.base,
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            lora_rank=self.lora_rank,
            save_every=self.save_every,
            seed=self.seed,
            device=self.device,
            progress=progress,
        )
        return Findings(left_out(self.dataset, self.name))


class TrainGpt(TrainingStep):
    """Fine-tune the GPT: text to tokens in this voice's manner."""

    title = "training GPT"
    kinds = ("gpt",)

    epochs: int = Field(default=8, ge=1, le=10000, description="rounds through the clips")

    def inputs(self) -> tuple[Path, ...]:
        """Phones, BERT features, tokens."""
        dataset = self.dataset
        return (dataset.text_file, dataset.bert, dataset.semantic_file, *([self.base] if self.base else []))

    def outputs(self) -> tuple[Path, ...]:
        """The weights saved so far."""
        return tuple(self.voice.gpt_weights(self.record).glob(f"{self.dataset.name}-e*.safetensors"))

    def state(self) -> tuple[Path, ...]:
        """What an interrupted training goes on from."""
        return (self.dataset.gpt_run(self.record),)

    def run(self, progress: Progress) -> Findings:
        """Train, and tell which clips were left out; raises `TrainingFailed`."""
        from myna.engine.features.left_out import left_out
        from myna.engine.training.gpt import train_gpt

        train_gpt(
            self.dataset,
            self.voice.gpt_weights(self.record),
            version=self.record,
            models=self.models,
            base=self.base,
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            save_every=self.save_every,
            seed=self.seed,
            device=self.device,
            progress=progress,
        )
        return Findings(left_out(self.dataset, self.name))
