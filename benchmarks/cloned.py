"""What training on a voice gives: likeness and word error of a trained voice, beside the base with the same reference.

    python benchmarks/cloned.py demo [--voice demo] [--sentences 10] [--speech SPEECH --person LJ]

The folder is the one that `make demo` or `myna demo` wrote, or any workspace. With the folder of the held-out speakers
and the one of them who was trained on, also how often he is the nearest of the ten, and DNSMOS.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import jiwer
import numpy as np

from myna.audio.io import decode
from myna.core.card import read_card
from myna.core.errors import UnknownChoice
from myna.core.progress import silent
from myna.core.speech import SpeechRequest, Voice
from myna.core.workspace import DatasetFolder, Workspace
from myna.engine.asr import recogniser
from myna.engine.bench import Judges, Tally, sentences, spoken_form
from myna.engine.bench_speech import read_people
from myna.engine.synthesis.speaker import LocalSpeaker
from myna.engine.voiceprint import mean_voiceprint, similarity, voiceprint

MODELS = Path("models")
Sound = tuple[str, np.ndarray, int]
"""What is said, samples (T,), and how many there are in a second."""


def said(speaker: LocalSpeaker, voice: Voice, texts: list[str]) -> Iterator[Sound]:
    """Each of ``texts`` in ``voice``."""
    for seed, text in enumerate(texts):
        chunks = list(speaker.say(SpeechRequest(text=text, voice=voice, seed=seed)))
        yield text, np.concatenate([chunk.samples for chunk in chunks]), chunks[0].sample_rate


def against_clips(folder: Path, name: str, sounds: Iterator[Sound]) -> str:
    """Mean similarity to the clips that were trained on, and word error rate."""
    clips = sorted(DatasetFolder(folder / "experiments" / name).wav32k.glob("*.wav"))
    decoded = [decode(clip) for clip in clips]
    like = mean_voiceprint([voiceprint(sound.samples, sound.sample_rate) for sound in decoded])
    ear, alike, wanted, heard = recogniser("pocketsphinx", "en"), [], [], []
    for text, samples, rate in sounds:
        alike.append(similarity(voiceprint(samples, rate), like))
        wanted.append(spoken_form(text))
        heard.append(spoken_form(ear.transcribe(samples, rate).text or "nothing"))
    return f"similarity {np.mean(alike):.3f}, word error {jiwer.wer(wanted, heard):.3f}"


def against_strangers(judges: Judges, who: int, sounds: Iterator[Sound]) -> str:
    """Similarity to the speaker's own utterances, how often he is the nearest of ten, word error, DNSMOS."""
    tally = Tally()
    for text, samples, rate in sounds:
        judges.hear(tally, samples, rate, text, who)
    quality = f", DNSMOS {np.mean(tally.quality):.2f}" if tally.quality else ""
    found = f"similarity {np.mean(tally.own):.3f}, right of ten {np.mean(tally.right):.2f}"
    return f"{found}, word error {tally.word_edits / tally.words:.3f}{quality}"


def main() -> None:
    """Print a line per voice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--voice", default="demo")
    parser.add_argument("--sentences", type=int, default=10)
    parser.add_argument("--speech", type=Path, help="folder of the held-out speakers")
    parser.add_argument("--person", default="LJ", help="with --speech: whose voice it is")
    options = parser.parse_args()
    folder = Workspace(options.workspace).voice(options.voice)
    voice = read_card(folder)
    speaker, texts = LocalSpeaker(MODELS, "cpu"), sentences()[: options.sentences]
    judges, who = None, 0
    if options.speech:
        people = read_people(options.speech, silent)
        names = [person.name for person in people]
        if options.person not in names:
            raise UnknownChoice("person", options.person, names)
        judges, who = Judges(people, MODELS), names.index(options.person)
    base = voice.model_copy(update={"gpt": None, "sovits": None})
    for name, one in (("base", base), ("trained", voice)):
        sounds = said(speaker, one, texts)
        found = against_strangers(judges, who, sounds) if judges else against_clips(folder.path, options.voice, sounds)
        print(f"{name}: {found}, {len(texts)} sentences", flush=True)


if __name__ == "__main__":
    main()
