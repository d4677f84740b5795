"""Label files: what is accepted, what is refused with its line, and that writing and reading agree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.audio.labels import (
    LANGUAGES,
    Label,
    parse_labels,
    parse_text,
    read_label_file,
    read_labels,
    write_labels,
)
from myna.core.errors import BadInput, NotFound, WorkspaceError


@pytest.mark.parametrize(
    ("spelling", "code"),
    [
        *[
            ("ZH", "zh"),
            ("zh", "zh"),
            ("JP", "ja"),
            ("jp", "ja"),
            ("JA", "ja"),
            ("ja", "ja"),
            ("EN", "en"),
            ("en", "en"),
        ],
        *[("En", "en"), ("KO", "ko"), ("Ko", "ko"), ("ko", "ko"), ("yue", "yue"), ("YUE", "yue"), ("Yue", "yue")],
    ],
)
def test_languages(spelling: str, code: str) -> None:
    labels, problems = parse_labels(f"a.wav|ann|{spelling}|text")
    assert not problems
    assert labels == [Label(Path("a.wav"), "ann", code, "text")]


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("/data/a.wav", "/data/a.wav"),
        ("data\\clips\\a.wav", "data/clips/a.wav"),
        ("C:\\my clips\\a.wav", "C:/my clips/a.wav"),
        ('"C:\\clips\\a.wav"', "C:/clips/a.wav"),
        ("'/data/a b.wav' ", "/data/a b.wav"),
        ("\u202aD:\\a.wav", "D:/a.wav"),
        ("/data/a.wav/", "/data/a.wav"),
    ],
)
def test_paths(written: str, path: str) -> None:
    labels, problems = parse_labels(f"{written}|ann|en|text")
    assert not problems
    assert labels[0].path == Path(path)


def test_where_a_clip_lies() -> None:
    label = parse_labels("..\\..\\elsewhere\\a.wav|ann|en|text")[0][0]
    assert label.clip == "a.wav"
    assert label.located(None) == Path("../../elsewhere/a.wav")
    assert label.located(Path("/clips")) == Path("/clips/a.wav")


def test_every_line_that_cannot_be_used_is_reported_with_its_number() -> None:
    text = "\n".join(
        [
            "a.wav|ann|EN|Good.",
            "b.wav|ann",
            "",
            "c.wav|ann|EN",
            "d.wav|ann|FR|Bonjour.",
            "e.wav|ann|EN|  ",
            "|ann|EN|No path.",
            "a.wav|ann|EN|The clip again.",
            "f.wav|ann|zh|好。",
            "",
        ]
    )
    labels, problems = parse_labels(text)
    assert [label.clip for label in labels] == ["a.wav", "f.wav"]
    assert [problem.line for problem in problems] == [2, 4, 5, 6, 7, 8]
    reasons = (
        "2 fields instead of 4",
        "3 fields",
        "unknown language 'FR'; choose one of: zh, ja",
        "text is",
        "path is",
        "line 1 too, with other words",
    )
    for problem, reason in zip(problems, reasons, strict=True):
        assert reason in problem.reason


def test_bad_lines_do_not_stop_good_ones_and_nothing_usable_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "clips.list"
    path.write_text("a.wav|ann|EN|Good.\n" + "nonsense\n" * 9, "utf-8")
    assert [label.clip for label in read_labels(path)] == ["a.wav"]
    path.write_text("nonsense\n" * 9, "utf-8")
    with pytest.raises(BadInput, match=r"clips\.list holds no labels: line 1: 1 fields.*; and 4 more lines") as caught:
        read_labels(path)
    assert "\n" not in str(caught.value)
    assert "line 7" not in str(caught.value)


def test_files_that_hold_no_labels(tmp_path: Path) -> None:
    path = tmp_path / "clips.list"
    with pytest.raises(NotFound, match="no label file"):
        read_labels(path)
    path.write_bytes(b"\n \n\r\n")
    with pytest.raises(BadInput, match="holds no labels; write lines path"):
        read_labels(path)


def test_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "clips.list"
    path.write_bytes("\ufeffa.wav|ann|EN|One.\r\nb.wav|ann|EN|Two.\r\n\r\n".encode())
    assert [label.text for label in read_labels(path)] == ["One.", "Two."]


def test_written_as_the_official_program_writes(tmp_path: Path) -> None:
    path = tmp_path / "clips.list"
    write_labels(path, [Label(Path("x/a.wav"), "x", "yue", "一"), Label(Path("x/b.wav"), "x", "en", "Two.")])
    assert path.read_bytes() == "x/a.wav|x|YUE|一\nx/b.wav|x|EN|Two.".encode()


@pytest.mark.parametrize(
    "label",
    [
        Label(Path("a|b.wav"), "ann", "en", "text"),
        Label(Path("a.wav"), "ann|bob", "en", "text"),
        Label(Path("a.wav"), "ann", "en", "two\nlines"),
        Label(Path("a.wav"), "ann", "en", "two\rlines"),
        Label(Path("a.wav"), "ann", "en", " "),
        Label(Path("a.wav"), "ann", "fr", "text"),
        Label(Path(), "ann", "en", ""),
    ],
    ids=str,
)
def test_nothing_is_written_that_could_not_be_read(label: Label, tmp_path: Path) -> None:
    path = tmp_path / "clips.list"
    with pytest.raises(BadInput):
        write_labels(path, [Label(Path("good.wav"), "ann", "en", "text"), label])
    assert not path.exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WorkspaceError):
        write_labels(tmp_path / "file" / "clips.list", [Label(Path("a.wav"), "ann", "en", "text")])


_WORDS = st.text(st.characters(codec="utf-8", exclude_characters="|\n\r"), max_size=40).map(str.strip)
_LABELS = st.builds(
    Label,
    st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=20).map(
        lambda name: Path("in", f"{name}.wav")
    ),
    _WORDS,
    st.sampled_from(sorted(set(LANGUAGES.values()))),
    _WORDS.filter(bool),
)


@given(st.lists(_LABELS, min_size=1, max_size=20, unique_by=lambda label: label.clip))
@settings(max_examples=30, deadline=None)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, labels: list[Label]) -> None:
    path = tmp_path_factory.mktemp("labels") / "clips.list"
    write_labels(path, labels)
    assert read_labels(path) == labels


_PIECES = st.sampled_from(
    ["|", "\n", "\r\n", "a.wav", "b/a.wav", "EN", "zh", "ann", "\ufeff", "｜", "\t", "你好", "\u2028", "{"]
)


@given(st.one_of(st.text(max_size=300), st.lists(_PIECES, max_size=60).map("".join)), st.booleans())
def test_no_text_crashes_and_no_line_is_lost(text: str, is_json: bool) -> None:
    file = parse_text(text, is_json=is_json)
    rows = text.replace("\r\n", "\n")
    rows = rows if "\n" in rows else rows.replace("\r", "\n")
    kept = [line for line in rows.split("\n") if line.strip()]
    assert [line.raw for line in file.lines] == kept
    assert all(line.label is not None or line.problem for line in file.lines)
    assert len({label.clip for label in file.labels}) == len(file.labels)
    again = parse_text(file.text(), is_json=is_json)
    assert [label.text for label in again.labels] == [label.text for label in file.labels]


LINES = {
    "b.wav|ann|EN|one | too | many": ("ann", "en", "one too many", "'|' in the text"),
    "b.wav|EN|Who says this?": ("ann", "en", "Who says this?", "speaker was missing: 'ann' as in all other"),
    "b.wav|ann|No language here.": ("ann", "en", "No language here.", "language was missing: en"),
    "b.wav|Neither is told.": ("ann", "en", "Neither is told.", "language was missing: en"),
    "b.wav|ann|안녕하세요": ("ann", "ko", "안녕하세요", "language was missing: ko"),
    "b.wav|ann|English|Named.": ("ann", "en", "Named.", "language 'English' is written EN"),
    "b.wav|ann|zh-CN|你好": ("ann", "zh", "你好", "written ZH"),
    "b.wav|ann|粤语|你好": ("ann", "yue", "你好", "written YUE"),
    "b.wav｜ann｜EN｜Wide bars.": ("ann", "en", "Wide bars.", "parted by '｜'"),
    "b.wav\tann\tEN\tTabs.": ("ann", "en", "Tabs.", "parted by tabs"),
    "b.wav|ann|ZH|你好|_ n i h ao _|0 3 3 3 3 0|1 2 2 1": ("ann", "zh", "你好", "phones behind"),
}


@pytest.mark.parametrize(("line", "meant"), LINES.items())
def test_what_is_certain_is_mended(line: str, meant: tuple[str, str, str, str]) -> None:
    file = parse_text(f"a.wav|ann|EN|Good.\nc.wav|ann|EN|Too.\n{line}")
    label = file.labels[2]
    assert (str(label.path), label.speaker, label.language, label.text) == ("b.wav", *meant[:3])
    assert [problem.line for problem in file.repairs] == [3]
    assert meant[3] in file.repairs[0].reason
    again = parse_text(file.text())
    assert again.labels == file.labels
    assert not again.repairs


@pytest.mark.parametrize(
    "line",
    [
        "b.wav|bob|你好",  # Chinese, Cantonese or Japanese
        "b.wav|你好",
        "b|c.wav|ann|EN|a path with a bar cannot be written",
        "who knows|what|this is",
        "b.wav|ann|EN",
        "b.wav|ann|FR|Bonjour.",
        "..|ann|EN|No file.",
    ],
)
def test_what_is_not_certain_is_kept_as_it_stands(line: str) -> None:
    text = f"a.wav|ann|EN|Good.\nc.wav|bob|zh|好\n{line}"
    file = parse_text(text)
    assert [problem.line for problem in file.problems] == [3]
    assert file.text() == text


def test_lines_that_are_right_are_written_as_they_were() -> None:
    text = 'C:\\clips\\a.wav| ann |jp|はい\n"D:/b.wav"|ann|Ko|네'
    assert parse_text(f"\ufeff{text}\r\n\r\n".removeprefix("\ufeff")).text() == text


def test_clips_of_one_file_name_are_kept_apart(tmp_path: Path) -> None:
    text = "one/a.wav|x|EN|First.\ntwo/a.wav|x|EN|Second.\nx/two/a.wav|x|EN|Third.\none/a.wav|x|EN|First."
    file = parse_text(text)
    assert [label.clip for label in file.labels] == ["a.wav", "two-a.wav", "a-2.wav"]
    assert [str(problem) for problem in file.problems] == [
        "line 4: this clip stands in line 1 too, with the same words"
    ]
    assert [label.located(None) for label in file.labels] == [Path("one/a.wav"), Path("two/a.wav"), Path("x/two/a.wav")]
    assert [label.located(Path("in")) for label in file.labels[:2]] == [Path("in/a.wav"), Path("in/two/a.wav")]
    assert file.text() == text
    assert [label.clip for label in file.with_lines(file.lines[1:]).labels] == ["a.wav", "two-a.wav", "one-a.wav"]


def test_names_that_the_data_sets_files_cannot_hold_are_changed(tmp_path: Path) -> None:
    names = ["a\tb.wav", "a\u2028b.wav", "é" * 125 + ".wav", "é" * 124 + "e" + ".wav", "$(touch x) 'q' \"🎤\" -rf.wav"]
    labels = parse_labels("\n".join(f"in/{name}|x|EN|Text {number}." for number, name in enumerate(names)))[0]
    clips = [label.clip for label in labels]
    assert clips[:2] == ["a_b.wav", "in-a_b.wav"]
    assert clips[4] == names[4]
    assert len(set(clips)) == 5
    for label, name in zip(labels, names, strict=True):
        assert label.path.name == name
        (tmp_path / f"{label.clip}.pt").touch()


def test_a_name_in_another_normal_form_is_found(tmp_path: Path) -> None:
    composed, apart = "caf\u00e9.wav", "cafe\u0301.wav"
    (tmp_path / apart).touch()
    assert Label(Path(composed), "x", "en", "Text.").located(tmp_path).is_file()
    assert Label(Path(apart), "x", "en", "Text.").located(tmp_path).name == apart
    assert Label(Path("\u00e8.wav"), "x", "en", "Text.").located(tmp_path) == tmp_path / "\u00e8.wav"


def test_lines_of_the_label_editors_json_are_labels_too(tmp_path: Path) -> None:
    rows = [
        {"wav_path": "a.wav", "text": "はい。", "seconds": 1.5},
        {"wav_path": "b.wav", "text": "Yes.", "language": "EN"},
        {"audio": "c.wav", "transcript": "Yes.", "lang": "en", "spk": "ann"},
    ]
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\nno json\n[]"
    path = tmp_path / "clips.jsonl"
    path.write_text(text, encoding="utf-8")
    file = read_label_file(path)
    assert [(label.clip, label.language) for label in file.labels] == [
        ("a.wav", "ja"),
        ("b.wav", "en"),
        ("c.wav", "en"),
    ]
    assert [problem.line for problem in file.problems] == [4, 5]
    written = [json.loads(line) for line in file.text().split("\n")[:3]]
    assert written == [rows[0] | {"language": "ja"}, rows[1], rows[2]]
    assert file.text().split("\n")[3:] == ["no json", "[]"]


def test_a_language_that_json_does_not_tell_is_asked_for() -> None:
    file = parse_text('{"wav_path": "a.wav", "text": "Yes."}', is_json=True)
    assert file.lines[0].label == Label(Path("a.wav"), "", "", "Yes.")
    assert not file.labels
    assert "the language is missing; choose one of" in file.problems[0].reason


def test_what_is_only_partly_utf8_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "clips.list"
    data = "a.wav|x|ZH|你好\nb.wav|x|ZH|".encode() + "你好".encode("gbk")
    path.write_bytes(data)
    file = read_label_file(path)
    assert [label.clip for label in file.labels] == ["a.wav"]
    assert "not UTF-8 text like the other lines" in file.problems[0].reason
    assert file.text().encode("utf-8", "surrogateescape") == data


def test_a_clip_without_text_is_known_though_it_cannot_be_used() -> None:
    file = parse_text("a.wav|ann|EN|  \nb.wav|ann|EN|Text.")
    assert file.lines[0].label == Label(Path("a.wav"), "ann", "en", "")
    assert [str(problem) for problem in file.problems] == ["line 1: the text is empty"]
    assert [label.clip for label in file.labels] == ["b.wav"]


def test_a_line_without_text_does_not_stand_in_the_way_of_one_with_text() -> None:
    file = parse_text("a.wav|ann|EN|\na.wav|ann|EN|Text.\nb/a.wav|ann|EN|Other.")
    assert [(label.clip, label.text) for label in file.labels] == [("a.wav", "Text."), ("b-a.wav", "Other.")]
    assert [problem.line for problem in file.problems] == [1]


def test_names_that_no_file_can_have_are_refused_before_they_are_looked_for() -> None:
    file = parse_text(f"{'x' * 296}.wav|ann|EN|Long.\n{'x/' * 1500}a.wav|ann|EN|Deep.\na.wav|ann|EN|Text.")
    assert [label.clip for label in file.labels] == ["a.wav"]
    assert all("more than 255 bytes" in problem.reason for problem in file.problems)
