"""What is only seen by comparing clips: twins, other voices, an odd pace, words said twice."""

from __future__ import annotations

import numpy as np

from myna.engine.check.clip import Heard
from myna.engine.check.found import LEAVE_OUT, LOOK, OK, Finding
from myna.engine.check.together import Clip, compared
from myna.engine.measures import Measures


def voice(towards: int, wobble: int) -> np.ndarray:
    """A voiceprint near the axis ``towards``, its own a little off."""
    vector = np.zeros(256, np.float32)
    vector[towards], vector[100 + wobble] = 1.0, 0.4
    return vector / np.linalg.norm(vector)


def clip(number: int, **given: object) -> Clip:
    """A clip like no other of its speaker's."""
    rng = np.random.default_rng(number)
    seconds = given.pop("seconds", 5.0 + number)
    heard = {
        "findings": (),
        "measures": Measures(seconds, -20.0, -3.0, 0.0, 0.1, 35.0),
        "voice": voice(0, number),
        "digest": f"{number}",
        "code": rng.integers(0, 256, (48, 2)).astype(np.uint8),
    }
    heard |= {name: given.pop(name) for name in list(given) if name in heard}
    label = {"name": f"{number}.wav", "speaker": "ann", "language": "en", "text": f"Text {number}.", "num_phones": None}
    return Clip(**(label | given), heard=Heard(**heard))


def kinds(clips: list[Clip]) -> dict[int, list[tuple[str, str]]]:
    found, _ = compared(clips)
    return {number: [(each.kind, each.verdict) for each in all_] for number, all_ in found.items() if all_}


def test_nothing_is_found_among_good_clips() -> None:
    assert kinds([clip(number) for number in range(9)]) == {}


def test_the_same_sound_with_the_same_words_is_there_once_too_often() -> None:
    clips = [clip(0), clip(1), clip(2, digest="0", text="TEXT 0!")]
    assert kinds(clips) == {2: [("twin", LEAVE_OUT)]}


def test_the_same_sound_with_other_words_means_that_one_is_wrong() -> None:
    clips = [clip(0), clip(1), clip(2, digest="0")]
    assert kinds(clips) == {0: [("twin", LOOK)], 2: [("twin", LOOK)]}
    found, _ = compared(clips)
    assert found[0][0].text == "the very same sound as 2.wav, with other words: one of them is wrong"


def test_the_same_recording_in_another_form_is_found() -> None:
    code = np.random.default_rng(7).integers(0, 256, (48, 2)).astype(np.uint8)
    noisy = code.copy()
    noisy[::3, 0] ^= 0b10101010
    clips = [
        clip(0, code=code, seconds=5.0),
        clip(1, seconds=5.1),
        clip(2, code=noisy[1:], seconds=5.05, text="Text 0."),
    ]
    assert kinds(clips) == {2: [("twin", LEAVE_OUT), ("same_text", OK)]}
    clips[2] = clip(2, code=noisy, seconds=6.0, text="Text 0.")
    assert kinds(clips) == {2: [("same_text", OK)]}, "its length says that it is another one"


def test_another_voice_is_found_by_speaker() -> None:
    clips = [clip(number) for number in range(6)] + [
        clip(6, voice=voice(1, 6)),
        clip(7, speaker="bob", voice=voice(1, 7)),
    ]
    assert kinds(clips) == {6: [("other_voice", LOOK)]}
    _, likeness = compared(clips)
    assert likeness[0] > 0.9 > 0.5 > likeness[6]
    assert 7 not in likeness


def test_who_speaks_most_is_the_speaker() -> None:
    clips = [clip(number, voice=voice(int(number >= 4), number)) for number in range(10)]
    assert sorted(kinds(clips)) == [0, 1, 2, 3]


def test_an_odd_pace_is_found_where_the_usual_one_is_known() -> None:
    clips = [clip(number, num_phones=12 * (5 + number)) for number in range(8)]
    odd = [clip(8, num_phones=12 * 6), clip(9, num_phones=12 * 26), clip(10, num_phones=12 * 14)]
    assert kinds(clips + odd) == {8: [("rate", LOOK)], 9: [("rate", LOOK)]}
    assert kinds(clips[:5] + odd[:1]) == {}, "too few to know"
    known = clip(8, num_phones=12 * 6, findings=(Finding("rate", LEAVE_OUT, ""),))
    assert kinds([*clips, known]) == {}


def test_the_same_words_twice_are_only_a_note() -> None:
    assert kinds([clip(0, text="Yes."), clip(1, text="Yes."), clip(2, text="Yes.", speaker="bob")]) == {
        1: [("same_text", OK)]
    }


def test_clips_that_cannot_be_heard_are_compared_with_nothing() -> None:
    silent = Clip("a.wav", "ann", "en", "Text 0.", 9, Heard(()))
    assert kinds([clip(0), silent, silent, clip(1), clip(2)]) == {}
