"""``myna serve`` is killed with jobs running and uploads half done; jobs are cancelled by its doors."""

from __future__ import annotations

import io
import socket
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.chaos.harness import ROOT, Served, is_alive, wait_for
from tests.contract.fixtures import Fixtures, make_fixtures

pytestmark = pytest.mark.timeout(400)
KEY = {"X-API-Key": "the key of this test"}
COVERS = "/api/v1/cover/jobs"


@pytest.fixture
def files(tmp_path: Path) -> Fixtures:
    return make_fixtures(tmp_path / "files")


@pytest.fixture
def served(tmp_path: Path) -> Served:
    """A server whose covers are made by a foreign command, one at a time; its uploads pass through ``tmp``."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "slow").touch()
    command = f"{{python_exec}} {ROOT / 'tests' / 'chaos' / 'singer.py'} {tmp_path}"
    settings = {
        "API_KEY": KEY["X-API-Key"],
        "TMPDIR": str(tmp_path / "tmp"),
        "MYNA_COVERS": "external",
        "MYNA_COVER_SEPARATE_COMMAND": f"{command} {{song_input}} {{vocal_output}} {{inst_output}}",
        "MYNA_COVER_INFER_COMMAND": f"{command} {{input_vocal}} {{output_vocal}}",
    }
    return Served(tmp_path / "home", settings)


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with served.client() as client:
        client.headers.update(KEY)
        yield client


def begin(client: httpx.Client, files: Fixtures) -> str:
    """A cover; answers where it is asked after."""
    sent = {
        name: (f"{name}.wav", Path(files.values[key]).read_bytes(), "audio/wav")
        for name, key in (("reference_voice", "REF5"), ("song", "SONG"))
    }
    answer = client.post(COVERS, files=sent)
    assert answer.status_code == 200, answer.text
    return f"{COVERS}/{answer.json()['job_id']}"


def singer(folder: Path) -> int:
    """The process number of the command, once it sings."""
    return int(wait_for(lambda: (folder / "singing").exists() and (folder / "singing").read_text(encoding="ascii")))


def half_an_upload(served: Served, path: str) -> socket.socket:
    """A client who has sent half of a recording and waits."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY['X-API-Key']}\r\nContent-Length: 8000000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="file"; filename="half.wav"\r\n\r\n'
    )
    client = socket.create_connection(("127.0.0.1", served.port))
    client.sendall(head.encode() + bytes(4_000_000))
    return client


def test_jobs_running_and_uploads_half_done(
    served: Served, client: httpx.Client, files: Fixtures, tmp_path: Path
) -> None:
    with served.running() as server:
        task = client.post("/api/v1/task/create", json={"task_name": "t", "config": {}}).json()["task_id"]
        recording = {"file": ("a.wav", Path(files.values["REF5"]).read_bytes(), "audio/wav")}
        assert client.post(f"/api/v1/task/{task}/files/upload", files=recording).status_code == 200
        cover = begin(client, files)
        pid = singer(tmp_path)
        assert client.get(f"{cover}/result").status_code == 409
        assert client.post(f"/api/v1/task/{task}/step/convert_audio", json={"params": {}}).status_code == 200
        with half_an_upload(served, f"/api/v1/task/{task}/files/upload"):
            time.sleep(0.3)
            server.kill()
            server.wait()
        wait_for(lambda: not is_alive(pid), seconds=5)
    folder = served.home / "api_tasks" / task / "input_audio"
    assert [path.name for path in folder.iterdir()] == ["a.wav"]
    assert [path for path in (tmp_path / "tmp").iterdir() if path.stat().st_size > 1000] == []
    (tmp_path / "slow").unlink()
    with served.running():
        told = wait_for(
            lambda: now if (now := client.get(cover).json())["status"] not in ("queued", "running") else None
        )
        assert (told["status"], told["error_message"]) == ("succeeded", None)
        with wave.open(io.BytesIO(client.get(f"{cover}/result").content)) as song:
            assert song.getnframes() == 6 * 44100  # whole, though the first attempt left half of its parts
        done = wait_for(
            lambda: now if (now := client.get(f"/api/v1/task/{task}").json())["status"] != "running" else None
        )
        assert (done["status"], done["current_step"]) == ("completed", "convert_audio")
    store = served.store()
    assert sorted(job.attempts for job in store.list()) == [1, 2]
    store.close()


def test_cancelled_by_the_doors(served: Served, client: httpx.Client, files: Fixtures, tmp_path: Path) -> None:
    with served.running():
        running = begin(client, files)
        pid = singer(tmp_path)
        waiting = begin(client, files)
        begun = time.monotonic()
        for cover in (waiting, running, running):
            answer = client.post(f"{cover}/cancel")
            assert (answer.status_code, answer.json()["status"]) == (200, "canceled")
        wait_for(lambda: not is_alive(pid), seconds=5)
        wait_for(lambda: client.get(running).json()["status"] == "canceled")
        assert time.monotonic() - begun < 5
        assert client.get(f"{running}/result").status_code == 409
        (tmp_path / "slow").unlink()
        done = begin(client, files)
        wait_for(lambda: client.get(done).json()["status"] == "succeeded")
        assert client.post(f"{done}/cancel").status_code == 409
        job = done.rpartition("/")[2].replace("-", "")
        assert client.post(f"/api/v1/jobs/{job}/cancel").json()["status"] == "completed"
        assert client.get(done).json()["status"] == "succeeded"
        assert client.get(f"{done}/result").status_code == 200
