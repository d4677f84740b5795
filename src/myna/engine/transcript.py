"""Words that are known already, put on the clips that say them.

A transcript may carry times (``.srt``, ``.vtt``, ``.lrc``, Whisper's ``.json``): then a clip gets what was said
between its first and its last sample. Without times (``.txt``, ``.list``) a recogniser hears every clip, and the known
words are laid along what it heard, so that it need only hear well enough to tell the clips apart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from myna.audio.labels import usable_labels
from myna.core.errors import BadInput, NotFound
from myna.core.findings import Tally
from myna.engine.cues import READERS, Cue

FORMATS = (*READERS, ".list")
CLIP_RATE_HZ = 32000
"""Clip names count samples at this rate."""

_MIN_HEARD = 0.2
_WHOLE_CUE = 0.85
_CLIP_NAME = re.compile(r"^(?P<recording>.+)\.wav_(?P<start>\d{10})_(?P<end>\d{10})\.wav$")
_NO_SPACES = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_STOPS = (".", "!", "?", "。", "！", "？")
_UNIT = re.compile(rf"[{_NO_SPACES}]|[^\s{_NO_SPACES}]+\s*|\s+")


@dataclass(frozen=True)
class Clip:
    """A clip by its name: which recording it was cut from, and where, in seconds."""

    name: str
    recording: str
    start_s: float
    end_s: float


Transcript = dict[str, list[Cue]]
"""Cues by recording, or by clip where a label file names clips."""


def clip_named(name: str) -> Clip:
    """The clip that the slicer called ``name``; a foreign name is a recording that is its own only clip."""
    found = _CLIP_NAME.match(name)
    if found is None:
        return Clip(name, Path(name).stem, 0.0, float("inf"))
    return Clip(name, found["recording"], int(found["start"]) / CLIP_RATE_HZ, int(found["end"]) / CLIP_RATE_HZ)


def read_transcript(path: Path, recordings: Sequence[str], tally: Tally | None = None) -> Transcript:
    """The cues of a transcript file.

    ``recordings`` are the names (without suffix) it may be about; only a ``.list`` can be about several. Lines of it
    that are no labels go to ``tally``.

    Raises:
        NotFound: no such file.
        BadInput: another kind of file, no words in it, or several recordings for a file that can hold one.
    """
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise BadInput(f"transcript {path.name} is of no known kind; give one of: {', '.join(FORMATS)}")
    if kind == ".list":
        labels = usable_labels(path, Tally() if tally is None else tally)
        return {_recording_of(label.clip): [Cue(label.text, language=label.language)] for label in labels}
    if len(recordings) != 1:
        raise BadInput(f"{path.name} can tell about one recording, not {len(recordings)}; give a .list file instead")
    cues = READERS[kind](_read_text(path))
    if not any(cue.text for cue in cues):
        raise BadInput(f"transcript {path.name} holds no words")
    return {recordings[0]: cues}


def timed_texts(cues: Sequence[Cue], clips: Sequence[Clip]) -> dict[str, str]:
    """What each of a recording's ``clips`` says, by the times of the ``cues``.

    A cue goes to the clip that holds nearly all of it. One that was cut in two is parted between words, taking every
    letter to last equally long. Words from a pause that was thrown away go to the nearest clip.
    """
    texts: dict[str, list[str]] = {clip.name: [] for clip in clips}
    for cue in cues:
        best = max(clips, key=lambda clip: _overlap(cue.start_s, cue.end_s, clip))
        if _overlap(cue.start_s, cue.end_s, best) >= _WHOLE_CUE * (cue.end_s - cue.start_s):
            texts[best.name].append(cue.text + " ")
            continue
        for unit, when in _unit_times(cue):
            texts[_nearest(when, clips).name].append(unit)
        texts[_nearest(cue.end_s, clips).name].append(" ")
    return {name: "".join(parts).strip() for name, parts in texts.items()}


def heard_texts(text: str, heard: Sequence[tuple[str, str]]) -> dict[str, str]:
    """``text`` parted over clips that were ``heard`` as (clip, words), in order.

    Raises:
        BadInput: so little of it was heard that it is probably the transcript of something else.
    """
    units = _UNIT.findall(text)
    known = [_plain(unit) for unit in units]
    ears = [(clip, _plain(unit)) for clip, words in heard for unit in _UNIT.findall(words)]
    if len(heard) == 1:
        return {heard[0][0]: text.strip()}
    matcher = SequenceMatcher(None, known, [word for _, word in ears], autojunk=False)
    share = sum(block.size for block in matcher.get_matching_blocks()) / max(len(known), 1)
    if share < _MIN_HEARD:
        raise BadInput(
            f"only {share:.0%} of the transcript's words were heard in the recording; give the transcript of this "
            "recording, or a .srt file with times"
        )
    parts: dict[str, list[str]] = {clip: [] for clip, _ in heard}
    for unit, place in zip(units, _places(matcher, units, len(ears)), strict=True):
        parts[ears[place][0]].append(unit)
    return {clip: "".join(units).strip() for clip, units in parts.items()}


def _places(matcher: SequenceMatcher[str], units: list[str], num_heard: int) -> list[int]:
    """For every unit of the transcript, which heard word it was; rising."""
    places: list[int] = []
    for _, known_start, known_end, ear_start, ear_end in matcher.get_opcodes():
        count = known_end - known_start
        if ear_end > ear_start:
            places += [ear_start + index * (ear_end - ear_start) // count for index in range(count)]
            continue
        # Unheard words belong to what stands before them up to the end of its sentence, the rest to what follows.
        stops = [index for index in range(known_start - 1, known_end) if units[max(index, 0)].rstrip().endswith(_STOPS)]
        num_before = 0 if ear_start == 0 else (stops[0] + 1 - known_start if stops else count)
        places += [ear_start - 1] * num_before + [ear_start] * (count - num_before)
    return [min(place, num_heard - 1) for place in places]


def _plain(unit: str) -> str:
    """A unit for comparing: its letters and digits, small."""
    return "".join(char for char in unit.casefold() if char.isalnum())


def _unit_times(cue: Cue) -> list[tuple[str, float]]:
    """The cue's units and the middle of each in time."""
    units = _UNIT.findall(cue.text)
    per_char = (cue.end_s - cue.start_s) / max(len(cue.text), 1)
    times, at = [], cue.start_s
    for unit in units:
        times.append((unit, at + len(unit) * per_char / 2))
        at += len(unit) * per_char
    return times


def _overlap(start_s: float, end_s: float, clip: Clip) -> float:
    return max(0.0, min(end_s, clip.end_s) - max(start_s, clip.start_s))


def _nearest(when: float, clips: Sequence[Clip]) -> Clip:
    return min(clips, key=lambda clip: _distance(when, clip))


def _distance(when: float, clip: Clip) -> float:
    return max(clip.start_s - when, when - clip.end_s, 0.0)


def _recording_of(name: str) -> str:
    """What a label is about: a clip keeps its name, a recording loses its suffix."""
    return name if _CLIP_NAME.match(name) else Path(name).stem


def _read_text(path: Path) -> str:
    if not path.is_file():
        raise NotFound(f"there is no transcript {path}")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{path.name} is not UTF-8 text") from None
