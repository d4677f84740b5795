"""One run of the command line, and the last border of errors."""

from __future__ import annotations

import signal
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

import typer
from typer.exceptions import TyperException

from myna.cli import INTERRUPTED
from myna.cli.commands import COMMANDS, LENIENT
from myna.cli.late import LateCommands
from myna.cli.show import err
from myna.core.errors import Cancelled, MynaError

BAD_INPUT = 2
BUG = 1


class Program(LateCommands):
    """All commands."""

    found = COMMANDS
    lenient = LENIENT


app = typer.Typer(
    name="myna",
    cls=Program,
    help="Clones voices: recordings of a person to a trained voice, text to speech in that voice.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.callback()(lambda: None)


def run(arguments: list[str]) -> int:
    """As `myna.cli.run_command`."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    warnings.simplefilter("ignore")
    warnings.filterwarnings("default", category=UserWarning, module=r"myna\b")
    warnings.showwarning = _show_warning
    try:
        code = app(arguments, prog_name="myna", standalone_mode=False) or 0
    except MynaError as error:
        code = INTERRUPTED if isinstance(error, Cancelled) else _say(f"error: {_one_line(error)}", BAD_INPUT)
    except TyperException as error:
        code = _usage_error(error)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone; there is nobody to tell
        code = BAD_INPUT
    except Exception as error:
        code = _say(f"this is a bug in myna: {type(error).__name__}: {error} (details: {_keep_traceback()})", BUG)
    if code == INTERRUPTED:
        _say("stopped; run the same command again and it goes on where it was", INTERRUPTED)
    return int(code)


def _say(line: str, code: int) -> int:
    err.print(line, markup=False, highlight=False, soft_wrap=True)
    return code


def _one_line(error: object) -> str:
    return " ".join(str(error).split())


def _usage_error(error: TyperException) -> int:
    """Say what was wrong with the arguments; where there were none, the help stands there already."""
    message = _one_line(getattr(error, "format_message", error.__str__)())
    return _say(f"error: {message} (see `myna --help`)", BAD_INPUT) if message else BAD_INPUT


def _keep_traceback() -> Path:
    """Write the traceback where a person can find it."""
    with tempfile.NamedTemporaryFile("w", prefix="myna-", suffix=".log", delete=False, encoding="utf-8") as file:
        traceback.print_exc(file=file)
    return Path(file.name)


def _show_warning(message: Warning | str, *_where: object, **_more: object) -> None:
    err.print(f"warning: {message}", markup=False, highlight=False, soft_wrap=True)
