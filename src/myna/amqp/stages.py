"""The kinds of work that the queue service knows: exchanges, queues, routing keys, words in messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

START_KEY = "start"
PROGRESS_KEY = "process"
LEGACY_END_KEY = "end"
DEAD = "myna_dead"
"""Exchange and queue of messages that could not be understood; the header ``reason`` says why."""
ONE_CLICK = "one_click"


@dataclass(frozen=True)
class Stage:
    """One kind of work. ``model`` is what messages call it."""

    name: str
    model: str

    @property
    def exchange(self) -> str:
        """Where its messages go."""
        return self.name

    @property
    def start_queue(self) -> str:
        """Where start messages wait."""
        return f"start_{self.name}_queue"

    @property
    def end_queue(self) -> str:
        """Where end messages wait until somebody reads them."""
        return f"end_{self.name}_queue"

    def end_keys(self, tool: str) -> tuple[str, ...]:
        """The routing keys of an end message: by the stage, and by the request's ``tool``."""
        return tuple(dict.fromkeys((f"end{self.name}", f"end{tool}" if tool else LEGACY_END_KEY)))


STAGES: Mapping[str, Stage] = MappingProxyType(
    {
        stage.name: stage
        for stage in (
            Stage(ONE_CLICK, "end"),
            Stage("slice", "slice"),
            Stage("denoise", "denoise"),
            Stage("asr", "asr"),
            Stage("1abc", "format"),
            Stage("1Ba", "sovitsTrain"),
            Stage("1Bb", "gptTrain"),
            Stage("uvr5", "uvr5"),
        )
    }
)
"""Every stage by its name."""

MODELS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "slice": ("slice_audio",),
        "denoise": ("denoise_audio",),
        "asr": ("asr_transcribe",),
        "format": (
            "extract_text_features", "extract_audio_features", "extract_speaker_vectors", "extract_semantic_features",
        ),
        "sovitsTrain": ("train_sovits",),
        "gptTrain": ("train_gpt",),
    }
)  # fmt: skip
"""What the messages of one_click call our steps: it begins with the first of them and is complete with the last."""
