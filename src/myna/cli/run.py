"""`myna run STEP`: one command per step, its options derived from the step's fields."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic.fields import FieldInfo

from myna.cli.late import LateCommands
from myna.cli.show import Bars, line
from myna.cli.wiring import build_workspace
from myna.core.errors import BadInput
from myna.core.settings import Settings, read_settings
from myna.core.workspace import VoiceFolder
from myna.steps.catalog import STEPS, known_parameters, make_step
from myna.steps.step import Step, clear

_OWN = ("voice", "voice_folder", "again")


def run_step(name: str, given: dict[str, Any]) -> None:
    """Run the step called ``name`` with the options ``given``; those that are None keep the step's defaults."""
    settings = read_settings()
    wishes = deployment(settings) | {key: value for key, value in given.items() if value is not None}
    folder = _folder(settings, wishes.pop("voice", ""), wishes.pop("voice_folder", None))
    again = wishes.pop("again")
    step = make_step(name, known_parameters(name, {**wishes, "folder": folder.path}))
    if again:
        clear(step)
        stamp = folder.stamps / f"{step.stamp_name}.json"
        stamp.unlink(missing_ok=True)
    bars = Bars()
    with bars.shown():
        outcome = bars.perform(step)
    how = "was done already" if outcome.was_done_already else "is done"
    line(f"{name} {how} ({outcome.seconds:.1f} s)")


def deployment(settings: Settings) -> dict[str, Any]:
    """What every step takes from the settings."""
    return {
        "device": settings.device,
        "models": settings.models_folder,
        "words": settings.home,
        "max_bytes": settings.max_upload_bytes,
        "max_seconds": settings.max_recording_s,
        "hub": settings.hub,
        "huggingface_url": settings.huggingface_url,
        "modelscope_url": settings.modelscope_url,
    }


def _folder(settings: Settings, voice: str, folder: Path | None) -> VoiceFolder:
    if bool(voice) == bool(folder):
        raise BadInput("say which voice: give --voice NAME, or --voice-folder FOLDER")
    if folder is None:
        return build_workspace(settings).existing_voice(voice)
    if not folder.is_dir():
        raise BadInput(f"there is no folder {folder}")
    return VoiceFolder(folder.resolve())


def command(step: type[Step]) -> Callable[..., None]:
    """A typer command whose options are the fields of ``step``."""

    def run(**given: Any) -> None:
        run_step(step.name, given)

    options = [
        _option("voice", str, "A voice of this installation."),
        _option("voice_folder", Path, "Instead of --voice: a voice folder anywhere."),
        inspect.Parameter(
            "again",
            inspect.Parameter.KEYWORD_ONLY,
            default=False,
            annotation=Annotated[bool, typer.Option("--again", help="Do it anew even if it is done.")],
        ),
    ]
    taken = ("folder", *_OWN)  # a step's field of such a name is for programs: here it names what is worked on
    options += [_field(name, field) for name, field in step.model_fields.items() if name not in taken]
    run.__doc__ = step.__doc__
    run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    run.__annotations__ = {}
    return run


def _field(name: str, field: FieldInfo) -> inspect.Parameter:
    """The option of one field; left out, the step's own default holds."""
    told = f"{field.description}" + (f" (default: {field.default})" if field.default not in (None, "") else "")
    return _option(name, field.annotation, told)


def _option(name: str, kind: Any, told: str) -> inspect.Parameter:
    flag = f"--{name.replace('_', '-')}"
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, typer.Option(flag, help=told, show_default=False)],
    )


class _Commands(Mapping[str, Callable[..., None]]):
    """The commands of all steps, each made when it is asked for."""

    def __getitem__(self, name: str) -> Callable[..., None]:
        return command(STEPS[name])

    def __iter__(self) -> Iterator[str]:
        return iter(STEPS)

    def __len__(self) -> int:
        return len(STEPS)


class Steps(LateCommands):
    """A command for every step."""

    found = _Commands()


app = typer.Typer(
    name="run",
    cls=Steps,
    help="Run one step of a voice, if it is not done already.",
    no_args_is_help=True,
    add_completion=False,
)
app.callback()(lambda: None)
