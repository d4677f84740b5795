"""Every curl and Python example of the seeds, run as it stands there but for host, key and paths."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import soundfile

from myna.cli import run_command, serve
from myna.core.settings import Settings
from tests.contract.cases import Context
from tests.contract.expectations import Answer, problems
from tests.contract.fixtures import API_KEY
from tests.contract.queue_scenarios import Watcher, clean
from tests.contract.rig import Rig
from tests.rabbit import is_installed

HERE = Path(__file__).parent / "examples"
INDEX = json.loads((HERE / "index.json").read_text(encoding="utf-8"))
SEEDS = Path(__file__).parents[3] / "shared" / "seeds"
"""Where the seeds lie beside a checkout, if they do."""
LOST = bytes((0x81, 0x8D, 0x8E, 0x8F, 0x90, 0x9D, 0x9E))
"""Bytes that seed 001 has lost: its text was read as Windows-1252, which once had nothing at these places."""
REHEARSAL = "tests.contract.rehearsal:run_job"
CLIP = "参考音频/[jok老师]说得好像您带我以来我考好过几次一样.wav"
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def example(name: str, **changes: str) -> str:
    """An example's text, with host, key and paths replaced; each of them must be there."""
    text = (HERE / name).read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text, f"{old} is not in {name}"
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with Rig(tmp_path_factory.mktemp("examples"), runner=REHEARSAL) as rig:
        clip = rig.home / CLIP
        clip.parent.mkdir(parents=True)
        shutil.copy(rig.fixtures.values["REF5"], clip)
        yield rig


@pytest.fixture
def place(rig: Rig, tmp_path: Path) -> Path:
    """Where an example is run: the recordings lie there that it names."""
    for name in ("audio1.wav", "audio2.wav", "audio3.wav", "reference.wav"):
        shutil.copy(rig.fixtures.values["REF5"], tmp_path / name)
    return tmp_path


