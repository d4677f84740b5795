"""`myna clone` and `myna demo`: all eleven steps over one voice."""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from myna.cli.run import deployment
from myna.cli.show import Bars, err, line
from myna.cli.wiring import build_workspace
from myna.core.assets import bundled
from myna.core.card import CONSENT, read_card
from myna.core.errors import BadInput, Conflict, LimitExceeded, MissingAsset, NotFound
from myna.core.settings import Settings, read_settings
from myna.core.workspace import VoiceFolder, Workspace, checked_name, files_in, make_folder, write_bytes, writing
from myna.engine.transcript import FORMATS
from myna.steps.catalog import PIPELINE, known_parameters, make_step
from myna.steps.render import TEST_SENTENCE, TestInference
from myna.steps.step import Step, engine_needed, read_stamp

Transcript = Annotated[
    Path | None,
    typer.Option(
        help="The words, if known: .srt, .vtt, .lrc, .json or .txt of one recording, or a .list; else recognised."
    ),
]
Language = Annotated[str, typer.Option(help="The language spoken; auto: of each clip, where the recogniser can tell.")]
Asr = Annotated[str | None, typer.Option("--asr", help="Who writes down the words: a recogniser of `myna doctor`.")]
AsrSize = Annotated[str | None, typer.Option("--asr-size", help="Size of its model, or the folder of one.")]
Download = Annotated[bool, typer.Option("--download", help="Fetch the recogniser's model if it is not here.")]
Version = Annotated[str, typer.Option(help="The model version to train.")]
Epochs = Annotated[int | None, typer.Option(help="Rounds of training; by default the step's own.")]
Consent = Annotated[
    bool, typer.Option("--i-have-consent", help="The person agreed to be cloned: no reminder, see `i_have_consent`.")
]

REMINDER = (
    f"{CONSENT} (--i-have-consent or the setting i_have_consent leaves this line out; `myna say --watermark` marks "
    "speech as made.)"
)


def clone(
    recordings: Annotated[list[Path], typer.Argument(help="Recordings of one person, any format; 1 minute is enough.")],
    name: Annotated[str, typer.Option(help="What to call the voice.")],
    transcript: Transcript = None,
    language: Language = "en",
    version: Version = "lite",
    asr: Asr = None,
    asr_size: AsrSize = None,
    download: Download = False,
    epochs_sovits: Epochs = None,
    epochs_gpt: Epochs = None,
    i_have_consent: Consent = False,
) -> None:
    """Turn recordings of a person into a trained voice; interrupted, the same command goes on where it was."""
    settings = read_settings()
    voice = build_workspace(settings).voice(name)
    wishes = {"language": language, "target_language": language, "version": version}
    own = {
        "asr_transcribe": {"engine": asr, "size": asr_size, "download": download},
        **_epochs(epochs_sovits, epochs_gpt),
    }
    _check_recogniser(settings, language, transcript, own["asr_transcribe"])
    make_voice(settings, voice, recordings, transcript, wishes, own)
    line(f'voice {voice.name} is ready; let it speak: myna say "Hello." --voice "{voice.name}"')
    remind_of_consent(settings, i_have_consent)


def demo(
    recording: Annotated[
        Path | None, typer.Argument(help="A recording of a person, about a minute; by default the one of the package.")
    ] = None,
    transcript: Transcript = None,
    folder: Annotated[Path, typer.Option(help="Where everything is written.")] = Path("demo"),
    text: Annotated[str, typer.Option(help="The new sentence.")] = TEST_SENTENCE,
    asr: Asr = None,
    asr_size: AsrSize = None,
    download: Download = False,
    epochs_sovits: Epochs = None,
    epochs_gpt: Epochs = None,
    i_have_consent: Consent = False,
) -> None:
    """Clone a voice from one recording and let it speak: speech, subtitles, weights and a report in one folder."""
    settings = read_settings()
    is_bundled = recording is None
    if recording is None:
        recording, transcript = _bundled_demo()
        voice = Workspace(folder.resolve()).voice("demo")
    else:
        voice = Workspace(folder.resolve()).voice(_name_of(recording))
    own = {
        "asr_transcribe": {"engine": asr, "size": asr_size, "download": download},
        **_epochs(epochs_sovits, epochs_gpt),
    }
    _check_recogniser(settings, "en", transcript, own["asr_transcribe"])
    step = make_voice(settings, voice, [recording], transcript, {"target_text": text}, own)
    for source, suffix in ((step.speech, ".wav"), (step.speech.with_suffix(".srt"), ".srt")):
        write_bytes(folder / f"speech{suffix}", source.read_bytes())
    weights = _copy_weights(voice, folder)
    bars = Bars()
    with bars.shown(), bars.bar("writing the report"):
        _write_report(voice, step, folder, weights)
    line(f"{folder / 'report.html'}: open it and listen; the speech itself: {folder / 'speech.wav'}")
    remind_of_consent(settings, i_have_consent or is_bundled)


def remind_of_consent(settings: Settings, is_given: bool) -> None:
    """Say whose voice may be cloned, beside what the command answers; nothing where somebody said that it is so."""
    if not (is_given or settings.i_have_consent):
        err.print(REMINDER, markup=False, highlight=False, soft_wrap=True)


