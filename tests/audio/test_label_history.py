"""Every save keeps the state before; the last operations can be undone and done again; nobody's work is overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from myna.audio.label_history import digest_of, redo, restore, save, undo, version_bytes, versions
from myna.core.errors import BadInput, Conflict, NotFound
from myna.core.workspace import files_in


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "clips.list"
    path.write_bytes(b"zero\r\n")
    for word in ("one", "two", "three"):
        save(path, word.encode(), f"wrote {word}")
    return path


def test_every_save_keeps_the_state_before_byte_for_byte(path: Path) -> None:
    assert [(entry.number, entry.what) for entry in versions(path)] == [
        (1, "wrote one"),
        (2, "wrote two"),
        (3, "wrote three"),
    ]
    assert [version_bytes(path, number) for number in (1, 2, 3)] == [b"zero\r\n", b"one", b"two"]
    assert files_in(path.parent) == [path]


def test_a_version_is_had_back_and_nothing_is_lost_by_it(path: Path) -> None:
    restore(path, 1)
    assert path.read_bytes() == b"zero\r\n"
    assert version_bytes(path, 4) == b"three"
    assert undo(path) == "went back to version 1"
    assert path.read_bytes() == b"three"
    with pytest.raises(NotFound, match=r"no version 9; kept are: 1, 2, 3, 4, 5"):
        restore(path, 9)


def test_undo_and_redo_walk_through_the_operations(path: Path) -> None:
    assert [undo(path), undo(path)] == ["wrote three", "wrote two"]
    assert path.read_bytes() == b"one"
    assert redo(path) == "wrote two"
    assert path.read_bytes() == b"two"
    assert [undo(path), undo(path)] == ["wrote two", "wrote one"]
    assert path.read_bytes() == b"zero\r\n"
    with pytest.raises(NotFound, match="nothing more to undo"):
        undo(path)
    assert [redo(path) for _ in range(3)] == ["wrote one", "wrote two", "wrote three"]
    assert path.read_bytes() == b"three"
    with pytest.raises(NotFound, match="nothing more to redo"):
        redo(path)


def test_after_a_new_operation_nothing_is_left_to_redo(path: Path) -> None:
    undo(path)
    save(path, b"four", "wrote four")
    with pytest.raises(NotFound):
        redo(path)
    assert undo(path) == "wrote four"
    assert path.read_bytes() == b"two"
    assert undo(path) == "wrote two"


def test_only_so_many_are_kept(path: Path) -> None:
    for number in range(10):
        save(path, str(number).encode(), f"wrote {number}", kept=4)
    assert [entry.number for entry in versions(path)] == [10, 11, 12, 13]
    assert [undo(path, kept=50) for _ in range(4)] == ["wrote 9", "wrote 8", "wrote 7", "wrote 6"]
    with pytest.raises(NotFound):
        undo(path)
    assert path.read_bytes() == b"5"
    with pytest.raises(BadInput, match="at least 1"):
        save(path, b"", "", kept=0)


def test_what_another_program_wrote_is_not_overwritten(path: Path) -> None:
    seen = digest_of(path.read_bytes())
    path.write_bytes(b"somebody else's")
    with pytest.raises(Conflict, match="load it again"):
        save(path, b"mine", "wrote mine", seen=seen)
    with pytest.raises(Conflict, match="go back to a version instead"):
        undo(path)
    assert path.read_bytes() == b"somebody else's"
    restore(path, 3)
    assert version_bytes(path, 4) == b"somebody else's"


def test_a_file_without_history_has_nothing_to_undo(tmp_path: Path) -> None:
    (tmp_path / "a.list").write_bytes(b"a")
    with pytest.raises(NotFound, match=r"nothing to undo in a\.list"):
        undo(tmp_path / "a.list")
    assert versions(tmp_path / "a.list") == []


def test_a_damaged_journal_stops_nothing(path: Path) -> None:
    journal = path.parent / ".versions" / path.name / "journal.jsonl"
    journal.write_bytes(journal.read_bytes() + b'{"number": "x"}\n\xff\n[]')
    save(path, b"four", "wrote four")
    assert version_bytes(path, 4) == b"three"
    assert undo(path) == "wrote four"
