"""Sounds of any length and rate through a net: cut where they are long, cleaned in batches of like length, joined."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np

from myna.audio.io import Audio, resample
from myna.engine.clean.denoiser import checked, fitted

PIECE_S = 30.0
"""Longer sounds are cut into pieces of this length, so that their length costs no memory."""
OVERLAP_S = 1.0
"""What neighbouring pieces share; the first of them fades into the second."""
BATCH_S = 60.0
"""Seconds of sound in a batch at most, padding counted; a single piece is always taken."""
CPU_BATCH_S = 4.0
"""The same on the CPU, which computes no faster for more, and then takes longer to get the memory (measured)."""


class NetDenoiser(ABC):
    """A denoiser whose net works at one rate, on batches."""

    def __init__(self, sample_rate: int, *, on_cpu: bool) -> None:
        self.sample_rate = sample_rate
        self._batch_s = CPU_BATCH_S if on_cpu else BATCH_S

    def clean_all(self, sounds: Sequence[Audio]) -> list[np.ndarray]:
        """As `Denoiser.clean_all`."""
        given = [checked(sound) for sound in sounds]
        at_rate = [resample(each, it.sample_rate, self.sample_rate) for each, it in zip(given, sounds, strict=True)]
        levels = [self.level(sound) for sound in at_rate]
        pieces, owners = [], []
        for number, sound in enumerate(at_rate):
            for piece in self._pieces(sound * np.float32(levels[number])):
                pieces.append(piece)
                owners.append(number)
        cleaned: list[list[np.ndarray]] = [[] for _ in sounds]
        for owner, piece in zip(owners, self._run(pieces), strict=True):
            cleaned[owner].append(piece)
        return [
            self._back(self._joined(parts) / np.float32(level), sound, each)
            for parts, level, sound, each in zip(cleaned, levels, sounds, given, strict=True)
        ]

    @abstractmethod
    def level(self, sound: np.ndarray) -> float:
        """The factor that brings ``sound`` (T,) to the level that the net knows; it is taken back afterwards."""

    @abstractmethod
    def padded(self, length: int) -> int:
        """The length that the net works on for a piece of ``length``: pieces of one padded length make a batch."""

    @abstractmethod
    def run(self, pieces: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Pieces (T,) of one padded length without noise, each of its own length."""

    def _run(self, pieces: Sequence[np.ndarray]) -> list[np.ndarray]:
        done: dict[int, np.ndarray] = {}
        for batch in self._batches(pieces):
            done.update(zip(batch, self.run([pieces[number] for number in batch]), strict=True))
        return [done[number] for number in range(len(pieces))]

    def _batches(self, pieces: Sequence[np.ndarray]) -> Iterator[list[int]]:
        """Numbers of pieces that go through the net together."""
        groups: dict[int, list[int]] = {}
        for number, piece in enumerate(pieces):
            groups.setdefault(self.padded(len(piece)), []).append(number)
        for length, group in groups.items():
            most = max(int(self._batch_s * self.sample_rate / length), 1)
            for at in range(0, len(group), most):
                yield group[at : at + most]

    def _pieces(self, sound: np.ndarray) -> list[np.ndarray]:
        size, overlap = round(PIECE_S * self.sample_rate), round(OVERLAP_S * self.sample_rate)
        if len(sound) <= size:
            return [sound]
        return [sound[at : at + size] for at in range(0, len(sound) - overlap, size - overlap)]

    def _joined(self, parts: list[np.ndarray]) -> np.ndarray:
        joined = parts[0]
        for part in parts[1:]:
            overlap = min(round(OVERLAP_S * self.sample_rate), len(part))
            rise = np.linspace(0.0, 1.0, overlap, dtype=np.float32)
            faded = joined[-overlap:] * (1 - rise) + part[:overlap] * rise
            joined = np.concatenate((joined[:-overlap], faded, part[overlap:]))
        return joined

    def _back(self, cleaned: np.ndarray, sound: Audio, given: np.ndarray) -> np.ndarray:
        return fitted(resample(cleaned, self.sample_rate, sound.sample_rate), len(given))
