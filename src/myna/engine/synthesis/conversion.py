"""Voice conversion: the tokens of a recording, decoded in another voice.

No GPT takes part: the recording's own semantic tokens say what is said, when and how; the voice's SoVITS and its
reference decide who says it. A net that is told the pitch, as the bundled one is, is told the recording's: moved to
where the voice speaks, or as it is, for songs.

SoVITS also reads the phones. Where the words are given they are laid along the recording; else the phones are those
that the bundled encoder hears, whatever the version, and it hears English only: a recording in another language needs
its words. A word recogniser would be wrong about a quarter of the words, and knows no other language either.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from myna.audio.io import decode, resample
from myna.audio.loudness import check_recording, level_mix, peak
from myna.audio.slicer import SliceSettings, slice_bounds
from myna.core.errors import BadAudio, BadInput, NotFound
from myna.core.progress import Progress, silent
from myna.core.speech import AudioChunk, ConversionRequest
from myna.core.versions import ModelVersion
from myna.core.versions import version as version_named
from myna.engine.features.alignment import aligner, ctc_scores, heard_phones, spoken_columns
from myna.engine.features.content import CONTENT_RATE_HZ, DATASET_RATE_HZ, content_of
from myna.engine.features.reading import mode_for
from myna.engine.synthesis.decoders import MELODY_RATE_HZ, Sentence, decoder_for, levelled
from myna.engine.synthesis.speaker import LocalSpeaker
from myna.engine.synthesis.takes import seeds_of
from myna.models.content import LiteContent
from myna.text.frontend import ended, phonemize
from myna.text.symbols import phone_ids

MIN_SECONDS, MAX_SECONDS = 0.5, 600.0
"""What a recording may last."""
MOST_UNALIGNED_S = 60.0
"""A recording whose words cannot be laid along it is converted in one go, up to the length of the longest sentence."""

_CUTS = SliceSettings(min_length=3000, min_interval=200, max_sil_kept=300, max_length=12000)
_TOKEN_SAMPLES = DATASET_RATE_HZ // 25
_SHORTEST = DATASET_RATE_HZ // 10
"""A stretch below 0.1 s holds no speech, and is silence."""
_ALIGNED = {"en"}
_NO_PHONE = ","
"""What stretches say in which no phone is heard."""

Span = tuple[int, int]


@dataclass(frozen=True)
class _Stretch:
    """A part of the recording between pauses: its place [start, end) there, in samples at 32 kHz, and its phones."""

    place: Span
    phones: list[str]


class LocalConverter:
    """Converts with the nets of ``speaker``, which keeps what it loaded. Safe to share by threads."""

    def __init__(self, speaker: LocalSpeaker) -> None:
        self.speaker = speaker
        self.library = speaker.library

    def convert(self, request: ConversionRequest, progress: Progress = silent) -> Iterator[AudioChunk]:
        """The recording in the voice, as long as it was (divided by the speed), its pauses kept as silence.

        Everything that can be wrong is, before the first stretch.

        Raises:
            NotFound: there is no recording or reference, or a model file is gone.
            BadAudio: recording or reference are not audio, silent, too short, or no speech is heard in them.
            BadInput: the recording is too long, or its words are missing, cannot be spoken, or do not fit.
            UnknownChoice: no such version, or a language that it does not speak.
            MissingAsset, BadCheckpoint: weights that are missing or wrong.
        """
        version = version_named(request.voice.version)
        samples = _read(request.source)
        stretches = self._stretches(request, version, samples)
        prompt = self.speaker.prompt(request.voice, version)
        decoder = decoder_for(request.voice, version, self.library, prompt)
        seed = secrets.randbits(62) if request.seed is None else request.seed
        steps = request.sampling_steps or version.sampling_steps
        melody = decoder.melody(samples, DATASET_RATE_HZ, keeps_key=request.keeps_key)

        def said() -> Iterator[AudioChunk]:
            at = 0
            for number, (stretch, end) in enumerate(_with_ends(stretches, len(samples))):
                sound = np.zeros(0, np.float32)
                if stretch.phones:
                    sentence = self._sentence(request, version, samples[slice(*stretch.place)], stretch.phones)
                    tries = seeds_of(seed, number)
                    tune = None if melody is None else melody[:, _melody_frames(stretch.place)]
                    sound = levelled(
                        decoder.speak(*sentence, speed=request.speed, steps=steps, seed=tries[0], melody=tune)
                    )
                rate = decoder.sample_rate
                # Up to the next stretch, so that tokens, which are whole, never move what comes later.
                slot = round(end / DATASET_RATE_HZ / request.speed * rate) - at
                filled = np.zeros(slot, np.float32)
                filled[: len(sound)] = sound[:slot]
                pause_s = max(slot - len(sound), 0) / rate
                progress(min(end / len(samples), 0.99), f"{(at + slot) / rate:.1f} s converted")
                yield AudioChunk(filled, rate, at / rate, number, "", pause_s, notices=() if number else prompt.notices)
                at += slot

        return said()

    def tokens(self, request: ConversionRequest, version: ModelVersion, samples: np.ndarray) -> Tensor:
        """The semantic tokens (1, T25) of a recording (T,) at 32 kHz, by the quantizer of the voice."""
        sound = level_mix(samples) if version.has_mixed_reference else samples
        content = content_of(self.library.content(version), sound, DATASET_RATE_HZ)
        with torch.inference_mode():
            return self.library.sovits(version, request.voice.sovits).extract_codes(content)

    def _sentence(
        self, request: ConversionRequest, version: ModelVersion, samples: np.ndarray, phones: list[str]
    ) -> Sentence:
        ids = torch.tensor([phone_ids(phones, version.symbols)], device=self.library.device)
        return self.tokens(request, version, samples), ids

    def _stretches(self, request: ConversionRequest, version: ModelVersion, samples: np.ndarray) -> list[_Stretch]:
        """The recording between its pauses, with the phones of each part; silence in front is one without phones."""
        spans = _spans(samples)
        if not request.text.strip():
            if request.language not in _ALIGNED:
                raise BadInput(f"phones are heard in English only; give the words of {request.source.name} (its text)")
            found = _heard(self._scores(samples), spans, request.source)
        else:
            mode = mode_for(request.text, request.language, version)
            words = self.speaker.words(request.voice)
            spoken = phonemize(ended(request.text.strip(), mode), mode, version.symbols, words)
            if set(spoken.languages) <= _ALIGNED:
                found = _laid_along(self._scores(samples), spoken.phones, spans, request.source)
            elif len(samples) <= MOST_UNALIGNED_S * DATASET_RATE_HZ:
                found = [_Stretch((spans[0][0], spans[-1][1]), spoken.phones)]
            else:
                raise BadInput(
                    f"{request.source.name} is {len(samples) / DATASET_RATE_HZ:.0f} s long; words in "
                    f"{request.language!r} cannot be laid along it, so give at most {MOST_UNALIGNED_S:.0f} s at once"
                )
        silence = [_Stretch((0, found[0].place[0]), [])] if found[0].place[0] else []
        return silence + found

    def _scores(self, samples: np.ndarray) -> np.ndarray:
        """What the bundled encoder hears in each 40 ms, (T25, classes)."""
        encoder = self.library.content(aligner())
        assert isinstance(encoder, LiteContent)  # `aligner` chose it
        return ctc_scores(encoder, resample(level_mix(samples), DATASET_RATE_HZ, CONTENT_RATE_HZ))


def _read(source: Path) -> np.ndarray:
    """The recording's samples (T,) at 32 kHz."""
    if not source.is_file():
        raise NotFound(f"there is no recording {source}")
    try:
        audio = decode(source, DATASET_RATE_HZ)
        check_recording(audio, min_seconds=MIN_SECONDS, max_seconds=MAX_SECONDS)
    except BadInput as error:
        raise type(error)(f"{source.name}: {error}") from None
    return audio.samples