def make_voice(
    settings: Settings,
    voice: VoiceFolder,
    recordings: Sequence[Path],
    transcript: Path | None,
    wishes: dict[str, Any],
    own: dict[str, dict[str, Any]],
) -> TestInference:
    """Run all eleven steps over ``voice``; returns the last one. A refused recording leaves nothing behind.

    ``own`` holds what only one step is told; those that are None keep the step's defaults.
    """
    common = {**deployment(settings), **wishes, "folder": voice.path}
    added = take_in(voice, recordings, settings.max_upload_bytes)
    if transcript is not None:
        common["transcript"] = _take_in_transcript(voice, transcript)
    bars = Bars()
    with bars.shown():
        try:
            bars.perform(_step("convert_audio", common, {}))
        except BadInput:
            forget(voice, added)
            raise
        step: Step | None = None
        for name in list(PIPELINE)[1:]:
            step = _step(name, common, own.get(name, {}))
            bars.perform(step)
    if not isinstance(step, TestInference):
        raise TypeError("the catalogue does not end with the inference test")
    return step


def take_in(voice: VoiceFolder, recordings: Sequence[Path], max_bytes: int) -> list[Path]:
    """Copy ``recordings`` into the voice; returns those that were not there yet.

    Raises:
        NotFound: a recording is not there.
        BadInput: two have the same name.
        LimitExceeded: one has more than ``max_bytes``.
        Conflict: the voice was made of other recordings (more of them may be added at any time).
    """
    for recording in recordings:
        if not recording.is_file():
            raise NotFound(f"there is no recording {recording}")
        if recording.stat().st_size > max_bytes:
            raise LimitExceeded(
                f"{recording.name} is larger than {max_bytes // 2**20} MiB, the limit of this installation"
            )
    given = {recording.name.lstrip("."): recording for recording in recordings}
    if len(given) < len(recordings):
        raise BadInput("two recordings have the same name; rename one of them")
    for there in files_in(voice.input_audio):
        if there.name not in given or not filecmp.cmp(there, given[there.name], shallow=False):
            raise Conflict(f"voice {voice.name!r} was made of other recordings ({there.name}); choose another name")
    added = []
    for name, recording in given.items():
        copy = voice.input_audio / name
        if not copy.exists():
            with writing(copy) as temporary:
                shutil.copyfile(recording, temporary)
            added.append(copy)
    return added


def forget(voice: VoiceFolder, added: Sequence[Path]) -> None:
    """Take recordings out again; the whole voice where nothing else is in it."""
    for copy in added:
        copy.unlink(missing_ok=True)
    if not files_in(voice.input_audio):
        shutil.rmtree(voice.path)


def _copy_weights(voice: VoiceFolder, folder: Path) -> list[Path]:
    """The trained weights, beside the speech."""
    card = read_card(voice)
    copies = []
    for kind, weights in (("gpt", card.gpt), ("sovits", card.sovits)):
        if weights is not None:
            copies.append(folder / f"{kind}{weights.suffix}")
            write_bytes(copies[-1], weights.read_bytes())
    return copies


def _write_report(voice: VoiceFolder, last: TestInference, folder: Path, weights: list[Path]) -> None:
    """The page about ``voice``, whose ``last`` step is done."""
    with engine_needed("the report"):
        from myna.engine.report import ReportFacts, write_report

    dataset, version = last.dataset, last.record
    steps = [make_step(name, {"folder": voice.path}) for name in PIPELINE]
    facts = ReportFacts(
        voice=voice.name,
        version=version.name,
        recording=files_in(voice.input_audio)[0],
        speech=last.speech,
        text=last.target_text,
        labels=voice.labels,
        weights=weights,
        curves=[
            ("SoVITS", dataset.sovits_run(version) / "losses.jsonl"),
            ("GPT", dataset.gpt_run(version) / "losses.jsonl"),
        ],
        times=[(step.title, read_stamp(step).get("seconds", 0.0)) for step in steps],
    )
    write_report(facts, folder / "report.html")


def _step(name: str, common: dict[str, Any], own: dict[str, Any]) -> Step:
    told = {key: value for key, value in own.items() if value is not None}
    return make_step(name, known_parameters(name, {**common, **told}))


def _epochs(sovits: int | None, gpt: int | None) -> dict[str, dict[str, Any]]:
    return {"train_sovits": {"epochs": sovits}, "train_gpt": {"epochs": gpt}}


def _check_recogniser(settings: Settings, language: str, transcript: Path | None, own: dict[str, Any]) -> None:
    """Raise now what the fourth step would raise, minutes later, about the recogniser that is asked for."""
    if transcript is not None and own["engine"] is None:
        return
    with engine_needed("speech recognition"):
        from myna.engine.asr import DEFAULT, GIVEN, Wish, check_choice

    if own["engine"] != GIVEN:
        wish = Wish(language, own["size"] or "", models=settings.models_folder)
        check_choice(own["engine"] or DEFAULT, wish, is_fetched=own["download"])


def _take_in_transcript(voice: VoiceFolder, transcript: Path) -> Path:
    """Keep the transcript with the voice."""
    if not transcript.is_file():
        raise NotFound(f"there is no transcript {transcript}")
    if transcript.suffix.lower() not in FORMATS:
        raise BadInput(f"transcript {transcript.name} is of no known kind; give one of: {', '.join(FORMATS)}")
    kept = make_folder(voice.transcripts) / f"given{transcript.suffix.lower()}"
    write_bytes(kept, transcript.read_bytes())
    return kept


def _bundled_demo() -> tuple[Path, Path]:
    """The recording that ships with the package, and its words."""
    folder = bundled("demo")
    found = [path for name in ("recording", "transcript") for path in sorted(folder.glob(f"{name}.*"))[:1]]
    if len(found) < 2:
        raise MissingAsset(f"{folder} holds no recording; install myna again, or give a recording of your own")
    return found[0], found[1]


def _name_of(recording: Path) -> str:
    """A voice name from a file name."""
    stem = "".join(char if char.isalnum() or char in "_-" else "_" for char in recording.stem).strip("-")[:64]
    return checked_name("voice", stem or "recording")
