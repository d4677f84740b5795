"""Whisper through faster-whisper and CTranslate2: a hundred languages, told apart by itself, words with times."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from myna.audio.io import Audio
from myna.core.errors import BadCheckpoint, InstallationError, UnknownChoice
from myna.engine.asr.heard import AUTO, RATE_HZ, Recogniser, Transcript, Wish, Word, mean_confidence, sound_of
from myna.engine.device import pick_device

PRECISIONS = ("float32", "float16", "int8")
LANGUAGES = tuple(
    """
    en zh yue ja ko af am ar as az ba be bg bn bo br bs ca cs cy da de el es et eu fa fi fo fr gl gu ha haw he hi hr ht
    hu hy id is it jw ka kk km kn la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si
    sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo
    """.split()
)
"""Whisper's languages, those first that a voice can be trained on."""

LONGEST_S = 30.0
"""Seconds that the net hears at once; longer clips are heard in windows."""

_BEAMS = 5
_PAUSE_MS = 700
_SUREST_NONSENSE = 2.4
"""A text that packs better than this repeats itself."""
_LEAST_LOGPROB = -1.0
_GPU_TROUBLE = re.compile(r"CUDA|libcu|cuBLAS|cuDNN|out of memory", re.IGNORECASE)
_CLIPS_AT_ONCE = {"cpu": 4, "cuda": 16}


@dataclass(frozen=True)
class _Chunk:
    """A clip that fits the net: where it stands among the clips, its sound, its mel (bins, 3000)."""

    place: int
    sound: np.ndarray
    mel: np.ndarray


class Whisper(Recogniser):
    """Clips of up to 30 s are heard in batches: encoded once, their languages told, then written down together.

    The beam and the pauses are those of the official program. What comes out unlikely or repeats itself, and what is
    longer, is heard again alone by faster-whisper's own way, which tries other temperatures.
    """

    def __init__(self, folder: Path, wish: Wish, elsewhere: Mapping[str, Recogniser] | None = None) -> None:
        """``elsewhere`` hears clips of some languages better. Raises `BadCheckpoint` for a damaged model."""
        from faster_whisper import WhisperModel

        device = pick_device(wish.device)
        self.at_once = _CLIPS_AT_ONCE[device.type]
        self._elsewhere = elsewhere or {}
        try:
            with _gpu_errors():
                self._model = WhisperModel(
                    str(folder),
                    device=device.type,
                    device_index=device.index or 0,
                    compute_type=compute_type(wish.precision, device.type),
                    cpu_threads=wish.processes,
                    local_files_only=True,
                )
        except (RuntimeError, ValueError, OSError) as error:
            raise BadCheckpoint(f"{folder} is no Whisper model for CTranslate2: {_first_line(error)}") from error
        self._is_multilingual = bool(self._model.model.is_multilingual)
        self._language = "" if wish.language == AUTO else wish.language
        if not self._is_multilingual:
            if self._language not in ("", "en"):
                raise UnknownChoice(f"language for the English model {folder.name}", self._language, ["en"])
            self._language = "en"
        elif self._language and self._model.hf_tokenizer.token_to_id(f"<|{self._language}|>") is None:
            raise UnknownChoice(f"language for {folder.name}", self._language, self._known_languages())

    def hear(self, clips: Sequence[Audio]) -> list[Transcript]:
        """As `Recogniser.hear`; texts with punctuation. Raises `InstallationError` where the GPU cannot be used."""
        with _gpu_errors():
            return self._hear(clips)

    def _hear(self, clips: Sequence[Audio]) -> list[Transcript]:
        heard = [Transcript("")] * len(clips)
        chunks = []
        for place, clip in enumerate(clips):
            sound = sound_of(clip)
            if sound is None or not self._has_speech(sound):
                continue
            if len(sound) > LONGEST_S * RATE_HZ:
                heard[place] = self._alone(sound, self._language)
            else:
                chunks.append(_Chunk(place, sound, self._mel(sound)))
        for start in range(0, len(chunks), self.at_once):
            for chunk, transcript in self._together(chunks[start : start + self.at_once]):
                heard[chunk.place] = transcript
        return heard

    def close(self) -> None:
        """Close those that hear elsewhere."""
        for other in self._elsewhere.values():
            other.close()

    def _together(self, chunks: list[_Chunk]) -> Iterator[tuple[_Chunk, Transcript]]:
        """What each of a batch says."""
        encoded = self._model.encode(np.stack([chunk.mel for chunk in chunks]))
        languages = [self._language] * len(chunks) if self._language else self._languages(encoded)
        for language in dict.fromkeys(languages):
            rows = [row for row, each in enumerate(languages) if each == language]
            group = [chunks[row] for row in rows]
            done = self._by_others(group, language)
            yield from ((group[row], transcript) for row, transcript in done.items())
            left = [row for row in range(len(group)) if row not in done]
            if left:
                part = encoded if len(left) == len(chunks) else _rows(encoded, [rows[row] for row in left])
                yield from zip(
                    [group[row] for row in left],
                    self._write_down(part, [group[row] for row in left], language),
                    strict=True,
                )

    def _by_others(self, group: list[_Chunk], language: str) -> dict[int, Transcript]:
        """What a better ear for this language hears, where there is one and it hears something."""
        other = self._elsewhere.get(language)
        if other is None:
            return {}
        heard = other.hear([Audio(chunk.sound, RATE_HZ) for chunk in group])
        return {row: transcript for row, transcript in enumerate(heard) if transcript.text}

    def _write_down(self, encoded: Any, group: list[_Chunk], language: str) -> Iterator[Transcript]:
        """The words of encoded clips (n, 1500, width) of one language."""
        tokenizer = self._tokenizer(language)
        prompt = self._model.get_prompt(tokenizer, [], without_timestamps=True)
        results = self._model.model.generate(
            encoded,
            [prompt] * len(group),
            beam_size=_BEAMS,
            max_length=self._model.max_length,
            suppress_tokens=_suppressed(tokenizer),
            return_scores=True,
        )
        tokens = [result.sequences_ids[0] for result in results]
        words = self._words(encoded, group, tokens, tokenizer)
        for chunk, result, own, said in zip(group, results, tokens, words, strict=True):
            text = tokenizer.decode(own)
            if _is_doubtful(text, result.scores[0] * len(own) / (len(own) + 1)):
                yield self._alone(chunk.sound, language)
            else:
                yield _transcript(text, said, language)

    def _words(self, encoded: Any, group: list[_Chunk], tokens: list[list[int]], tokenizer: Any) -> list[list[Word]]:
        """The words of each clip with their times, from where the decoder looked."""
        from faster_whisper.transcribe import merge_punctuations

        own = [[token for token in each if token < tokenizer.eot] for each in tokens]
        frames = [int(len(chunk.sound) / RATE_HZ * self._model.frames_per_second) for chunk in group]
        found = []
        for aligned, chunk in zip(self._model.find_alignment(tokenizer, own, encoded, frames), group, strict=True):
            merge_punctuations(aligned, "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、")
            found.append([_word(word, len(chunk.sound) / RATE_HZ) for word in aligned if word["word"].strip()])
        return found

    def _alone(self, sound: np.ndarray, language: str) -> Transcript:
        """One clip of any length, by the library's own way."""
        segments, info = self._model.transcribe(
            sound,
            language=language or None,
            beam_size=_BEAMS,
            word_timestamps=True,
            vad_filter=True,
            vad_parameters={"min_silence_duration_ms": _PAUSE_MS},
        )
        if other := self._elsewhere.get(info.language):
            transcript = other.hear([Audio(sound, RATE_HZ)])[0]
            if transcript.text:
                return transcript
        spoken = list(segments)
        words = [
            Word(word.word.strip(), float(word.start), float(word.end), float(word.probability))
            for segment in spoken
            for word in segment.words or []
        ]
        return _transcript("".join(segment.text for segment in spoken), words, info.language)

    def _languages(self, encoded: Any) -> list[str]:
        """The likeliest language of each encoded clip."""
        return [found[0][0].strip("<|>") for found in self._model.model.detect_language(encoded)]

    def _known_languages(self) -> list[str]:
        known = self._model.supported_languages
        return [code for code in known if self._model.hf_tokenizer.token_to_id(f"<|{code}|>") is not None]

    def _has_speech(self, sound: np.ndarray) -> bool:
        from faster_whisper.vad import VadOptions, get_speech_timestamps

        return bool(get_speech_timestamps(sound, VadOptions(min_silence_duration_ms=_PAUSE_MS)))

    def _mel(self, sound: np.ndarray) -> np.ndarray:
        from faster_whisper.audio import pad_or_trim

        return np.asarray(pad_or_trim(self._model.feature_extractor(sound)[..., :-1]))

    def _tokenizer(self, language: str) -> Any:
        from faster_whisper.tokenizer import Tokenizer

        return Tokenizer(self._model.hf_tokenizer, self._is_multilingual, task="transcribe", language=language)


