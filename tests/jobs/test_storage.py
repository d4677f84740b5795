"""Two workspaces stand for two hosts that share a bucket and a database, and no folder."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from myna.core.errors import BadInput, MissingExtra, PeerFailed
from myna.jobs.job import Order
from myna.jobs.portable import Places
from myna.jobs.store import SqlJobStore
from myna.jobs.tables import FILES

fsspec = pytest.importorskip("fsspec", reason="the extra storage is not installed")
bucket_module = pytest.importorskip("myna.jobs.bucket")
storage_module = pytest.importorskip("myna.jobs.storage")
Storage, Bucket = storage_module.Storage, bucket_module.Bucket


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """A server that speaks S3's protocol."""
    if importlib.util.find_spec("moto") is None or importlib.util.find_spec("s3fs") is None:
        pytest.skip("moto or s3fs is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            assert time.monotonic() < deadline, "moto did not start"
            time.sleep(0.2)
    yield f"http://127.0.0.1:{port}"
    server.kill()
    server.wait()


@pytest.fixture(params=["memory", "file", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "file":
        return f"file://{tmp_path / 'bucket'}"
    if request.param == "memory":
        return f"memory://{tmp_path.name}"
    server = request.getfixturevalue("s3_server")
    access = {"endpoint_url": server, "key": "nobody", "secret": "very-secret", "client_kwargs": {"region_name": "x"}}
    monkeypatch.setitem(fsspec.config.conf, "s3", access)
    fsspec.filesystem("s3").mkdir(tmp_path.name.replace("_", "-"))
    return f"s3://{tmp_path.name.replace('_', '-')}/prefix"


class Host:
    def __init__(self, home: Path, url: str, database: str) -> None:
        self.home = home
        self.places = Places(home=home, models=home / "models")
        self.store = SqlJobStore(database, places=self.places)
        self.files = Storage(Bucket(url), self.store.engine, home, self.places)
        self.voice = home / "voices" / "anna"

    def write(self, name: str, text: str) -> None:
        path = self.voice / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def read(self) -> dict[str, str]:
        files = [path for path in self.voice.rglob("*") if path.is_file()]
        return {path.relative_to(self.voice).as_posix(): path.read_text(encoding="utf-8") for path in files}


@pytest.fixture
def hosts(url: str, tmp_path: Path) -> Iterator[tuple[Host, Host]]:
    database = f"sqlite:///{tmp_path / 'jobs.sqlite'}"
    hosts = Host(tmp_path / "here", url, database), Host(tmp_path / "elsewhere" / "home", url, database)
    yield hosts
    for host in hosts:
        host.store.close()


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Host, Host]]:
    database, url = f"sqlite:///{tmp_path / 'jobs.sqlite'}", f"file://{tmp_path / 'bucket'}"
    hosts = Host(tmp_path / "here", url, database), Host(tmp_path / "elsewhere", url, database)
    yield hosts
    for host in hosts:
        host.store.close()


def test_what_one_host_has_made_the_other_one_has(hosts: tuple[Host, Host]) -> None:
    server, worker = hosts
    server.write("input_audio/take.wav", "sound")
    server.write("input_audio/older.wav", "old")
    server.write(".steps/lock", "")
    server.write("input_audio/.part-1234-next.wav", "half of it")
    server.files.push([server.voice])
    had = worker.files.pull([worker.voice])
    assert worker.read() == {"input_audio/take.wav": "sound", "input_audio/older.wav": "old"}
    worker.write("sliced/one.wav", "clip")
    worker.write("input_audio/take.wav", "sound, mended")
    (worker.voice / "input_audio" / "older.wav").unlink()
    worker.files.push([worker.voice], had)
    server.files.pull([server.voice])
    seen = server.read()
    assert (seen["sliced/one.wav"], seen["input_audio/take.wav"]) == ("clip", "sound, mended")
    assert "input_audio/older.wav" not in seen
    assert worker.files.below(worker.home / "voices") == ["anna"]
    server.files.forget(server.voice)
    worker.files.pull([worker.voice])
    assert worker.read() == {}


def test_nothing_is_seen_of_a_push_that_breaks_off(two: tuple[Host, Host], monkeypatch: pytest.MonkeyPatch) -> None:
    server, worker = two
    server.write("one", "first")
    server.files.push([server.voice])
    for number in range(20):
        server.write(f"more{number}", "x" * number)
    server.write("one", "second")
    kept: list[Path] = []
    keep = Bucket.keep

    def breaks(self: Any, path: Path, name: str) -> None:
        if len(kept) >= 5:
            raise PeerFailed("the storage is away")
        kept.append(path)
        keep(self, path, name)

    with monkeypatch.context() as patch, pytest.raises(PeerFailed):
        patch.setattr(Bucket, "keep", breaks)
        server.files.push([server.voice])
    worker.files.pull([worker.voice])
    assert worker.read() == {"one": "first"}
    server.files.push([server.voice])  # and it goes on
    worker.files.pull([worker.voice])
    assert worker.read() == server.read()


def test_a_damaged_content_is_not_taken(two: tuple[Host, Host], tmp_path: Path) -> None:
    server, worker = two
    server.write("one", "first")
    server.files.push([server.voice])
    worker.files.pull([worker.voice])
    server.write("one", "second")
    server.files.push([server.voice])
    for file in (tmp_path / "bucket").rglob("*"):
        if file.is_file() and file.read_text(encoding="utf-8") == "second":
            file.write_text("secon", encoding="utf-8")
    with pytest.raises(PeerFailed, match="another content"):
        worker.files.pull([worker.voice])
    assert worker.read() == {"one": "first"}
    (server.voice / "one").write_text("second ", encoding="utf-8")
    server.write("one", "second")
    server.files.forget(server.voice)
    server.files.push([server.voice])  # whoever has the right content mends the bucket
    worker.files.pull([worker.voice])
    assert worker.read() == {"one": "second"}


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "voices/anna/../../../evil", "voices/anna/out/evil"])
def test_no_name_leads_out_of_the_workspace(two: tuple[Host, Host], tmp_path: Path, name: str) -> None:
    server, worker = two
    server.write("one", "first")
    server.files.push([server.voice])
    with server.store.engine.begin() as connection:
        content = connection.execute(sa.select(FILES.c.content)).scalar_one()
        connection.execute(FILES.insert().values(path=name, content=content))
    (tmp_path / "outside").mkdir()
    worker.voice.mkdir(parents=True)
    (worker.voice / "out").symlink_to(tmp_path / "outside")
    if name.startswith("voices"):
        with pytest.raises(BadInput, match="leads out"):
            worker.files.pull([worker.voice])
    else:
        worker.files.pull([worker.voice])  # it belongs to no place that could be asked for
    assert not list(tmp_path.rglob("evil"))


