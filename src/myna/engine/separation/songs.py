"""Separation of whole files: each recording's stems as files, by one model or a chain of them.

A chain hands on the voice: separate, then take the reverberation out, then the echo. What every model took out of it is
kept as a file; of the voice only the last form. Names are those that the official tool gives when it is run by hand
once for each model (`names`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from myna.audio.io import DecodeLimits, resample
from myna.audio.recording import AudioInfo
from myna.audio.stereo import STEREO_FORMATS, open_stereo, stereo_file
from myna.core.errors import BadAudio, BadInput, UnknownChoice
from myna.core.findings import Findings, Tally, each, printable
from myna.core.progress import Progress, part, silent
from myna.core.workspace import make_folder
from myna.engine.recordings import plain_files
from myna.engine.separation.known import names_in
from myna.engine.separation.names import REFORMATTED, stem_files
from myna.engine.separation.separator import RATE_HZ
from myna.engine.separation.stored import StoredSound, stored
from myna.engine.separation.table import Stage, Wish, stage

SILENT_POWER = 1e-8
"""Mean square (-80 dB of full scale) below which a stem holds nothing."""


@dataclass(frozen=True)
class Places:
    """Where stems go: the voice's folder, that of everything else, and the format of both."""

    voices: Path
    others: Path
    extension: str = "flac"


def separate_files(
    source: Path,
    places: Places,
    *,
    chain: str,
    wish: Wish,
    limits: DecodeLimits,
    progress: Progress,
    root: Path | None = None,
) -> Findings:
    """Take apart a recording, or every one in the folder ``source``; what is there already is kept.

    Links may lead anywhere in ``root``, by default the folder itself.

    Raises:
        NotFound: there is no such file or folder.
        BadAudio: no recording can be used; each with its reason.
        UnknownChoice: the format, or a model of the ``chain`` (names, separated by commas).
        MissingAsset, MissingExtra, BadCheckpoint: a model cannot be loaded.
    """
    if places.extension not in STEREO_FORMATS:
        raise UnknownChoice("format of stems", places.extension, STEREO_FORMATS)
    progress(0.0, f"loading {chain}")
    stages = load_chain(chain, wish)
    tally = Tally()
    recordings = plain_files(source, root or source, tally)
    for folder in (places.voices, places.others):
        make_folder(folder)
    work = _Work(places, stages, wish.aggressiveness, limits)
    count = iter(range(len(recordings)))

    def separate(recording: Path) -> None:
        done = next(count)
        share = part(progress, done / len(recordings), (done + 1) / len(recordings))
        work.separate(recording, share)

    separated = each(recordings, separate, tally, progress)
    tally.require(len(separated), BadAudio, "no recording can be taken apart")
    return tally.findings(f"{len(separated)} recordings taken apart by {chain}", *work.notes)


def load_chain(chain: str, wish: Wish) -> list[Stage]:
    """The models of a chain, loaded in order; raises as `stage`, and `BadInput` where none is named."""
    names = names_in(chain)
    if not names:
        raise BadInput("say which model shall separate; several in a row are separated by commas")
    return [stage(name, wish) for name in names]


def separate_samples(
    samples: np.ndarray, sample_rate: int, stages: Sequence[Stage], progress: Progress = silent
) -> dict[str, np.ndarray]:
    """Stems of sound that is in memory: ``samples`` (T,) or (T, 2) to arrays (T', 2) at 44.1 kHz, by name.

    The voice comes first and is what the last of ``stages`` left of it; then follows, for each stage, what it took out,
    named by the stem or, where two are called alike, by stem and model. Raises `BadAudio` for samples that are not
    numbers or have more than two channels.
    """
    if samples.ndim not in (1, 2) or samples.shape[-1] == 0 or (samples.ndim == 2 and samples.shape[1] > 2):
        raise BadAudio(f"separation needs samples (T,) or (T, 2), not {samples.shape}")
    if not np.isfinite(samples).all():
        raise BadAudio("separation needs samples that are numbers")
    pair = samples.reshape(len(samples), -1)
    voice = resample(np.repeat(pair, 3 - pair.shape[1], axis=1)[:, :2], sample_rate, RATE_HZ)
    others: dict[str, np.ndarray] = {}
    name = stages[0].separator.stems[0]
    for number, link in enumerate(stages):
        share = part(progress, number / len(stages), (number + 1) / len(stages))
        stems = np.concatenate(list(_blocks(link, voice, share)), axis=1)
        voice = stems[0]
        for stem, sound in zip(link.separator.stems[1:], stems[1:], strict=True):
            others[f"{stem} {link.model.name}" if stem in others or stem == name else stem] = sound
    return {name: voice, **others}


