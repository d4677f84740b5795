"""A look at the labelled clips before training."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from myna.audio.label_sounds import located
from myna.audio.labels import read_label_file
from myna.core.findings import Findings
from myna.core.progress import Progress
from myna.steps.step import WorkshopStep
from myna.steps.versioned import ReadingStep


class CheckDataset(WorkshopStep, ReadingStep):
    """Look for what spoils a voice: clipping, silence, noise, wrong words, other voices, clips that are there twice."""

    title = "checking the clips"
    queue = "cpu"  # its nets are small
    indifferent = WorkshopStep.indifferent | ReadingStep.indifferent | {"n_parts"}

    source: Path | None = Field(
        default=None, description="label file, or folder of sounds without one; empty: the voice's label file"
    )
    target: Path | None = Field(default=None, description="folder for the report; empty: the voice's own")
    clips: Path | None = Field(
        default=None,
        description="folder of the clips that the label file names; empty: the voice's own, else where it says",
    )
    dnsmos: bool = Field(default=True, description="ask DNSMOS, if it is there, about clips that may be noisy")
    listen: bool = Field(default=True, description="compare English texts with what is heard")
    n_parts: int = Field(default=0, ge=0, le=256, description="processes that share the clips; 0: one per core")

    @property
    def clip_folder(self) -> Path | None:
        """Where the clips are; None: where the label file says."""
        return self.clips or (self.voice.denoised if self.source is None else None)

    def inputs(self) -> tuple[Path, ...]:
        """The label file (or the folder of sounds), the folder of clips, the dictionaries."""
        source, folder = self.source or self.voice.labels, self.clip_folder
        clips = (folder,) if folder else _named_in(source)
        return (source, *clips, *self.dictionaries)

    def outputs(self) -> tuple[Path, ...]:
        """The report, as a page and as JSON lines."""
        folder = self.target or self.voice.check
        return (folder / "check.jsonl", folder / "check.html")

    def run(self, progress: Progress) -> Findings:
        """Check; tells what cannot be read at all, and the totals. Raises `BadAudio` where no clip can be heard."""
        from myna.engine.check.dataset import CheckOptions, check_dataset
        from myna.engine.features.reading import dictionary

        source, target = self.inputs()[0], self.outputs()[0].parent
        options = CheckOptions(
            version=self.record,
            models=self.models,
            words=dictionary((self.words, self.folder)),
            processes=self.n_parts,
            asks_dnsmos=self.dnsmos,
            listens=self.listen,
            root=self.clip_folder or (source if source.is_dir() else None),
        )
        return check_dataset(source, self.clip_folder, target, options, progress)


def _named_in(source: Path) -> tuple[Path, ...]:
    """The clips that a label file names; none where it is a folder of sounds itself, or not there."""
    if not source.is_file():
        return ()
    labels = read_label_file(source).labels
    return tuple(path for label in labels if (path := located(label, None, source.parent)).is_file())