def test_links_are_not_followed_outwards_either(two: tuple[Host, Host], tmp_path: Path) -> None:
    server, worker = two
    (tmp_path / "secret").write_text("key", encoding="utf-8")
    server.write("one", "first")
    (server.voice / "link").symlink_to(tmp_path / "secret")
    (server.home / "voices" / "linked").symlink_to(tmp_path)
    server.files.push([server.voice, tmp_path / "secret", server.home / "voices" / "linked"])
    with server.store.engine.connect() as connection:
        assert connection.execute(sa.select(FILES.c.path)).scalars().all() == ["voices/anna/one"]
    worker.files.pull([worker.voice])
    assert worker.read() == {"one": "first"}


def test_what_was_changed_here_stays_and_what_is_merely_old_goes(two: tuple[Host, Host]) -> None:
    server, worker = two
    server.write("state", "epoch 1")
    server.write("labels", "first")
    server.files.push([server.voice])
    worker.files.pull([worker.voice])
    worker.write("state", "epoch 2")  # its job is killed before it could send this
    server.write("labels", "second")
    server.files.push([server.voice])
    worker.files.pull([worker.voice])
    assert worker.read() == {"state": "epoch 2", "labels": "second"}
    server.files.push([server.voice])
    worker.files.push([worker.voice])
    server.files.pull([server.voice])
    assert server.read() == {"state": "epoch 2", "labels": "second"}


def test_a_host_that_is_behind_does_not_bring_old_files_back(two: tuple[Host, Host]) -> None:
    server, worker = two
    server.write("one", "first")
    server.files.push([server.voice])
    worker.files.pull([worker.voice])
    server.write("one", "second")
    server.files.push([server.voice])
    worker.files.push([worker.voice])
    server.files.pull([server.voice])
    assert server.read() == {"one": "second"}


def test_a_file_that_is_only_on_the_disk_of_the_cache_can_be_lost(two: tuple[Host, Host]) -> None:
    server, worker = two
    server.write("one", "first")
    server.files.push([server.voice])
    (server.voice / "one").unlink()
    server.files.pull([server.voice])
    assert server.read() == {"one": "first"}
    worker.files.push([worker.voice])  # a host that has nothing takes nothing away
    server.files.pull([server.voice])
    assert server.read() == {"one": "first"}


def test_payloads_have_the_paths_of_whoever_reads_them(two: tuple[Host, Host]) -> None:
    server, worker = two
    payload = {
        "folder": str(server.voice), "words": str(server.home), "models": str(server.home / "models"), "text": "/etc",
        "steps": [["say", {"source": str(server.voice / "input_audio"), "number": 3}]],
    }  # fmt: skip
    job = server.store.submit(Order("chain", payload))
    assert job.payload == payload
    assert server.store.get(job.id).payload == payload
    there = worker.store.get(job.id).payload
    assert there["folder"] == str(worker.voice)
    assert there["models"] == str(worker.home / "models")
    assert there["steps"] == [["say", {"source": str(worker.voice / "input_audio"), "number": 3}]]
    assert worker.files.named(there) == [worker.home / "voices/anna", worker.home / "words.tsv"]
    strange = {"text": "myna:home/../../etc/passwd", "more": "myna:nowhere/x"}
    assert worker.store.get(server.store.submit(Order("say", strange)).id).payload == strange


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ("bucket/prefix", BadInput, "s3://bucket/prefix"),
        ("nonsense://user:very-secret@host/x", BadInput, "no kind that fsspec knows"),
    ],
)
def test_a_wrong_storage_is_told_in_one_line(given: str, error: type[Exception], told: str) -> None:
    with pytest.raises((error, MissingExtra), match=told) as caught:
        Bucket(given)
    assert "very-secret" not in str(caught.value)


def test_a_storage_that_is_away_is_told_without_its_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    access = {"endpoint_url": "http://127.0.0.1:9", "key": "nobody", "secret": "very-secret"}
    monkeypatch.setitem(fsspec.config.conf, "s3", {**access, "config_kwargs": {"retries": {"max_attempts": 1}}})
    (tmp_path / "one").write_text("x", encoding="utf-8")
    with pytest.raises(PeerFailed, match="s3://bucket/prefix cannot be used") as caught:
        Bucket("s3://bucket/prefix").keep(tmp_path / "one", "00")
    assert "very-secret" not in str(caught.value)
