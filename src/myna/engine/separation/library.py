"""Separation by audio-separator, for models that are not read here: any file that this library knows by its name."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import soundfile

from myna.core.errors import BadCheckpoint, MissingAsset
from myna.engine.separation.known import KnownModel
from myna.engine.separation.separator import RATE_HZ

_BLOCK = 1 << 20
_PROBE_S = 3
_MISSING = "missing: "


class LibrarySeparator:
    """A model in a process of the library's own (`library_process`), which ends with this object.

    The library holds a whole recording in memory, and tells nothing on the way.
    """

    def __init__(self, model: KnownModel) -> None:
        self._name = model.files[0].name
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115  lives as long
        arguments = [sys.executable, "-m", "myna.engine.separation.library_process"]
        self._process = subprocess.Popen(
            [*arguments, str(model.files[0].parent), self._name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            encoding="utf-8",
        )
        self._end = weakref.finalize(self, _stop, self._process, self._log)
        self.stems = self._told_stems()

    def separate(self, mix: np.ndarray) -> Iterator[np.ndarray]:
        """As `Separator.separate`; raises `MissingAsset` and `BadCheckpoint`."""
        with tempfile.TemporaryDirectory(prefix="myna-stems-") as folder:
            files = self._ask(mix, Path(folder))
            for start in range(0, len(mix), _BLOCK):
                length = min(_BLOCK, len(mix) - start)
                yield np.stack([_part(files[stem], start, length) for stem in self.stems])

    def _told_stems(self) -> tuple[str, ...]:
        """What the model gives, told by a hiss of three seconds, the voice first."""
        hiss = np.random.default_rng(0).uniform(-0.1, 0.1, (_PROBE_S * RATE_HZ, 2))
        with tempfile.TemporaryDirectory(prefix="myna-stems-") as folder:
            return tuple(sorted(self._ask(hiss.astype(np.float32), Path(folder)), key=_place))

    def _ask(self, mix: np.ndarray, folder: Path) -> dict[str, Path]:
        """The files of the stems of ``mix`` in ``folder``, by name."""
        sound = folder / "mix.wav"
        with soundfile.SoundFile(sound, "w", RATE_HZ, 2, subtype="FLOAT") as file:
            for start in range(0, len(mix), _BLOCK):
                file.write(mix[start : start + _BLOCK])
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps([str(sound), str(folder)]) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise self._failure()
        return {stem: Path(file) for stem, file in json.loads(answer).items()}

    def _failure(self) -> MissingAsset | BadCheckpoint:
        """Why the process has ended: the last line that it said."""
        self._process.wait()
        self._log.seek(0)
        lines = [line.strip() for line in self._log.read().splitlines() if line.strip()]
        last = lines[-1] if lines else f"it ended with {self._process.returncode}"
        if last.startswith(_MISSING):
            how = f"audio-separator --download_model_only -m {self._name} --model_file_dir FOLDER"
            return MissingAsset(f"audio-separator lacks {last.removeprefix(_MISSING)}; get it with: {how}")
        return BadCheckpoint(f"audio-separator cannot use {self._name}: {last[:300]}")


def _stop(process: subprocess.Popen[str], log: IO[str]) -> None:
    """End the process and forget what it said."""
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, log):
        if stream is not None:
            stream.close()


def _place(stem: str) -> tuple[int, str]:
    """Sorts the voice first, then what something was taken out of, then the rest."""
    plain = stem.casefold()
    if plain in ("vocals", "voice", "speech"):
        return 0, plain
    return (1 if plain.startswith(("no ", "dry")) else 2), plain


def _part(file: Path, start: int, length: int) -> np.ndarray:
    """``length`` samples of a stem from ``start``, (length, 2); silence behind its end."""
    if start >= soundfile.info(file).frames:
        return np.zeros((length, 2), np.float32)
    sound, _ = soundfile.read(file, length, start, dtype="float32", always_2d=True)
    pair = np.repeat(sound, 2, axis=1) if sound.shape[1] == 1 else sound[:, :2]
    return np.pad(pair, ((0, length - len(pair)), (0, 0)))
