from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from pydantic import Field

from myna.audio.io import write_wav
from myna.core.errors import BadInput, Conflict, MissingAsset, NotFound, UnknownChoice
from myna.core.fields import build
from myna.core.findings import Failure, Findings
from myna.core.progress import Progress, silent
from myna.core.workspace import VoiceFolder, files_in, make_folder, write_text
from myna.steps.prepare import ConvertAudio
from myna.steps.step import Step, WorkshopStep, exclusive, perform, read_stamp
from myna.steps.transcribe import AsrTranscribe
from myna.steps.versioned import VersionedStep


class CopyWords(Step):
    """Copies every input file, one by one, so that it can be interrupted between two."""

    extends = frozenset({"times"})
    runs: ClassVar[list[str]] = []
    fail_after: ClassVar[int] = 99

    case: str = Field(default="lower")
    times: int = Field(default=1)

    def inputs(self) -> tuple[Path, ...]:
        return (self.voice.input_audio,)

    def outputs(self) -> tuple[Path, ...]:
        return (self.voice.converted_wav,)

    def run(self, progress: Progress) -> Findings:
        files = files_in(self.voice.input_audio)
        for number, file in enumerate(files):
            progress(number / len(files), file.name)
            if number == self.fail_after:
                raise KeyboardInterrupt
            written = self.voice.converted_wav / file.name
            if not written.exists():
                self.runs.append(file.name)
                write_text(written, getattr(file.read_text(encoding="utf-8"), self.case)() * self.times)
        return Findings((Failure("d.txt", "no words in it"),), (f"{len(files)} files",))


@pytest.fixture
def voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VoiceFolder:
    monkeypatch.setattr(CopyWords, "runs", [])
    voice = VoiceFolder(tmp_path / "anna")
    for name in ("a.txt", "b.txt", "c.txt"):
        write_text(voice.input_audio / name, f"Words of {name}")
    return voice


def test_the_name_is_derived() -> None:
    assert CopyWords.name == "copy_words"


def test_parameters_are_strict_and_frozen(voice: VoiceFolder) -> None:
    with pytest.raises(BadInput, match="times: "):
        build(CopyWords, {"folder": voice.path, "times": "3"})
    with pytest.raises(BadInput, match="tempo: no such parameter; there are: folder, case, times"):
        build(CopyWords, {"folder": voice.path, "tempo": 3})


def test_a_finished_step_is_not_repeated(voice: VoiceFolder) -> None:
    step = CopyWords(folder=voice.path)
    first = perform(step, silent)
    assert (first.was_done_already, len(CopyWords.runs)) == (False, 3)
    again = perform(step, silent)
    assert (again.was_done_already, again.seconds, len(CopyWords.runs)) == (True, first.seconds, 3)


def test_what_a_step_found_out_is_told_and_remembered(voice: VoiceFolder) -> None:
    first = perform(CopyWords(folder=voice.path), silent)
    assert first.findings == Findings((Failure("d.txt", "no words in it"),), ("3 files",))
    assert perform(CopyWords(folder=voice.path), silent).findings == first.findings


def test_a_copied_voice_stays_done(voice: VoiceFolder) -> None:
    perform(CopyWords(folder=voice.path), silent)
    other = voice.path.with_name("bella")
    shutil.copytree(voice.path, other, copy_function=shutil.copyfile)
    assert perform(CopyWords(folder=other), silent).was_done_already


def test_limits_and_places_do_not_decide_what_comes_out(voice: VoiceFolder, tmp_path: Path) -> None:
    write_wav(voice.input_audio / "a.wav", np.sin(np.arange(64000)).astype(np.float32), 16000)
    for name in ("a.txt", "b.txt", "c.txt"):
        (voice.input_audio / name).unlink()
    perform(ConvertAudio(folder=voice.path), silent)
    assert perform(ConvertAudio(folder=voice.path, max_seconds=60.0), silent).was_done_already


