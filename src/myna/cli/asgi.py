"""The app as other programs start it, in as many processes as they like::

    gunicorn -w 4 -k uvicorn.workers.UvicornWorker "myna.cli.asgi:make_app()"
    uvicorn --factory --workers 4 myna.cli.asgi:make_app

Settings are read here as `myna serve` reads them; where it listens is the other program's affair.
"""

from __future__ import annotations

import logging
import socket
from functools import partial

from fastapi import FastAPI

from myna.api.serving import Elected, control_parent, end_with_parent, log_lines
from myna.cli.wiring import build_asgi, build_beside
from myna.core.settings import Settings, read_settings


def make_app() -> FastAPI:
    """The app of one of several processes; one of them on each machine also does what `myna serve` does beside it."""
    settings = read_settings()
    if not logging.getLogger().handlers:
        log_lines(settings.log_level)
    lock = settings.home / f"serving-{socket.gethostname()}.lock"
    return build_asgi(settings, beside=[Elected(lock, partial(build_beside, settings))])


def make_child(settings: Settings) -> FastAPI:
    """The app of one of the processes of `myna serve --processes`, which does all else itself."""
    log_lines(settings.log_level)
    end_with_parent()
    return build_asgi(settings, control_parent)
