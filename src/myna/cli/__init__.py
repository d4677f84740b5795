"""The command line: the one place where the rooms are put together.

Processes that a command starts import this too (they import what their parent began with), so hardly anything is here.
"""

from __future__ import annotations

import gc
import os
import sys

INTERRUPTED = 130


def main() -> None:
    """Run the command that the arguments name, and end the process with its exit code."""
    code = run_command(sys.argv[1:])
    if code == INTERRUPTED:
        # An interrupt that passed through exec() somewhere, though caught, makes Python end itself by SIGINT instead.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    gc.freeze()  # else Python looks through everything once more for what could be freed: a tenth of a second
    sys.exit(code)


def run_command(arguments: list[str]) -> int:
    """Run one command; every error becomes one line and an exit code.

    0 done, 2 something that the caller or whoever runs this can mend, 130 interrupted, 1 a bug of myna.
    """
    from myna.cli.program import run

    return run(arguments)
