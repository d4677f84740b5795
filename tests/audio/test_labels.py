"""Label files: what is accepted, what is refused with its line, and that writing and reading agree."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.audio.labels import LANGUAGES, Label, Problem, parse_labels, read_labels, write_labels
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


def test_every_bad_line_is_reported_with_its_number() -> None:
    text = "\n".join(
        [
            "a.wav|ann|EN|Good.",
            "b.wav|ann|EN|one | too many",
            "",
            "c.wav|ann|EN",
            "d.wav|ann|FR|Bonjour.",
            "e.wav|ann|EN|  ",
            "|ann|EN|No path.",
            "other/a.wav|ann|EN|The name again.",
            "f.wav|ann|zh|好。",
            "",
        ]
    )
    labels, problems = parse_labels(text)
    assert [label.clip for label in labels] == ["a.wav", "f.wav"]
    assert [problem.line for problem in problems] == [2, 4, 5, 6, 7, 8]
    reasons = (
        "5 fields instead of 4",
        "3 fields",
        "unknown language 'FR'; choose one of: zh, ja",
        "text is",
        "path is",
        "line 1",
    )
    for problem, reason in zip(problems, reasons, strict=True):
        assert reason in problem.reason


def test_reading_refuses_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "clips.list"
    path.write_text("a.wav|ann|EN|Good.\n" + "nonsense\n" * 9, "utf-8")
    with pytest.raises(BadInput, match=r"clips\.list: line 2: 1 fields.*; line 6: .*; and 4 more lines") as caught:
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
    path.write_bytes("a.wav|ann|zh|好".encode("gbk"))
    with pytest.raises(BadInput, match="not UTF-8"):
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


@given(st.text(max_size=300))
def test_no_text_crashes_and_no_line_is_lost(text: str) -> None:
    labels, problems = parse_labels(text)
    lines = [line for line in text.replace("\r\n", "\n").split("\n") if line.strip()]
    assert len(labels) + len(problems) == len(lines)
    assert all(isinstance(problem, Problem) for problem in problems)
