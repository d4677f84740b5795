"""Speech to text: engines behind one protocol, in one table.

The default, PocketSphinx, brings its American English model in its wheel, so it needs no download. It is a weak
recogniser: a quarter of the words are wrong on read English, nearly all in loud noise (`benchmarks/asr.py`). That is
enough for a label file that somebody corrects, to lay a known text along a recording, and to judge speech with an ear
that took no part in training. The others need model files, and hear well; a given transcript is always better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from myna.audio.io import Audio
from myna.core.assets import find, how_to_get, lacking, place
from myna.core.errors import MissingAsset, MissingExtra, UnknownChoice
from myna.engine.asr.fun_asr import FunAsr, weights_file
from myna.engine.asr.heard import AUTO, Recogniser, Transcript, Wish, Word
from myna.engine.asr.model_folder import checked_size, chosen_folder, find_model
from myna.engine.asr.pocket_sphinx import PocketSphinx
from myna.engine.asr.whisper import LANGUAGES, PRECISIONS, Whisper

__all__ = [
    "AUTO",
    "DEFAULT",
    "ENGINES",
    "GIVEN",
    "Engine",
    "Recogniser",
    "Transcript",
    "Wish",
    "Word",
    "check_choice",
    "chosen_folder",
    "engine_called",
    "first_usable",
    "recogniser",
    "state_of",
]

DEFAULT = "pocketsphinx"
GIVEN = "given"
"""In the place of an engine: the words are those of a transcript, and the default lays them along the clips."""

_FIVE = ("zh", "en", "ja", "ko", "yue", AUTO)
_WHISPER_FILES = ("config.json", "model.bin", "tokenizer.json", ("vocabulary.json", "vocabulary.txt"))
_WHISPER_SIZES = (
    "large-v3",
    "large-v3-turbo",
    "large-v2",
    "large-v1",
    "medium",
    "medium.en",
    "small",
    "small.en",
    "base",
    "base.en",
    "tiny",
    "tiny.en",
    "distil-large-v3.5",
    "distil-large-v3",
    "distil-large-v2",
    "distil-medium.en",
    "distil-small.en",
)
_PAUSES = "fsmn-vad"
"""What parts long clips; short ones are heard without it."""
_LOCAL = "-local"
"""What an old version of the official program put behind the sizes that it had."""
_SAME_SIZES = {"large": "large-v3", "turbo": "large-v3-turbo"}
_FUN_ASR = ("fun-asr-nano", "paraformer", "sensevoice")
_FUN_ASR_FOR = {"zh": _FUN_ASR, "yue": ("paraformer", "sensevoice", "fun-asr-nano")}
"""Whose turn it is, if its model is here: as in the official program, which hears Cantonese with a net of its own."""


@dataclass(frozen=True)
class Engine:
    """A row of the table: what it hears, in which sizes (the first is the default), how one is made.

    ``titles`` are its names in the official program, of any version. ``assets`` tells the models of a size and a
    language, the one that hears first; none where it brings its model. ``languages`` hold `AUTO` where the engine tells
    languages apart. Where ``library`` is not installed, ``extra`` brings it.
    """

    languages: tuple[str, ...]
    make: Callable[[Wish], Recogniser]
    extra: str
    library: str
    titles: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    assets: Callable[[str, str], tuple[str, ...]] = lambda _size, _language: ()

    @property
    def is_installed(self) -> bool:
        """Whether its library is here."""
        return find_spec(self.library) is not None


def _whisper(wish: Wish) -> Recogniser:
    folder = find_model(whisper_asset(wish.size), wish.models, chosen_folder(wish.size), _WHISPER_FILES)
    return Whisper(folder, wish, dict(_ears_for_chinese(wish)))


def whisper_asset(size: str) -> str:
    """What the model of a size (or the default's) is called among the assets: as the official program's folder."""
    size = size.removesuffix(_LOCAL) or _WHISPER_SIZES[0]
    size = _SAME_SIZES.get(size, size)
    return f"faster-distil-whisper-{size.removeprefix('distil-')}" if "distil" in size else f"faster-whisper-{size}"


class _Later(Recogniser):
    """A recogniser that is only loaded when it is asked."""

    def __init__(self, make: Callable[[], Recogniser]) -> None:
        self._make = make
        self._made: Recogniser | None = None

    def hear(self, clips: Sequence[Audio]) -> list[Transcript]:
        """As `Recogniser.hear`; raises what making it raises."""
        self._made = self._made or self._make()
        return self._made.hear(clips)

    def close(self) -> None:
        """Close it if it was made."""
        if self._made is not None:
            self._made.close()


def _ears_for_chinese(wish: Wish) -> Iterator[tuple[str, Recogniser]]:
    """FunASR's nets for the languages that Whisper hands over, as far as they are here."""
    for language in _FUN_ASR_FOR:
        name = first_usable(language, wish.models)
        row = ENGINES[name]
        is_here = row.is_installed and not any(
            lacking(asset, wish.models) for asset in row.assets("", language) if asset != _PAUSES
        )
        if wish.language in (AUTO, language) and is_here:
            own = Wish(language, "", "", wish.device, wish.models)
            yield language, _Later(partial(row.make, own))


def _of_paraformer(_size: str, language: str) -> tuple[str, ...]:
    """As in the official program: another net for Cantonese, which is used without the nets that help."""
    return ("uniasr-cantonese",) if language == "yue" else ("paraformer-zh", _PAUSES, "ct-punc")


def _fun_asr(engine: str, wish: Wish) -> Recogniser:
    """One of FunASR's nets; the nets that help are looked for beside a chosen folder first."""
    own, *others = ENGINES[engine].assets(wish.size, wish.language)
    folder = find_model(own, wish.models, chosen_folder(wish.size), ("config.yaml",))
    if not weights_file(folder).is_file():
        raise MissingAsset(f"{weights_file(folder)} is missing; without it {folder} is no model that can be used here")
    pauses = None
    if _PAUSES in others:
        with suppress(MissingAsset):
            pauses = _beside(folder, _PAUSES, wish.models)
    return FunAsr(
        folder, wish, pauses=pauses, stops=_beside(folder, "ct-punc", wish.models) if "ct-punc" in others else None
    )


def _beside(folder: Path, asset: str, models: Path) -> Path:
    """The folder of a helping net: beside the model, as the official program has it, or in the models folder."""
    neighbour = folder.parent / place(asset, models).name
    return find_model(asset, models, neighbour if neighbour.is_dir() else None, ("config.yaml",))


ENGINES: Mapping[str, Engine] = MappingProxyType(
    {
        "pocketsphinx": Engine(("en",), PocketSphinx, extra="engine", library="pocketsphinx"),
        "faster-whisper": Engine(
            (*LANGUAGES, AUTO),
            _whisper,
            extra="asr",
            library="faster_whisper",
            titles=("Faster Whisper (多语种)",),
            sizes=(*_WHISPER_SIZES, *_SAME_SIZES),
            assets=lambda size, _: (whisper_asset(size),),
        ),
        "fun-asr-nano": Engine(
            _FIVE,
            lambda wish: _fun_asr("fun-asr-nano", wish),
            extra="funasr",
            library="funasr",
            titles=("Fun-ASR-Nano (31语种+方言, 推荐)",),
            sizes=("large",),
            assets=lambda _, __: ("fun-asr-nano", _PAUSES),
        ),
        "sensevoice": Engine(
            _FIVE,
            lambda wish: _fun_asr("sensevoice", wish),
            extra="funasr",
            library="funasr",
            titles=("SenseVoice (极速, 5语种)",),
            sizes=("large",),
            assets=lambda _, __: ("sensevoice", _PAUSES),
        ),
        "paraformer": Engine(
            ("zh", "yue"),
            lambda wish: _fun_asr("paraformer", wish),
            extra="funasr",
            library="funasr",
            titles=("达摩 ASR (中文经典)", "达摩 ASR (中文)"),
            sizes=("large",),
            assets=_of_paraformer,
        ),
    }
)
"""Every recogniser by its name; the first is the default."""


def engine_called(name: str) -> str:
    """The name in the table of an engine that is called by it or by an official title; raises `UnknownChoice`."""
    for key, row in ENGINES.items():
        if name.casefold() in (key, *(title.casefold() for title in row.titles)):
            return key
    raise UnknownChoice("recogniser", name, [*ENGINES, GIVEN])


def state_of(engine: str, models: Path) -> str:
    """Whether an engine can be used, and with which of its models in the folder ``models``; else what it needs."""
    row = ENGINES[engine]
    if not row.is_installed:
        return f"not installed: pip install 'myna[{row.extra}]'"
    here: list[str] = []
    first = ""
    for size, language in ((size, language) for size in row.sizes or ("",) for language in _spoken(row)):
        own = row.assets(size, language)[:1]
        missing = [how_to_get(name) for name in own if lacking(name, models)]
        first = first or "".join(missing)
        if not missing:
            here += own
    if row.sizes and not here:
        return f"no model here; {first}"
    return "can be used" + (f" with {', '.join(dict.fromkeys(here))}" if here else "; hears English only")


def first_usable(language: str, models: Path) -> str:
    """The first of FunASR's engines for ``language`` that can be used; where none can, the official choice.

    Raises `UnknownChoice` for a language that none hears.
    """
    if language not in _FIVE:
        raise UnknownChoice("language for FunASR", language, _FIVE)
    names = [name for name in _FUN_ASR_FOR.get(language, _FUN_ASR) if language in ENGINES[name].languages]
    return next((name for name in names if state_of(name, models).startswith("can be used")), names[0])


def _spoken(row: Engine) -> tuple[str, ...]:
    return row.languages if len(row.languages) <= len(_FIVE) else (AUTO,)


def check_choice(engine: str, wish: Wish, *, is_fetched: bool = False) -> str:
    """The engine's name in the table; raises as `recogniser` where ``wish`` cannot come true.

    The model need not be here yet where it ``is_fetched``.
    """
    name = engine_called(engine)
    row = ENGINES[name]
    if wish.language not in row.languages:
        hint = " (it hears English only, so it cannot tell languages apart)" if row.languages == ("en",) else ""
        raise UnknownChoice(f"language for {name}{hint}", wish.language, row.languages)
    if wish.precision and wish.precision not in PRECISIONS:
        raise UnknownChoice("precision", wish.precision, PRECISIONS)
    chosen = chosen_folder(wish.size)
    if not chosen:
        checked_size(name, wish.size.removesuffix(_LOCAL), row.sizes)
    if not row.is_installed:
        raise MissingExtra(f"{name} is not installed; get it with: pip install 'myna[{row.extra}]'")
    if not chosen and not is_fetched:
        for asset in row.assets(wish.size, wish.language):
            if asset != _PAUSES:
                find(asset, wish.models)
    return name


def recogniser(engine: str, language: str = AUTO, wish: Wish | None = None) -> Recogniser:
    """A recogniser for ``language`` as ``wish`` has it otherwise; keep it, since it takes seconds to load.

    Raises `UnknownChoice` for an engine that is not in the table, or a language, size or precision that it has not;
    `MissingExtra` where its library is not installed, `MissingAsset` where its model is not here, and `BadCheckpoint`
    where that cannot be used.
    """
    wish = replace(wish or Wish(), language=language)
    return ENGINES[check_choice(engine, wish)].make(wish)
