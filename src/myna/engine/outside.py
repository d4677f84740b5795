"""Commands of somebody else's that do a part of the work: run without a shell, one argument per word."""

from __future__ import annotations

import logging
import shlex
import string
import subprocess
from collections.abc import Mapping
from pathlib import Path

from myna.core.errors import InstallationError, NotConfigured

_log = logging.getLogger(__name__)
_TIMEOUT_S = 3600.0
_SHOWN_CHARS = 400


def arguments(template: str, values: Mapping[str, str]) -> list[str]:
    """The words of a command. It is split first and filled in then, so no value can become a second word.

    Raises `NotConfigured` for a template that is empty, unbalanced, or has a place that there is no value for.
    """
    try:
        words = shlex.split(template)
        places = {name for word in words for _, name, _, _ in string.Formatter().parse(word) if name is not None}
    except ValueError as error:
        raise NotConfigured(f"the command {template!r} cannot be read: {error}") from None
    if not words:
        raise NotConfigured("there is no command for this part of the work")
    unknown = places - set(values)
    if unknown:
        raise NotConfigured(f"the command has a place {sorted(unknown)[0]!r}; there are: {', '.join(sorted(values))}")
    return [word.format(**values) for word in words]


def run(template: str, values: Mapping[str, str], outputs: tuple[Path, ...]) -> None:
    """Run a command and see that it wrote what it was to write.

    Raises `NotConfigured` as `arguments`, and `InstallationError` where it fails; its output goes to the log.
    """
    words = arguments(template, values)
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S, check=False)
    except (FileNotFoundError, PermissionError) as error:
        raise NotConfigured(f"the command {words[0]!r} cannot be run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise InstallationError(f"the command {words[0]!r} took longer than {_TIMEOUT_S:g} s") from None
    _log.info("%s: %s%s", words[0], done.stdout, done.stderr)
    missing = [path.name for path in outputs if not path.is_file()]
    if done.returncode or missing:
        told = " ".join(done.stderr.split())[-_SHOWN_CHARS:] or "it said nothing"
        how = f"ended with code {done.returncode}" if done.returncode else f"did not write {', '.join(missing)}"
        raise InstallationError(f"the command {words[0]!r} {how}: {told}")
