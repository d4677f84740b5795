"""What is only seen when clips are compared: the same sound twice, a voice that is not the speaker's, an odd pace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from myna.engine.check.clip import Heard
from myna.engine.check.found import LEAVE_OUT, LOOK, OK, Finding

_SAME_SOUND = 0.28
"""Share of differing bits: 0.23 for a recording with and without noise at 5 to 10 dB, 0.33 and more for two."""
_MIN_CODE = 8
_SHIFTS = 3
_SECONDS_APART = 0.3

_SAME_VOICE = 0.75
_DOUBTFUL_VOICE, _BELOW_MEDIAN = 0.8, 0.10
"""Clips of one speaker are at least 0.79 like the others, nearly all of them above 0.85; of two, up to 0.75 or, in
voices that people confuse too, 0.85."""
_FEWEST_VOICES = 3
_MOST_VOICES = 2000
"""Of so many clips is it seen which voice is the speaker's; all are compared with that one."""

_FEWEST_RATES = 8
_SLOW, _FAST = 0.55, 1.7
_STEADY_S = 1.5


@dataclass(frozen=True)
class Clip:
    """What is compared: the clip's name and label, how many phones its text has, and what was heard."""

    name: str
    speaker: str
    language: str
    text: str
    num_phones: int | None
    heard: Heard


Found = dict[int, list[Finding]]
"""Findings by the number of the clip."""


def compared(clips: Sequence[Clip]) -> tuple[Found, dict[int, float]]:
    """What is found by comparing, and how like its speaker's voice each clip is (cosine, 0 to 1)."""
    found: Found = {number: [] for number in range(len(clips))}
    for number, finding in (*_twins(clips), *_same_texts(clips), *_paces(clips)):
        found[number].append(finding)
    likeness: dict[int, float] = {}
    for group in _groups(clips, lambda clip: clip.speaker).values():
        likeness |= _likeness({number: voice for number in group if (voice := clips[number].heard.voice) is not None})
    for number, finding in _other_voices(clips, likeness):
        found[number].append(finding)
    return found, likeness


def _twins(clips: Sequence[Clip]) -> Iterator[tuple[int, Finding]]:
    """Clips that sound the same as an earlier one; where the words differ, both are wrong until one is mended."""
    first_of: dict[str, int] = {}
    told: set[int] = set()
    for number, clip in enumerate(clips):
        if clip.heard.digest:
            first = first_of.setdefault(clip.heard.digest, number)
            if first != number:
                told.add(number)
                yield from _twin(clips, first, number, "the very same sound as")
    for first, second in _alike(clips):
        if second not in told and clips[first].heard.digest != clips[second].heard.digest:
            told.add(second)
            yield from _twin(clips, first, second, "the same recording as")


def _twin(clips: Sequence[Clip], first: int, second: int, how: str) -> Iterator[tuple[int, Finding]]:
    if _plain(clips[first].text) == _plain(clips[second].text):
        yield second, Finding("twin", LEAVE_OUT, f"{how} {clips[first].name}")
        return
    for number, other in ((first, second), (second, first)):
        yield number, Finding("twin", LOOK, f"{how} {clips[other].name}, with other words: one of them is wrong")


def _plain(text: str) -> str:
    """The words without what is not heard: case, marks, spaces."""
    return "".join(filter(str.isalnum, text.casefold()))


def _alike(clips: Sequence[Clip]) -> Iterator[tuple[int, int]]:
    """Pairs of numbers of clips that sound alike, the earlier one first; each is compared with those about as long."""
    known = [(_seconds(clip), number, clip.heard.code) for number, clip in enumerate(clips)]
    order = sorted((row for row in known if row[2] is not None and len(row[2]) >= _MIN_CODE), key=lambda row: row[:2])
    seconds = np.array([row[0] for row in order])
    for place, (own_s, number, own) in enumerate(order):
        past = int(np.searchsorted(seconds, own_s + _SECONDS_APART, side="right"))
        others = [row[2] for row in order[place + 1 : past]]
        if own is not None and others:
            for at in np.flatnonzero(differences(own, [code for code in others if code is not None]) < _SAME_SOUND):
                other = order[place + 1 + int(at)][1]
                yield min(number, other), max(number, other)


