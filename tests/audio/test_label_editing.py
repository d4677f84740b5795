"""What the label editor does: each operation is saved, can be undone, loses no line and no sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from myna.audio.io import decode, write_wav
from myna.audio.label_editing import LabelEditor, edited, merged, replaced, rewritten, split
from myna.audio.labels import Label, parse_text, read_label_file
from myna.core.errors import BadInput, Conflict, NotFound

RATE = 8000
BROKEN = "no label at all"


def tone(seconds: float, level: float) -> np.ndarray:
    return np.full(round(seconds * RATE), level, np.float32)


@pytest.fixture
def editor(tmp_path: Path) -> LabelEditor:
    """Three clips of 1, 2 and 3 s, each of another level, and a line that is none."""
    clips = tmp_path / "clips"
    for number, name in enumerate("abc", 1):
        write_wav(clips / f"{name}.wav", tone(number, number / 8), RATE)
    path = tmp_path / "clips.list"
    path.write_bytes(
        f"clips\\a.wav|ann|EN|One.\r\n{BROKEN}\r\nclips/b.wav|ann|EN|Two.\r\nclips/c.wav|ann|EN|Three.".encode()
    )
    return LabelEditor(path)


def texts(editor: LabelEditor) -> list[str]:
    return [line.label.text if line.label else line.raw for line in read_label_file(editor.path).lines]


def test_a_row_is_edited_and_the_others_stay_as_they_were(editor: LabelEditor) -> None:
    editor.edit([3], text="  Two,\n too. ", language="Japanese", speaker="bob")
    written = editor.path.read_bytes().decode()
    assert written == f"clips\\a.wav|ann|EN|One.\n{BROKEN}\nclips/b.wav|bob|JA|Two, too.\nclips/c.wav|ann|EN|Three."
    editor.edit([1, 3], speaker="eve")
    assert [label.speaker for label in editor.file.labels] == ["eve", "eve", "ann"]


def test_what_cannot_be_written_is_refused_and_nothing_is_changed(editor: LabelEditor) -> None:
    before = editor.path.read_bytes()
    for wrong in ({"text": " "}, {"text": "a|b"}, {"speaker": "a|b"}, {"language": "klingon"}):
        with pytest.raises(BadInput):
            editor.edit([1], **wrong)
    with pytest.raises(BadInput, match="row 2 is no label"):
        editor.edit([2], text="Text.")
    for row in (0, 5):
        with pytest.raises(NotFound, match="rows 1 to 4"):
            editor.edit([row], text="Text.")
    assert editor.path.read_bytes() == before


def test_a_line_that_is_none_is_written_anew_by_hand(editor: LabelEditor) -> None:
    with pytest.raises(BadInput, match="this is no label: 2 fields"):
        editor.rewrite(2, "clips/d.wav|ann")
    with pytest.raises(BadInput, match="one line"):
        editor.rewrite(2, "clips/d.wav|ann|EN|Four.\nx")
    editor.rewrite(2, " clips/d.wav|ann|EN|Four. ")
    assert texts(editor) == ["One.", "Four.", "Two.", "Three."]
    assert not editor.file.problems


def test_rows_are_deleted_and_come_back(editor: LabelEditor) -> None:
    before = editor.path.read_bytes()
    editor.delete([1, 2])
    assert texts(editor) == ["Two.", "Three."]
    assert editor.undo() == "deleted 2 rows"
    assert editor.path.read_bytes() == before
    assert texts(editor) == ["One.", BROKEN, "Two.", "Three."]
    assert editor.redo() == "deleted 2 rows"
    assert [label.text for label in editor.file.labels] == ["Two.", "Three."]
    editor.restore(1)
    assert editor.path.read_bytes() == before
    editor.delete([1, 2, 3, 4])
    assert texts(editor) == []
    editor.undo()
    assert texts(editor) == ["One.", BROKEN, "Two.", "Three."]


def test_rows_are_merged_into_a_new_sound_and_the_old_ones_stay(editor: LabelEditor) -> None:
    target = editor.merge([1, 4], pause_s=0.5)
    assert target.name == "a_00.wav"
    sound = decode(target).samples
    assert len(sound) == 4.5 * RATE
    assert sound[[0, RATE - 1, RATE, 3 * RATE // 2 - 1, 3 * RATE // 2, -1]].tolist() == [
        1 / 8,
        1 / 8,
        0,
        0,
        3 / 8,
        3 / 8,
    ]
    assert texts(editor) == ["One. Three.", BROKEN, "Two."]
    assert editor.file.labels[0].path == Path("clips/a_00.wav")
    assert editor.sound(1).samefile(target)
    assert [decode(target.with_name(f"{name}.wav")).seconds for name in "ac"] == [1.0, 3.0]
    editor.undo()
    assert texts(editor) == ["One.", BROKEN, "Two.", "Three."]
    assert editor.merge([1, 4]).name == "a_01.wav"


def test_merging_keeps_the_order_in_which_rows_are_named(editor: LabelEditor) -> None:
    editor.merge([4, 1], text="Three and one.")
    assert texts(editor) == [BROKEN, "Two.", "Three and one."]
    assert decode(editor.sound(3)).samples[[0, -1]].tolist() == [3 / 8, 1 / 8]


def test_merging_may_overwrite_the_first_sound_where_it_is_asked_to(editor: LabelEditor) -> None:
    target = editor.merge([1, 3], overwrites=True)
    assert target.name == "a.wav"
    assert decode(target).seconds == 3.0
    assert editor.file.labels[0].text == "One. Two."


def test_clips_of_several_speakers_or_languages_are_not_merged(editor: LabelEditor) -> None:
    editor.edit([1], speaker="bob")
    with pytest.raises(BadInput, match="several speakers cannot be merged: ann, bob"):
        editor.merge([1, 3])
    editor.edit([1], speaker="ann", language="zh")
    with pytest.raises(BadInput, match="several languages cannot be merged: en, zh"):
        editor.merge([1, 3])
    with pytest.raises(BadInput, match="at least two"):
        editor.merge([3, 3])
    with pytest.raises(BadInput, match="pause of -1 s"):
        editor.merge([3, 4], pause_s=-1)
    assert len(list((editor.path.parent / "clips").iterdir())) == 3


def test_a_row_is_split_with_a_text_for_each_half(editor: LabelEditor) -> None:
    first, second = editor.split(4, 1.25, ("Thr", "ee."))
    assert (first.name, second.name) == ("c_00.wav", "c_01.wav")
    assert (decode(first).seconds, decode(second).seconds) == (1.25, 1.75)
    assert texts(editor) == ["One.", BROKEN, "Two.", "Thr", "ee."]
    assert decode(first.with_name("c.wav")).seconds == 3.0
    editor.undo()
    assert texts(editor)[3:] == ["Three."]


def test_splitting_may_overwrite_as_the_official_editor_does(editor: LabelEditor) -> None:
    first, second = editor.split(4, 1.0, ("Three.", "Three."), overwrites=True)
    assert (first.name, second.name) == ("c.wav", "c_00.wav")
    assert (decode(first).seconds, decode(second).seconds) == (1.0, 2.0)


def test_a_cut_that_leaves_nothing_is_refused(editor: LabelEditor) -> None:
    for at_s in (-1.0, 0.05, 2.95, 99.0, float("nan")):
        with pytest.raises(BadInput, match=r"c\.wav is 3\.00 s long; cut it between 0\.1 and 2\.90 s"):
            editor.split(4, at_s, ("a", "b"))
    with pytest.raises(BadInput, match="text is empty"):
        editor.split(4, 1.0, ("a", " "))
    assert len(list((editor.path.parent / "clips").iterdir())) == 3


def test_find_and_replace(editor: LabelEditor) -> None:
    assert editor.replace([1, 2, 3, 4], "e.", "e!") == 2
    assert texts(editor) == ["One!", BROKEN, "Two.", "Three!"]
    assert editor.replace([3, 4], r"(\w+)[.!]", r"\1?", is_regex=True) == 2
    assert texts(editor) == ["One!", BROKEN, "Two?", "Three?"]
    assert editor.replace([1], "nowhere", "x") == 0
    with pytest.raises(BadInput, match="cannot stand for"):
        editor.replace([1], "One", r"\7", is_regex=True)
    with pytest.raises(BadInput, match="text is empty"):
        editor.replace([1], "One!", "")
    with pytest.raises(BadInput, match="nothing to look for"):
        editor.replace([1], "", "x")
    assert [editor.undo(), editor.undo()] == [
        r"replaced '(\\w+)[.!]' by '\\1?' in 2 rows",
        "replaced 'e.' by 'e!' in 2 rows",
    ]
    plain, count = replaced(parse_text("a.wav|x|EN|a.b"), [1], ".", r"\1")
    assert (plain.labels[0].text, count) == (r"a\1b", 1)


def test_repair_writes_what_was_mended(tmp_path: Path) -> None:
    path = tmp_path / "clips.list"
    path.write_bytes("a.wav|ann|EN|a | b\r\nnone\r\nb.wav|ann|ZH|今天天气很好，我们去公园。".encode("gbk"))
    editor = LabelEditor(path)
    assert editor.repair() == 1
    assert path.read_text("utf-8") == "a.wav|ann|EN|a b\nnone\nb.wav|ann|ZH|今天天气很好，我们去公园。"
    assert editor.repair() == 0
    editor.undo()
    assert path.read_bytes().startswith(b"a.wav|ann|EN|a | b\r\n")
    assert len(editor.file.labels) == 2


def test_an_encoding_that_was_named_holds_until_the_file_is_utf8(tmp_path: Path) -> None:
    path = tmp_path / "clips.list"
    path.write_bytes("a.wav|ann|ZH|好".encode("gbk"))
    editor = LabelEditor(path, encoding="gb18030")
    editor.edit([1], speaker="bob")
    assert path.read_text("utf-8") == "a.wav|bob|ZH|好"
    editor.undo()
    assert editor.file.labels == [Label(Path("a.wav"), "ann", "zh", "好")]


def test_two_editors_do_not_overwrite_each_other(editor: LabelEditor) -> None:
    other = LabelEditor(editor.path)
    other.edit([1], text="Other.")
    for change in (lambda: editor.edit([3], text="Mine."), lambda: editor.merge([3, 4])):
        with pytest.raises(Conflict, match="load it again"):
            change()
    assert len(list((editor.path.parent / "clips").iterdir())) == 3
    editor.load()
    editor.edit([3], text="Mine.")
    assert texts(editor)[:3] == ["Other.", BROKEN, "Mine."]


def test_sounds_outside_the_root_are_out_of_reach(tmp_path: Path) -> None:
    write_wav(tmp_path / "secret.wav", tone(1, 0.1), RATE)
    home = tmp_path / "home"
    write_wav(home / "a.wav", tone(1, 0.1), RATE)
    (home / "link.wav").symlink_to(tmp_path / "secret.wav")
    path = home / "clips.list"
    path.write_text(f"a.wav|x|EN|In.\n../secret.wav|x|EN|Out.\n{tmp_path}/secret.wav|x|EN|Out.\nlink.wav|x|EN|Out.")
    editor = LabelEditor(path, root=home)
    assert editor.sound(1) == home / "a.wav"
    for row in (2, 3, 4):
        with pytest.raises(BadInput, match="lies outside"):
            editor.sound(row)
    with pytest.raises(BadInput, match="lies outside"):
        editor.merge([1, 4])
    assert LabelEditor(path).sound(4).is_file()


def test_the_editors_json_keeps_its_further_keys(tmp_path: Path) -> None:
    path = tmp_path / "clips.json"
    path.write_text(
        '{"wav_path": "a.wav", "text": "一。", "seconds": 2}\n{"wav_path": "b.wav", "text": "二。"}\nno json'
    )
    editor = LabelEditor(path)
    editor.edit([1], text="三。")
    editor.edit([2], language="zh", speaker="ann")
    rows = path.read_text("utf-8").split("\n")
    assert rows == [
        '{"wav_path": "a.wav", "text": "三。", "seconds": 2}',
        '{"wav_path": "b.wav", "text": "二。", "speaker": "ann", "language": "zh"}',
        "no json",
    ]


def test_states_are_never_changed_only_made() -> None:
    file = parse_text("a.wav|x|EN|One.\nb.wav|x|EN|Two.")
    before = file.text()
    edited(file, [1], text="Other.")
    merged(file, [1, 2], Path("c.wav"))
    split(file, 1, (Path("c.wav"), "c"), (Path("d.wav"), "d"))
    rewritten(file, 1, "e.wav|x|EN|e")
    assert file.text() == before


def test_texts_are_joined_as_their_scripts_are_written() -> None:
    def joined(*texts: str) -> str:
        rows = "\n".join(f"{number}.wav|x|ZH|{text}" for number, text in enumerate(texts))
        return merged(parse_text(rows), list(range(1, len(texts) + 1)), Path("c.wav")).labels[0].text

    assert joined("你好，", "世界。") == "你好，世界。"
    assert joined("Good", "morning.") == "Good morning."
    assert joined("안녕", "하세요") == "안녕 하세요"
    assert joined("はい。", "OK", "元気") == "はい。OK元気"