def test_a_file_counts_by_its_content_and_not_by_its_place(voice: VoiceFolder, tmp_path: Path) -> None:
    make_folder(voice.denoised)
    write_wav(voice.denoised / "a.wav", np.zeros(16000, np.float32), 16000)
    words = [tmp_path / folder / "words.txt" for folder in ("one", "two")]
    for file in words:
        write_text(file, "Hello.")
    perform(AsrTranscribe(folder=voice.path, transcript=words[0]), silent)
    assert perform(AsrTranscribe(folder=voice.path, transcript=words[1]), silent).was_done_already
    write_text(words[1], "Goodbye.")
    assert not perform(AsrTranscribe(folder=voice.path, transcript=words[1]), silent).was_done_already
    assert voice.labels.read_text(encoding="utf-8").endswith("|EN|Goodbye.")


class CountClips(VersionedStep):
    """Counts its runs."""

    kinds = ("gpt",)
    runs: ClassVar[list[str]] = []

    def inputs(self) -> tuple[Path, ...]:
        return (self.voice.input_audio,)

    def run(self, progress: Progress) -> None:
        self.runs.append(self.version)


def test_another_base_begins_anew_and_a_missing_one_is_said_first(
    voice: VoiceFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CountClips, "runs", [])
    step = CountClips(folder=voice.path, models=tmp_path / "models", version="v4")
    with pytest.raises(MissingAsset, match=r"s1v3\.ckpt is missing"):
        perform(step, silent)
    write_text(tmp_path / "models" / "s1v3.ckpt", "one")
    assert [perform(step, silent).was_done_already for _ in range(2)] == [False, True]
    write_text(tmp_path / "models" / "s1v3.ckpt", "another")
    assert not perform(step, silent).was_done_already
    with pytest.raises(UnknownChoice, match="choose one of: lite, "):
        perform(CountClips(folder=voice.path, version="v9"), silent)


def test_an_interrupted_step_goes_on_where_it_was(voice: VoiceFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CopyWords, "fail_after", 2)
    with pytest.raises(KeyboardInterrupt):
        perform(CopyWords(folder=voice.path), silent)
    assert CopyWords.runs == ["a.txt", "b.txt"]
    monkeypatch.setattr(CopyWords, "fail_after", 99)
    (voice.converted_wav / ".part-1a2b-c.txt").write_text("hal", encoding="utf-8")  # where a power cut came
    perform(CopyWords(folder=voice.path), silent)
    assert CopyWords.runs == ["a.txt", "b.txt", "c.txt"]
    assert sorted(path.name for path in voice.converted_wav.iterdir()) == ["a.txt", "b.txt", "c.txt"]


def test_another_parameter_begins_anew(voice: VoiceFolder) -> None:
    perform(CopyWords(folder=voice.path), silent)
    assert not perform(CopyWords(folder=voice.path, case="upper"), silent).was_done_already
    assert (voice.converted_wav / "a.txt").read_text(encoding="utf-8") == "WORDS OF A.TXT"


def test_a_parameter_that_extends_keeps_what_is_there(voice: VoiceFolder) -> None:
    perform(CopyWords(folder=voice.path), silent)
    assert not perform(CopyWords(folder=voice.path, times=2), silent).was_done_already
    assert len(CopyWords.runs) == 3


def test_another_input_begins_anew_and_leaves_nothing_old(voice: VoiceFolder) -> None:
    perform(CopyWords(folder=voice.path), silent)
    (voice.input_audio / "a.txt").unlink()
    write_text(voice.input_audio / "b.txt", "New")
    assert not perform(CopyWords(folder=voice.path), silent).was_done_already
    assert [file.name for file in files_in(voice.converted_wav)] == ["b.txt", "c.txt"]
    assert (voice.converted_wav / "b.txt").read_text(encoding="utf-8") == "new"


def test_a_lost_output_is_made_again_and_an_edited_one_is_left_alone(voice: VoiceFolder) -> None:
    perform(CopyWords(folder=voice.path), silent)
    write_text(voice.converted_wav / "b.txt", "edited")
    assert perform(CopyWords(folder=voice.path), silent).was_done_already
    (voice.converted_wav / "a.txt").unlink()
    assert not perform(CopyWords(folder=voice.path), silent).was_done_already
    assert (voice.converted_wav / "b.txt").read_text(encoding="utf-8") == "edited"
    assert len(CopyWords.runs) == 4


