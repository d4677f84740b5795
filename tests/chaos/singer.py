"""A foreign command that separates or sings: copies its first file to the others, half of it if it is slow."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path


def main(folder: str, source: str, *targets: str) -> None:
    """While ``FOLDER/slow`` is there it never ends, with half of its work done."""
    content = Path(source).read_bytes()
    is_slow = (Path(folder) / "slow").exists()
    for target in targets:
        Path(target).write_bytes(content[: len(content) // 2] if is_slow else content)
    if is_slow:
        (Path(folder) / "singing").write_text(str(os.getpid()), encoding="ascii")
        time.sleep(300)


if __name__ == "__main__":
    main(*sys.argv[1:])
