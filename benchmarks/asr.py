"""How good the recognisers are: word error rate on natural speech, by speaker.

    python benchmarks/asr.py FOLDER_WITH_TRANSCRIPTS_TSV [--engine pocketsphinx] [--language en] [--per-speaker 6]
        [--size SIZE_OR_FOLDER] [--models FOLDER] [--device auto] [--precision float32]

``transcripts.tsv`` has the columns file, language, speaker, text. Words are compared in lower case without punctuation;
clips longer than 20 s and texts with digits are left out.
"""

from __future__ import annotations

import argparse
import csv
import re
import time
from collections import defaultdict
from pathlib import Path

import jiwer

from myna.audio.io import decode
from myna.engine.asr import ENGINES, Recogniser, Wish, recogniser

MAX_SECONDS = 20.0


def spoken(text: str) -> str:
    """``text`` as words to compare: lower case letters and apostrophes."""
    lower = text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return " ".join(word.strip("'") for word in re.sub(r"[^\w']+", " ", lower).split() if word.strip("'"))


def rows(folder: Path, language: str, per_speaker: int) -> dict[str, list[tuple[Path, str]]]:
    """Clips with their texts by folder; the first ``per_speaker`` of each."""
    found: dict[str, list[tuple[Path, str]]] = defaultdict(list)
    with (folder / "transcripts.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            is_wanted = row["language"] == language and row["text"] and not re.search(r"\d", row["text"])
            group = Path(row["file"]).parent.as_posix()
            if is_wanted and len(found[group]) < per_speaker and float(row.get("seconds") or 0) <= MAX_SECONDS:
                found[group].append((folder / row["file"], spoken(row["text"])))
    return {name: clips for name, clips in found.items() if clips}


def main() -> None:
    """Judge the recogniser that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--engine", choices=list(ENGINES), default="pocketsphinx")
    parser.add_argument("--language", default="en")
    parser.add_argument("--per-speaker", type=int, default=6)
    parser.add_argument("--size", default="", help="size of the engine's model, or the folder of one")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="")
    arguments = parser.parse_args()
    wish = Wish("", arguments.size, arguments.precision, arguments.device, arguments.models)
    with recogniser(arguments.engine, arguments.language, wish) as engine:
        judge(engine, rows(arguments.folder, arguments.language, arguments.per_speaker))


def judge(engine: Recogniser, found: dict[str, list[tuple[Path, str]]]) -> None:
    """Hear all clips in batches and print the table."""
    all_truth: list[str] = []
    all_heard: list[str] = []
    seconds, started = 0.0, time.perf_counter()

    print(f"{'clips of':<16} clips  words   WER  confidence")
    for name, clips in found.items():
        truth, heard, confidence = [], [], 0.0
        for start in range(0, len(clips), engine.at_once):
            batch = clips[start : start + engine.at_once]
            sounds = [decode(path) for path, _ in batch]
            said = engine.hear(sounds)
            truth += [text for _, text in batch]
            heard += [spoken(transcript.text) for transcript in said]
            confidence += sum(transcript.confidence or 0.0 for transcript in said) / len(clips)
            seconds += sum(sound.seconds for sound in sounds)
        num_words = sum(len(text.split()) for text in truth)
        print(f"{name:<16} {len(clips):5}  {num_words:5}  {jiwer.wer(truth, heard):.3f}  {confidence:.2f}", flush=True)
        all_truth += truth
        all_heard += heard
    num_words = sum(len(text.split()) for text in all_truth)
    print(f"{'all':<16} {len(all_truth):5}  {num_words:5}  {jiwer.wer(all_truth, all_heard):.3f}")
    print(f"time per second of sound: {(time.perf_counter() - started) / seconds:.2f} s")


if __name__ == "__main__":
    main()
