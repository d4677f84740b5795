"""From trained weights to speech: the last step."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from myna.core.card import write_card
from myna.core.errors import NotFound
from myna.core.progress import Progress
from myna.core.speech import SpeechRequest, Voice
from myna.core.weight_files import newest
from myna.steps.versioned import ReadingStep

TEST_SENTENCE = "This is my new voice, and nobody has ever heard me say these words before."


class TestInference(ReadingStep):
    """Let the trained voice speak, and write the card that `say` reads: with it the voice is finished."""

    __test__ = False  # a step, whatever pytest thinks of its name

    title = "speaking"

    gpt_model: Path | None = Field(default=None, description="GPT weights; empty: the newest of the experiment")
    sovits_model: Path | None = Field(default=None, description="SoVITS weights; empty: the newest of the experiment")
    ref_audio: Path | None = Field(default=None, description="reference clip, 3 to 10 s; empty: the most typical clip")
    ref_text: str = Field(default="", description="the words of ref_audio")
    ref_language: str = Field(default="en", description="language of ref_text")
    target_text: str = Field(default=TEST_SENTENCE, description="what to say")
    target_language: str = Field(default="en", description="language of target_text")
    speed: float = Field(default=1.0, ge=0.5, le=2.0, description="1.0 is natural")
    seed: int = Field(default=1234, ge=0, lt=2**63, description="start of the random numbers")

    @property
    def stamp_name(self) -> str:
        """One stamp per dataset folder and version, as trainings have."""
        return f"{self.name}-{self.dataset.name}-{self.version}"

    @property
    def speech(self) -> Path:
        """What was said, as wav; the subtitles stand beside it."""
        return self.voice.output / f"{self.dataset.name}-{self.version}.wav"

    def inputs(self) -> tuple[Path, ...]:
        """Both weights and the reference (where none is given the clips to choose one from); the dictionaries."""
        reference = (self.ref_audio,) if self.ref_audio else (self.voice.labels, self.voice.denoised)
        return tuple(path for path in (self._gpt(), self._sovits(), *reference, *self.dictionaries) if path is not None)

    def outputs(self) -> tuple[Path, ...]:
        """The speech, its subtitles, the voice's card."""
        return (self.speech, self.speech.with_suffix(".srt"), self.voice.card)

    def run(self, progress: Progress) -> None:
        """Speak; raises `NotFound` where the weights are not there and `BadAudio` where the reference is unusable."""
        from myna.engine.synthesis.speaker import LocalSpeaker
        from myna.engine.synthesis.speech_file import write_speech

        voice = self._voice()
        request = SpeechRequest(
            text=self.target_text, voice=voice, language=self.target_language, speed=self.speed, seed=self.seed
        )
        chunks = LocalSpeaker(self.models, self.device, self.words).say(request)
        write_speech(
            chunks, self.speech, subtitles=self.speech.with_suffix(".srt"), text=request.text, progress=progress
        )
        write_card(self.voice, voice)

    def _voice(self) -> Voice:
        """The voice under test."""
        from myna.engine.synthesis.reference import choose_reference

        if self.ref_audio:
            reference = Voice(
                reference=self.ref_audio, reference_text=self.ref_text, reference_language=self.ref_language
            )
        else:
            reference = choose_reference(
                self.voice.labels,
                self.voice.denoised,
                self.dataset,
                version=self.record,
                models=self.models,
                device=self.device,
            )
        found = {"version": self.version, "gpt": self._gpt(), "sovits": self._sovits(), "words": self.folder}
        for kind in ("gpt", "sovits"):
            if found[kind] is None:
                raise NotFound(f"voice {self.voice.name!r} has no trained {kind} weights; run train_{kind} first")
        return reference.model_copy(update=found)

    def _gpt(self) -> Path | None:
        return self.gpt_model or newest(self.voice.gpt_weights(self.record), self.dataset.name)

    def _sovits(self) -> Path | None:
        return self.sovits_model or newest(self.voice.sovits_weights(self.record), self.dataset.name)
