"""From clips to what they say: the step that writes the label file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from myna.core.findings import Findings
from myna.core.progress import Progress, part
from myna.steps.step import WorkshopStep

if TYPE_CHECKING:
    from myna.core.assets import Asset
    from myna.engine.hubs import Hub

_FETCHING = 0.3


class AsrTranscribe(WorkshopStep):
    """Write down what each clip says: by ear, or from a transcript that somebody gave.

    Into a folder that is named goes the label file ``<name of the clips' folder>.list``, as the official program has
    it, and JSON lines with all that was found out.
    """

    title = "transcribing"
    indifferent = WorkshopStep.indifferent | {
        "device",
        "models",
        "download",
        "hub",
        "huggingface_url",
        "modelscope_url",
        "n_parts",
    }

    language: str = Field(default="en", description="language spoken; auto: of each clip by itself")
    engine: str = Field(
        default="pocketsphinx",
        description="pocketsphinx, faster-whisper, fun-asr-nano, sensevoice, paraformer, or given (a transcript)",
    )
    size: str = Field(default="", description="size of the engine's model, or the folder of one; empty: the engine's")
    precision: str = Field(
        default="", description="float32, float16 or int8, where the engine has it; empty: what suits the device"
    )
    transcript: Path | None = Field(
        default=None,
        description="the words, known already: .srt, .vtt, .lrc, .json or .txt of one recording, or a .list",
    )
    speaker: str = Field(default="", description="whom the labels name; empty: the voice's or the folder's name")
    device: str = Field(default="auto", description="auto, cpu, cuda or cuda:N")
    models: Path = Field(default=Path("models"), description="folder of downloaded model files")
    n_parts: int = Field(default=0, ge=0, le=256, description="processes of pocketsphinx; 0: one per core")
    download: bool = Field(default=False, description="fetch the engine's model if it is not here")
    hub: Literal["huggingface", "modelscope"] = Field(default="huggingface", description="where from, if it has it")
    huggingface_url: str = Field(default="https://huggingface.co", description="Hugging Face, or a mirror of it")
    modelscope_url: str = Field(default="https://www.modelscope.cn", description="ModelScope, or a mirror of it")

    @property
    def clips(self) -> Path:
        """What is heard."""
        return self.source or self.voice.denoised

    @property
    def labels(self) -> Path:
        """The label file."""
        if self.target is None:
            return self.voice.labels
        name = self.clips.absolute()
        return self.target / f"{name.stem if name.is_file() else name.name}.list"

    @property
    def stamp_name(self) -> str:
        """One stamp for each folder of clips: the label files of many lie in one target."""
        if self.target is None:
            return self.name
        both = f"{self.clips.absolute()}\n{self.target.absolute()}"
        return f"{self.name}-{hashlib.blake2b(both.encode('utf-8', 'surrogateescape'), digest_size=4).hexdigest()}"

    def inputs(self) -> tuple[Path, ...]:
        """The clips, and the transcript where one is given."""
        return (self.clips, *([self.transcript] if self.transcript else []))

    def outputs(self) -> tuple[Path, ...]:
        """The label file, the JSON lines beside it, and what an interrupted run has heard so far."""
        return (
            self.labels,
            self.labels.with_suffix(".jsonl"),
            self.labels.with_name(f".{self.labels.stem}.heard.jsonl"),
        )

    def run(self, progress: Progress) -> Findings:
        """Transcribe; clips left out are told with the reason.

        Raises `BadInput` where no clip holds words, or the transcript does not fit the recordings; `UnknownChoice`,
        `MissingExtra` and `MissingAsset` for the engine; `DownloadFailed` where its model cannot be fetched.
        """
        from myna.engine.asr import Wish
        from myna.engine.transcribing import transcribe_clips

        if self.download:
            progress = self._fetched(progress)
        where = self.clips.absolute()
        folder = where.parent if where.is_file() else where
        return transcribe_clips(
            self.clips,
            self.labels,
            speaker=self.speaker or (folder.name if self.source else self.voice.name),
            engine=self.engine,
            wish=Wish(self.language, self.size, self.precision, self.device, self.models, self.n_parts),
            transcript=self.transcript,
            root=None if self.source else self.folder,
            progress=progress,
        )

    def _fetched(self, progress: Progress) -> Progress:
        """Fetch what the engine needs and what is not here; the progress of what remains."""
        from myna.engine.asr import ENGINES, GIVEN, chosen_folder, engine_called
        from myna.engine.fetch import fetch_all, pieces

        if self.engine == GIVEN or chosen_folder(self.size):
            return progress
        names = ENGINES[engine_called(self.engine)].assets(self.size, self.language)
        todo = [piece for piece in pieces(names, self.models) if not piece.is_there] if names else []
        if not todo:
            return progress
        fetch_all(todo, self._hub_of(), self.models, part(progress, 0.0, _FETCHING))
        return part(progress, _FETCHING, 1.0)

    def _hub_of(self) -> Callable[[Asset], Hub]:
        """Which hub a model comes from."""
        from myna.engine.hubs import HuggingFace, ModelScope

        def hub_of(row: Asset) -> Hub:
            if row.modelscope and (self.hub == "modelscope" or not row.published):
                return ModelScope(self.modelscope_url)
            return HuggingFace(self.huggingface_url)

        return hub_of
