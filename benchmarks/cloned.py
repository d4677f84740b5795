"""What training on a voice gives: likeness and word error of a trained voice, beside the base with the same reference.

    python benchmarks/cloned.py demo [--voice demo] [--sentences 10]

The folder is the one that `make demo` or `myna demo` wrote, or any workspace.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import jiwer
import numpy as np

from myna.audio.io import decode
from myna.core.card import read_card
from myna.core.speech import SpeechRequest, Voice
from myna.core.workspace import DatasetFolder, Workspace
from myna.engine.asr import recogniser
from myna.engine.bench import sentences, spoken_form
from myna.engine.synthesis.speaker import LocalSpeaker
from myna.engine.voiceprint import mean_voiceprint, similarity, voiceprint


def measured(speaker: LocalSpeaker, voice: Voice, texts: list[str], like: np.ndarray) -> tuple[float, float]:
    """Mean similarity to the voiceprint ``like`` and word error rate of ``texts`` said in ``voice``."""
    ear, alike, heard = recogniser("pocketsphinx", "en"), [], []
    for seed, text in enumerate(texts):
        chunks = list(speaker.say(SpeechRequest(text=text, voice=voice, seed=seed)))
        samples, rate = np.concatenate([chunk.samples for chunk in chunks]), chunks[0].sample_rate
        alike.append(similarity(voiceprint(samples, rate), like))
        heard.append(spoken_form(ear.transcribe(samples, rate).text or "nothing"))
    return float(np.mean(alike)), jiwer.wer([spoken_form(text) for text in texts], heard)


def main() -> None:
    """Print a line per voice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--voice", default="demo")
    parser.add_argument("--sentences", type=int, default=10)
    options = parser.parse_args()
    folder = Workspace(options.workspace).voice(options.voice)
    voice = read_card(folder)
    clips = sorted(DatasetFolder(folder.path / "experiments" / options.voice).wav32k.glob("*.wav"))
    sounds = [decode(clip) for clip in clips]
    like = mean_voiceprint([voiceprint(sound.samples, sound.sample_rate) for sound in sounds])
    speaker, texts = LocalSpeaker(Path("models"), "cpu"), sentences()[: options.sentences]
    base = voice.model_copy(update={"gpt": None, "sovits": None})
    for name, one in (("base", base), ("trained", voice)):
        alike, wrong = measured(speaker, one, texts, like)
        print(f"{name}: similarity {alike:.3f}, word error {wrong:.3f}, {len(texts)} sentences", flush=True)


if __name__ == "__main__":
    main()
