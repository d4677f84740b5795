"""Puts an installation together from its settings: workspace, speaker, store, studio, worker."""

from __future__ import annotations

from collections.abc import Iterator

from myna.core.settings import Settings
from myna.core.speech import AudioChunk, Speaker, SpeechRequest
from myna.core.workspace import Workspace
from myna.steps.step import engine_needed
from myna.studio import Studio


def build_workspace(settings: Settings) -> Workspace:
    """The voices of this installation."""
    return Workspace(settings.home)


def build_speaker(settings: Settings) -> Speaker:
    """The speaker of this process; raises `MissingExtra` in an install without torch."""
    with engine_needed("speech"):
        from myna.engine.device import use_threads
        from myna.engine.synthesis.speaker import LocalSpeaker

        use_threads(settings.threads)
        speaker: Speaker = LocalSpeaker(settings.models_folder, settings.device)
    return speaker


class LateSpeaker:
    """A speaker that is built when it first speaks, so that everything else starts without torch."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._speaker: Speaker | None = None

    def say(self, request: SpeechRequest) -> Iterator[AudioChunk]:
        """The speech of ``request``."""
        if self._speaker is None:
            self._speaker = build_speaker(self._settings)
        return self._speaker.say(request)


def build_studio(settings: Settings) -> Studio:
    """The waist of this installation."""
    from myna.jobs.store import SqlJobStore

    return Studio(LateSpeaker(settings), SqlJobStore(settings.jobs_url))
