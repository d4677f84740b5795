"""The two sides of the recognition rows of `workshop.py`: in batches as our step hears, and clip by clip.

python benchmarks/hearing_sides.py prepare PLACE
python benchmarks/hearing_sides.py together|one_by_one PLACE pocketsphinx|faster-whisper

Whisper has the size of the published "tiny", and weights that always say the same sentence of 18 tokens. Clip by clip
is for it what the official `fasterwhisper_asr.py` does, with the library's own loop.
"""

from __future__ import annotations

import sys
from pathlib import Path

from faster_whisper import WhisperModel

from myna.audio.io import decode, write_wav
from myna.core.assets import bundled
from myna.core.workspace import make_folder
from myna.engine.asr import Wish, recogniser

CLIPS = 24
WIDTH, LAYERS, HEADS = 384, (4, 4), 6
SENTENCE = [" the", " river", " runs", " by", " our", " old", " house", ","] * 2 + [
    " and",
    " we",
    " see",
    " it",
    ".",
] * 2


def prepare(place: Path) -> None:
    """Clips of 3 to 9 s of the demo recording, and the model; prints how many clips, and their seconds."""
    clips, seconds = make_folder(place / "spoken"), 0.0
    speech = decode(bundled("demo/recording.flac"))
    for number in range(CLIPS):
        length_s, begin_s = 3.0 + number * 7 % 13 / 2, number * 11 % 50
        sound = speech.samples[round(begin_s * speech.sample_rate) : round((begin_s + length_s) * speech.sample_rate)]
        write_wav(clips / f"{number:02}.wav", sound, speech.sample_rate)
        seconds += len(sound) / speech.sample_rate
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.engine.asr import whisper_folder

    whisper_folder.WIDTH = WIDTH
    whisper_folder.whisper(place / "whisper", SENTENCE, layers=LAYERS, heads=HEADS)
    print(CLIPS, seconds)


def together(place: Path, engine: str) -> None:
    """In batches, in as many processes or threads as there are cores."""
    files = sorted((place / "spoken").iterdir())
    with recogniser(engine, "en", _wish(place, engine)) as ear:
        for start in range(0, len(files), ear.at_once):
            ear.hear([decode(file) for file in files[start : start + ear.at_once]])


def one_by_one(place: Path, engine: str) -> None:
    """One clip at a time."""
    files = sorted((place / "spoken").iterdir())
    if engine == "faster-whisper":
        model = WhisperModel(str(place / "whisper"), device="cpu", compute_type="float32", local_files_only=True)
        for file in files:
            segments, _ = model.transcribe(
                str(file),
                beam_size=5,
                vad_filter=True,
                vad_parameters={"min_silence_duration_ms": 700},
                language="en",
            )
            list(segments)
        return
    with recogniser(engine, "en", _wish(place, engine)) as ear:
        for file in files:
            ear.hear([decode(file)])


def _wish(place: Path, engine: str) -> Wish:
    return Wish(size=str(place / "whisper") if engine == "faster-whisper" else "", device="cpu")


if __name__ == "__main__":
    how, where, *engine_name = sys.argv[1:]
    {"prepare": prepare, "together": together, "one_by_one": one_by_one}[how](Path(where), *engine_name)
