"""The one table of commands, in the order of the help: commands (functions), then groups of them (`typer.Typer`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

from myna.core.named import Named

COMMANDS: Named[typer.Typer | Callable[..., Any]] = Named(
    {
        "demo": "myna.cli.clone:demo",
        "clone": "myna.cli.clone:clone",
        "say": "myna.cli.say:say",
        "convert-voice": "myna.cli.convert_voice:convert_voice",
        "watermark": "myna.cli.watermark:watermark",
        "voices": "myna.cli.say:voices",
        "audio_slicer": "myna.cli.audio_slicer:audio_slicer",
        "cmd_denoise": "myna.cli.cmd_denoise:cmd_denoise",
        "uvr": "myna.cli.uvr:uvr",
        "funasr_asr": "myna.cli.recognise:funasr_asr",
        "fasterwhisper_asr": "myna.cli.recognise:fasterwhisper_asr",
        "fetch": "myna.cli.fetch:fetch",
        "inspect": "myna.cli.model_files:inspect",
        "convert": "myna.cli.model_files:convert",
        "merge": "myna.cli.model_files:merge",
        "doctor": "myna.cli.doctor:doctor",
        "serve": "myna.cli.serve:serve",
        "api_v2": "myna.cli.speech_servers:api_v2",
        "api": "myna.cli.speech_servers:api",
        "worker": "myna.cli.serve:worker",
        "run": "myna.cli.run:app",
        "labels": "myna.cli.labels:app",
        "bench": "myna.cli.bench:app",
        "keys": "myna.cli.serve:keys",
    }
)

LENIENT = frozenset({"audio_slicer", "cmd_denoise"})
"""Where what looks like an option and is none may be a negative number or a file's name."""
