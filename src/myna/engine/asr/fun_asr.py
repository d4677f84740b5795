"""Paraformer, UniASR, SenseVoice and Fun-ASR-Nano, through the library FunASR, from folders as ModelScope has them.

The library works without torchaudio, which Myna keeps away from: its features then come from kaldi-native-fbank. What
needs torchaudio is the alignment of Fun-ASR-Nano, so that model gives no times of words here.
"""

from __future__ import annotations

import importlib
import io
import json
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from myna.audio.io import Audio
from myna.checkpoints.restricted import read_object
from myna.core.errors import BadCheckpoint
from myna.engine.asr.heard import AUTO, RATE_HZ, Recogniser, Transcript, Wish, Word, sound_of
from myna.engine.device import pick_device

LONGEST_S = 30.0
"""Longer clips are parted where nobody speaks, if the net that tells is there."""

_TAG = re.compile(r"<\|(\w*)\|>")
_UNIT = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[^\W\u3400-\u9fff\uf900-\ufaff]+(?:'[^\W\u3400-\u9fff]+)*")
"""What has a time of its own: a Chinese character, a word of others."""
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_SPACE_AT_HAN = re.compile(r"(?<=[\u3400-\u9fff，。？！、]) (?=\S)|(?<=\S) (?=[\u3400-\u9fff，。？！、])")
_LANGUAGE_NAMES = {"zh": "中文", "en": "英文", "yue": "粤语", "ja": "日文", "ko": "韩文"}


def _nothing(_: str) -> dict[str, Any]:
    return {}


def _of_nano(folder: Path) -> dict[str, Any]:
    """No alignment, which wants torchaudio; nothing from a hub, where a part is named and not found in the folder."""
    settings: dict[str, Any] = {"ctc_decoder": None, "audio_encoder_conf": {"hub": None}}
    inside = sorted(path.parent for path in folder.glob("*/config.json"))
    if inside:
        place = {"init_param_path": str(inside[0])}
        settings |= {"llm_conf": place, "tokenizer_conf": dict(place)}
    return settings


@dataclass(frozen=True)
class Kind:
    """How one net of FunASR is used.

    ``options`` are what it is told for a language, ``at_once`` how many clips it takes, ``settings`` what stands for
    settings of its folder.
    """

    options: Callable[[str], dict[str, Any]] = _nothing
    at_once: int = 1
    settings: Callable[[Path], dict[str, Any]] = lambda _: {}


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "Paraformer": Kind(options=lambda _: {"pred_timestamp": True}, at_once=16),
        "UniASR": Kind(),
        "SenseVoiceSmall": Kind(
            options=lambda language: {"language": language, "use_itn": True, "output_timestamp": True}, at_once=16
        ),
        "FunASRNano": Kind(
            options=lambda language: {"language": _LANGUAGE_NAMES.get(language), "llm_kwargs": {"do_sample": False}},
            at_once=8,
            settings=_of_nano,
        ),
    }
)
"""By the name of the net, as it stands in ``config.yaml``."""


