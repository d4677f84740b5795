"""How well the base is understood and how well it keeps a voice: ten strangers, cloned from one short clip each.

Every measure is also taken of the strangers' own speech and of it sent through a part of the way, so that one can see
where something is lost: through the vocoder alone, and through tokens and back without the GPT. The judges took no part
in training: PocketSphinx for the words, the GE2E speaker encoder for the voice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from itertools import chain, zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from myna.audio.io import write_wav
from myna.core.errors import BadInput
from myna.core.progress import Progress, part
from myna.core.speech import SpeechRequest, Voice
from myna.core.versions import VERSIONS, ModelVersion
from myna.engine.asr import Recogniser, recogniser
from myna.engine.bench_speech import Person, Utterance, read_people
from myna.engine.device import synchronise
from myna.engine.dsp import denormalise_mel
from myna.engine.edit_distance import edits
from myna.engine.features.content import DATASET_RATE_HZ
from myna.engine.synthesis.decoders import FlowDecoder
from myna.engine.synthesis.prompt import Prompt, read_prompt
from myna.engine.synthesis.speaker import LocalSpeaker
from myna.engine.voiceprint import mean_voiceprint, similarity, voiceprint
from myna.text.frontend import phonemize

SENTENCES = "bench_sentences.txt"

_LANGUAGE = "en"
_JUDGE = "pocketsphinx"


@dataclass(frozen=True)
class BenchRow:
    """One measure: its value, its unit ("" for a share or a similarity), and how it was taken."""

    name: str
    value: float
    unit: str
    note: str


@dataclass(frozen=True)
class BenchResult:
    """The whole table."""

    rows: list[BenchRow]


@dataclass
class Tally:
    """What the judges said about the utterances of one kind of speech."""

    word_edits: int = 0
    words: int = 0
    letter_edits: int = 0
    letters: int = 0
    phone_edits: int = 0
    phones: int = 0
    own: list[float] = field(default_factory=list)
    """Similarity to the speaker that is meant, per utterance."""
    others: list[float] = field(default_factory=list)
    """Mean similarity to the other speakers."""
    right: list[bool] = field(default_factory=list)
    """Whether the nearest speaker is the one that is meant."""

    def rows(self, kind: str, note: str) -> list[BenchRow]:
        """The measures, named after the kind of speech."""
        count = f"{len(self.own)} utterances; {note}"
        return [
            BenchRow(f"{kind}: word error rate", self.word_edits / max(self.words, 1), "", count),
            BenchRow(f"{kind}: letter error rate", self.letter_edits / max(self.letters, 1), "", count),
            BenchRow(f"{kind}: phone error rate", self.phone_edits / max(self.phones, 1), "", count),
            BenchRow(f"{kind}: right speaker of ten", float(np.mean(self.right)), "", count),
            BenchRow(f"{kind}: similarity to the speaker", float(np.mean(self.own)), "", count),
            BenchRow(f"{kind}: similarity to the others", float(np.mean(self.others)), "", count),
        ]


class Judges:
    """Hears words and voices; knows the ten speakers."""

    def __init__(self, people: Sequence[Person]) -> None:
        self.ear: Recogniser = recogniser(_JUDGE, _LANGUAGE)
        self.prints = [[_print(one.samples, DATASET_RATE_HZ) for one in person.others] for person in people]

    def hear(self, tally: Tally, samples: np.ndarray, rate: int, text: str, who: int, known: int | None = None) -> None:
        """Judge one utterance of ``text`` (empty: unknown words) that should sound like speaker ``who``.

        ``known`` is its place among the speaker's own utterances, where it is one: it is not compared with itself.
        """
        if text:
            self._hear_words(tally, samples, rate, text)
        own = _print(samples, rate)
        alike = [
            similarity(own, self._speaker(index, known if index == who else None)) for index in range(len(self.prints))
        ]
        tally.own.append(alike[who])
        tally.others.append(float(np.mean([value for index, value in enumerate(alike) if index != who])))
        tally.right.append(int(np.argmax(alike)) == who)

    def _hear_words(self, tally: Tally, samples: np.ndarray, rate: int, text: str) -> None:
        heard, wanted = self.ear.transcribe(samples, rate).text, spoken_form(text)
        tally.word_edits += edits(wanted.split(), heard.split())
        tally.words += len(wanted.split())
        tally.letter_edits += edits(wanted.replace(" ", ""), heard.replace(" ", ""))
        tally.letters += len(wanted.replace(" ", ""))
        tally.phone_edits += edits(plain_phones(wanted), plain_phones(heard))
        tally.phones += len(plain_phones(wanted))

    def _speaker(self, index: int, without: int | None) -> np.ndarray:
        """The speaker's mean voiceprint, one of the utterances left out unless it is the only one."""
        prints = [one for at, one in enumerate(self.prints[index]) if at != without]
        return mean_voiceprint(prints or self.prints[index])


def bench_voice(*, models: Path, device: str, speech: Path | None, utterances: int, progress: Progress) -> BenchResult:
    """Measure the bundled base on ``utterances`` utterances of each kind of speech.

    ``speech`` is the folder of held-out speakers. Raises `BadInput` that says what it must hold, and `MissingAsset`.
    """
    if utterances < 1:
        raise BadInput("at least one utterance must be spoken")
    version = next(version for version in VERSIONS.values() if version.is_bundled)
    people = read_people(speech, part(progress, 0.0, 0.1))
    judges, speaker = Judges(people), LocalSpeaker(models, device)
    with TemporaryDirectory() as folder:
        bench = _Bench(version, people, judges, speaker, Path(folder), utterances)
        stages: list[Callable[[Progress], list[BenchRow]]] = [bench.natural, bench.parts, bench.speech]
        rows = [
            row
            for index, stage in enumerate(stages)
            for row in stage(part(progress, 0.1 + 0.3 * index, 0.4 + 0.3 * index))
        ]
    return BenchResult(rows)