def compute_type(precision: str, device: str) -> str:
    """CTranslate2's name of a precision; by default what loses nothing on a CPU and half precision on a GPU.

    Half precision is computed as float32 where the device has none, as CPUs have not.
    """
    if not precision:
        return "float16" if device == "cuda" else "float32"
    return "float32" if precision == "float16" and device == "cpu" else precision


def _suppressed(tokenizer: Any) -> list[int]:
    """Tokens that are no speech: brackets, notes, marks of the model's own."""
    from faster_whisper.transcribe import get_suppressed_tokens

    return [token for token in get_suppressed_tokens(tokenizer, [-1]) if token is not None]


def _rows(encoded: Any, rows: list[int]) -> Any:
    """Some of the encoded clips."""
    from ctranslate2 import Device, StorageView

    return StorageView.from_array(np.ascontiguousarray(np.asarray(encoded.to_device(Device.cpu))[rows]))


def _is_doubtful(text: str, logprob: float) -> bool:
    """Whether the net was unsure on the whole, or fell into repeating itself."""
    data = text.encode()
    return logprob < _LEAST_LOGPROB or len(data) / len(zlib.compress(data)) > _SUREST_NONSENSE


def _word(aligned: Mapping[str, Any], seconds: float) -> Word:
    end = min(max(float(aligned["end"]), 0.0), seconds)
    start = min(max(float(aligned["start"]), 0.0), end)
    return Word(aligned["word"].strip(), start, end, min(1.0, float(aligned["probability"])))


def _transcript(text: str, words: list[Word], language: str) -> Transcript:
    text = text.strip()
    return Transcript(text, tuple(words), mean_confidence(words), language) if text else Transcript("")


@contextmanager
def _gpu_errors() -> Iterator[None]:
    """CTranslate2 brings no libraries of the GPU's maker and not all its memory; say what can be done."""
    try:
        yield
    except RuntimeError as error:
        if not _GPU_TROUBLE.search(str(error)):
            raise
        raise InstallationError(
            f"Whisper cannot use the GPU: {_first_line(error)}; give it device cpu, or a smaller size, or install the "
            "libraries that it names (pip install nvidia-cublas-cu12 nvidia-cudnn-cu12)"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
