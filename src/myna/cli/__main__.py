"""``python -m myna.cli``: the same as the command ``myna``."""

from __future__ import annotations

from myna.cli import main

if __name__ == "__main__":  # a server's processes import it again
    main()
