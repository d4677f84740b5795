"""A server and a worker on two hosts that share a database and a bucket, and no folder."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from myna.api.tasks.task import FOLDER, Creation, Tasks
from myna.cli import sharing, wiring
from myna.core.errors import NotFound, PeerFailed
from myna.core.settings import Settings
from myna.core.workspace import VoiceFolder
from myna.steps.catalog import make_step
from myna.studio import Status, Studio

pytest.importorskip("fsspec", reason="the extra storage is not installed")
SOURCE = Path(__file__).parents[2] / "src"


def wait_for(condition: Callable[[], bool], seconds: float = 100) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen within {seconds} s"
        time.sleep(0.1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate(
        {
            "home": tmp_path / "server",
            "database": f"sqlite:///{tmp_path / 'jobs.sqlite'}",
            "storage": f"file://{tmp_path / 'bucket'}",
        }
    )


@pytest.fixture
def studio(settings: Settings) -> Studio:
    return wiring.build_studio(settings)


@pytest.fixture
def worker_home(settings: Settings, tmp_path: Path) -> Iterator[Path]:
    home = tmp_path / "far" / "worker"
    home.mkdir(parents=True)
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1", "MYNA_HOME": str(home),
        "MYNA_DATABASE": str(settings.database), "MYNA_STORAGE": f"file://{tmp_path / 'bucket'}", "MYNA_LEASE_S": "60",
    }  # fmt: skip
    with (tmp_path / "worker.log").open("wb") as log:
        command = [sys.executable, "-m", "myna.cli", "worker"]
        process = subprocess.Popen(command, env=environment, cwd=home, stdout=log, stderr=log)
    yield home
    process.kill()
    process.wait()


def record(voice: VoiceFolder, seconds: float = 4) -> None:
    voice.input_audio.mkdir(parents=True)
    noise = np.random.default_rng(7).normal(0, 0.1, int(seconds * 32000)).astype(np.float32)
    soundfile.write(voice.input_audio / "take.wav", noise, 32000, subtype="PCM_16")


def test_a_worker_elsewhere_gets_the_files_and_gives_its_results_back(studio: Studio, worker_home: Path) -> None:
    voice = studio.workspace.voice("anna")
    record(voice)
    job = studio.submit(make_step("convert_audio", {"folder": voice.path}))
    bad = studio.submit(make_step("slice_audio", {"folder": studio.workspace.voice("nobody").path}))
    wait_for(lambda: studio.job(job.id).status.is_terminal)
    assert (studio.job(job.id).status, studio.job(job.id).error) == (Status.COMPLETED, "")
    assert [file.name for file in voice.converted_wav.iterdir()] == ["take.wav"]
    there = worker_home / "voices" / "anna" / "converted_wav" / "take.wav"
    assert there.read_bytes() == (voice.converted_wav / "take.wav").read_bytes()
    wait_for(lambda: studio.job(bad.id).status.is_terminal)
    assert "slice_audio found nothing" in studio.job(bad.id).error
    wait_for(lambda: "Traceback" in studio.log(bad.id))


def test_a_storage_that_is_away_for_a_while_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "_WAITS_S", (0.0, 0.0))
    answers: list[object] = [PeerFailed("away"), PeerFailed("still away"), "there"]

    def reach() -> object:
        answer = answers.pop(0)
        if isinstance(answer, PeerFailed):
            raise answer
        return answer

    assert sharing.patiently(reach) == "there"
    answers += [PeerFailed("away")] * 3
    with pytest.raises(PeerFailed):
        sharing.patiently(reach)


def test_a_voice_made_here_is_known_elsewhere(studio: Studio, settings: Settings, tmp_path: Path) -> None:
    record(studio.workspace.voice("anna"))
    studio.files.push([studio.workspace.voice("anna").path])
    other = wiring.build_studio(settings.model_copy(update={"home": tmp_path / "other"}))
    assert [voice.name for voice in other.workspace.voices] == ["anna"]
    assert (other.workspace.existing_voice("anna").input_audio / "take.wav").is_file()


def test_a_task_is_the_same_for_servers_on_several_hosts(studio: Studio, settings: Settings, tmp_path: Path) -> None:
    far = settings.model_copy(update={"home": tmp_path / "other"})
    here, there = Tasks(settings.home / FOLDER, studio), Tasks(far.home / FOLDER, wiring.build_studio(far))
    task = here.create(Creation(task_name="anna"), "").task_id
    assert there.get(task, "").task_name == "anna"
    assert [told.task_id for told in there.all("")] == [task]
    there.delete(task)
    with pytest.raises(NotFound):
        here.get(task, "")