class _Bench:
    """The measurements over one set of speakers."""

    def __init__(
        self,
        version: ModelVersion,
        people: Sequence[Person],
        judges: Judges,
        speaker: LocalSpeaker,
        folder: Path,
        utterances: int,
    ) -> None:
        self.version, self.people, self.judges, self.speaker = version, people, judges, speaker
        self.folder, self.utterances = folder, utterances

    def natural(self, progress: Progress) -> list[BenchRow]:
        """The speakers' own speech."""
        tally = Tally()
        for number, (who, place, one) in enumerate(self._own()):
            progress(number / self.utterances, f"natural speech, {self.people[who].name}")
            self.judges.hear(tally, one.samples, DATASET_RATE_HZ, one.text, who, place)
        return tally.rows("natural", "the speakers' own speech")

    def parts(self, progress: Progress) -> list[BenchRow]:
        """The same speech through the vocoder alone, and through tokens and decoder with the reference's voice."""
        copied, decoded, rate = Tally(), Tally(), self.version.output_rate_hz
        for number, (who, place, one) in enumerate(self._own()):
            progress(number / self.utterances, f"copies, {self.people[who].name}")
            decoder, own = self._decoder(who), self._prompt(one, f"own{number}")
            with torch.inference_mode():
                copy = decoder.vocoder(denormalise_mel(own.mel))[0, 0].cpu().numpy()
            self.judges.hear(copied, copy, rate, one.text, who, place)
            spoken = decoder.speak(own.codes, own.phones, speed=1.0, steps=self.version.sampling_steps, seed=number)
            self.judges.hear(decoded, spoken, rate, one.text, who, place)
        return [
            *copied.rows("vocoder", "own speech to mel and back: the ceiling"),
            *decoded.rows("tokens", "own speech to tokens and back, in the reference's voice"),
        ]

    def speech(self, progress: Progress) -> list[BenchRow]:
        """New sentences in the references' voices."""
        tally, sound_s, work_s = Tally(), 0.0, 0.0
        texts = sentences()
        for number in range(self.utterances):
            who, text = number % len(self.people), texts[number % len(texts)]
            progress(number / self.utterances, f"{self.people[who].name}: {text}")
            voice = self._voice(who)
            self.speaker.prompt(voice, self.version)
            request = SpeechRequest(text=text, voice=voice, language=_LANGUAGE, seed=number, pause_s=0.0)
            began = time.perf_counter()
            samples = np.concatenate([chunk.samples for chunk in self.speaker.say(request)])
            synchronise(self.speaker.library.device)
            work_s += time.perf_counter() - began
            sound_s += len(samples) / self.version.output_rate_hz
            self.judges.hear(tally, samples, self.version.output_rate_hz, text, who)
        note = "new sentences from one clip of 3 to 10 s, no training"
        where = f"on {self.speaker.library.device}, {torch.get_num_threads()} threads"
        return [
            *tally.rows("speech", note),
            BenchRow("speech: real-time factor", work_s / sound_s, "", where),
        ]

    def _own(self) -> Iterator[tuple[int, int, Utterance]]:
        """(speaker, place, utterance) of the speakers' own speech, in turn; as many as are measured."""
        lists = [[(who, at, one) for at, one in enumerate(person.others)] for who, person in enumerate(self.people)]
        turns = (item for item in chain.from_iterable(zip_longest(*lists)) if item is not None)
        for _, item in zip(range(self.utterances), turns, strict=False):
            yield item

    def _voice(self, who: int) -> Voice:
        """The speaker's reference as a voice."""
        return self._file(self.people[who].reference, f"reference{who}")

    def _file(self, one: Utterance, name: str) -> Voice:
        path = self.folder / f"{name}.wav"
        if not path.is_file():
            write_wav(path, one.samples, DATASET_RATE_HZ)
        return Voice(version=self.version.name, reference=path, reference_text=one.text, reference_language=_LANGUAGE)

    def _decoder(self, who: int) -> FlowDecoder:
        voice = self._voice(who)
        return FlowDecoder(voice, self.version, self.speaker.library, self.speaker.prompt(voice, self.version))

    def _prompt(self, one: Utterance, name: str) -> Prompt:
        """An utterance's mel, tokens and phones."""
        return read_prompt(self._file(one, name), self.version, self.speaker.library, any_length=True)


def sentences() -> list[str]:
    """The sentences that are spoken; none of them stands in the training speech."""
    return files("myna.engine").joinpath(SENTENCES).read_text(encoding="utf-8").splitlines()


def spoken_form(text: str) -> str:
    """``text`` as a recogniser would write it: numbers in words, small letters, apostrophes, single spaces."""
    letters = (char if char.isalpha() or char in "' " else " " for char in phonemize(text, _LANGUAGE).norm_text.lower())
    return " ".join("".join(letters).split())


def plain_phones(text: str) -> list[str]:
    """The phones of ``text`` without stress and marks; none where there is nothing to speak."""
    try:
        phones = phonemize(text, _LANGUAGE).phones
    except BadInput:
        return []
    return [phone.rstrip("012") for phone in phones if phone.rstrip("012").isalpha()]


def _print(samples: np.ndarray, rate: int) -> np.ndarray:
    """The voiceprint of an utterance, padded where it is very short."""
    return voiceprint(np.pad(samples, (0, max(0, int(0.5 * rate) + 1 - len(samples)))), rate)
