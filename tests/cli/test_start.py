"""What a start imports, counted and not timed: each library costs some tenth of a second before anything happens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from myna.cli.commands import COMMANDS, LENIENT
from tests.audio.test_plain_mp3 import mp3

SOURCE = Path(__file__).parents[2] / "src"
RUN = (
    "import sys; from myna.cli import run_command; code = run_command(sys.argv[1:]); "
    "print('modules', *sys.modules); sys.exit(code)"
)
HEAVY = {
    "alembic", "asyncio", "fastapi", "http.client", "huggingface_hub", "myna.text", "myna.core.assets", "myna.jobs",
    "myna.models", "onnxruntime", "pydantic_settings", "scipy", "sqlalchemy", "ssl", "torch", "transformers", "yaml",
}  # fmt: skip
OTHER_COMMANDS = {place.partition(":")[0] for place in COMMANDS.places.values()} - {"myna.cli.audio_slicer"}
OTHER_STEPS = {"myna.steps.versioned", "myna.steps.check", "myna.steps.extract", "myna.steps.train"}


def imported(*arguments: object, code: str = RUN) -> set[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(SOURCE)})
    return set(done.stdout.rpartition("modules ")[2].split())


def test_slicing_imports_what_slicing_needs(tone: Path, tmp_path: Path) -> None:
    modules = imported("audio_slicer", tone, tmp_path / "clips")
    assert list((tmp_path / "clips").glob("*.wav"))
    assert "myna.audio.slicer" in modules
    assert modules & (HEAVY | OTHER_COMMANDS | OTHER_STEPS) == set()


def test_plain_mp3_needs_no_libav(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(mp3(44100, 128000, 2, ()))
    modules = imported("run", "slice_audio", "--voice-folder", tmp_path, "--source", tmp_path / "a.mp3")
    assert {"soundfile", "soxr"} <= modules
    assert "av" not in modules


def test_a_process_that_a_command_starts_imports_hardly_anything_of_the_command_line() -> None:
    modules = imported(code="import sys, myna.cli.__main__; print('modules', *sys.modules)")
    assert {name for name in modules if name.startswith("myna")} == {"myna", "myna.cli", "myna.cli.__main__"}
    assert modules & {"typer", "rich", "pydantic", "numpy"} == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there(name: str) -> None:
    assert callable(COMMANDS[name])


def test_who_is_lenient_is_a_command() -> None:
    assert set(COMMANDS) >= LENIENT