def _spans(samples: np.ndarray) -> list[Span]:
    """Where it is not silent, [start, end) each; long parts are cut where they are quietest."""
    bounds = slice_bounds(samples / np.float32(peak(samples)), DATASET_RATE_HZ, _CUTS)
    spans = [(start, min(end, len(samples))) for start, end in bounds]
    return [span for span in spans if span[1] - span[0] >= _SHORTEST] or [(0, len(samples))]


def _melody_frames(place: Span) -> slice:
    """The frames of a melody that belong to a place in the recording; one at least."""
    first, last = (round(edge * MELODY_RATE_HZ / DATASET_RATE_HZ) for edge in place)
    return slice(first, max(last, first + 1))


def _frames(spans: list[Span], num_frames: int) -> list[slice]:
    """The 40 ms that belong to each span: up to the middle of the pause on either side, so that no phone is lost."""
    middles = [(before[1] + after[0]) // 2 // _TOKEN_SAMPLES for before, after in pairwise(spans)]
    return [slice(*edges) for edges in pairwise([0, *middles, num_frames])]


def _heard(scores: np.ndarray, spans: list[Span], source: Path) -> list[_Stretch]:
    """The spans with the phones heard there."""
    found = [heard_phones(scores[frames]) for frames in _frames(spans, len(scores))]
    if not any(found):
        raise BadAudio(f"no speech was heard in {source.name}; give its words")
    return [_Stretch(span, phones or [_NO_PHONE]) for span, phones in zip(spans, found, strict=True)]


def _laid_along(scores: np.ndarray, phones: list[str], spans: list[Span], source: Path) -> list[_Stretch]:
    """The spans with those of ``phones`` that are said there."""
    columns = spoken_columns(scores, phones)
    if columns is None:
        raise BadInput(f"the text has more phones than fit into {source.name}; give the words of this recording")
    said = [columns[frames] for frames in _frames(spans, len(scores))]
    return [
        _Stretch(span, phones[int(some.min()) : int(some.max()) + 1]) for span, some in zip(spans, said, strict=True)
    ]


def _with_ends(stretches: list[_Stretch], length: int) -> Iterator[tuple[_Stretch, int]]:
    """Each stretch with the place where the next one begins; the last lasts to the end."""
    for stretch, after in pairwise([*stretches, _Stretch((length, length), [])]):
        yield stretch, after.place[0]
