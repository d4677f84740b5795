"""`myna say` and `myna voices`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from myna.audio.marked_speech import MarkingSpeaker
from myna.cli.show import Bars, line, table
from myna.cli.wiring import build_speaker, build_workspace
from myna.core.card import read_card
from myna.core.errors import BadInput, Conflict
from myna.core.fields import build
from myna.core.settings import Settings, read_settings
from myna.core.speech import AudioChunk, Speaker, SpeechRequest, Voice
from myna.core.workspace import VoiceFolder, make_folder
from myna.steps.catalog import PIPELINE
from myna.steps.step import engine_needed

_LANGUAGES = (
    "The language of the text: en, zh, ja, ko or yue (English words in it stay English), auto or auto_yue (each part in"
    " its own), all_zh, all_ja, all_ko or all_yue (all but English as that)."
)


Watermark = Annotated[
    bool | None,
    typer.Option(
        "--watermark/--no-watermark",
        help="Mark the speech inaudibly, for `myna watermark` to find; by default as the setting watermark says.",
    ),
]


def say(
    text: Annotated[
        str, typer.Argument(help="What to say, with markup as <read|R EH1 D> and [pause:0.5s]; - reads standard input.")
    ],
    voice: Annotated[str, typer.Option(help="A voice made by `myna clone`.")] = "",
    reference: Annotated[Path | None, typer.Option(help="Instead of a voice: a clip of one, 3 to 10 s.")] = None,
    reference_text: Annotated[str, typer.Option(help="The words of the clip.")] = "",
    reference_language: Annotated[str, typer.Option(help="The language of the clip.")] = "en",
    version: Annotated[str, typer.Option(help="Model version that speaks like the clip.")] = "lite",
    language: Annotated[str, typer.Option(help=_LANGUAGES)] = "en",
    cut: Annotated[str, typer.Option(help="How the text is cut into pieces: smart, or cut0 to cut5.")] = "smart",
    speed: Annotated[float, typer.Option(help="0.5 to 2.0; 1.0 is natural.")] = 1.0,
    seed: Annotated[int | None, typer.Option(help="The same seed says it the same way again.")] = None,
    parallel: Annotated[bool, typer.Option("--parallel", help="Say all sentences at once.")] = False,
    super_sampling: Annotated[bool, typer.Option("--super-sampling", help="Speak at 48 kHz (v3).")] = False,
    out: Annotated[Path, typer.Option(help="File to write: .wav .mp3 .opus .ogg .aac .flac.")] = Path("speech.wav"),
    srt: Annotated[Path | None, typer.Option(help="Subtitles to write.")] = None,
    watermark: Watermark = None,
) -> None:
    """Say a text in a trained voice, or in that of a short clip."""
    settings = read_settings()
    spoken = _piped() if text == "-" else text
    if bool(voice) == bool(reference):
        raise BadInput("say in whose voice: give --voice NAME, or --reference CLIP with --reference-text")
    if reference is not None:
        whose = clip_voice(version, reference, reference_text, reference_language)
    else:
        whose = read_card(build_workspace(settings).existing_voice(voice))
    wishes = {"text": spoken, "voice": whose, "language": language, "cut": cut, "speed": speed, "seed": seed}
    wishes |= {"parallel": parallel, "super_sampling": super_sampling}
    seconds = speak(marking(settings, watermark), build(SpeechRequest, wishes), out, srt)
    line(f"{out}: {seconds:.1f} s of speech")


def marking(settings: Settings, wish: bool | None) -> Settings:
    """The settings, marking speech as somebody wishes; None: as they are."""
    return settings if wish is None else settings.model_copy(update={"watermark": wish})


def speak(settings: Settings, request: SpeechRequest, out: Path, srt: Path | None) -> float:
    """Say ``request`` into a file; returns the seconds of speech."""
    with engine_needed("speech"):
        from myna.engine.synthesis.speech_file import check_suffix, write_speech

    check_suffix(out)
    for file in (out, srt):
        if file is not None:
            make_folder(file.absolute().parent)
    bars = Bars()
    with bars.shown(), bars.bar("speaking") as report:
        report(0.0, "loading the voice")
        speaker: Speaker = build_speaker(settings)
        chunks = told((MarkingSpeaker(speaker) if settings.watermark else speaker).say(request))
        seconds = write_speech(chunks, out, subtitles=srt, text=request.text, progress=report)
        report(1.0, "")
    return seconds


def told(chunks: Iterator[AudioChunk]) -> Iterator[AudioChunk]:
    """The chunks; what they want a person to know is printed."""
    for chunk in chunks:
        for notice in chunk.notices:
            line(notice)
        yield chunk


def voices() -> None:
    """List the voices, and how far unfinished ones are."""
    workspace = build_workspace(read_settings())
    if not workspace.voices:
        line(f"no voices yet in {workspace.root}; make one with: myna clone RECORDING --name NAME")
        return
    table("Voices", ["name", "state", "version", "folder"], [_row(voice) for voice in workspace.voices])


def _row(voice: VoiceFolder) -> list[str]:
    try:
        card = read_card(voice)
    except Conflict:
        return [voice.name, f"unfinished, {_num_done(voice)} of {len(PIPELINE)} steps", "", str(voice.path)]
    return [voice.name, "ready", card.version, str(voice.path)]


def _num_done(voice: VoiceFolder) -> int:
    return sum(any(voice.stamps.glob(f"{name}*.json")) for name in PIPELINE)


def _piped() -> str:
    """The text on standard input; raises `BadInput` where it is no text."""
    try:
        return sys.stdin.read()
    except UnicodeDecodeError:
        raise BadInput(f"the text on standard input is not {sys.stdin.encoding} text; give it as UTF-8") from None


def clip_voice(version: str, reference: Path, text: str, language: str) -> Voice:
    """The voice of a clip, spoken by the untrained base."""
    if not reference.is_file():
        raise BadInput(f"there is no clip {reference}; give a recording of 3 to 10 s")
    fields = {"version": version, "reference": reference.resolve()}
    return build(Voice, {**fields, "reference_text": text, "reference_language": language})