def test_a_damaged_stamp_means_not_done(voice: VoiceFolder) -> None:
    step = CopyWords(folder=voice.path)
    perform(step, silent)
    write_text(voice.stamps / "copy_words.json", "{")
    assert read_stamp(step) == {}
    assert not perform(step, silent).was_done_already


def test_nothing_to_read_is_said_before_anything_is_done(tmp_path: Path) -> None:
    step = CopyWords(folder=make_folder(tmp_path / "anna"))
    with pytest.raises(NotFound, match="copy_words found nothing in"):
        perform(step, silent)
    assert files_in(tmp_path / "anna") == []


def test_two_processes_cannot_work_on_one_voice(voice: VoiceFolder) -> None:
    with exclusive(voice), pytest.raises(Conflict, match="'anna' is being worked on"):
        perform(CopyWords(folder=voice.path), silent)
    perform(CopyWords(folder=voice.path), silent)


def test_the_lock_holds_between_threads(voice: VoiceFolder) -> None:
    errors: list[Exception] = []

    def work() -> None:
        try:
            perform(CopyWords(folder=voice.path), silent)
        except Conflict as error:
            errors.append(error)

    with exclusive(voice):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert len(errors) == 1


class Shout(WorkshopStep):
    """Copies files in capitals, from anywhere to anywhere."""

    mark: str = Field(default="!")

    def inputs(self) -> tuple[Path, ...]:
        return (self.source or self.voice.input_audio,)

    def outputs(self) -> tuple[Path, ...]:
        return (self.target or self.voice.converted_wav,)

    def run(self, progress: Progress) -> None:
        for file in files_in(self.inputs()[0]):
            write_text(self.outputs()[0] / f"{file.stem}{self.mark}.txt", file.read_text(encoding="utf-8").upper())
            progress(0.5, file.name)


def test_a_named_target_keeps_what_others_put_there(voice: VoiceFolder, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    write_text(target / "mine.txt", "not yours")
    step = Shout(folder=target, source=voice.input_audio, target=target)
    perform(step, silent)
    assert perform(step, silent).was_done_already
    perform(Shout(folder=target, source=voice.input_audio, target=target, mark="?"), silent)
    assert [file.name for file in files_in(target)] == ["a?.txt", "b?.txt", "c?.txt", "mine.txt"]


def test_an_interrupted_run_elsewhere_is_cleared_by_the_next_of_other_parameters(
    voice: VoiceFolder, tmp_path: Path
) -> None:
    def stop(fraction: float, note: str) -> None:
        raise KeyboardInterrupt

    target = make_folder(tmp_path / "elsewhere")
    with pytest.raises(KeyboardInterrupt):
        perform(Shout(folder=target, source=voice.input_audio, target=target), stop)
    assert [file.name for file in files_in(target)] == ["a!.txt"]
    perform(Shout(folder=target, source=voice.input_audio, target=target, mark="?"), silent)
    assert [file.name for file in files_in(target)] == ["a?.txt", "b?.txt", "c?.txt"]


def test_two_targets_of_one_voice_do_not_know_each_other(voice: VoiceFolder, tmp_path: Path) -> None:
    for name in ("one", "two"):
        perform(Shout(folder=voice.path, target=tmp_path / name), silent)
    assert all(len(files_in(tmp_path / name)) == 3 for name in ("one", "two"))


class Entering(Step):
    """A step whose engine is imported beside other work."""

    enters = "tests.steps.no_such_engine"

    def run(self, progress: Progress) -> None:
        write_text(self.folder / "ran", "x")


def test_an_engine_that_cannot_be_imported_is_told_by_whoever_needs_it(tmp_path: Path) -> None:
    assert perform(Entering(folder=tmp_path), silent).was_done_already is False
    assert (tmp_path / "ran").is_file()


def test_an_engine_is_imported_before_it_is_entered_and_only_if_it_will_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported: list[str] = []
    monkeypatch.setattr("myna.steps.step.import_module", imported.append)
    for was_done in (False, True):
        assert perform(Entering(folder=tmp_path), silent).was_done_already is was_done
        assert imported == [Entering.enters]
