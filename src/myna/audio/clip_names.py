"""What clips are called: after their recording, with their place in it, and never longer than a file's name may be."""

from __future__ import annotations

import hashlib

_MOST_BYTES = 255  # NAME_MAX of the usual file systems
_HASH_CHARS = 8


def clip_name(recording: str, start: int, end: int) -> str:
    """``<recording>_<start>_<end>.wav`` as the official slicer writes it, samples in ten digits at least.

    A recording's name that leaves no room for that is shortened by `shortened`.
    """
    place = f"_{start:010d}_{end:010d}.wav"
    return shortened(recording, _MOST_BYTES - len(place)) + place


def shortened(name: str, most_bytes: int) -> str:
    """``name`` itself, or its beginning and a hash of all of it: always the same for a name, another for another."""
    raw = name.encode("utf-8", "surrogateescape")
    if len(raw) <= most_bytes:
        return name
    mark = hashlib.blake2b(raw, digest_size=_HASH_CHARS // 2).hexdigest()
    return f"{raw[: most_bytes - _HASH_CHARS - 1].decode('utf-8', 'ignore')}-{mark}"
