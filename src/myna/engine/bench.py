"""How well the base is understood and how well it keeps a voice: ten strangers, cloned from one short clip each.

Every measure is also taken of the strangers' own speech and of it sent through a part of the way, so that one can see
where something is lost: through the vocoder alone, and through tokens and back without the GPT. The judges took no part
in training: PocketSphinx for the words, the GE2E speaker encoder for the voice, DNSMOS for how it sounds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from itertools import chain, zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from myna.audio.io import Audio, write_wav
from myna.core.errors import BadInput, UnknownChoice
from myna.core.progress import Progress, part
from myna.core.speech import SpeechRequest, Voice
from myna.core.versions import VERSIONS, ModelVersion
from myna.engine.asr import Recogniser, recogniser
from myna.engine.bench_phones import PhoneBench
from myna.engine.bench_speech import Person, Utterance, read_people
from myna.engine.bench_table import BenchResult, BenchRow
from myna.engine.device import synchronise
from myna.engine.dnsmos import judge_in
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


STAGES = ("content", "tokens", "gpt", "flow", "vocoder")
"""The stages of the recipe that can be measured alone, in their order."""

Measure = Callable[[Progress], list[BenchRow]]


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
    quality: list[float] = field(default_factory=list)
    """DNSMOS OVRL per utterance; empty where its net is not installed."""

    def rows(self, kind: str, note: str) -> list[BenchRow]:
        """The measures, named after the kind of speech."""
        count = f"{len(self.own)} utterances; {note}"
        quality = [BenchRow(f"{kind}: DNSMOS OVRL", float(np.mean(self.quality)), "", count)] if self.quality else []
        return [
            BenchRow(f"{kind}: word error rate", self.word_edits / max(self.words, 1), "", count),
            BenchRow(f"{kind}: letter error rate", self.letter_edits / max(self.letters, 1), "", count),
            BenchRow(f"{kind}: phone error rate", self.phone_edits / max(self.phones, 1), "", count),
            BenchRow(f"{kind}: right speaker of ten", float(np.mean(self.right)), "", count),
            BenchRow(f"{kind}: similarity to the speaker", float(np.mean(self.own)), "", count),
            BenchRow(f"{kind}: similarity to the others", float(np.mean(self.others)), "", count),
            *quality,
        ]


class Judges:
    """Hears words and voices; knows the ten speakers."""

    def __init__(self, people: Sequence[Person], models: Path) -> None:
        self.ear: Recogniser = recogniser(_JUDGE, _LANGUAGE)
        self.listener = judge_in(models)
        self.prints = [[_print(one.samples, DATASET_RATE_HZ) for one in person.others] for person in people]

    def hear(self, tally: Tally, samples: np.ndarray, rate: int, text: str, who: int, known: int | None = None) -> None:
        """Judge one utterance of ``text`` (empty: unknown words) that should sound like speaker ``who``.

        ``known`` is its place among the speaker's own utterances, where it is one: it is not compared with itself.
        """
        if text:
            self._hear_words(tally, samples, rate, text)
        if self.listener is not None:
            tally.quality += [one.overall for one in self.listener.opinions([Audio(samples, rate)]) if one is not None]
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


def bench_voice(
    *, models: Path, device: str, speech: Path | None, utterances: int, progress: Progress, stage: str = ""
) -> BenchResult:
    """Measure the bundled base on ``utterances`` utterances of each kind of speech; with ``stage``, one of `STAGES`,
    only what that one is judged by.

    ``speech`` is the folder of held-out speakers. Raises `BadInput` that says what it must hold, `UnknownChoice`, and
    `MissingAsset`.
    """
    if utterances < 1:
        raise BadInput("at least one utterance must be spoken")
    if stage and stage not in STAGES:
        raise UnknownChoice("stage", stage, STAGES)
    version = next(version for version in VERSIONS.values() if version.is_bundled)
    people = read_people(speech, part(progress, 0.0, 0.1))
    speaker = LocalSpeaker(models, device)
    with TemporaryDirectory() as folder:
        bench = _Bench(version, people, Judges(people, models), speaker, Path(folder), utterances)
        measured = bench.measures(stage)
        share = 0.9 / len(measured)
        rows = [
            row
            for index, measure in enumerate(measured)
            for row in measure(part(progress, 0.1 + share * index, 0.1 + share * (index + 1)))
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

    def measures(self, stage: str) -> list[Measure]:
        """What is measured of one stage, ceilings first; of all where none is named."""
        phones = PhoneBench(self.version, self.people, self.speaker.library)
        every: list[Measure] = [phones.content, phones.codes, partial(self._gpt, phones)]
        chosen: dict[str, list[Measure]] = {
            "content": [phones.content],
            "tokens": [phones.content, phones.codes],
            "gpt": [phones.codes, partial(self._gpt, phones)],
            "flow": [self.natural, self.copies, self.resynthesis],
            "vocoder": [self.natural, self.copies],
        }
        return chosen.get(stage, [*every, self.natural, self.copies, self.resynthesis, self.speech])

    def _gpt(self, phones: PhoneBench, progress: Progress) -> list[BenchRow]:
        prompts = [self.speaker.prompt(self._voice(who), self.version) for who in range(len(self.people))]
        texts = sentences()
        return phones.gpt([texts[number % len(texts)] for number in range(self.utterances)], prompts, progress)

    def natural(self, progress: Progress) -> list[BenchRow]:
        """The speakers' own speech."""
        tally = Tally()
        for number, (who, place, one) in enumerate(self._own()):
            progress(number / self.utterances, f"natural speech, {self.people[who].name}")
            self.judges.hear(tally, one.samples, DATASET_RATE_HZ, one.text, who, place)
        return tally.rows("natural", "the speakers' own speech")

    def copies(self, progress: Progress) -> list[BenchRow]:
        """The same speech to mel and back through the vocoder."""
        tally, rate = Tally(), self.version.output_rate_hz
        vocoder = self.speaker.library.vocoder(self.version)
        for number, (who, place, one) in enumerate(self._own()):
            progress(number / self.utterances, f"copies, {self.people[who].name}")
            with torch.inference_mode():
                mel = denormalise_mel(self._prompt(one, f"own{number}").mel)
                copy = vocoder(mel)[0, 0].float().cpu().numpy()
            self.judges.hear(tally, copy, rate, one.text, who, place)
        return tally.rows("vocoder", "own speech to mel and back: the ceiling")

    def resynthesis(self, progress: Progress) -> list[BenchRow]:
        """The same speech through tokens and decoder with the reference's voice."""
        tally, rate, steps = Tally(), self.version.output_rate_hz, self.version.sampling_steps
        for number, (who, place, one) in enumerate(self._own()):
            progress(number / self.utterances, f"tokens and back, {self.people[who].name}")
            own = self._prompt(one, f"own{number}")
            spoken = self._decoder(who).speak(own.codes, own.phones, speed=1.0, steps=steps, seed=number)
            self.judges.hear(tally, spoken, rate, one.text, who, place)
        return tally.rows("tokens", "own speech to tokens and back, in the reference's voice")

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
        note = "new sentences from a reference of at most 10 s, no training"
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
