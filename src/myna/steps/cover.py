"""The step that makes a song's cover in another voice."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from myna.core.card import read_card
from myna.core.errors import NotFound
from myna.core.progress import Progress
from myna.core.speech import Voice
from myna.core.workspace import VoiceFolder
from myna.steps.step import Step


class CoverSong(Step):
    """Take a song's vocals out, say them again in another voice, and mix them back in."""

    title = "making a cover"
    queue = "cover"

    song: Path | None = Field(default=None, description="the song; empty: song.* of the folder")
    reference: Path | None = Field(default=None, description="clip of the target's voice; empty: the named voice's own")
    singer: Path | None = Field(default=None, description="a finished voice whose weights sing; empty: the base")
    version: str = Field(default="lite", description="model version, where no voice is named")
    pitch_shift: int = Field(default=0, ge=-24, le=24, description="semitones by which the vocals are moved")
    model: str = Field(default="centre", description="what separates the song, by its official name, or centre")
    text: str = Field(default="", description="the song's words; empty: phones are heard")
    language: str = Field(default="en", description="language of the words")
    seed: int | None = Field(default=None, ge=0, lt=2**63, description="the same seed sings it the same way again")
    separate_command: str = Field(default="", description="an external command that separates in our place")
    infer_command: str = Field(default="", description="an external command that sings in our place")
    python_exec: str = Field(default="python3", description="{python_exec} of the commands")
    project_root: str = Field(default="", description="{project_root} of the commands")
    model_id: str = Field(default="", description="{model_id} of the commands")
    device: str = Field(default="auto", description="auto, cpu, cuda or cuda:N")
    models: Path = Field(default=Path("models"), description="folder of downloaded model files")

    @property
    def result(self) -> Path:
        """The cover."""
        return self.folder / "result.wav"

    def inputs(self) -> tuple[Path, ...]:
        """The song, and the reference."""
        song = self.song or next(iter(sorted(self.folder.glob("song.*"))), self.folder / "song.wav")
        return (song, *([self.reference] if self.reference else []))

    def outputs(self) -> tuple[Path, ...]:
        """The cover."""
        return (self.result,)

    def state(self) -> tuple[Path, ...]:
        """What an interrupted run goes on from."""
        return (self.folder / "work",)

    def run(self, progress: Progress) -> None:
        """Sing; raises `BadAudio` where the song has no vocals that can be sung again."""
        from myna.engine.cover import CoverWish, make_cover, stage
        from myna.engine.cover_outside import Commands, make_outside
        from myna.engine.separation.table import Wish
        from myna.engine.synthesis.conversion import LocalConverter
        from myna.engine.synthesis.speaker import LocalSpeaker

        song, work = self.inputs()[0], self.folder / "work"
        stage(progress, "preprocess")(0.0, song.name)
        if self.separate_command or self.infer_command:
            places = (self.python_exec, self.project_root, self.model, self.model_id)
            commands = Commands(self.separate_command, self.infer_command, *places)
            made = make_outside(song, self._voice().reference, work, commands, self.pitch_shift, progress)
        else:
            wish = CoverWish(self._voice(), self.pitch_shift, self.model, self.text, self.language, self.seed)
            converter = LocalConverter(LocalSpeaker(self.models, self.device))
            made = make_cover(song, work, wish, converter, Wish(self.models, self.device), progress)
        stage(progress, "finalize")(0.0, "")
        made.replace(self.result)

    def _voice(self) -> Voice:
        """Who sings; raises `NotFound` where nobody is named."""
        if self.singer is not None:
            voice = read_card(VoiceFolder(self.singer))
            return voice if self.reference is None else voice.model_copy(update={"reference": self.reference})
        if self.reference is None:
            raise NotFound("say who sings: give a reference clip, or a finished voice")
        return Voice(version=self.version, reference=self.reference)
