"""The tracked source, parsed once for all house rules."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "myna"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One Python file of the package."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """The path below ``src/myna``, with slashes."""
        return self.path.relative_to(PACKAGE).as_posix()

    @property
    def room(self) -> str:
        """The first folder or file below the package, without suffix."""
        return self.name.split("/")[0].removesuffix(".py")

    def functions(self) -> Iterator[tuple[str, Function]]:
        """Every function by its qualified name."""
        yield from _functions(self.tree, "")

    def calls(self) -> Iterator[tuple[str, ast.Call]]:
        """Every call by the dotted name of what is called, where it has one."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield ast.unparse(node.func), node


@cache
def sources() -> tuple[Source, ...]:
    """Every Python file of the package."""
    files = sorted(PACKAGE.rglob("*.py"))
    return tuple(Source(path, text, ast.parse(text)) for path in files for text in [path.read_text(encoding="utf-8")])


@cache
def tracked_files() -> tuple[Path, ...]:
    """Every file under version control; every file of the folders that ship where there is no version control."""
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        shipped = ("src", "tests", "docs", "recipes")
        return tuple(path for folder in shipped for path in (ROOT / folder).rglob("*") if path.is_file())
    return tuple(ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file())


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + child.name, child
            yield from _functions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")
        else:
            yield from _functions(child, prefix)
