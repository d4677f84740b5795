"""``python -m myna.cli``: the same as the command ``myna``."""

from __future__ import annotations

from myna.cli import main

main()
