"""The command line: the one place where the rooms are put together, and the last border of errors."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

import typer
from typer.exceptions import TyperException

from myna.cli import (
    bench,
    clone,
    convert_voice,
    doctor,
    fetch,
    labels,
    model_files,
    recognise,
    run,
    say,
    serve,
    speech_servers,
    uvr,
    watermark,
    workshop,
)
from myna.cli.show import err
from myna.core.errors import Cancelled, MynaError

BAD_INPUT = 2
BUG = 1
INTERRUPTED = 130

app = typer.Typer(
    name="myna",
    help="Clones voices: recordings of a person to a trained voice, text to speech in that voice.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command(name="demo")(clone.demo)
app.command(name="clone")(clone.clone)
app.command(name="say")(say.say)
app.command(name="convert-voice")(convert_voice.convert_voice)
app.command(name="watermark")(watermark.watermark)
app.command(name="voices")(say.voices)
app.add_typer(run.app, name="run")
workshop.add_to(app)
app.command(name="uvr")(uvr.uvr)
app.command(name="funasr_asr")(recognise.funasr_asr)
app.command(name="fasterwhisper_asr")(recognise.fasterwhisper_asr)
app.add_typer(labels.app, name="labels")
app.command(name="fetch")(fetch.fetch)
app.command(name="inspect")(model_files.inspect)
app.command(name="convert")(model_files.convert)
app.command(name="merge")(model_files.merge)
app.command(name="doctor")(doctor.doctor)
app.add_typer(bench.app, name="bench")
app.command(name="serve")(serve.serve)
app.command(name="api_v2")(speech_servers.api_v2)
app.command(name="api")(speech_servers.api)
app.command(name="worker")(serve.worker)
app.add_typer(serve.keys, name="keys")


def main() -> None:
    """Run the command that the arguments name, and end the process with its exit code."""
    code = run_command(sys.argv[1:])
    if code == INTERRUPTED:
        # An interrupt that passed through exec() somewhere, though caught, makes Python end itself by SIGINT instead.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def run_command(arguments: list[str]) -> int:
    """Run one command; every error becomes one line and an exit code.

    0 done, 2 something that the caller or whoever runs this can mend, 130 interrupted, 1 a bug of myna.
    """
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
