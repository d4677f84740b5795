"""The folder that travels, and what comes back; and the one command, which does what is next."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import torch
import train
import travel
from state import has_state, read_state, write_state

from myna.core.errors import BadCheckpoint, BadInput


def put_state(folder: Path, step: int) -> None:
    tensors = {"mean.a": torch.ones(4), "away.a": torch.ones(4, dtype=torch.int8), "scale.a": torch.ones(1)}
    write_state(folder, tensors, {"step": step, "spent": 60.0})


def told(**options: object) -> argparse.Namespace:
    return argparse.Namespace(**{"limit_mb": 18.0, "turn": 0, "light": False} | options)


def test_the_box_suffices_and_keeps_to_its_limit(tokens: Path, speech: Path, tmp_path: Path) -> None:
    put_state(tokens / "state" / "flow", 40)
    box = tmp_path / "box"
    travel.send(told(speech=speech, work=tokens, stage="flow", to=box, light=True))
    assert travel.size_mb(box) < 18.0
    for file in (
        "run.sh",
        "src/myna/core/versions.py",
        "recipes/lite/flow.py",
        "work/tokens.npz",
        "work/pack/pack.json",
    ):
        assert (box / file).is_file(), file
    assert not list(box.rglob("sovits.safetensors"))
    assert not (box / "work" / "mel.f16").exists()
    tensors, about = read_state(box / "work" / "state" / "flow")
    assert set(tensors) == {"mean.a"}
    assert about["step"] == 40
    with pytest.raises(BadInput, match="there already"):
        travel.send(told(speech=speech, work=tokens, stage="flow", to=box))
    with pytest.raises(BadInput, match="allow more"):
        travel.send(told(speech=speech, work=tokens, stage="flow", to=tmp_path / "small", limit_mb=1.0))


def test_the_programs_in_a_box_need_little(tokens: Path, speech: Path, tmp_path: Path) -> None:
    put_state(tokens / "state" / "flow", 40)
    box = tmp_path / "box"
    travel.send(told(speech=speech, work=tokens, stage="flow", to=box))
    missing = "av pydantic pydantic_settings typer rich onnxruntime pocketsphinx sqlalchemy fastapi".split()
    blocked = f"import sys; sys.modules.update(dict.fromkeys({missing!r})); sys.path[:0] = ['src', 'recipes/lite']"
    programs = "import travel, features, content, gpt, flow, vocoder, vocoder_data"
    # The flow reads the pitch, and its samples become sound, by a vocoder that has come along.
    uses = "flow.pitch_reader(flow.Path('work')); import samples; samples.load_vocoder(flow.LITE, flow.Path('models'))"
    subprocess.run([sys.executable, "-c", f"{blocked}; {programs}; {uses}"], cwd=box, check=True)


def test_a_run_lays_out_few_small_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []
    work, out = tmp_path / "work", tmp_path / "out"
    out.mkdir()

    def trained(command: list[str], check: bool) -> None:
        assert check
        calls.append(command)
        if command[1].endswith("flow.py"):
            put_state(work / "state" / "flow", 80)
            (work / "state" / "flow" / "metrics.jsonl").write_text("{}\n")
            (work / "samples" / "flow" / "0000080").mkdir(parents=True)
            (work / "samples" / "flow" / "0000080" / "ann.ogg").write_bytes(b"sound")

    monkeypatch.setattr(subprocess, "run", trained)
    travel.run(told(work=work, stage="flow", device="cuda", minutes=9.0, to=out, rest=["--grain", "20"]))
    assert [Path(call[1]).name for call in calls] == ["features.py", "flow.py"]
    assert calls[1][-2:] == ["--grain", "20"]
    assert 8.9 < float(calls[1][calls[1].index("--budget-minutes") + 1]) <= 9.0
    assert len(list(out.iterdir())) <= travel.MOST_FILES
    home = tmp_path / "home"
    put_state(home / "state" / "flow", 40)
    travel.take_back(told(come=out, work=home, stage="flow"))
    assert read_state(home / "state" / "flow")[1]["step"] == 80
    assert (home / "state" / "flow" / "metrics.jsonl").is_file()
    assert (home / "samples" / "flow" / "0000080" / "ann.ogg").read_bytes() == b"sound"
    assert len(list((home / "state" / "flow").glob("part-*"))) == 1


def test_half_of_what_went_out_does_not_come_back(tmp_path: Path) -> None:
    come, home = tmp_path / "come", tmp_path / "home"
    put_state(come, 80)
    next(come.glob("part-*")).unlink()
    put_state(home / "state" / "flow", 40)
    with pytest.raises(BadCheckpoint, match="no whole training state"):
        travel.take_back(told(come=come, work=home, stage="flow"))
    assert read_state(home / "state" / "flow")[1]["step"] == 40
    with pytest.raises(BadInput, match="no state"):
        travel.take_back(told(come=tmp_path / "nowhere", work=home, stage="flow"))


def test_samples_cannot_leave_their_folder(tmp_path: Path) -> None:
    come = tmp_path / "come"
    put_state(come, 80)
    (tmp_path / "evil").write_text("x")
    with tarfile.open(come / travel.SAMPLES, "w") as tar:
        tar.add(tmp_path / "evil", arcname="../../../evil")
    with pytest.raises(tarfile.OutsideDestinationError):
        travel.take_back(told(come=come, work=tmp_path / "home", stage="flow"))


def recipe_options(work: Path, **changed: object) -> argparse.Namespace:
    options = {"speech": Path("speech"), "work": work, "to": work / "to", "device": "cpu", "steps": ["flow=50"]}
    return argparse.Namespace(**options | {"only": [], "languages": [], "from_shipped": False} | changed)


def names(work: Path, **changed: object) -> list[str]:
    return [part.name for part in train.Recipe(recipe_options(work, **changed)).parts()]


def test_the_one_command_knows_every_stage(tmp_path: Path) -> None:
    assert names(tmp_path) == [
        *("prepare", "content", "bench content", "tokens", "bench tokens", "gpt", "bench gpt", "flow", "bench flow"),
        *("vocoder_data", "vocoder_mels", "vocoder", "bench vocoder", "export", "bench"),
    ]
    assert names(tmp_path, from_shipped=True)[:3] == ["prepare", "tokens", "bench tokens"]
    only = names(tmp_path, only=["flow"])
    assert "flow" in only
    assert not {"content", "gpt", "vocoder", "vocoder_data", "vocoder_mels"} & set(only)


def test_a_stage_is_over_when_it_has_its_steps(tmp_path: Path) -> None:
    part = next(part for part in train.Recipe(recipe_options(tmp_path)).parts() if part.name == "flow")
    assert not part.is_done()
    put_state(tmp_path / "state" / "flow", 40)
    assert not part.is_done()
    put_state(tmp_path / "state" / "flow", 50)
    assert has_state(tmp_path / "state" / "flow")
    assert part.is_done()


def test_the_one_command_does_what_is_next_and_ends_in_time() -> None:
    done: list[str] = []

    def part(name: str, *, least: float = 1.0, finishes: bool = True) -> train.Part:
        return train.Part(
            name, lambda: name in done, lambda minutes: done.append(name if finishes else f"half {name}"), least
        )

    first, second, third = part("first"), part("second", finishes=False), part("third", least=20.0)
    assert train.go_on([first, second, third], 9.0) == "second is not over; the same command goes on"
    assert done == ["first", "half second"]
    done.append("second")
    assert train.go_on([first, second, third], 9.0) == "next: third; the same command goes on"
    assert train.go_on([first, second, third], 30.0) == "all is done"
    assert done[-1] == "third"
