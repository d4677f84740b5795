"""Hearing how a training goes: one fixed sentence said with the weights just saved, as every voice speaks."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import torch

from myna.core.errors import NotFound
from myna.core.progress import silent
from myna.core.speech import SpeechRequest, Voice
from myna.core.training import TrainingPlan
from myna.core.versions import ModelVersion
from myna.core.weight_files import newest
from myna.core.workspace import DatasetFolder, VoiceFolder
from myna.engine.device import pick_device
from myna.engine.synthesis.reference import choose_reference
from myna.engine.synthesis.speaker import LocalSpeaker
from myna.engine.synthesis.speech_file import write_speech

FOLDER = "samples"


@dataclass(frozen=True)
class Sampler:
    """Says the plan's sentence with the weights of a training of ``kind`` on ``dataset``.

    The other net is the newest one of the experiment, or the base's. The reference is the voice's own, so only a
    dataset folder in a voice's folder can be heard.
    """

    dataset: DatasetFolder
    version: ModelVersion
    plan: TrainingPlan
    kind: Literal["gpt", "sovits"]

    def say(self, weights: Path, run: Path) -> Path:
        """Write ``samples/<name of the weights>.wav`` into the folder ``run`` and return it.

        No random number of the training is used up. Raises `NotFound` where there is no voice around the dataset, and
        what a speaker raises: `MissingAsset`, `BadAudio`, `BadInput`.
        """
        path = run / FOLDER / f"{weights.stem}.wav"
        device = pick_device(self.plan.device)
        before = random.getstate()
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            try:
                # A speaker of its own each time: one that stays would keep the nets of every save.
                chunks = LocalSpeaker(self.plan.models, self.plan.device).say(self._request(weights))
                write_speech(chunks, path, subtitles=None, text=self.plan.sample_text, progress=silent)
            finally:
                random.setstate(before)
        return path

    def _request(self, weights: Path) -> SpeechRequest:
        voice = self._voice
        nets = {
            "gpt": newest(voice.gpt_weights(self.version), self.dataset.name),
            "sovits": newest(voice.sovits_weights(self.version), self.dataset.name),
        }
        speaker = self._reference.model_copy(update={**nets, self.kind: weights, "version": self.version.name})
        return SpeechRequest(
            text=self.plan.sample_text, voice=speaker, language=self.plan.sample_language, seed=self.plan.seed
        )

    @property
    def _voice(self) -> VoiceFolder:
        return VoiceFolder(self.dataset.path.parent.parent)

    @cached_property
    def _reference(self) -> Voice:
        if not self._voice.labels.is_file():
            raise NotFound(f"there is no label file {self._voice.labels} to choose a reference by")
        return choose_reference(
            self._voice.labels,
            self._voice.denoised,
            self.dataset,
            version=self.version,
            models=self.plan.models,
            device=self.plan.device,
        )
