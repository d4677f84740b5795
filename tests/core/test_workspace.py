from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from myna.core import workspace
from myna.core.errors import BadInput, NotFound, WorkspaceError
from myna.core.versions import version
from myna.core.workspace import (
    Workspace,
    bring_to_disk,
    files_in,
    inside,
    make_folder,
    write_bytes,
    write_text,
    writing,
)


def test_voices_are_listed_by_name_and_hidden_folders_are_none(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert workspace.voices == []
    for name in ("zoe", "anna", ".trash"):
        make_folder(tmp_path / "voices" / name)
    assert [voice.name for voice in workspace.voices] == ["anna", "zoe"]


def test_a_missing_voice_is_answered_with_those_that_exist(tmp_path: Path) -> None:
    make_folder(tmp_path / "voices" / "anna")
    with pytest.raises(NotFound, match="voices here: anna"):
        Workspace(tmp_path).existing_voice("bob")
    assert Workspace(tmp_path).existing_voice("anna").path == tmp_path / "voices" / "anna"


@pytest.mark.parametrize("name", ["", " ", "../x", "a/b", ".hidden", "-rf", "x" * 65, "a\0b", "tab\tname", " a", "a|b"])
def test_names_that_cannot_be_folders_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="cannot be used"):
        Workspace(tmp_path).voice(name)


@pytest.mark.parametrize("name", ["anna", "Anna 2", "小明", "_x", "a.b-c", "9"])
def test_names_of_any_script_are_taken(tmp_path: Path, name: str) -> None:
    assert Workspace(tmp_path).voice(name).name == name


def test_the_dataset_folder_has_the_official_names(tmp_path: Path) -> None:
    dataset = Workspace(tmp_path).voice("anna").dataset()
    names = [dataset.text_file, dataset.bert, dataset.content, dataset.wav32k, dataset.semantic_file, dataset.speaker]
    assert [path.name for path in names] == [
        "2-name2text.txt",
        "3-bert",
        "4-cnhubert",
        "5-wav32k",
        "6-name2semantic.tsv",
        "7-sv_cn",
    ]
    assert dataset.path.name == "anna"
    assert dataset.gpt_run(version("v4")).name == "logs_s1_v4"


@pytest.mark.parametrize("relative", ["../out", "/etc/passwd", "a/../../out", "link/x", "a\0"])
def test_inside_refuses_to_leave(tmp_path: Path, relative: str) -> None:
    root = make_folder(tmp_path / "root")
    (root / "link").symlink_to(tmp_path)
    with pytest.raises(BadInput):
        inside(root, relative)


def test_inside_takes_what_stays(tmp_path: Path) -> None:
    assert inside(tmp_path, "a/../b.wav") == (tmp_path / "b.wav").resolve()
    assert inside(tmp_path, ".") == tmp_path.resolve()


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.bin"
    with pytest.raises(ZeroDivisionError), writing(path) as temporary:
        temporary.write_bytes(b"half")
        _ = 1 / 0
    assert list(path.parent.iterdir()) == []
    write_bytes(path, b"first")
    with pytest.raises(KeyboardInterrupt), writing(path) as temporary:
        temporary.write_bytes(b"second")
        assert path.read_bytes() == b"first"
        raise KeyboardInterrupt
    assert path.read_bytes() == b"first"
    assert [file.name for file in path.parent.iterdir()] == ["file.bin"]


def test_the_temporary_file_keeps_the_suffix_and_is_hidden(tmp_path: Path) -> None:
    with writing(tmp_path / "speech.mp3") as temporary:
        temporary.write_bytes(b"x")
        assert temporary.suffix == ".mp3"
        assert files_in(tmp_path) == []
    assert [file.name for file in files_in(tmp_path)] == ["speech.mp3"]


@pytest.mark.parametrize(
    ("number", "says"),
    [(errno.ENOSPC, "disk is full"), (errno.EACCES, "no permission"), (errno.EROFS, "read-only")],
)
def test_refusals_of_the_disk_become_one_line(tmp_path: Path, number: int, says: str) -> None:
    with pytest.raises(WorkspaceError, match=says) as caught, writing(tmp_path / "x"):
        raise OSError(number, os.strerror(number))
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_real_full_disk_is_named() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(WorkspaceError, match="disk is full"):
        from myna.core.workspace import disk_errors

        with disk_errors(Path("/dev/full")), Path("/dev/full").open("wb", buffering=0) as file:
            file.write(b"x")


def test_many_files_are_brought_to_the_disk_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[str] = []
    monkeypatch.setattr(workspace, "_flush", lambda path: waited.append(path.name))
    for number in range(3):
        with writing(tmp_path / f"{number}.wav", is_one_of_many=True) as temporary:
            temporary.write_bytes(b"x")
    assert waited == []
    bring_to_disk(tmp_path)
    with pytest.raises(FileNotFoundError):
        bring_to_disk(tmp_path / "nowhere")


def test_a_disk_that_fails_when_it_is_waited_for_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(number: int) -> int:
        assert Path(f"/proc/self/fd/{number}").resolve() == tmp_path
        ctypes.set_errno(errno.ENOSPC)
        return -1

    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: SimpleNamespace(syncfs=fails))
    with pytest.raises(WorkspaceError, match="disk is full"):
        bring_to_disk(tmp_path)
    synced: list[int] = []
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: SimpleNamespace())
    monkeypatch.setattr(os, "sync", lambda: synced.append(1))
    bring_to_disk(tmp_path)
    assert synced == [1]


def test_other_errors_of_the_system_are_not_swallowed(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Bad file descriptor"), writing(tmp_path / "x"):
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def test_a_file_in_the_way_of_a_folder_is_named(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "x")
    with pytest.raises(WorkspaceError, match="cannot write"):
        write_text(tmp_path / "file" / "below", "x")
    with pytest.raises(WorkspaceError, match="cannot write"):
        make_folder(tmp_path / "file")
