"""`myna convert-voice`: a recording said again in another voice."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from myna.audio.marked_speech import MarkingConverter
from myna.cli.say import Watermark, clip_voice, marking, told
from myna.cli.show import Bars, line
from myna.cli.wiring import build_converter, build_workspace
from myna.core.card import read_card
from myna.core.errors import BadInput
from myna.core.fields import build
from myna.core.progress import silent
from myna.core.settings import Settings, read_settings
from myna.core.speech import ConversionRequest
from myna.core.workspace import make_folder
from myna.steps.step import engine_needed


def convert_voice(
    source: Annotated[Path, typer.Argument(help="The recording: one person speaking, up to ten minutes; any format.")],
    voice: Annotated[str, typer.Option(help="A voice made by `myna clone`.")] = "",
    reference: Annotated[
        Path | None, typer.Option(help="A clip of the voice, 3 to 10 s; else the voice's own.")
    ] = None,
    reference_text: Annotated[str, typer.Option(help="The words of the clip.")] = "",
    reference_language: Annotated[str, typer.Option(help="The language of the clip.")] = "en",
    version: Annotated[
        str, typer.Option(help="Without --voice: the model version that speaks like the clip.")
    ] = "lite",
    text: Annotated[str, typer.Option(help="The words of the recording; without, its English phones are heard.")] = "",
    language: Annotated[str, typer.Option(help="The language of the recording.")] = "en",
    speed: Annotated[float, typer.Option(help="0.5 to 2.0; 1.0 is as the recording.")] = 1.0,
    seed: Annotated[int | None, typer.Option(help="The same seed says it the same way again.")] = None,
    keep_key: Annotated[
        bool, typer.Option("--keep-key", help="Sing: keep the recording's own pitch (bundled base).")
    ] = False,
    out: Annotated[Path, typer.Option(help="File to write: .wav .mp3 .opus .ogg .aac .flac.")] = Path("converted.wav"),
    watermark: Watermark = None,
) -> None:
    """Say a recording again in a trained voice, or in that of a short clip: same words, same rhythm."""
    settings = read_settings()
    if not voice and reference is None:
        raise BadInput("say in whose voice: give --voice NAME, or --reference CLIP")
    if voice:
        whose = read_card(build_workspace(settings).existing_voice(voice))
        version = whose.version
    if reference is not None:
        clip = clip_voice(version, reference, reference_text, reference_language)
        spoken = clip.model_dump(include={"reference", "reference_text", "reference_language"})
        whose = whose.model_copy(update={**spoken, "other_references": ()}) if voice else clip
    wishes = {"source": source, "voice": whose, "text": text, "language": language}
    wishes |= {"speed": speed, "seed": seed, "keeps_key": keep_key}
    seconds = convert(marking(settings, watermark), build(ConversionRequest, wishes), out)
    line(f"{out}: {seconds:.1f} s of speech")


def convert(settings: Settings, request: ConversionRequest, out: Path) -> float:
    """Convert ``request`` into a file; returns the seconds of speech."""
    with engine_needed("voice conversion"):
        from myna.engine.synthesis.speech_file import check_suffix, write_speech

    check_suffix(out)
    make_folder(out.absolute().parent)
    bars = Bars()
    with bars.shown(), bars.bar("converting") as report:
        report(0.0, "loading the voice")
        converter = build_converter(settings)
        chunks = told((MarkingConverter(converter) if settings.watermark else converter).convert(request, report))
        seconds = write_speech(chunks, out, subtitles=None, text="", progress=silent)
        report(1.0, "")
    return seconds
