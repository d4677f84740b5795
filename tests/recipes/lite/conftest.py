"""The recipe's programs are no package: they import each other by name, as they do when they are run."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from myna.audio.io import write_wav
from tests.engine.voices import RATE, buzz

RECIPE = Path(__file__).resolve().parents[3] / "recipes" / "lite"
if str(RECIPE) not in sys.path:
    sys.path.append(str(RECIPE))

SPEAKERS = ("ann", "bob")


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two speakers and eight learners of English, one speaker of Chinese, and one whom nobody may train on."""
    folder = tmp_path_factory.mktemp("speech")
    head = "\tspeaker\tlanguage\ttext\tseconds\tkind"
    trained, tested = ["path" + head], ["file" + head]
    (folder / "train").mkdir()
    (folder / "test").mkdir()
    rows = [("train", name, "en", 4, "The cat sat.") for name in SPEAKERS]
    rows += [("train", f"so762_{number}", "en", 2 if number else 1, "A dog.") for number in range(8)]
    rows += [("train", "li", "zh", 1, "你好"), ("test", "LJ", "en", 2, "A bird."), ("test", "ann", "en", 1, "Seen.")]
    for at, (split, name, language, count, text) in enumerate(rows):
        for part in range(count):
            file = f"{name}{part}.wav"
            write_wav(folder / split / file, buzz(1.2 + 0.2 * part, 90 + 12 * at, seed=part), RATE)
            line = f"{file}\t{name}\t{language}\t{text}\t{1.2 + 0.2 * part:.2f}\tutt"
            (trained if split == "train" else tested).append(line)
    (folder / "train" / "manifest.tsv").write_text("\n".join(trained) + "\n", encoding="utf-8")
    (folder / "test" / "transcripts.tsv").write_text("\n".join(tested) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def work(tmp_path: Path, speech: Path) -> Path:
    """A work folder with the English clips listed."""
    from listing import listed, write_listing

    folder = tmp_path / "work"
    folder.mkdir()
    write_listing(folder, listed(speech, ["en"]))
    return folder


@pytest.fixture
def tokens(work: Path) -> Path:
    """A work folder with tokens and frames drawn at random, as long as the clips."""
    from corpus import BINS, SPANS, Corpus, save_tokens

    rng, clips = np.random.default_rng(0), Corpus(work).clips
    rates = {"front": 100, "moved": 100, "mel": 50, "spec": 50}
    spans: dict[str, dict[int, tuple[int, int]]] = {}
    for kind, bins in BINS.items():
        lengths = [int(clip.seconds * rates[kind]) for clip in clips]
        starts = np.cumsum([0, *lengths])
        spans[kind] = {n: (int(starts[n]), length) for n, length in enumerate(lengths)}
        rng.normal(size=(int(starts[-1]), bins)).astype(np.float16).tofile(work / f"{kind}.f16")
    (work / SPANS).write_text(json.dumps(spans))
    rows = {}
    for clip in clips:
        count = int(clip.seconds * 25)
        places = np.sort(rng.integers(len(clip.ids), size=count))
        rows[clip.number] = rng.integers(512, size=count), places, clip.ids
    save_tokens(work, rows)
    return work
