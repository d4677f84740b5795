"""The tool that compares with records: files of its own form only, and pages of which it writes one section."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from myna.core.errors import BadInput
from tests.parity.text import records
from tests.parity.text.__main__ import main, with_section
from tests.text.extras import needs

HERE = Path(__file__).parent
ENGLISH: dict[str, Any] = {"text": "Hello there, world!", "phones": "HH AH0 L OW1 DH EH1 R , W ER1 L D !".split()}


def written(folder: Path, name: str, *found: object) -> Path:
    path = folder / f"{name}.jsonl"
    path.write_text("\n".join(json.dumps(one) for one in found) + "\n\n", encoding="utf-8")
    return path


def verdicts(path: Path) -> list[str]:
    return [records.outcome(record).verdict for record in records.records(path)]


@pytest.mark.parametrize(("name", "kind"), [("en", "en"), ("en_more", "en"), ("zh_g2pw_replay_2", "zh_g2pw_replay")])
def test_the_beginning_of_a_files_name_tells_its_kind(name: str, kind: str) -> None:
    assert records.kind_of(name) == kind


def test_unknown_fields_are_passed_over_and_missing_ones_have_their_usual_value(tmp_path: Path) -> None:
    assert verdicts(written(tmp_path, "en_more", ENGLISH, {**ENGLISH, "later": [1], "version": "v1"})) == [
        records.IDENTICAL,
        records.IDENTICAL,
    ]


def test_another_reading_is_a_difference(tmp_path: Path) -> None:
    path = written(tmp_path, "en_more", {**ENGLISH, "phones": ["HH"]})
    (found,) = map(records.outcome, records.records(path))
    assert (found.verdict, found.wanted, found.got) == (records.DIFFERS, ["HH"], ENGLISH["phones"])


@pytest.mark.parametrize(
    "record",
    [
        {"text": "Hello"},
        {"phones": []},
        {**ENGLISH, "text": 5},
        {"text": "好", "segments_lite": [], "lang": "klingon"},
        {"text": "a", "out": ["a"], "method": "cut99"},
    ],
)
def test_a_record_of_no_known_form_is_said_to_be_one(tmp_path: Path, record: dict[str, Any]) -> None:
    assert verdicts(written(tmp_path, "en", record)) == [records.STRANGE]


@pytest.mark.parametrize("line", ["{", "5", '["a"]', "nothing"])
def test_a_line_without_a_record_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "en.jsonl"
    path.write_text(f"{json.dumps(ENGLISH)}\n{line}\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"en\.jsonl:2 is no record"):
        list(records.records(path))


@needs("zh")
def test_a_mixed_record_needs_no_sizes_of_its_segments(tmp_path: Path) -> None:
    first = next(record for record in records.records(HERE / "mixed.jsonl") if record["lang"] == "auto")
    path = written(tmp_path, "mixed_more", {key: first[key] for key in ("text", "lang", "segments", "phones")})
    assert verdicts(path) == [records.outcome(first).verdict]


def test_it_prints_what_cannot_be_written_and_puts_its_section_into_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Parity\n\n## Nets\n\nas they were\n", encoding="utf-8")
    written(tmp_path, "en_more", ENGLISH, {**ENGLISH, "text": "Hello \ud800 there"})
    monkeypatch.setattr("sys.argv", ["parity", str(tmp_path), "--own", "--into", str(page)])
    main()
    main()
    printed = capsys.readouterr().out
    assert "| en_more | 2 | 2 | 50.00 % |" in printed
    assert "\\ud800" in printed
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Parity\n\n## Nets\n\nas they were\n")
    assert text.count("## Texts against recorded outputs") == text.count("| en_more | 2 |") == 1


def test_a_section_is_written_anew_where_it_was() -> None:
    page = "# Page\n\n## Two\n\nold\n\n### More\n\nold\n\n## Three\n\nthree\n"
    assert with_section(page, "## Two\n\nnew\n") == "# Page\n\n## Two\n\nnew\n\n## Three\n\nthree\n"
    assert with_section("# Page\n", "## Two\n\nnew\n") == "# Page\n\n## Two\n\nnew\n"
