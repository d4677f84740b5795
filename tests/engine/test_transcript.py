from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myna.core.errors import BadInput, NotFound
from myna.core.findings import Tally
from myna.engine.transcript import Clip, Cue, clip_named, heard_texts, read_transcript, timed_texts

TEXT = "Hello there, my friend. This is a long walk. We will see the river soon."


def clips(*bounds: tuple[float, float]) -> list[Clip]:
    return [Clip(f"{number}.wav", "me", start, end) for number, (start, end) in enumerate(bounds)]


def test_a_clip_knows_its_recording_and_its_place_by_its_name() -> None:
    clip = clip_named("me too.wav_0000032000_0000160640.wav")
    assert (clip.recording, clip.start_s, clip.end_s) == ("me too", 1.0, 5.02)
    foreign = clip_named("song.wav")
    assert (foreign.recording, foreign.start_s) == ("song", 0.0)
    assert foreign.end_s > 1e9


def test_cues_go_to_the_clip_that_holds_them() -> None:
    cues = [Cue("One.", 0.1, 0.9), Cue("Two, three.", 1.0, 2.0), Cue("Four.", 2.9, 3.8)]
    assert timed_texts(cues, clips((0.0, 2.1), (2.8, 4.0))) == {"0.wav": "One. Two, three.", "1.wav": "Four."}


def test_a_cue_cut_in_two_is_parted_between_words() -> None:
    texts = timed_texts([Cue("aaaa bbbb cccc dddd", 0.0, 4.0)], clips((0.0, 2.0), (2.2, 4.0)))
    assert texts == {"0.wav": "aaaa bbbb", "1.wav": "cccc dddd"}


def test_words_in_a_dropped_pause_go_to_the_nearest_clip() -> None:
    assert timed_texts([Cue("oops", 2.2, 2.4)], clips((0.0, 2.0), (3.0, 4.0))) == {"0.wav": "oops", "1.wav": ""}


def test_texts_without_spaces_are_parted_between_characters() -> None:
    texts = timed_texts([Cue("你好世界", 0.0, 4.0)], clips((0.0, 2.0), (2.0, 4.0)))
    assert texts == {"0.wav": "你好", "1.wav": "世界"}


def test_known_words_are_laid_along_what_was_heard() -> None:
    heard = [("a", "hello their my fend"), ("b", "this is long walk"), ("c", "we will sea river soon")]
    assert heard_texts(TEXT, heard) == {
        "a": "Hello there, my friend.",
        "b": "This is a long walk.",
        "c": "We will see the river soon.",
    }


def test_every_word_of_the_transcript_is_kept_in_order() -> None:
    heard = [("a", "hello there"), ("b", ""), ("c", "river soon")]
    assert " ".join(text for text in heard_texts(TEXT, heard).values() if text) == TEXT


def test_words_nobody_heard_follow_the_sentence_they_are_in() -> None:
    heard = [("a", "hello there"), ("b", "we will see the river soon")]
    texts = heard_texts("Hello there indeed. Oh. We will see the river soon.", heard)
    assert texts == {"a": "Hello there indeed.", "b": "Oh. We will see the river soon."}


def test_the_transcript_of_something_else_is_refused() -> None:
    with pytest.raises(BadInput, match="only 0% of the transcript's words were heard"):
        heard_texts(TEXT, [("a", "quick brown foxes"), ("b", "lazy dogs")])
    with pytest.raises(BadInput, match="were heard"):
        heard_texts(TEXT, [("a", ""), ("b", "")])


def test_a_single_clip_says_it_all() -> None:
    assert heard_texts(" All of it. ", [("a", "")]) == {"a": "All of it."}


def test_subtitles_are_read_with_their_times(tmp_path: Path) -> None:
    file = tmp_path / "me.srt"
    file.write_text(
        "\ufeff1\r\n00:00:00,000 --> 00:00:01,500\r\nHello there,\r\nmy friend.\r\n\r\n"
        "2\r\n01:02:03.25 --> 01:02:04,000\r\nBye.\r\n\r\n3\r\n00:00:09,000 --> 00:00:10,000\r\n",
        encoding="utf-8",
    )
    assert read_transcript(file, ["me"]) == {
        "me": [Cue("Hello there, my friend.", 0.0, 1.5), Cue("Bye.", 3723.25, 3724.0)]
    }


def test_a_text_is_one_cue_without_times(tmp_path: Path) -> None:
    file = tmp_path / "words.TXT"
    file.write_text("Hello\nthere.\n", encoding="utf-8")
    cue = read_transcript(file, ["me"])["me"][0]
    assert (cue.text, cue.has_times) == ("Hello there.", False)


def test_a_label_file_may_name_recordings_and_clips(tmp_path: Path) -> None:
    file = tmp_path / "x.list"
    file.write_text("/a/one.mp3|me|EN|First.\nb/two.wav_0000000000_0000032000.wav|me|EN|Second.", encoding="utf-8")
    assert read_transcript(file, ["one", "two"]) == {
        "one": [Cue("First.", language="en")],
        "two.wav_0000000000_0000032000.wav": [Cue("Second.", language="en")],
    }


def test_lines_that_are_no_labels_are_told(tmp_path: Path) -> None:
    file, tally = tmp_path / "x.list", Tally()
    file.write_text("one.mp3|me|EN|First.\nno label\none.mp3|me|EN|Again.", encoding="utf-8")
    assert list(read_transcript(file, ["one"], tally)) == ["one"]
    assert [failure.file for failure in tally.failures] == ["x.list line 2", "x.list line 3"]


@pytest.mark.parametrize(
    ("name", "content", "recordings", "says"),
    [
        ("a.doc", b"words", ["me"], "give one of: .srt, .vtt, .lrc, .json, .txt, .list"),
        ("a.txt", b" \n", ["me"], "holds no words"),
        ("a.txt", b"words", ["me", "you"], "one recording, not 2; give a .list"),
        ("a.txt", b"\xff\xfe", ["me"], "not UTF-8"),
        ("a.srt", b"just words", ["me"], "no times like"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, name: str, content: bytes, recordings: list[str], says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=says):
        read_transcript(tmp_path / name, recordings)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no transcript"):
        read_transcript(tmp_path / "a.txt", ["me"])


@given(
    st.lists(
        st.sampled_from(["a", "b", "c", "d.", "e", "f", "g.", "h", "i", "j", "k", "l", "m"]), min_size=4, max_size=30
    ),
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=30, max_size=30),
)
def test_no_word_is_lost_or_moved(words: list[str], fates: list[tuple[bool, bool]]) -> None:
    heard: list[list[str]] = [[]]
    for word, (is_heard, is_cut) in zip(words, fates, strict=False):
        heard[-1].append(word if is_heard else "mumble")
        if is_cut:
            heard.append([])
    clips = [(str(number), " ".join(part)) for number, part in enumerate(heard)]
    try:
        texts = heard_texts(" ".join(words), clips)
    except BadInput:
        return
    assert " ".join(text for text in texts.values() if text) == " ".join(words)