def differences(own: npt.NDArray[np.uint8], others: Sequence[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float64]:
    """The smallest share of differing bits between a code and each of the others, at any shift of up to 0.3 s."""
    shortest = min(len(code) for code in others)
    codes = np.stack([code[:shortest] for code in others])
    best = np.ones(len(codes))
    for shift in range(-_SHIFTS, _SHIFTS + 1):
        one, rest = own[max(shift, 0) :], codes[:, max(-shift, 0) :]
        count = min(len(one), rest.shape[1])
        if count >= _MIN_CODE - _SHIFTS:
            bits = _BITS[one[None, :count] ^ rest[:, :count]].sum(axis=(1, 2), dtype=np.int64)
            best = np.minimum(best, bits / (16 * count))
    return best


_BITS = np.array([number.bit_count() for number in range(256)], np.uint8)


def _same_texts(clips: Sequence[Clip]) -> Iterator[tuple[int, Finding]]:
    """The second and further clips of one text: no fault, for people repeat themselves."""
    first_of: dict[tuple[str, str], int] = {}
    for number, clip in enumerate(clips):
        if clip.text and clip.heard.measures is not None:
            first = first_of.setdefault((clip.speaker, clip.text), number)
            if first != number:
                yield number, Finding("same_text", OK, f"the same words as {clips[first].name}")


def _paces(clips: Sequence[Clip]) -> Iterator[tuple[int, Finding]]:
    """Clips in which somebody speaks far slower or faster than else: a part of the text or the sound is missing."""
    for group in _groups(clips, lambda clip: (clip.speaker, clip.language)).values():
        rates = {number: rate for number in group if (rate := _rate(clips[number])) is not None}
        if len(rates) < _FEWEST_RATES:
            continue
        usual = float(np.median(list(rates.values())))
        for number, rate in rates.items():
            if not _SLOW * usual <= rate <= _FAST * usual:
                what = "slow: is the text all that is said?" if rate < usual else "fast: is all of the text said?"
                told = f"{rate:.1f} phones a second where {usual:.1f} are usual"
                yield number, Finding("rate", LOOK, f"{told}, so {what}")


def _rate(clip: Clip) -> float | None:
    """Phones a second, where that tells something that is not known already."""
    seconds, is_told = _seconds(clip), {"rate", "silent"} & {finding.kind for finding in clip.heard.findings}
    return clip.num_phones / seconds if clip.num_phones and seconds >= _STEADY_S and not is_told else None


def _seconds(clip: Clip) -> float:
    return clip.heard.measures.seconds if clip.heard.measures is not None else 0.0


def _likeness(voices: Mapping[int, npt.NDArray[np.float32]]) -> dict[int, float]:
    """How like the voice of most of them each is; nothing where there are too few to say."""
    if len(voices) < _FEWEST_VOICES:
        return {}
    prints = np.stack(list(voices.values()))
    chosen = prints[:: -(-len(prints) // _MOST_VOICES)]
    alike = chosen @ chosen.T >= _SAME_VOICE
    centre = chosen[alike[int(alike.sum(axis=1).argmax())]].mean(axis=0)
    cosines = prints @ centre / np.linalg.norm(centre)
    return {number: float(cosine) for number, cosine in zip(voices, cosines, strict=True)}


def _other_voices(clips: Sequence[Clip], likeness: Mapping[int, float]) -> Iterator[tuple[int, Finding]]:
    for group in _groups(clips, lambda clip: clip.speaker).values():
        known = {number: likeness[number] for number in group if number in likeness}
        if not known:
            continue
        usual = float(np.median(list(known.values())))
        for number, value in known.items():
            if value < _SAME_VOICE or value < min(_DOUBTFUL_VOICE, usual - _BELOW_MEDIAN):
                whose = f"{clips[number].speaker!r}" if clips[number].speaker else "the speaker"
                told = f"voiceprint {value:.2f}, usually {usual:.2f}"
                yield number, Finding("other_voice", LOOK, f"it does not sound like {whose} elsewhere ({told})")


def _groups(clips: Sequence[Clip], key: Callable[[Clip], object]) -> dict[object, list[int]]:
    """Numbers of clips by ``key(clip)``."""
    groups: dict[object, list[int]] = {}
    for number, clip in enumerate(clips):
        groups.setdefault(key(clip), []).append(number)
    return groups
