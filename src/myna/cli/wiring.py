"""Puts an installation together from its settings."""

from __future__ import annotations

from myna.core.settings import Settings
from myna.core.speech import Converter, Speaker
from myna.core.workspace import Workspace
from myna.steps.step import engine_needed


def build_workspace(settings: Settings) -> Workspace:
    """The voices of this installation."""
    return Workspace(settings.home)


def build_speaker(settings: Settings) -> Speaker:
    """The speaker of this process; raises `MissingExtra` in an install without torch."""
    with engine_needed("speech"):
        from myna.engine.device import use_threads
        from myna.engine.synthesis.speaker import LocalSpeaker

        use_threads(settings.threads)
        speaker: Speaker = LocalSpeaker(settings.models_folder, settings.device, settings.home)
    return speaker


def build_converter(settings: Settings) -> Converter:
    """The voice converter of this process; raises `MissingExtra` in an install without torch."""
    with engine_needed("voice conversion"):
        from myna.engine.device import use_threads
        from myna.engine.synthesis.conversion import LocalConverter
        from myna.engine.synthesis.speaker import LocalSpeaker

        use_threads(settings.threads)
        speaker = LocalSpeaker(settings.models_folder, settings.device, settings.home)
        converter: Converter = LocalConverter(speaker)
    return converter