class FunAsr(Recogniser):
    """One net, with the nets that part long clips and set punctuation where it has them; batches are of like length."""

    def __init__(self, folder: Path, wish: Wish, *, pauses: Path | None = None, stops: Path | None = None) -> None:
        """``pauses`` is the folder of the net that tells speech from silence, ``stops`` that of the punctuation.

        Raises `BadCheckpoint` for a folder that FunASR cannot use.
        """
        self._language = wish.language
        device = pick_device(wish.device)
        common = {"device": str(device), "ncpu": torch.get_num_threads(), "hub": "ms"}
        name = _net_name(folder)
        self._kind = KINDS[name]
        self.at_once = self._kind.at_once
        with _quiet(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            make = importlib.import_module("funasr").AutoModel
            safe = {"trust_remote_code": False}
            more: dict[str, Any] = {}
            if pauses is not None:
                more |= {"vad_model": str(pauses), "vad_kwargs": dict(safe)}
            if stops is not None:
                more |= {"punc_model": str(stops), "punc_kwargs": dict(safe)}
            try:
                self._nets = make(
                    model=str(folder),
                    disable_update=True,
                    disable_pbar=True,
                    log_level="ERROR",
                    **common,
                    **safe,
                    **more,
                    **self._kind.settings(folder),
                )
            except (RuntimeError, ValueError, TypeError, KeyError, AttributeError, AssertionError, OSError) as error:
                raise BadCheckpoint(f"FunASR cannot use {folder}: {type(error).__name__}: {error}") from error
        for net, place in ((self._nets.model, folder), (self._nets.vad_model, pauses), (self._nets.punc_model, stops)):
            if net is not None and place is not None:
                _check_whole(net, place)

    def hear(self, clips: Sequence[Audio]) -> list[Transcript]:
        """As `Recogniser.hear`."""
        sounds = {place: sound for place, clip in enumerate(clips) if (sound := sound_of(clip)) is not None}
        heard = [Transcript("")] * len(clips)
        order = sorted(sounds, key=lambda place: len(sounds[place]))
        with _quiet():
            for batch in self._batches(order, sounds):
                for place, result in zip(batch, self._results([sounds[place] for place in batch]), strict=True):
                    heard[place] = self._transcript(result)
        return heard

    def _batches(self, order: list[int], sounds: Mapping[int, np.ndarray]) -> Iterator[list[int]]:
        """Clips that are heard together; long ones alone."""
        short = [place for place in order if not self._is_parted(sounds[place])]
        for start in range(0, len(short), self.at_once):
            yield short[start : start + self.at_once]
        yield from ([place] for place in order[len(short) :])

    def _is_parted(self, sound: np.ndarray) -> bool:
        return self._nets.vad_model is not None and len(sound) > LONGEST_S * RATE_HZ

    def _results(self, sounds: list[np.ndarray]) -> list[dict[str, Any]]:
        """What the net answers for each of a batch; nothing heard in any of them is an answer less."""
        options = self._kind.options(self._language)
        if self._is_parted(sounds[0]):
            return list(self._nets.generate(sounds[0], **options))
        given = [torch.from_numpy(np.ascontiguousarray(sound)) for sound in sounds]
        try:
            results = list(self._nets.inference(given, batch_size=len(given), **options))
        except IndexError:  # SenseVoice's words cannot always be found in its own text again
            results = list(self._nets.inference(given, batch_size=len(given), **{**options, "output_timestamp": False}))
        if len(results) != len(sounds):
            return [{"text": ""}] * len(sounds)
        if self._nets.punc_model is not None:
            for result in results:
                result["words_only"], result["text"] = result["text"], self._with_stops(result["text"])
        return results

    def _with_stops(self, text: str) -> str:
        if not text.strip():
            return ""
        nets = self._nets
        return str(nets.inference(text, model=nets.punc_model, kwargs=nets.punc_kwargs)[0]["text"])

    def _transcript(self, result: Mapping[str, Any]) -> Transcript:
        """The answer in our words: marks taken out, the language that is told or can be seen."""
        raw = str(result.get("text", ""))
        told = [mark for mark in _TAG.findall(raw) if mark in _LANGUAGE_NAMES]
        text = _SPACE_AT_HAN.sub("", " ".join(_TAG.sub("", raw).split()))
        if not any(char.isalnum() for char in text):
            return Transcript("")
        language = self._language if self._language != AUTO else (told[0] if told else script_language(text))
        return Transcript(text, _words(result), None, language)


def script_language(text: str) -> str:
    """The language that the letters of ``text`` are those of: ja, ko, zh, else en."""
    for language, first, last in (("ja", "\u3040", "\u30ff"), ("ko", "\uac00", "\ud7a3")):
        if any(first <= char <= last for char in text):
            return language
    return "zh" if _HAN.search(text) else "en"


def _words(result: Mapping[str, Any]) -> tuple[Word, ...]:
    """The words with their times, which come in milliseconds; none where the net tells none for each word."""
    times = result.get("timestamp") or []
    said = result.get("words") or _UNIT.findall(_TAG.sub("", str(result.get("words_only") or result.get("text", ""))))
    if len(times) != len(said):
        return ()
    return tuple(
        Word(str(word), start / 1000, end / 1000) for word, (start, end) in zip(said, times, strict=True) if word
    )


def _net_name(folder: Path) -> str:
    """The net that the folder's ``config.yaml`` names; raises `BadCheckpoint` where it is none of ours."""
    text = (folder / "config.yaml").read_text(encoding="utf-8", errors="replace")
    found = re.search(r"^model:\s*['\"]?(\w+)", text, re.MULTILINE)
    if found is None or found[1] not in KINDS:
        named = found[1] if found else "nothing"
        raise BadCheckpoint(f"{folder}/config.yaml names {named}; known are: {', '.join(KINDS)}")
    return found[1]


def weights_file(folder: Path) -> Path:
    """The file of weights that the folder's ``configuration.json`` names."""
    try:
        told = json.loads((folder / "configuration.json").read_text(encoding="utf-8"))["file_path_metas"]["init_param"]
    except (OSError, ValueError, KeyError, TypeError):
        told = "model.pt"
    return folder / Path(str(told)).name


def _check_whole(net: torch.nn.Module, folder: Path) -> None:
    """Raise `BadCheckpoint` where weights of ``net`` are not in the folder's file: FunASR would leave them random."""
    file = weights_file(folder)
    found = read_object(file)
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
    shapes = {str(name).removeprefix("module."): value.shape for name, value in _tensors(found)}
    names: dict[int, list[str]] = {}  # a tensor may have several, and be in the file under one
    values = dict(net.named_parameters(remove_duplicate=False))
    for name, value in values.items():
        names.setdefault(id(value), []).append(name)
    for each in names.values():
        shape = values[each[0]].shape
        if shape not in [shapes.get(name) for name in each]:
            raise BadCheckpoint(f"{file} has no {each[0]} of shape {tuple(shape)}, which its config.yaml asks for")


def _tensors(found: object) -> list[tuple[object, torch.Tensor]]:
    values = found.items() if isinstance(found, dict) else ()
    return [(name, value) for name, value in values if isinstance(value, torch.Tensor)]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what FunASR logs and warns of away from the terminal."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
