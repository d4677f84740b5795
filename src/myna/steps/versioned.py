"""Steps that use nets: of one model version, and those of them that read texts."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from myna.core.assets import find_for
from myna.core.versions import ModelVersion, version
from myna.core.workspace import WORDS_FILE, DatasetFolder
from myna.steps.step import Step


class VersionedStep(Step):
    """A step that uses nets of one model version."""

    queue = "gpu"

    kinds: ClassVar[tuple[str, ...]] = ()
    """The kinds of the version's model files that are used."""

    experiment: str = Field(default="", description="name of the dataset folder; empty: the voice's name")
    version: str = Field(default="lite", description="model version")
    device: str = Field(default="auto", description="auto, cpu, cuda or cuda:N")
    models: Path = Field(default=Path("models"), description="folder of downloaded model files")

    @property
    def record(self) -> ModelVersion:
        """The facts of the model version; raises `UnknownChoice`."""
        return version(self.version)

    @property
    def dataset(self) -> DatasetFolder:
        """The dataset folder of the experiment."""
        return self.voice.dataset(self.experiment)

    def assets(self) -> tuple[Path, ...]:
        """The version's model files of the step's kinds."""
        return tuple(find_for(self.record.name, kind, self.models) for kind in self.kinds)

    @property
    def stamp_name(self) -> str:
        """One stamp per dataset folder: another version's features would replace these."""
        return f"{self.name}-{self.dataset.name}"


class ReadingStep(VersionedStep):
    """A step that reads texts, by the user's dictionaries too."""

    indifferent = VersionedStep.indifferent | {"words"}

    words: Path | None = Field(
        default=None, description="folder of the dictionary for all voices, words.tsv; the voice's own is in its folder"
    )

    @property
    def dictionaries(self) -> tuple[Path, ...]:
        """The dictionaries that are there; the last one comes first."""
        places = ((self.words / WORDS_FILE) if self.words else None, self.voice.words)
        return tuple(place for place in places if place is not None and place.is_file())
