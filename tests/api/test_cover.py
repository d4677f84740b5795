"""Covers beyond the contract: whose they are, what is refused, what is kept and for how long."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from myna.audio.encode import encode
from myna.jobs.job import Status
from myna.jobs.keys import KeyRing
from myna.jobs.store import SqlJobStore
from tests.api.conftest import Make

WAV = encode((0.3 * np.sin(np.arange(4 * 16000) / 7)).astype(np.float32), 16000, "wav")
FILES = {"reference_voice": ("ref.wav", WAV), "song": ("my song.wav", WAV)}


def test_a_cover_is_its_users_and_ends_once(serve: Make, ring: KeyRing, store: SqlJobStore) -> None:
    anna, bob = ({"X-API-Key": ring.add(name)} for name in ("anna", "bob"))
    client = serve()
    made = client.post("/api/v1/cover/jobs", files=FILES, data={"pitch_shift": "3"}, headers=anna).json()
    path = f"/api/v1/cover/jobs/{made['job_id']}"
    assert client.get(path, headers=bob).status_code == 404
    told = client.get(path, headers=anna).json()
    assert (told["status"], told["stage"], told["progress"], told["pitch_shift"]) == ("queued", "queued", 0, 3)
    assert client.get(f"{path}/result", headers=anna).json()["error"] == "conflict"
    running = store.claim("w", 30, ["cover"])
    assert running is not None
    store.beat(running, 0.4, "infer: 3.0 s converted")
    assert client.get(path, headers=anna).json()["stage"] == "infer"
    (Path(running.payload["folder"]) / "result.wav").write_bytes(WAV)
    store.finish(running, Status.COMPLETED)
    assert client.get(f"{path}/result", headers=anna).content == WAV
    assert client.post(f"{path}/cancel", headers=anna).status_code == 409


def test_what_is_refused_leaves_nothing(serve: Make, tmp_path: Path) -> None:
    key = {"X-API-Key": "open sesame"}
    client = serve(api_key="open sesame")
    for files, data in (
        ({**FILES, "song": ("x.wav", b"no sound")}, {}),
        ({**FILES, "song": ("x.txt", WAV)}, {}),
        (FILES, {"model_id": "../x"}),
        (FILES, {"pitch_shift": "25"}),
        ({"song": FILES["song"]}, {}),
    ):
        answer = client.post("/api/v1/cover/jobs", files=files, data=data, headers=key)
        assert answer.status_code == 400, answer.text
        assert answer.json()["error"] == "validation_error"
    assert not list((tmp_path / "home" / "covers").glob("*"))


def test_covers_may_be_off_and_old_ones_are_cleared(serve: Make, tmp_path: Path) -> None:
    key = {"X-API-Key": "open sesame"}
    assert (
        serve(api_key="open sesame", covers="off").post("/api/v1/cover/jobs", files=FILES, headers=key).json()["error"]
        == "not_configured"
    )
    client = serve(api_key="open sesame")
    begun = client.post("/api/v1/cover/jobs", files=FILES, headers=key).json()
    (old,) = (tmp_path / "home" / "covers").iterdir()
    os.utime(old, (1, 1))
    client.post("/api/v1/cover/jobs", files=FILES, headers=key)
    assert old.exists()  # it waits still
    client.post(f"/api/v1/cover/jobs/{begun['job_id']}/cancel", headers=key)
    client.post("/api/v1/cover/jobs", files=FILES, headers=key)
    assert not old.exists()
    assert len(list((tmp_path / "home" / "covers").iterdir())) == 2
