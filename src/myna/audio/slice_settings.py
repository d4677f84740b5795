"""How to cut recordings: the parameters of the official slicer, and a longest clip."""

from __future__ import annotations

from dataclasses import dataclass

from myna.audio.cutting import FrameCounts
from myna.audio.loudness import check_level
from myna.core.errors import BadInput

_MAX_MS = 3_600_000


@dataclass(frozen=True)
class SliceSettings:
    """How to cut; the official names and defaults, lengths in ms.

    Attributes:
        threshold: RMS in dB of full scale below which a frame is silent.
        min_length: a cut needs at least this much since the last cut.
        min_interval: the shortest pause that is cut.
        hop_size: step of the RMS frames, thus the precision of a cut.
        max_sil_kept: silence kept on each side of a cut.
        max_length: longer clips are cut at their quietest point; 0 means never, as the official slicer does.
        top: peak of the normalised share (official ``_max``).
        share: how much of the sound is normalised (official ``alpha``).

    Raises:
        BadInput: values that contradict each other.
    """

    threshold: float = -34.0
    min_length: int = 4000
    min_interval: int = 300
    hop_size: int = 10
    max_sil_kept: int = 500
    max_length: int = 0
    top: float = 0.9
    share: float = 0.25

    def __post_init__(self) -> None:
        if not -120.0 <= self.threshold < 0.0:
            raise BadInput(f"threshold is {self.threshold:g} dB; it must be between -120 and 0, such as -34")
        if not 1 <= self.hop_size <= self.min_interval <= self.min_length <= _MAX_MS:
            raise BadInput(
                f"hop_size {self.hop_size}, min_interval {self.min_interval} and min_length {self.min_length} ms "
                f"do not fit: 1 <= hop_size <= min_interval <= min_length <= {_MAX_MS} must hold"
            )
        if not self.hop_size <= self.max_sil_kept <= _MAX_MS:
            raise BadInput(
                f"max_sil_kept is {self.max_sil_kept} ms; it must be between hop_size ({self.hop_size}) and {_MAX_MS}"
            )
        if self.max_length and not max(self.min_length, 2 * self.hop_size) <= self.max_length <= _MAX_MS:
            raise BadInput(
                f"max_length is {self.max_length} ms; it must be 0 (no maximum) or between min_length "
                f"({self.min_length}), two hops and {_MAX_MS}"
            )
        check_level(self.top, self.share)

    def in_frames(self, sample_rate: int) -> FrameCounts:
        """The lengths, counted in frames of a sound of ``sample_rate`` Hz."""
        hop = max(1, round(sample_rate * self.hop_size / 1000))

        def count(milliseconds: int) -> int:
            return round(sample_rate * milliseconds / 1000 / hop)

        return FrameCounts(
            hop=hop,
            window=max(1, min(round(sample_rate * self.min_interval / 1000), 4 * hop)),
            min_length=count(self.min_length),
            min_interval=count(self.min_interval),
            max_sil_kept=count(self.max_sil_kept),
            max_length=count(self.max_length),
        )
