"""Every vocoder on the same mels of held-out speakers: natural ones, and those that the flow decoder makes of tokens.

    python recipes/lite/judge_vocoder.py --speech SPEECH [--work WORK] [--utterances 20] [--sounds FOLDER]

The source filter is that of the state in WORK; without, the one that ships. Words are heard by PocketSphinx, voices by
the GE2E encoder among ten speakers, DNSMOS guesses how it sounds; the times are the vocoder's alone.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from itertools import chain, islice, zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from griffin_lim import GriffinLim
from stage import mean_of
from torch import Tensor
from vocoder import fresh_net

from myna.audio.io import write_wav
from myna.core.progress import silent
from myna.core.speech import Voice
from myna.core.versions import version
from myna.engine.bench import Judges, Tally
from myna.engine.bench_speech import Person, Utterance, read_people
from myna.engine.dsp import denormalise_mel, mel_filters
from myna.engine.features.content import DATASET_RATE_HZ
from myna.engine.synthesis.decoders import FlowDecoder
from myna.engine.synthesis.prompt import read_prompt
from myna.engine.synthesis.speaker import LocalSpeaker
from myna.engine.weights import load_vocoder

LITE = version("lite")
Vocoder = Callable[[Tensor, Tensor | None], Tensor]


def vocoders(work: Path | None) -> dict[str, Vocoder]:
    """By name, what makes sound of log-mels (1, bands, T), at a pitch (1, T) where one is known."""
    spec = LITE.mel
    plain = GriffinLim(spec, torch.from_numpy(mel_filters(spec.sample_rate, spec.n_fft, spec.bands)))
    found: dict[str, Vocoder] = {"griffin_lim": lambda mel, _: plain(mel)}
    if work is None:
        return found | {LITE.vocoder: load_vocoder(LITE, Path("models"))}
    net = fresh_net().eval()
    net.load_state_dict({name: value.float() for name, value in mean_of("vocoder", work).items()})
    return found | {"source_filter": net}


class Keeper:
    """Stands where a vocoder would, and keeps what it is given."""

    def __init__(self) -> None:
        self.mel, self.log_hz = torch.zeros(1, LITE.mel.bands, 0), torch.zeros(1, 0)

    def __call__(self, mel: Tensor, log_hz: Tensor) -> Tensor:
        """Silence as long as ``mel``."""
        self.mel, self.log_hz = mel, log_hz
        return torch.zeros(1, 1, mel.shape[-1] * LITE.mel.hop)


class Mels:
    """The mels of an utterance: of its own sound, and made of its tokens in its speaker's voice."""

    def __init__(self, people: list[Person], folder: Path) -> None:
        self.people, self.folder = people, folder
        self.speaker = LocalSpeaker(Path("models"), "cpu")

    @torch.inference_mode()
    def of(self, who: int, one: Utterance, number: int) -> dict[str, tuple[Tensor, Tensor | None]]:
        """Log-mels (1, bands, T) by kind, and the pitch (1, T) that the decoder tells the vocoder."""
        reference = self._voice(self.people[who].reference, f"reference{who}")
        library = self.speaker.library
        own = read_prompt(self._voice(one, f"own{number}"), LITE, library, any_length=True)
        decoder = FlowDecoder(reference, LITE, library, self.speaker.prompt(reference, LITE))
        decoder.vocoder = keeper = Keeper()
        decoder.speak(own.codes, own.phones, speed=1.0, steps=LITE.sampling_steps, seed=number)
        return {"natural mel": (denormalise_mel(own.mel), None), "flow's mel": (keeper.mel, keeper.log_hz)}

    def _voice(self, one: Utterance, name: str) -> Voice:
        path = self.folder / f"{name}.wav"
        if not path.is_file():
            write_wav(path, one.samples, DATASET_RATE_HZ)
        return Voice(version=LITE.name, reference=path, reference_text=one.text, reference_language="en")


def utterances(people: list[Person]) -> Iterator[tuple[int, int, Utterance]]:
    """(speaker, place, utterance), the speakers in turn."""
    lists = [[(who, at, one) for at, one in enumerate(person.others)] for who, person in enumerate(people)]
    return (item for item in chain.from_iterable(zip_longest(*lists)) if item is not None)


def report(tallies: dict[str, Tally], spent: dict[str, float], length_s: dict[str, float]) -> None:
    """Print the table."""
    print("| sound | words wrong | right of ten | likeness | DNSMOS | real-time factor |\n|---|---|---|---|---|---|")
    for name, tally in tallies.items():
        quality = f"{np.mean(tally.quality):.2f}" if tally.quality else "–"
        took = f"{spent[name] / length_s[name]:.3f}" if name in spent else "–"
        voice = f"{np.mean(tally.right):.2f} | {np.mean(tally.own):.3f}"
        print(f"| {name} | {tally.word_edits / max(tally.words, 1):.3f} | {voice} | {quality} | {took} |")


def main() -> None:
    """Judge them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--utterances", type=int, default=20)
    parser.add_argument("--sounds", type=Path, help="folder to write all that is heard into")
    options = parser.parse_args()
    people = read_people(options.speech, silent)
    judges, made = Judges(people, Path("models")), vocoders(options.work)
    tallies, spent, length_s = {"natural speech": Tally()}, dict[str, float](), dict[str, float]()
    with TemporaryDirectory() as folder:
        mels = Mels(people, Path(folder))
        for number, (who, place, one) in enumerate(islice(utterances(people), options.utterances)):
            judges.hear(tallies["natural speech"], one.samples, DATASET_RATE_HZ, one.text, who, place)
            for kind, (mel, log_hz) in mels.of(who, one, number).items():
                for vocoder, speak in made.items():
                    name, began = f"{kind}, {vocoder}", time.process_time()
                    with torch.inference_mode():
                        sound = speak(mel, log_hz)[0, 0].numpy().clip(-1, 1)
                    spent[name] = spent.get(name, 0.0) + time.process_time() - began
                    length_s[name] = length_s.get(name, 0.0) + len(sound) / LITE.output_rate_hz
                    judges.hear(tallies.setdefault(name, Tally()), sound, LITE.output_rate_hz, one.text, who, place)
                    if options.sounds:
                        options.sounds.mkdir(parents=True, exist_ok=True)
                        file = f"{number:02d}-{people[who].name}-{name}.wav".replace(" ", "_").replace("'", "")
                        write_wav(options.sounds / file, sound, LITE.output_rate_hz)
    report(tallies, spent, length_s)


if __name__ == "__main__":
    main()
