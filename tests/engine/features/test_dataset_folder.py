"""The dataset folder: official names and forms, resumed where it stopped, useless clips named and left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from myna.audio.io import write_wav
from myna.audio.labels import Label, read_labels, write_labels
from myna.checkpoints.tensor_file import read_tensor, write_tensor
from myna.core.errors import BadAudio, BadCheckpoint, BadInput, NotFound
from myna.core.progress import silent
from myna.core.versions import version
from myna.core.workspace import DatasetFolder
from myna.engine.features.content import extract_content
from myna.engine.features.left_out import left_out
from myna.engine.features.phones import extract_phones
from myna.engine.features.semantic import extract_semantic
from myna.engine.features.voiceprint import extract_voiceprints, voiceprint_similarity
from myna.text.frontend import phonemize
from tests.engine.voices import LITE, RATE, TEXTS, Recordings, buzz, extract, record


def test_the_folder_has_the_official_form(recordings: Recordings) -> None:
    dataset = recordings.dataset
    names = ["clip0.wav", "clip1.wav", "clip2.wav"]
    lines = dataset.text_file.read_text().splitlines()
    first = phonemize(TEXTS[0], "en")
    assert lines[0] == f"clip0.wav\t{' '.join(first.phones)}\tNone\t{first.norm_text}"
    assert [line.split("\t")[0] for line in lines] == names
    content = read_tensor(dataset.content / "clip1.wav.pt")
    assert content.shape == (1, 16, 250)
    assert content.dtype == np.float16
    semantic = dataset.semantic_file.read_text().splitlines()
    assert semantic[0] == "item_name\tsemantic_audio"
    assert [line.split("\t")[0] for line in semantic[1:]] == names
    codes = [int(code) for code in semantic[2].split("\t")[1].split(" ")]
    assert len(codes) == 125
    assert 0 <= min(codes) <= max(codes) < 512
    printed = read_tensor(dataset.speaker / "clip2.wav.pt")
    assert printed.shape == (1, 256)
    assert np.linalg.norm(printed) == pytest.approx(1.0, abs=1e-5)
    assert not dataset.bert.exists()


def test_clips_are_stored_at_the_official_level(recordings: Recordings) -> None:
    given, _ = soundfile.read(recordings.clips / "clip0.wav", dtype="float32")
    stored, rate = soundfile.read(recordings.dataset.wav32k / "clip0.wav", dtype="int16")
    assert rate == 32000
    mixed = given / np.abs(given).max() * np.float32(0.95 * 0.5) + np.float32(0.5) * given
    np.testing.assert_allclose(stored, np.trunc(mixed * 32768), atol=1)


def test_what_is_done_stays_and_what_is_missing_is_made(tmp_path: Path, models: Path) -> None:
    recordings = record(tmp_path)
    dataset = extract(recordings, models)
    kept, lost = dataset.content / "clip0.wav.pt", dataset.content / "clip1.wav.pt"
    marked = read_tensor(kept) * 0
    write_tensor(kept, marked)
    before = read_tensor(lost)
    lost.unlink()
    (dataset.speaker / "clip2.wav.pt").unlink()
    extract(recordings, models)
    np.testing.assert_array_equal(read_tensor(kept), marked)
    np.testing.assert_array_equal(read_tensor(lost), before)
    assert (dataset.speaker / "clip2.wav.pt").is_file()


GONE = ["gone.wav", "clip9.wav"]


def test_useless_clips_are_left_out_and_named(tmp_path: Path, models: Path) -> None:
    recordings = record(tmp_path)
    write_wav(recordings.clips / "silent.wav", np.zeros(RATE, np.float32), RATE)
    soundfile.write(recordings.clips / "loud.wav", buzz(1.0) * 20, RATE, subtype="FLOAT")
    labels = read_labels(recordings.labels)
    more = [Label(recordings.clips / f"{name}.wav", "buzz", "en", "Some words.") for name in ("silent", "loud", "gone")]
    more.append(Label(recordings.clips / "clip9.wav", "buzz", "en", "?!"))
    write_labels(recordings.labels, labels + more)
    told: list[str] = []

    def progress(fraction: float, note: str) -> None:
        told.append(note)

    given: dict[str, Any] = {"version": LITE, "models": models, "device": "cpu", "progress": progress}
    assert extract_phones(recordings.labels, recordings.dataset, **given) == 6
    assert extract_content(recordings.labels, recordings.clips, recordings.dataset, **given) == 3
    assert extract_voiceprints(recordings.labels, recordings.clips, recordings.dataset, **given) == 4
    notes = [note for note in told if note.startswith("left out")]
    for name in ("clip9.wav", "silent.wav: it is silent", "loud.wav: it is louder", "gone.wav: there is no such clip"):
        assert any(name in note for note in notes), name
    dataset = recordings.dataset
    assert [failure.file for failure in left_out(dataset, "extract_text_features")] == ["clip9.wav"]
    silent_one, loud, *missing = left_out(dataset, "extract_audio_features")
    assert (str(silent_one), loud.file) == ("silent.wav: it is silent", "loud.wav")
    assert {str(failure) for failure in missing} == {f"{name}: there is no such clip" for name in GONE}
    assert [failure.file for failure in left_out(dataset, "extract_speaker_vectors")] == ["silent.wav", *GONE]


def test_lines_that_are_no_labels_are_left_out_and_named(tmp_path: Path, models: Path) -> None:
    recordings = record(tmp_path)
    with recordings.labels.open("a", encoding="utf-8") as file:
        file.write("\nnonsense\nclip1.wav|buzz|FR|Bonjour.")
    given: dict[str, Any] = {"version": LITE, "models": models, "device": "cpu", "progress": silent}
    assert extract_phones(recordings.labels, recordings.dataset, **given) == 3
    failures = left_out(recordings.dataset, "extract_text_features")
    assert [failure.file for failure in failures] == ["clips.list line 4", "clips.list line 5"]
    assert "unknown language 'FR'" in failures[1].reason


def test_content_that_cannot_be_used_is_left_out(tmp_path: Path, models: Path) -> None:
    recordings = record(tmp_path)
    dataset, given = recordings.dataset, {"version": LITE, "models": models, "device": "cpu", "progress": silent}
    extract_content(recordings.labels, recordings.clips, dataset, **given)
    (dataset.content / "clip1.wav.pt").write_bytes(b"nonsense")
    write_tensor(dataset.content / "clip2.wav.pt", np.zeros((1, 128, 1), np.float16))
    assert extract_semantic(dataset, sovits=None, **given) == 1
    assert {failure.file for failure in left_out(dataset, "extract_semantic_features")} == {"clip1.wav", "clip2.wav"}


def test_nothing_usable_is_an_error(tmp_path: Path, models: Path) -> None:
    labels, dataset = tmp_path / "x.list", DatasetFolder(tmp_path / "x")
    write_labels(labels, [Label(tmp_path / "gone.wav", "x", "en", "...")])
    given: dict[str, Any] = {"version": LITE, "models": models, "device": "cpu", "progress": silent}
    with pytest.raises(BadInput, match="no clip has words"):
        extract_phones(labels, dataset, **given)
    with pytest.raises(BadAudio, match="no such clip"):
        extract_content(labels, tmp_path, dataset, **given)
    with pytest.raises(BadAudio, match="no such clip"):
        extract_voiceprints(labels, tmp_path, dataset, **given)
    with pytest.raises(NotFound, match="run extract_audio_features first"):
        extract_semantic(dataset, sovits=None, **given)
    assert not dataset.path.exists()


def test_content_of_another_encoder_is_refused(tmp_path: Path, models: Path) -> None:
    dataset = DatasetFolder(tmp_path / "x")
    write_tensor(dataset.content / "a.wav.pt", np.zeros((1, 768, 50), np.float16))
    with pytest.raises(BadCheckpoint, match=r"\(1, 768, 50\)"):
        extract_semantic(dataset, version=LITE, models=models, sovits=None, device="cpu", progress=silent)


def test_official_content_gets_the_official_gain() -> None:
    assert version("v4").content_gain == 1145.14
    assert LITE.content_gain == 1.0


def test_similarity_of_recordings(recordings: Recordings, models: Path) -> None:
    first, second = recordings.clips / "clip0.wav", recordings.clips / "clip1.wav"
    assert voiceprint_similarity(first, first, models=models, device="cpu") == pytest.approx(1.0, abs=1e-5)
    assert voiceprint_similarity(first, second, models=models, device="cpu") > 0.8
