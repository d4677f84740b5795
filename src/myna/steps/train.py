"""From the dataset folder to trained weights: the two training steps."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from pydantic import model_validator

from myna.core.findings import Findings
from myna.core.progress import Progress
from myna.core.training import RUN_FILES, GptPlan, SovitsPlan, TrainingPlan
from myna.core.versions import VERSIONS, ModelVersion
from myna.core.weight_files import weights_of
from myna.steps.versioned import VersionedStep

Plan = TypeVar("Plan", bound=TrainingPlan)


class TrainingStep(TrainingPlan, VersionedStep):
    """What both trainings have in common; a step is its trainer's plan."""

    extends = frozenset({"epochs", "save_every", "keep_latest", "export"})
    indifferent = VersionedStep.indifferent | {"sample_text", "sample_language"}

    @classmethod
    @abstractmethod
    def usual(cls, record: ModelVersion) -> dict[str, Any]:
        """The parameters of a training of this version where nobody says otherwise."""

    @model_validator(mode="before")
    @classmethod
    def _as_usual(cls, given: Any) -> Any:
        """What is left out is as usual for the version."""
        record = (
            VERSIONS.get(given.get("version", cls.model_fields["version"].default)) if isinstance(given, dict) else None
        )
        if record is None:
            return given
        usual = cls.usual(record)
        return usual | {name: value for name, value in given.items() if value is not None or name not in usual}

    @property
    def stamp_name(self) -> str:
        """One stamp per dataset folder and version: weights of several versions live side by side."""
        return f"{self.name}-{self.dataset.name}-{self.version}"

    def assets(self) -> tuple[Path, ...]:
        """The base, where no other weights are given."""
        return () if self.base else super().assets()

    @property
    @abstractmethod
    def training_folder(self) -> Path:
        """Where the training keeps its state, curve and samples."""

    def state(self) -> tuple[Path, ...]:
        """What an interrupted training goes on from, and what it has told; nothing of the official program's."""
        return tuple(self.training_folder / name for name in RUN_FILES)

    def plan(self, kind: type[Plan]) -> Plan:
        """The trainer's part of the parameters."""
        return kind(**{name: getattr(self, name) for name in kind.model_fields})

    def train(self, trainer: Callable[..., Path], plan: TrainingPlan, weights: Path, progress: Progress) -> Findings:
        """Run ``trainer``, and tell which clips were left out and what else happened."""
        from myna.engine.features.left_out import left_out
        from myna.engine.training.launch import run_training
        from myna.engine.training.telling import PICTURE, notes_of

        run_training(trainer, self.dataset, weights, version=self.record, plan=plan, progress=progress)
        pages = tuple(path for path in (self.training_folder / PICTURE,) if path.is_file())
        return Findings(left_out(self.dataset, self.name), notes_of(self.training_folder), pages)


class TrainSovits(SovitsPlan, TrainingStep):
    """Fine-tune SoVITS: tokens to sound in this voice."""

    title = "training SoVITS"
    kinds = ("sovits",)

    @classmethod
    def usual(cls, record: ModelVersion) -> dict[str, Any]:
        """As the version's record says."""
        return asdict(record.sovits_training)

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
        return tuple(weights_of(self.voice.sovits_weights(self.record), self.dataset.name))

    @property
    def training_folder(self) -> Path:
        """State, curve and samples."""
        return self.dataset.sovits_run(self.record)

    def run(self, progress: Progress) -> Findings:
        """Train; raises `TrainingFailed`."""
        from myna.engine.training.sovits import train_sovits

        return self.train(train_sovits, self.plan(SovitsPlan), self.voice.sovits_weights(self.record), progress)


class TrainGpt(GptPlan, TrainingStep):
    """Fine-tune the GPT: text to tokens in this voice's manner."""

    title = "training GPT"
    kinds = ("gpt",)

    @classmethod
    def usual(cls, record: ModelVersion) -> dict[str, Any]:
        """As the version's record says."""
        return asdict(record.gpt_training)

    def inputs(self) -> tuple[Path, ...]:
        """Phones, BERT features, tokens."""
        dataset = self.dataset
        return (dataset.text_file, dataset.bert, dataset.semantic_file, *([self.base] if self.base else []))

    def outputs(self) -> tuple[Path, ...]:
        """The weights saved so far."""
        return tuple(weights_of(self.voice.gpt_weights(self.record), self.dataset.name))

    @property
    def training_folder(self) -> Path:
        """State, curve and samples."""
        return self.dataset.gpt_run(self.record)

    def run(self, progress: Progress) -> Findings:
        """Train; raises `TrainingFailed`."""
        from myna.engine.training.gpt import train_gpt

        return self.train(train_gpt, self.plan(GptPlan), self.voice.gpt_weights(self.record), progress)
