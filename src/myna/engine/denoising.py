"""The step that takes noise out of clips, over a whole folder, and tells what that did to them.

Each clip is decoded once: it is cleaned, written and judged while it is in memory. Engines with nets take many clips at
a time; the others share the clips between processes. What an interrupted run had finished is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from myna.audio.clip_names import shortened
from myna.audio.encode import FORMATS, write_audio
from myna.audio.io import Audio, decode
from myna.core.errors import BadAudio, BadInput, CallerError
from myna.core.findings import Findings, Tally, printable
from myna.core.progress import Progress, part
from myna.core.workspace import make_folder
from myna.engine.clean.denoiser import Denoiser, Wish
from myna.engine.clean.table import ENGINES, denoiser, engine_called
from myna.engine.denoising_report import Cleaned, Reports, pictured, write_reports
from myna.engine.dnsmos import Dnsmos, dnsmos_file
from myna.engine.measures import measure_all
from myna.engine.processes import each_shared, num_processes
from myna.engine.recordings import plain_files

_WINDOWS_JUDGED = 2
"""Of each clip, before and after: enough to tell whether noise went, at a sixth of the time that all of them take."""
_HELD_S = 240.0
"""Seconds of sound that are decoded before a net is asked: the more, the more clips of like length there are."""
_SHOWN = 4
_MOST_NAME_BYTES = 251  # with .wav behind it as long as a name may be


def denoise_clips(
    source: Path,
    folder: Path,
    *,
    engine: str,
    wish: Wish | None = None,
    reports: Reports | None = None,
    num_parts: int = 0,
    root: Path | None = None,
    progress: Progress,
) -> Findings:
    """Every clip of ``source``, a file or a folder, without noise in ``folder``; those there already are kept.

    Names, rates and lengths stay; a file in a format that cannot be written becomes one with ``.wav`` behind its name.
    Where ``reports`` shall lie somewhere, every clip is judged before and after, which is told there.
    ``num_parts`` processes share the clips (0: one per core). Links may lead anywhere in ``root``, by default
    ``source``.

    Raises:
        NotFound: there is no ``source``.
        BadInput: ``folder`` is ``source``; no such device.
        BadAudio: no clip can be used (each with its reason).
        UnknownChoice, MissingExtra, MissingAsset, BadCheckpoint: as `denoiser`.
    """
    name = engine_called(engine)
    if source.resolve() in (folder.resolve(), folder.resolve() / source.name):
        raise BadInput(f"clips cannot be cleaned in their own folder {folder}; name another one for them")
    tally = Tally()
    clips = plain_files(source, root or source, tally)
    make_folder(folder)
    shown = frozenset(clips[:: max(len(clips) // _SHOWN, 1)][:_SHOWN]) if reports else frozenset()
    work = _Cleaning(name, wish or Wish(), folder, shown, reports is not None)
    reached = part(progress, 0.0, 0.98)
    if ENGINES[name].has_net:
        done = _in_batches(clips, work, tally, reached)
    else:
        work.engine()  # what is missing is told before any process starts
        done = [cleaned for _, cleaned in each_shared(clips, work, num_processes(clips, num_parts), tally, reached)]
    tally.require(len(done), BadAudio, "no clip can be used")
    if reports is None:
        return tally.findings(f"{len(done)} clips by {name}")
    progress(0.98, "report")
    note = write_reports(reports, name, sorted(done, key=lambda clip: clip.name), tally.failures)
    return tally.findings(note, pages=[reports.page])


@dataclass(frozen=True)
class _Cleaning:
    """Cleans one clip, or several at once. Processes get it by pickling."""

    name: str
    wish: Wish
    folder: Path
    shown: frozenset[Path] = field(default_factory=frozenset)
    is_judged: bool = True

    def __call__(self, clip: Path, progress: Progress) -> Cleaned:
        progress(0.0, printable(clip.name))
        return self.clean([clip], [decode(clip)], self.engine())[0]

    def engine(self) -> Denoiser:
        """The denoiser, loaded."""
        return denoiser(self.name, self.wish)

    def clean(self, clips: Sequence[Path], before: Sequence[Audio], engine: Denoiser) -> list[Cleaned]:
        """Write the clips that are not there yet, and judge all."""
        places = [place_of(clip, self.folder) for clip in clips]
        new = [number for number, place in enumerate(places) if not place.is_file()]
        fresh = dict(zip(new, engine.clean_all([before[number] for number in new]), strict=True))
        after = []
        for number, (place, sound) in enumerate(zip(places, before, strict=True)):
            if number in fresh:
                write_audio(place, fresh[number], sound.sample_rate)
                after.append(Audio(fresh[number], sound.sample_rate))
            else:
                after.append(decode(place))
        return self._judged(clips, before, after)

    def _judged(self, clips: Sequence[Path], before: Sequence[Audio], after: Sequence[Audio]) -> list[Cleaned]:
        if not self.is_judged:
            return [Cleaned(printable(clip.name)) for clip in clips]
        judge = _judge(self.wish.models)
        was = measure_all(before, judge)
        became = was if self.name == "none" else measure_all(after, judge)
        return [
            Cleaned(printable(clip.name), was[row], became[row], self._pictured(clip, before[row], after[row]))
            for row, clip in enumerate(clips)
        ]

    def _pictured(self, clip: Path, before: Audio, after: Audio) -> str:
        return pictured(before, after) if clip in self.shown else ""


@lru_cache(maxsize=1)
def _judge(models: Path) -> Dnsmos | None:
    """DNSMOS, read once in each process; None where it is not here."""
    file = dnsmos_file(models)
    return Dnsmos(file, _WINDOWS_JUDGED) if file is not None else None


def place_of(clip: Path, folder: Path) -> Path:
    """Where the cleaned clip lies: under its own name, if that ends with a format that can be written."""
    can_be_written = clip.suffix.lower().lstrip(".") in FORMATS
    return folder / (clip.name if can_be_written else f"{shortened(clip.name, _MOST_NAME_BYTES)}.wav")


def _in_batches(clips: Sequence[Path], work: _Cleaning, tally: Tally, progress: Progress) -> list[Cleaned]:
    """All clips that can be decoded, through a net; those of like size go together."""
    progress(0.0, f"loading {work.name}")
    engine = work.engine()
    done: list[Cleaned] = []
    for held in _held(sorted(clips, key=lambda clip: clip.stat().st_size), tally):
        progress((len(done) + len(tally.failures)) / len(clips), printable(held[0][0].name))
        done += work.clean([clip for clip, _ in held], [sound for _, sound in held], engine)
    return done


def _held(clips: Sequence[Path], tally: Tally) -> Iterator[list[tuple[Path, Audio]]]:
    """The clips decoded, some minutes of sound at a time."""
    held: list[tuple[Path, Audio]] = []
    for clip in clips:
        try:
            held.append((clip, decode(clip)))
        except CallerError as error:
            tally.add(clip, error)
        if sum(sound.seconds for _, sound in held) >= _HELD_S:
            yield held
            held = []
    if held:
        yield held
