"""The training service beyond its contract cases: the shifted slicer, GPUs, names of uploads, users, bad input."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from myna.api.tasks.parameters import devices, slicing
from myna.api.tasks.task import Config
from myna.api.uploads import file_name
from myna.audio.encode import encode
from myna.core.errors import BadInput, UnknownChoice
from myna.jobs.keys import KeyRing
from myna.jobs.store import SqlJobStore
from tests.api.conftest import Make

WAV = encode((0.3 * np.sin(np.arange(4 * 16000) / 7)).astype(np.float32), 16000, "wav")
DEFAULTS = {
    "threshold": -34, "min_length": 4000, "min_interval": 300, "hop_size": 10, "max_sil_kept": 500, "_max": 0.9,
    "alpha": 0.25,
}  # fmt: skip


@pytest.mark.parametrize(
    ("params", "changed"),
    [
        ({}, {}),
        ({"min_length": -40}, {"threshold": -40}),
        ({"hop_size": 200, "n_parts": 0.5}, {"min_interval": 200, "alpha": 0.5}),
        ({"min_length": 5000}, {"min_length": 5000}),
        ({"threshold": -30, "alpha": 0.1}, {"threshold": -30, "alpha": 0.1}),
        ({"naming": "literal", "hop_size": 20}, {"hop_size": 20}),
        ({"naming": "shifted", "min_length": -30, "threshold": -99}, {"threshold": -30}),
    ],
)
def test_the_slicer_is_meant_shifted_unless_it_cannot_be(params: dict[str, Any], changed: dict[str, Any]) -> None:
    assert slicing(params) == DEFAULTS | changed


def test_a_slicer_that_means_nothing_is_refused() -> None:
    with pytest.raises(UnknownChoice, match="shifted, literal"):
        slicing({"naming": "twisted"})
    with pytest.raises(BadInput, match="min_interval: 'x' is not a number"):
        slicing({"hop_size": "x"})


def test_gpus_that_do_not_exist_are_named() -> None:
    assert devices("0-1", 0) == {"device": "auto"}
    assert devices("1", 2) == {"device": "cuda:1", "gpu_numbers": ""}
    assert devices("0-1", 2) == {"device": "cuda:0", "gpu_numbers": "0-1"}
    with pytest.raises(BadInput, match="there is no GPU 2; this machine has 0 to 1"):
        devices("0-2", 2)
    for wrong in ("", "a", "0-", "-1", "0,1"):
        with pytest.raises(BadInput, match="numbers with hyphens"):
            devices(wrong, 2)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a.wav", "a.wav"),
        ("../../evil.wav", "evil.wav"),
        ("C:\\rec\\tape 1.MP3", "tape 1.MP3"),
        ("..hidden.wav", "hidden.wav"),
        ("$(touch x).wav", "$(touch x).wav"),
        ("声\u0000音\n.flac", "声音.flac"),
    ],
)
def test_names_of_uploads_stay_in_their_folder(given: str, kept: str) -> None:
    assert file_name(given, (".wav", ".mp3", ".flac")) == kept


def test_names_of_uploads_are_short_enough_and_of_a_known_kind() -> None:
    assert len(file_name("声" * 300 + ".wav", (".wav",)).encode()) <= 255
    for wrong in ("", "..", "a.exe", "wav", None):
        with pytest.raises(BadInput):
            file_name(wrong, (".wav",))


def test_a_task_is_its_users_and_is_known_after_a_restart(serve: Make, ring: KeyRing) -> None:
    anna, bob = ({"X-API-Key": ring.add(name)} for name in ("anna", "bob"))
    client = serve()
    task = client.post("/api/v1/task/create", json={"task_name": "t"}, headers=anna).json()
    assert task["config"] == Config().model_dump()
    again = serve()
    assert again.get(f"/api/v1/task/{task['task_id']}", headers=anna).json() == task
    assert again.get(f"/api/v1/task/{task['task_id']}", headers=bob).status_code == 404
    assert again.get("/api/v1/tasks", headers=bob).json() == []
    assert client.delete(f"/api/v1/task/{task['task_id']}", headers=bob).json() == {"detail": "任务不存在"}


def test_while_a_step_waits_no_other_begins_and_nothing_is_deleted(
    serve: Make, store: SqlJobStore, tmp_path: Path
) -> None:
    client = serve()
    path = f"/api/v1/task/{client.post('/api/v1/task/create', json={'task_name': 't'}).json()['task_id']}"
    assert client.get(f"{path}/logs").json() == {"logs": "暂无日志"}
    assert client.post(f"{path}/files/upload", files={"file": ("a.wav", WAV)}).status_code == 200
    assert client.post(f"{path}/step/convert_audio", json={}).status_code == 200
    assert client.get(path).json()["status"] == "running"
    for answer in (client.post(f"{path}/step/convert_audio", json={}), client.delete(path)):
        assert (answer.status_code, answer.json()) == (400, {"detail": "任务正在运行中"})
    assert client.post(f"{path}/cancel").json() == {"message": "任务已取消"}
    assert client.get(path).json()["status"] == "cancelled"
    assert "convert_audio as job" in client.get(f"{path}/logs").json()["logs"]
    assert client.delete(path).status_code == 200
    assert not list((tmp_path / "home" / "api_tasks").iterdir())
    assert store.list() == []


def test_what_a_killed_server_left_of_an_upload_is_removed(serve: Make, tmp_path: Path) -> None:
    client = serve()
    task_id = client.post("/api/v1/task/create", json={"task_name": "t", "config": {}}).json()["task_id"]
    folder = tmp_path / "home" / "api_tasks" / task_id / "input_audio"
    for name in (".part-old-a.wav", ".part-new-b.wav"):  # the newer one may be another server's, which writes it still
        (folder / name).write_bytes(WAV[:100])
    os.utime(folder / ".part-old-a.wav", (1, 1))
    client.post(f"/api/v1/task/{task_id}/files/upload", files={"file": ("c.wav", WAV)})
    assert sorted(path.name for path in folder.iterdir()) == [".part-new-b.wav", "c.wav"]
    assert client.get(f"/api/v1/task/{task_id}/files/download/input_audio/.part-new-b.wav").status_code == 404


def test_a_failed_upload_leaves_nothing(serve: Make, tmp_path: Path) -> None:
    client = serve(max_upload_bytes=100_000)
    task_id = client.post("/api/v1/task/create", json={"task_name": "t"}).json()["task_id"]
    path = f"/api/v1/task/{task_id}/files/upload"
    for name, content, status in (("a.wav", b"no sound at all", 400), ("b.wav", WAV, 413), ("c.txt", WAV[:900], 400)):
        assert client.post(path, files={"file": (name, content)}).status_code == status, name
    assert list((tmp_path / "home" / "api_tasks" / task_id / "input_audio").iterdir()) == []


@pytest.mark.parametrize(
    "name", ["../task_config.json", "..%2f..%2fjobs.sqlite", ".steps/x", "/etc/passwd", "none.wav"]
)
def test_only_files_of_the_task_are_handed_out(serve: Make, name: str) -> None:
    client = serve()
    task_id = client.post("/api/v1/task/create", json={"task_name": "t"}).json()["task_id"]
    assert client.get(f"/api/v1/task/{task_id}/files/download/{name}").status_code in (400, 404)


def test_a_parameter_that_the_step_does_not_have_is_named(serve: Make) -> None:
    client = serve()
    task_id = client.post("/api/v1/task/create", json={"task_name": "t"}).json()["task_id"]
    answer = client.post(f"/api/v1/task/{task_id}/step/train_gpt", json={"params": {"tempo": 1}})
    assert answer.status_code == 400
    assert "tempo: no such parameter" in answer.json()["detail"]


def test_what_a_task_does_not_name_is_the_deployments(serve: Make) -> None:
    client = serve(task_epochs_s2=7, task_epochs_s1=3, task_batch_size=2)
    config = {"epochs_s1": 9, "exp_name": "anna"}
    made = client.post("/api/v1/task/create", json={"task_name": "t", "config": config}).json()["config"]
    assert (made["epochs_s2"], made["epochs_s1"], made["batch_size"], made["exp_name"]) == (7, 9, 2, "anna")
