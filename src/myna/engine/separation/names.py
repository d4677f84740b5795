"""What the files of stems are called: as the official tool calls them.

==============  =============================================  ================================================
engine          the voice                                      the rest
==============  =============================================  ================================================
VR              ``vocal_<file>_<aggressiveness>.<format>``     ``instrument_<file>_<aggressiveness>.<format>``
de-reverb       ``<file>_main_vocal.<format>``                 ``<file>_others.<format>``
Roformer, ours  ``<stem>_<name of the stem>.<format>``         ``<stem>_<name of the stem>.<format>``
==============  =============================================  ================================================

``<file>`` is the recording's name, extension included; ``.reformatted.wav`` is added where it was not stereo at 44.1
kHz already, because the official tool converts such a file first and forgets its first name.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import PurePath

REFORMATTED = ".reformatted.wav"

_MAX_BYTES = 230
"""Of a file's name: file systems take 255, and a file that is being written has a longer one."""

Naming = Callable[[str, Sequence[str], int], list[str]]
"""(file, names of the stems, aggressiveness) to one name per stem, without the extension."""


def by_vr(file: str, stems: Sequence[str], aggressiveness: int) -> list[str]:
    """The names of the VR engine; it has two stems."""
    return [f"{head}_{file}_{aggressiveness}" for head, _ in zip(("vocal", "instrument"), stems, strict=True)]


def by_dereverb(file: str, stems: Sequence[str], _aggressiveness: int) -> list[str]:
    """The names of the MDX-Net that takes reverberation out; it has two stems."""
    return [f"{file}_{tail}" for tail, _ in zip(("main_vocal", "others"), stems, strict=True)]


def by_stem(file: str, stems: Sequence[str], _aggressiveness: int) -> list[str]:
    """The Roformers' names: what is in the file stands behind the name."""
    return [f"{PurePath(file).stem}_{stem}" for stem in stems]


def stem_files(
    file: str, stems: Sequence[str], naming: Naming, *, aggressiveness: int, extension: str, taken: set[str]
) -> list[str]:
    """File names for the ``stems`` of ``file``, different from all that are ``taken``, to which they are added.

    Names that are too long for a file system are shortened; what is left out is told by a hash.
    """
    plain = naming(file, stems, aggressiveness)
    names, number = [_fitting(name, extension) for name in plain], 2
    while taken & {_same(name) for name in names}:
        names = [_fitting(f"{name}-{number}", extension) for name in plain]
        number += 1
    taken.update(_same(name) for name in names)
    return names


def _same(name: str) -> str:
    """What some file systems take for one name is one: capitals, and accents in one letter or two."""
    return unicodedata.normalize("NFC", name).casefold()


def _fitting(name: str, extension: str) -> str:
    """``name.extension``, of a length that a file can have. Both ends are kept, for they tell what it is."""
    whole = f"{name}.{extension}"
    if len(os.fsencode(whole)) <= _MAX_BYTES:
        return whole
    mark = hashlib.blake2b(os.fsencode(name), digest_size=4).hexdigest()
    half = (_MAX_BYTES - len(f"{mark}.{extension}") - 4) // 2
    head = os.fsencode(name)[:half].decode(errors="ignore")
    tail = os.fsencode(name)[-half:].decode(errors="ignore")
    return f"{head}~{mark}~{tail}.{extension}"
