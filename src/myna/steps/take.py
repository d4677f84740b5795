"""The step that takes labelled clips from elsewhere into a voice."""

from __future__ import annotations

import shutil
from pathlib import Path

from pydantic import Field

from myna.audio.labels import Label, read_labels, usable_labels, write_labels
from myna.core.errors import BadInput
from myna.core.findings import Findings, Tally
from myna.core.progress import Progress
from myna.core.workspace import writing
from myna.steps.step import Step


class TakeClips(Step):
    """Copy labelled clips into a voice, so that what is made of them does not depend on where they were."""

    title = "taking clips in"

    source: Path | None = Field(default=None, description="label file; empty: the voice's own")
    clips: Path | None = Field(default=None, description="folder of the clips; empty: where the label file says")

    def inputs(self) -> tuple[Path, ...]:
        """The label file and the clips that it names."""
        labels = read_labels(self._labels) if self._labels.is_file() else []
        return (self._labels, *(label.located(self.clips) for label in labels))

    @property
    def _labels(self) -> Path:
        return self.source or self.voice.labels

    def outputs(self) -> tuple[Path, ...]:
        """The voice's own clips and label file."""
        return (self.voice.denoised, self.voice.labels)

    def run(self, progress: Progress) -> Findings:
        """Copy; clips that are not there are told, and lines that are no labels. Raises `BadInput` where none is."""
        tally, taken = Tally(), []
        labels = usable_labels(self._labels, tally)
        for number, label in enumerate(labels):
            progress(number / len(labels), label.clip)
            source, own = label.located(self.clips), self.voice.denoised / label.clip
            if not source.is_file():
                tally.add(label.clip, "the clip is not there")
                continue
            with writing(own) as temporary:
                shutil.copyfile(source, temporary)
            taken.append(Label(own, label.speaker, label.language, label.text))
        tally.require(len(taken), BadInput, "none of the labelled clips is there")
        write_labels(self.voice.labels, taken)
        return tally.findings(f"{len(taken)} clips")
