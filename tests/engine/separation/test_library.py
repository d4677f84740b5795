"""audio-separator's place is taken by a package of its name, in a real process of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from myna.core.errors import BadCheckpoint, MissingAsset
from myna.engine.separation.known import find_model, has_library
from myna.engine.separation.library import LibrarySeparator
from myna.engine.separation.table import Wish, stage

LIBRARY = '''
"""Does what audio-separator's class does, as far as it is used."""
from pathlib import Path
import soundfile

class Separator:
    def __init__(self, model_file_dir, output_dir, output_format, normalization_threshold, use_soundfile, log_level):
        assert (output_format, normalization_threshold, use_soundfile) == ("WAV", 1.0, True)
        self.folder, self.output_dir = model_file_dir, output_dir
        self.check_ffmpeg_installed()

    def check_ffmpeg_installed(self):
        raise RuntimeError("there is no ffmpeg here")

    def download_file_if_not_exists(self, url, output_path):
        raise RuntimeError("no network here")

    def load_model(self, name):
        print("loading", name)
        self.name, self.model_instance = name, self
        self.download_file_if_not_exists("https://example.org/checks.json", Path(self.folder, "checks.json"))
        if Path(self.folder, name).read_bytes() != b"weights":
            raise ValueError("these are no weights")

    def separate(self, path):
        sound, rate = soundfile.read(path, dtype="float32")
        names = []
        for stem, share in (("Instrumental", 0.25), ("Vocals", 0.75)):
            names.append(f"{Path(path).stem}_({stem})_{self.name.split('.')[0]}.wav")
            soundfile.write(Path(self.output_dir, names[-1]), share * sound, rate, subtype="FLOAT")
        return names
'''


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "library" / "audio_separator"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "separator.py").write_text(LIBRARY)
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    folder = tmp_path / "models" / "uvr5_weights"
    folder.mkdir(parents=True)
    (folder / "checks.json").write_text("{}")
    (folder / "Kim_Vocal_2.onnx").write_bytes(b"weights")
    return tmp_path / "models"


def test_any_model_that_the_library_knows_takes_sound_apart(models: Path) -> None:
    assert has_library()
    separator = stage("Kim_Vocal_2.onnx", Wish(models)).separator
    assert isinstance(separator, LibrarySeparator)
    assert separator.stems == ("Vocals", "Instrumental")
    mix = np.random.default_rng(0).uniform(-0.5, 0.5, (70_000, 2)).astype(np.float32)
    stems = np.concatenate(list(separator.separate(mix)), axis=1)
    assert np.abs(stems[0] - 0.75 * mix).max() < 1e-6
    assert np.abs(stems.sum(axis=0) - mix).max() < 1e-6


def test_nothing_is_taken_from_a_network(models: Path) -> None:
    (models / "uvr5_weights" / "checks.json").unlink()
    with pytest.raises(MissingAsset, match=r"checks.json .*example.org.*--download_model_only -m Kim_Vocal_2.onnx"):
        LibrarySeparator(find_model("Kim_Vocal_2", models))


def test_what_the_library_refuses_is_told_in_its_words(models: Path) -> None:
    (models / "uvr5_weights" / "Kim_Vocal_2.onnx").write_bytes(b"something else")
    with pytest.raises(BadCheckpoint, match=r"cannot use Kim_Vocal_2.onnx: ValueError: these are no weights"):
        LibrarySeparator(find_model("Kim_Vocal_2", models))


def test_the_process_ends_with_the_separator(models: Path) -> None:
    separator = LibrarySeparator(find_model("Kim_Vocal_2", models))
    process = separator._process
    assert process.poll() is None
    separator._end()
    assert process.poll() is not None
