"""`myna fetch`: published models into the models folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from myna.cli.show import Bars, table
from myna.core.assets import ASSETS, Asset, how_to_get, size_text
from myna.core.errors import BadInput, MissingAsset, NotFound, UnknownChoice
from myna.core.settings import Settings, read_settings
from myna.engine.fetch import Checkout, Piece, adopt, check_room, exclusive, pieces
from myna.engine.fetch import fetch as fetch_piece
from myna.engine.hubs import Hub, HuggingFace, ModelScope

_TITLE_CHARS = 28


def fetch(
    what: Annotated[
        list[str] | None, typer.Argument(help="v1 v2 v2Pro v2ProPlus v3 v4, a model's name in `myna doctor`, or all.")
    ] = None,
    from_folder: Annotated[
        Path | None, typer.Option("--from", help="Instead of a hub: a GPT-SoVITS checkout, or its pretrained_models.")
    ] = None,
    link: Annotated[bool, typer.Option("--link", help="With --from: link the files, do not copy them.")] = False,
    hub: Annotated[str | None, typer.Option(help="huggingface or modelscope; by default that of the settings.")] = None,
) -> None:
    """Bring published models here, checked by size and SHA-256; interrupted, the same command goes on where it was."""
    settings = read_settings()
    if not what and from_folder is None:
        raise BadInput("say what to fetch: one or more of v1, v2, v2Pro, v2ProPlus, v3, v4, or all (see `myna doctor`)")
    if link and from_folder is None:
        raise BadInput("--link wants --from FOLDER: only files that are on this machine can be linked")
    models = settings.models_folder
    wished = pieces(what or ["all"], models)
    if from_folder is not None:
        checkout = Checkout.at(from_folder)
        if not what:
            choices = pieces([row.name for row in ASSETS.values() if row.is_by_name_only], models)
            wished += [piece for piece in choices if checkout.source(piece)]
        rows = _take_over(wished, checkout, models, link=link, names=set(what or []))
    else:
        rows = _download(wished, settings, hub or settings.hub, models, names=set(what or []))
    table(f"Models in {models}", ["file", "size", "state"], rows)


def build_hub(settings: Settings, name: str) -> Hub:
    """The hub called ``name``, by its address in the settings; raises `UnknownChoice`, `BadInput`."""
    hubs: dict[str, Callable[[], Hub]] = {
        "huggingface": lambda: HuggingFace(settings.huggingface_url),
        "modelscope": lambda: ModelScope(settings.modelscope_url),
    }
    if name not in hubs:
        raise UnknownChoice("hub", name, hubs)
    return hubs[name]()


def hub_for(row: Asset, settings: Settings, name: str) -> Hub:
    """The hub called ``name``; for a model that only ModelScope has, that one."""
    only = row.modelscope and not row.published
    return build_hub(settings, "modelscope" if only else name)


def _download(wished: list[Piece], settings: Settings, hub: str, models: Path, names: set[str]) -> list[list[str]]:
    build_hub(settings, hub)
    todo = [piece for piece in wished if not piece.is_there]
    by_hand = sorted({piece.row.name for piece in todo if not piece.row.published and not piece.row.modelscope})
    if lone := [name for name in by_hand if name in names]:
        raise MissingAsset(f"no hub has {lone[0]}; {how_to_get(lone[0])}")
    with exclusive(models), _bars() as bars:
        check_room(todo, models)
        for piece in todo:
            if piece.row.name not in by_hand and not piece.is_there:  # an archive brings several at once
                with bars.bar(_short(piece)) as report:
                    fetch_piece(piece, hub_for(piece.row, settings, hub), report)
                    report(1.0, f"done, {size_text(piece.target.stat().st_size)}")
    return [_row(piece, "fetched" if piece in todo and piece.is_there else _state(piece)) for piece in wished]


def _take_over(
    wished: list[Piece], checkout: Checkout, models: Path, *, link: bool, names: set[str]
) -> list[list[str]]:
    sources = {piece.title: checkout.source(piece) for piece in wished}
    if not any(sources.values()):
        raise NotFound(f"{checkout.pretrained} has none of the published files, such as {wished[0].title}")
    taken = set()
    with exclusive(models), _bars() as bars:
        for piece in wished:
            source = sources[piece.title]
            if source is not None and not piece.is_there:
                with bars.bar(_short(piece)) as report:
                    adopt(piece, source, link=link, progress=report)
                    report(1.0, f"done, {size_text(source.stat().st_size)}")
                taken.add(piece.title)
    lacking = [piece for piece in wished if not piece.is_there and piece.file.is_needed]
    if names and lacking:
        raise MissingAsset(f"{checkout.pretrained} does not have {lacking[0].title}; {how_to_get(lacking[0].row.name)}")
    how = "linked" if link else "copied"
    return [_row(piece, how if piece.title in taken else _state(piece)) for piece in wished]


@contextmanager
def _bars() -> Iterator[Bars]:
    bars = Bars()
    with bars.shown():
        yield bars


def _short(piece: Piece) -> str:
    return Path(piece.title).name[-_TITLE_CHARS:]


def _state(piece: Piece) -> str:
    return "there already" if piece.is_there else f"missing; {how_to_get(piece.row.name)}"


def _row(piece: Piece, state: str) -> list[str]:
    return [piece.title, size_text(piece.file.size), state]
