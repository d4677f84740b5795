"""Whether a clip says what its text says: English texts against the phones that the bundled content encoder hears.

Of clean speech in eight English voices it heard 0.40 of the phones otherwise at most (half of the clips below 0.21), of
speech with babble or hum at 5 to 10 dB 0.62; against another clip's text 0.73 and more, against the first half of the
right text 0.50 and more.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from myna.engine.check.found import LOOK, Finding
from myna.engine.features.alignment import aligner, ctc_scores, heard_phones
from myna.engine.library import Library
from myna.models.content import LiteContent

SURE_DB = 16.0
"""Speech over noise from which on what is heard can be trusted."""
_OTHER_WORDS = 0.68
_WORDS_MISSING = 0.48
_FEWEST_PHONES = 12


def word_findings(sound: npt.NDArray[np.float32], phones: Sequence[str], snr_db: float | None) -> list[Finding]:
    """What is to be said of mono ``sound`` (T,) at 16 kHz, whose English text has ``phones``; nothing where there is
    noise.
    """
    wanted = [phone.rstrip("012") for phone in phones if phone.rstrip("012").isalpha()]
    if len(wanted) < _FEWEST_PHONES or snr_db is None or snr_db < SURE_DB:
        return []
    heard = [phone.rstrip("012") for phone in heard_phones(ctc_scores(_encoder(), sound))]
    differs = distance(heard, wanted) / max(len(heard), len(wanted))
    if differs <= _WORDS_MISSING:
        return []
    what = "more is heard than stands in the text" if len(heard) > len(wanted) else "less is heard than the text says"
    told = "other words are heard than stand in the text" if differs > _OTHER_WORDS else what
    return [Finding("words", LOOK, f"{told} ({100 * differs:.0f} % differ)")]


def distance(first: Sequence[str], second: Sequence[str]) -> int:
    """Insertions, deletions and replacements that make one of the other (Levenshtein)."""
    column = np.array([hash(one) for one in second], np.int64)
    places = np.arange(len(second) + 1)
    row = places.copy()
    for number, one in enumerate(first, 1):
        best = np.minimum(row[1:] + 1, row[:-1] + (column != hash(one)))
        row = np.minimum.accumulate(np.concatenate(([number], best)) - places) + places
    return int(row[-1])


@lru_cache(maxsize=1)
def _encoder() -> LiteContent:
    """The bundled encoder, loaded once per process; it hears on the processor, where the clips are."""
    encoder = Library(Path("models"), "cpu").content(aligner())
    assert isinstance(encoder, LiteContent)  # `aligner` chose it
    return encoder
