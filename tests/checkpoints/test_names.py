"""The official list of English names: read as data, and nothing else is."""

from __future__ import annotations

import os
import pickle
from collections import OrderedDict
from pathlib import Path

import pytest

from myna.checkpoints import names
from myna.checkpoints.names import read_names
from myna.core.errors import BadCheckpoint, LimitExceeded, NotFound

LISTED = {"zarmina": [["Z", "AA0", "R", "M", "IY1", "N", "AH0"], ["Z"]], "qo": [["K", "OW1"]]}


class Command:
    """Unpickled by Python itself, it runs a command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_the_first_reading_of_each_name_is_read(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "names.pickle"
    path.write_bytes(pickle.dumps(LISTED, protocol))
    assert read_names(path) == {"zarmina": ("Z", "AA0", "R", "M", "IY1", "N", "AH0"), "qo": ("K", "OW1")}


def test_a_file_that_would_execute_something_is_refused_and_executes_nothing(tmp_path: Path) -> None:
    path, trace = tmp_path / "names.pickle", tmp_path / "trace"
    path.write_bytes(pickle.dumps({"qo": Command(f"touch {trace}")}))
    with pytest.raises(
        BadCheckpoint, match=r"names\.pickle is no list of names: .*system'; nothing of it was executed"
    ):
        read_names(path)
    assert not trace.exists()
    pickle.loads(path.read_bytes())
    assert trace.exists(), "the file is a dangerous one"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (pickle.dumps(LISTED)[:-10], "no list of names"),
        (b"version https://git-lfs.github.com/spec/v1", "no list of names"),
        (pickle.dumps(["qo"]), "a dictionary of names was expected"),
        (pickle.dumps(OrderedDict(LISTED)), "OrderedDict'; nothing of it was executed"),
        (pickle.dumps({"qo": "K OW1"}), "'qo' should be a name with a list of its readings"),
        (pickle.dumps({"qo": [[]]}), "'qo' should be a name with a list of its readings"),
        (pickle.dumps({"qo": []}), "'qo' should be a name with a list of its readings"),
        (pickle.dumps({1: [["K"]]}), "'1' should be a name with a list of its readings"),
        (pickle.dumps({"qo": [["K", 1]]}), "the reading of 'qo' should be a list of phones"),
        (b"\x80\x02X\x01\x00\x00\x00aQ.", "the file refers to things outside it"),
    ],
)
def test_what_is_no_list_of_names_is_told(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "names.pickle"
    path.write_bytes(content)
    with pytest.raises(BadCheckpoint, match=says):
        read_names(path)


def test_a_missing_and_an_endless_file_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (tmp_path / "gone", tmp_path):
        with pytest.raises(NotFound, match="there is no file"):
            read_names(path)
    monkeypatch.setattr(names, "MAX_BYTES", 10)
    (tmp_path / "names.pickle").write_bytes(pickle.dumps(LISTED))
    with pytest.raises(LimitExceeded, match=r"names\.pickle has more than 10 bytes"):
        read_names(tmp_path / "names.pickle")