def run(place: Path, *command: str, given: str = "") -> str:
    """What a command prints; it must end well."""
    done = subprocess.run(
        command, cwd=place, input=given, capture_output=True, text=True, timeout=280, env={"PATH": _path(), "HOME": "/"}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _path() -> str:
    return f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"


def python(place: Path, text: str, then: str = "") -> str:
    """What an example in Python prints; time does not pass while it sleeps, and ``then`` calls what it only defines."""
    (place / "example.py").write_text(text, encoding="utf-8")
    start = (
        "import asyncio, runpy, time; sleep = time.sleep; time.sleep = lambda seconds: sleep(min(seconds, 0.05)); "
        f"names = runpy.run_path('example.py', run_name='__main__'); {then}"
    )
    return run(place, sys.executable, "-c", start)


def is_speech(data: bytes) -> bool:
    samples, rate = soundfile.read(io.BytesIO(data))
    return rate == 32000 and len(samples) > rate / 2 and float(abs(samples).max()) > 0.1


def test_every_example_is_in_the_index_and_in_its_seed() -> None:
    assert sorted(row["file"] for row in INDEX["examples"]) == sorted(
        path.name for path in HERE.iterdir() if path.name != "index.json"
    )
    assert {row["kind"] for row in INDEX["examples"]} == {"curl", "python", "address", "javascript", "http", "settings"}
    if not SEEDS.is_dir():
        pytest.skip("the seeds are not here")
    for row in INDEX["examples"]:
        (seed,) = SEEDS.glob(f"{row['seed']}_*.txt")
        text = (HERE / row["file"]).read_text(encoding="utf-8").rstrip("\n")
        if row.get("lost_bytes"):
            text = bytes(byte for byte in text.encode() if byte not in LOST).decode("cp1252")
        assert text in seed.read_text(encoding="utf-8").replace("\r", ""), row["file"]


def test_no_seed_has_a_curl_or_python_client_that_is_not_here() -> None:
    if not SEEDS.is_dir():
        pytest.skip("the seeds are not here")
    known = [(row["seed"], row["kind"]) for row in INDEX["examples"]]
    for seed in SEEDS.glob("*.txt"):
        text, number = seed.read_text(encoding="utf-8"), seed.name[:3]
        assert len(re.findall(r"^\s*curl ", text, re.MULTILINE)) == known.count((number, "curl")), number
        clients = re.findall(r"```python\n(?:(?!```).)*?import (?:requests|httpx|pika)", text, re.DOTALL)
        assert len(clients) == known.count((number, "python")), number
        assert ("gradio_client" in text) == (number == "003"), "named among those that are not run"


@needs_curl
@pytest.mark.parametrize("name", ["slice.sh", "slice_again.sh"])
def test_slicing_by_curl_is_started_and_its_end_told(rig: Rig, place: Path, name: str) -> None:
    if not is_installed():
        pytest.skip("RabbitMQ is not installed")
    clip = f"{rig.fixtures.values['WAVDIR']}/take1.wav"
    changes = {"http://localhost:8000": rig.address("seed000"), "/path/to/audio.wav": clip}
    with httpx.Client() as client:
        context = Context(rig, {"dialect": "seed000"}, client)
        clean(context)
        printed = run(place, "bash", "-e", given=example(name, **changes))
        assert json.loads(printed) == {"status": "success", "message": "start"}
        with Watcher(context) as watcher:
            own = str(watcher.channel.queue_declare("", exclusive=True).method.queue)
            watcher.channel.queue_bind(own, "slice", "endslice")
            with rig.peers():
                (end,) = watcher.ends(own, 1)
    assert (end["status"], end["session_id"], end["model"]) == ("completed", "12345", "slice")


@pytest.mark.parametrize("name", ["speech.url", "subtitles.url"])
def test_the_addresses_of_the_fork_answer(rig: Rig, name: str) -> None:
    address = example(name, **{"http://127.0.0.1:9880": rig.address("seed001")}).strip()
    answer = httpx.get(address, timeout=30)
    if name == "speech.url":
        wanted = {"status": 200, "content_type_prefix": "audio/wav", "chunked": True}
        wanted["wav"] = {"header": "streaming", "channels": 1, "bits": 16, "sample_rate": 32000}
        assert problems(wanted, Answer(answer.status_code, answer.headers, answer.content)) == []
        return
    made = answer.json()
    assert made["code"] == "200"
    assert is_speech(httpx.get(made["audio"]).content)
    assert "怎么了，亲爱的" in httpx.get(made["srt"]).content.decode()


@pytest.mark.timeout(300)  # eleven jobs, each in a process of its own
def test_the_training_client_runs_all_steps(rig: Rig, place: Path) -> None:
    printed = python(place, example("training_client.py.txt", **{"http://localhost:8000": rig.address("seed002")}))
    assert printed.count("音频文件上传成功: audio") == 3
    completed = re.findall("步骤完成: (.*)", printed)
    assert len(completed) == 11, printed
    assert completed[0] == "convert_audio"
    assert completed[-1] == "test_inference"
    assert printed.rstrip().endswith("训练完成！")


def sent(client: httpx.Client, name: str, files: Any = None, **changes: str) -> httpx.Response:
    """The answer to an example that is the text of a request."""
    head, _, body = example(name, **changes).strip().partition("\n\n")
    first, *rest = head.splitlines()
    method, path = first.split(" ", 1)
    if files:
        return client.request(method, path, files=files)
    return client.request(method, path, headers=dict(line.split(": ", 1) for line in rest), content=body.encode())


def test_the_requests_of_the_training_service(rig: Rig) -> None:
    with httpx.Client(base_url=rig.address("seed002"), timeout=30) as client:
        task = sent(client, "task_create.http").json()
        its = {"{task_id}": task["task_id"]}
        assert task["status"] == "created"
        assert task["task_name"] == "我的语音克隆任务"
        assert sent(client, "task_get.http", **its).json()["config"] == task["config"]
        assert task["task_id"] in [one["task_id"] for one in sent(client, "task_list.http").json()]
        sound = Path(rig.fixtures.values["REF5"]).read_bytes()
        uploaded = sent(client, "file_upload.http", {"file": ("take.wav", sound, "audio/wav")}, **its)
        assert uploaded.json()["filename"] == "take.wav"
        commented = sent(client, "step_with_comment.http", **its, **{"{step_name}": "convert_audio"})
        assert commented.status_code == 400
        missing = sent(client, "step_slice.http", **its)
        assert missing.status_code == 400, "nothing has been converted yet"
        assert "convert_audio" in missing.json()["detail"] or "converted_wav" in missing.json()["detail"]
        assert sent(client, "task_logs.http", **its).json()["logs"]
        found = sent(client, "file_download.http", **its, **{"{filename}": "input_audio/take.wav"})
        assert found.content == sound
        assert sent(client, "task_cancel.http", **its).json() == {"message": "任务已取消"}
        assert sent(client, "task_delete.http", **its).json() == {"message": "任务已删除"}
        assert sent(client, "task_get.http", **its).status_code == 404


KEYED = {"your-api-key": API_KEY}


@needs_curl
def test_a_voice_by_curl(rig: Rig, place: Path) -> None:
    run(
        place,
        "bash",
        "-e",
        given=example("synthesize.sh", **KEYED, **{"http://localhost:8000": rig.address("seed004")}),
    )
    assert is_speech((place / "synthesized.wav").read_bytes())


def test_a_voice_by_python(rig: Rig, place: Path) -> None:
    text = example("synthesize.py.txt", **KEYED, **{"http://localhost:8000": rig.address("seed004")})
    python(place, text, then="asyncio.run(names['synthesize_voice']())")
    assert is_speech((place / "output.wav").read_bytes())


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_a_voice_by_javascript(rig: Rig, place: Path) -> None:
    text = example("synthesize.ts.txt", **KEYED, **{"http://localhost:8000": rig.address("seed004")})
    before = "import {readFileSync, writeFileSync} from 'node:fs';\n"
    before += "const audioFile = new File([readFileSync('reference.wav')], 'reference.wav', {type: 'audio/wav'});\n"
    after = "writeFileSync('said.wav', Buffer.from(await audioBlob.arrayBuffer()));\n"
    run(place, "node", "--input-type=module", given=before + text + after)
    assert is_speech((place / "said.wav").read_bytes())


@needs_curl
def test_the_health_of_the_speech_server_by_curl(rig: Rig, place: Path) -> None:
    text = example("health.sh", **{"http://localhost:9880": rig.address("seed001")})
    assert json.loads(run(place, "bash", "-e", given=text))["status"] == "healthy"


def test_the_config_yaml_of_the_training_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.yaml"
    changes = {"/path/to/GPT-SoVITS": str(tmp_path / "official"), "/path/to/workdir": str(tmp_path / "home")}
    file.write_text(example("config.yaml", **changes))
    started: list[Settings] = []
    monkeypatch.setattr(serve, "start", lambda settings, *_, **__: started.append(settings))
    assert run_command(["serve", "--config", str(file)]) == 0
    (found,) = started
    assert (found.host, found.port, found.processes) == ("0.0.0.0", 8000, 4)
    assert (found.home, found.official_root) == (tmp_path / "home", tmp_path / "official")
    assert (found.device, found.workers) == ("0", 4)
    assert (found.task_epochs_s2, found.task_epochs_s1, found.task_batch_size) == (50, 15, 16)
    assert run_command(["serve", "--config", "nowhere.yaml"]) == 2