def _blocks(link: Stage, mix: np.ndarray, progress: Progress) -> Iterator[np.ndarray]:
    """What a model makes of ``mix``, block by block; progress is told."""
    done = 0
    for block in link.separator.separate(mix):
        done += block.shape[1]
        progress(done / max(len(mix), 1), link.model.name)
        yield block


@dataclass
class _Work:
    """What is the same for all files, and what is found on the way."""

    places: Places
    stages: Sequence[Stage]
    aggressiveness: int
    limits: DecodeLimits
    notes: list[str] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)

    def separate(self, recording: Path, progress: Progress) -> None:
        """Write the stems of one recording; the voice comes last, so where it is there, all is."""
        with open_stereo(recording, RATE_HZ, limits=self.limits) as (info, blocks):
            names = self._names(recording.name, info)
            if (self.places.voices / names[-1][0]).is_file():
                self._note(recording.name, f"{names[-1][0]} is there already and was kept")
                return
            progress(0.0, f"reading {printable(recording.name)}")
            with stored(self.places.voices, blocks) as sound:
                self._chain(recording.name, sound, names, progress)

    def _note(self, file: str, told: str) -> None:
        self.notes.append(printable(f"{file}: {told}"))

    def _names(self, file: str, info: AudioInfo) -> list[list[str]]:
        """Of every stage the files of its stems, the voice first."""
        is_native = info.channels == 2 and info.sample_rate == RATE_HZ
        names: list[list[str]] = []
        for link in self.stages:
            marked = file if is_native or not link.kind.marks_copies else f"{file}{REFORMATTED}"
            stems = link.separator.stems
            names.append(
                stem_files(
                    marked,
                    stems,
                    link.kind.naming,
                    aggressiveness=self.aggressiveness,
                    extension=self.places.extension,
                    taken=self.taken,
                )
            )
            file, is_native = names[-1][0], True
        return names

    def _chain(self, file: str, sound: StoredSound, names: list[list[str]], progress: Progress) -> None:
        with ExitStack() as rooms:
            for number, (link, files) in enumerate(zip(self.stages, names, strict=True)):
                share = part(progress, number / len(names), (number + 1) / len(names))
                voice = rooms.enter_context(stored(self.places.voices))
                targets = [self.places.others / name for name in files[1:]]
                if number == len(names) - 1:
                    targets.insert(0, self.places.voices / files[0])
                powers = self._write(link, sound, targets, voice, share)
                stems = zip(link.separator.stems, powers, strict=True)
                if nothing := [stem for stem, power in stems if power < SILENT_POWER]:
                    self._note(file, f"{link.model.name} found nothing in {', '.join(nothing)}; not written")
                if powers[0] < SILENT_POWER:
                    return
                sound = voice

    def _write(
        self, link: Stage, sound: StoredSound, targets: list[Path], voice: StoredSound, progress: Progress
    ) -> np.ndarray:
        """Write what a stage makes of ``sound``: the voice to ``voice``, the last stems to as many ``targets``.

        Returns the mean square of every stem; the files of those that hold nothing are gone again.
        """
        mix, num_stems = sound.samples(), len(link.separator.stems)
        squares = np.zeros(num_stems)
        with ExitStack() as files:
            # Files appear in the order in which they are left: the last one first.
            writers = [files.enter_context(stereo_file(path, RATE_HZ)) for path in targets]
            for stems in _blocks(link, mix, progress):
                squares += np.square(stems, dtype=np.float64).sum(axis=(1, 2))
                voice.write(stems[0])
                sound.forget()
                for write, stem in zip(writers, stems[num_stems - len(targets) :], strict=True):
                    write(stem)
        powers = squares / max(mix.size, 1)
        for path, power in zip(targets, powers[num_stems - len(targets) :], strict=True):
            if power < SILENT_POWER:
                path.unlink()
        return powers
