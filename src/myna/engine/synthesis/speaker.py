"""The speaker that runs the nets in this process."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from torch import Tensor

from myna.core.errors import NotFound
from myna.core.speech import AudioChunk, SpeechRequest, Voice
from myna.core.versions import ModelVersion
from myna.core.versions import version as version_named
from myna.engine.features.prosody import prosody
from myna.engine.features.reading import choose_names, choose_polyphones, dictionary
from myna.engine.library import Library
from myna.engine.synthesis.decoders import Decoder, Sentence, VitsDecoder, decoder_for, levelled
from myna.engine.synthesis.pieces import Piece, pieces
from myna.engine.synthesis.prompt import Prompt, read_prompt
from myna.engine.synthesis.streaming import streamed
from myna.engine.synthesis.super_sampling import require_super_sampling, widened
from myna.engine.synthesis.takes import Script, draw_tokens, expected_tokens, say_together, say_tokens, seeds_of
from myna.models.sampling import Sampling
from myna.text.symbols import phone_ids
from myna.text.words import Words

_KEPT_PROMPTS = 16
_NOTHING = np.zeros(0, np.float32)
_PIECES_AT_ONCE = 16
"""Pieces whose prosody is read together, and whose tokens are drawn together where that is wished: the whole of a usual
request, and the first sound of a long one comes soon."""


class LocalSpeaker:
    """Says requests with the nets of ``models`` on ``device``; keeps what it loaded. Safe to share by threads.

    ``words`` is the folder of the dictionary for all voices (`myna.text.words`), where there is one.
    """

    def __init__(self, models: Path, device: str = "auto", words: Path | None = None) -> None:
        self.library = Library(models, device)
        self._folder = words
        choose_polyphones(models)
        choose_names(models)
        self._prompts: OrderedDict[tuple[object, ...], Prompt] = OrderedDict()
        self._lock = Lock()

    def say(self, request: SpeechRequest) -> Iterator[AudioChunk]:
        """The speech of ``request``, piece by piece or in parts; everything that can be wrong is, before the first one.

        Raises:
            BadInput: the version cannot be widened, or the text cannot be spoken, or a dictionary cannot be read.
            BadAudio: the reference is not usable, or shorter than 3 s.
            UnknownChoice: no such version or way of cutting, or a language that the version does not speak.
            NotFound, MissingAsset, BadCheckpoint: weights that are missing or wrong.
        """
        version = version_named(request.voice.version)
        if request.super_sampling:
            require_super_sampling(version)
        words = self.words(request.voice)
        parts = pieces(request.text, request.language, version, cut=request.cut, words=words)
        if version.has_bert and any(piece.spoken.bert_parts for piece in parts):
            self.library.bert(version)
        prompt = self.prompt(request.voice, version)
        decoder: Decoder = decoder_for(request.voice, version, self.library, prompt)
        self.library.gpt(version, request.voice.gpt)
        if request.super_sampling:
            decoder = widened(decoder, version, self.library)
        seed = secrets.randbits(62) if request.seed is None else request.seed
        return self._chunks(request, version, parts, prompt, decoder, seed)

    def prompt(self, voice: Voice, version: ModelVersion) -> Prompt:
        """The voice's reference, made ready once; raises as `say`."""
        states = tuple(_state_of(path) for path in (voice.reference, *voice.other_references))
        words = self.words(voice)
        key = (voice.model_dump_json(exclude={"gpt"}), states, words)
        with self._lock:
            if key not in self._prompts:
                self._prompts[key] = read_prompt(voice, version, self.library, words=words)
                while len(self._prompts) > _KEPT_PROMPTS:
                    self._prompts.popitem(last=False)
            self._prompts.move_to_end(key)
            return self._prompts[key]

    def words(self, voice: Voice) -> Words:
        """The dictionary for one voice: its own on top of that for all."""
        return dictionary((self._folder, voice.words))

    def _chunks(
        self,
        request: SpeechRequest,
        version: ModelVersion,
        parts: list[Piece],
        prompt: Prompt,
        decoder: Decoder,
        seed: int,
    ) -> Iterator[AudioChunk]:
        rate, at, number = decoder.sample_rate, 0, 0
        for piece, said, is_last in self._said(request, version, parts, prompt, decoder, seed):
            pause_s = request.pause_s if piece.pause_s is None else piece.pause_s
            silence = np.zeros(round(pause_s * rate) if is_last else 0, np.float32)
            samples = np.concatenate((levelled(said), silence))
            notices = () if at else prompt.notices
            yield AudioChunk(samples, rate, at / rate, number, piece.text, len(silence) / rate, piece.place, notices)
            at += len(samples)
            number += is_last

    def _said(
        self,
        request: SpeechRequest,
        version: ModelVersion,
        parts: list[Piece],
        prompt: Prompt,
        decoder: Decoder,
        seed: int,
    ) -> Iterator[tuple[Piece, np.ndarray, bool]]:
        """Each piece with its samples (T,), none of a pause, and whether they are its last: as they come, or all at
        once where that is wished."""
        if request.stream != "pieces" and isinstance(decoder, VitsDecoder):
            yield from self._streamed(request, version, parts, prompt, decoder, seed)
            return
        steps = request.sampling_steps or version.sampling_steps
        sentences = self._sentences(request, version, parts, prompt, seed)
        if request.parallel:
            found = list(sentences)
            given = [(sentence, tries[0]) for _, sentence, tries in found if sentence is not None]
            spoken, seeds = [sentence for sentence, _ in given], [first for _, first in given]
            together = iter(decoder.speak_together(spoken, speed=request.speed, steps=steps, seeds=seeds))
            yield from ((piece, _NOTHING if sentence is None else next(together), True) for piece, sentence, _ in found)
            return
        for piece, sentence, tries in sentences:
            if sentence is None:
                yield piece, _NOTHING, True
            else:
                yield piece, decoder.speak(*sentence, speed=request.speed, steps=steps, seed=tries[0]), True

    def _streamed(
        self,
        request: SpeechRequest,
        version: ModelVersion,
        parts: list[Piece],
        prompt: Prompt,
        decoder: VitsDecoder,
        seed: int,
    ) -> Iterator[tuple[Piece, np.ndarray, bool]]:
        """As `_said`, each piece in parts that come while its tokens are drawn."""
        net, sampling = self.library.gpt(version, request.voice.gpt), _sampling(request, version)
        codes, spoken = (prompt.codes, prompt.spoken) if prompt.leads else (None, None)
        for group in self._scripts(version, parts, prompt, seed):
            for piece, script, tries in group:
                if script is None:
                    yield piece, _NOTHING, True
                    continue
                tokens = draw_tokens(net, script, codes, sampling, tries[0], spoken)
                phones = self._own(piece, version)
                for sound, is_last in streamed(request, decoder, net, phones, tokens, tries[0]):
                    yield piece, sound, is_last

    def _sentences(
        self, request: SpeechRequest, version: ModelVersion, parts: list[Piece], prompt: Prompt, seed: int
    ) -> Iterator[tuple[Piece, Sentence | None, list[int]]]:
        """Each piece with the tokens that say it (None: it is silence) and its seeds."""
        for group in self._scripts(version, parts, prompt, seed):
            tokens = self._tokens(request, version, [script for _, script, _ in group if script is not None], prompt)
            for piece, script, tries in group:
                yield piece, None if script is None else (next(tokens), self._own(piece, version)), tries

    def _scripts(
        self, version: ModelVersion, parts: list[Piece], prompt: Prompt, seed: int
    ) -> Iterator[list[tuple[Piece, Script | None, list[int]]]]:
        """The pieces in groups, each with what the GPT reads (None: it is silence) and its seeds."""
        for start in range(0, len(parts), _PIECES_AT_ONCE):
            group = parts[start : start + _PIECES_AT_ONCE]
            seeds = [seeds_of(seed, number) for number in range(start, start + len(group))]
            berts = prosody([piece.spoken for piece in group], version, self.library.bert)
            yield [
                (piece, self._script(version, piece, bert, prompt, tries) if piece.spoken.phones else None, tries)
                for piece, bert, tries in zip(group, berts, seeds, strict=True)
            ]

    def _tokens(
        self, request: SpeechRequest, version: ModelVersion, scripts: list[Script], prompt: Prompt
    ) -> Iterator[Tensor]:
        """The tokens (1, T25) of each script: one by one as they are asked for, or together where that is wished."""
        net, sampling = self.library.gpt(version, request.voice.gpt), _sampling(request, version)
        codes, spoken = (prompt.codes, prompt.spoken) if prompt.leads else (None, None)
        said = (
            iter(say_together(net, scripts, codes, sampling, spoken=spoken))
            if request.parallel
            else (say_tokens(net, script, codes, sampling, spoken=spoken) for script in scripts)
        )
        for tokens in said:
            yield torch.tensor([tokens], device=self.library.device)

    def _script(
        self, version: ModelVersion, piece: Piece, bert: Tensor | None, prompt: Prompt, seeds: list[int]
    ) -> Script:
        """What the GPT reads for one piece, whose prosody is (1, C, Tx) where it has some."""
        own = self._own(piece, version)
        if not prompt.leads:
            return Script(own, bert, expected_tokens(own.shape[1]), seeds)
        expected = expected_tokens(own.shape[1], prompt.phones.shape[1], prompt.codes.shape[1])
        both = _both(prompt.bert, prompt.phones.shape[1], bert, own.shape[1])
        return Script(torch.cat((prompt.phones, own), dim=1), both, expected, seeds)

    def _own(self, piece: Piece, version: ModelVersion) -> Tensor:
        """The phones (1, Tx) of a piece."""
        return torch.tensor([phone_ids(piece.spoken.phones, version.symbols)], device=self.library.device)


def _state_of(reference: Path) -> tuple[int, int]:
    """What changes when the file does."""
    try:
        state = reference.stat()
    except OSError:
        raise NotFound(f"there is no reference {reference}") from None
    return state.st_mtime_ns, state.st_size


def _sampling(request: SpeechRequest, version: ModelVersion) -> Sampling:
    temperature, penalty = request.temperature, request.repetition_penalty
    return Sampling(
        request.top_k,
        request.top_p,
        version.temperature if temperature is None else temperature,
        version.repetition_penalty if penalty is None else penalty,
    )


def _both(first: Tensor | None, num_first: int, second: Tensor | None, num_second: int) -> Tensor | None:
    """Prosody of prompt and piece, zeros where one has none; None where neither has."""
    known = first if first is not None else second
    if known is None:
        return None
    parts = (first, num_first), (second, num_second)
    return torch.cat([known.new_zeros(1, known.shape[1], num) if part is None else part for part, num in parts], dim=2)
