"""The house rules, executed. Exceptions are named, and a name that is no longer needed fails too: the lists shrink."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import myna
from myna.core.versions import VERSIONS
from tests.house.source import PACKAGE, ROOT, Source, sources, tracked_files

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50

LONG_FILES: set[str] = set()
LONG_FUNCTIONS: set[str] = set()

VAGUE_NAMES = {"utils", "util", "common", "helpers", "helper", "misc", "base", "manager", "handler", "handlers"}

BROAD_EXCEPTS = {
    "amqp/consumer.py": 1,  # a message that is too much for us must not keep the others waiting
    "cli/program.py": 1,  # the command line's border: an exit code
    "api/dialect.py": 1,  # a door's border: the dialect's reply
    "jobs/child.py": 1,  # the worker's border: job failed, traceback in its log
    "jobs/worker.py": 1,  # the worker itself must outlive a stumbling store
}

TORCH_ROOMS = {"models", "checkpoints", "engine", "testing"}
TORCH = {"torch", "transformers", "safetensors"}
NOWHERE = {"torchaudio", "torchvision", "torchcodec", "librosa", "pydub"}

BANNED_CALLS = {"eval", "exec", "os.system", "os.popen", "torch.load", "__import__"}
BANNED_LIBRARIES = ("pickle.", "marshal.", "yaml.load", "joblib.")


def test_files_are_short() -> None:
    long = {source.name for source in sources() if source.text.count("\n") > MAX_FILE_LINES}
    assert long == LONG_FILES


def test_functions_are_short() -> None:
    long = {
        f"{source.name}:{name}"
        for source in sources()
        for name, function in source.functions()
        if (function.end_lineno or 0) - function.lineno + 1 > MAX_FUNCTION_LINES
    }
    assert long == LONG_FUNCTIONS


def test_names_say_something() -> None:
    vague = [
        source.name
        for source in sources()
        if VAGUE_NAMES & set(source.name.removesuffix(".py").split("/")) or re.search(r"_v\d+\.py$|/new_", source.name)
    ]
    assert vague == []


def test_modules_are_documented_and_postpone_annotations() -> None:
    wrong = []
    for source in sources():
        if source.text.strip() and not ast.get_docstring(source.tree):
            wrong.append(f"{source.name}: says nothing about what it holds")
        if list(source.functions()) and "from __future__ import annotations" not in source.text:
            wrong.append(f"{source.name}: evaluates its annotations")
    assert wrong == []


def test_nothing_dangerous_is_called() -> None:
    wrong = []
    for source in sources():
        for name, call in source.calls():
            is_banned = name in BANNED_CALLS or name.startswith(BANNED_LIBRARIES)
            wants_shell = any(
                keyword.arg == "shell" and getattr(keyword.value, "value", True) is not False
                for keyword in call.keywords
            )
            if is_banned or wants_shell:
                wrong.append(f"{source.name}:{call.lineno}: {name}")
        wrong += [
            f"{source.name}:{node.lineno}: {ast.unparse(node)}"
            for node in ast.walk(source.tree)
            if isinstance(node, ast.ImportFrom) and node.module in {"pickle", "marshal"}
            if [alias.name for alias in node.names] != ["UnpicklingError"]
        ]
    assert wrong == []


def test_only_the_command_line_prints() -> None:
    printing = {source.name for source in sources() if any(name == "print" for name, _ in source.calls())}
    assert {name for name in printing if not name.startswith("cli/")} == set()


def test_broad_excepts_stand_at_the_borders_only() -> None:
    found: dict[str, int] = {}
    for source in sources():
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ExceptHandler) and _is_broad(node):
                found[source.name] = found.get(source.name, 0) + 1
    assert found == BROAD_EXCEPTS


def _is_broad(handler: ast.ExceptHandler) -> bool:
    """Catches everything and does not raise it again."""
    caught = "" if handler.type is None else ast.unparse(handler.type)
    is_wide = handler.type is None or re.search(r"\b(Base)?Exception\b(?!Group)", caught) is not None
    goes_on = isinstance(handler.body[-1], ast.Raise) and handler.body[-1].exc is None
    return is_wide and not goes_on


def test_asserts_tell_types_and_check_nothing() -> None:
    checks = [
        f"{source.name}:{node.lineno}: {ast.unparse(node.test)}"
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Assert) and not _tells_a_type(node.test)
    ]
    assert checks == []


def _tells_a_type(test: ast.expr) -> bool:
    """``x is not None``, ``isinstance(x, …)``, or several of them."""
    if isinstance(test, ast.BoolOp):
        return all(_tells_a_type(value) for value in test.values)
    return ast.unparse(test).startswith("isinstance(") or ast.unparse(test).endswith(" is not None")


def test_nobody_compares_with_a_version_name() -> None:
    wrong = []
    for source in sources():
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Compare) and "version" in ast.unparse(node):
                named = {part.value for part in ast.walk(node) if isinstance(part, ast.Constant)}
                if named & set(VERSIONS):
                    wrong.append(f"{source.name}:{node.lineno}: {ast.unparse(node)}")
    assert wrong == []


def test_torch_stays_in_its_rooms() -> None:
    wrong = []
    for source in sources():
        imported = {name.partition(".")[0] for name, _, _ in _imports(source)}
        banned = imported & NOWHERE
        if source.room not in TORCH_ROOMS:
            banned |= imported & TORCH
        wrong += [f"{source.name}: {name}" for name in sorted(banned)]
    assert wrong == []


def test_imports_inside_functions_stand_where_the_engine_is_entered() -> None:
    wrong = [
        f"{source.name}:{line}: {name} inside {function}"
        for source in sources()
        for name, function, line in _imports(source)
        if function and not (source.room in {"steps", "cli"} and name.startswith("myna.")) and not _needs_an_extra(name)
    ]
    assert wrong == []


def test_tables_of_names_name_what_is_in_their_own_room() -> None:
    """The import contracts cannot see such a name, so it leads nowhere that an import might not."""
    wrong, tables = [], 0
    for source in sources():
        for name, call in source.calls():
            if name == "Named" and isinstance(call.args[0], ast.Dict):
                tables += 1
                places = [place.value for place in call.args[0].values if isinstance(place, ast.Constant)]
                room = f"myna.{source.room}."
                wrong += [f"{source.name}: {place}" for place in places if not str(place).startswith(room)]
    assert wrong == []
    assert tables


def _needs_an_extra(name: str) -> bool:
    """Libraries that a row of an engine's table brings in when it is chosen."""
    brought = {"pyrnnoise", "pocketsphinx", "faster_whisper", "ctranslate2", "transformers", "huggingface_hub"}
    return name.partition(".")[0] in brought | {"onnxruntime", "peft", "tensorboardX"}


def _imports(source: Source) -> list[tuple[str, str, int]]:
    """Every imported module with the function it is imported in ("" for none) and its line."""
    inside: dict[ast.AST, str] = {}
    for name, function in source.functions():
        for node in ast.walk(function):
            inside[node] = name
    found = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, inside.get(node, ""), node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.module or "", inside.get(node, ""), node.lineno))
    return found


def test_doors_know_the_studio_and_words_only() -> None:
    allowed = ("myna.studio", "myna.steps", "myna.core", "myna.audio.encode", "myna.amqp")
    for source in sources():
        if source.room in {"api", "webui", "amqp"}:
            own = f"myna.{source.room}"
            for name, _, line in _imports(source):
                if name.startswith("myna."):
                    assert name.startswith((*allowed, own)), f"{source.name}:{line} imports {name}"


def test_only_settings_read_the_environment() -> None:
    readers = {source.name for source in sources() if re.search(r"\bos\.(environ|getenv|putenv)", source.text)}
    assert readers <= {"core/settings.py"}


def test_the_version_is_the_changelogs() -> None:
    heads = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert heads[0] == myna.__version__


def test_no_path_of_a_developers_machine_is_tracked() -> None:
    # Put together here, so that this file does not hold what it looks for.
    private = re.compile(
        "|".join(("/" + "work/", "/" + "farm/", "/" + "root/", "/" + "home/[a-z]+/", "/" + "tmp/bash_"))
    )
    named = []
    for path in tracked_files():
        if path.suffix in {".npz", ".safetensors", ".flac", ".gz", ".png", ".pt", ".pth", ".ckpt"}:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        named += [f"{path.relative_to(ROOT)}: {found[0]}" for found in private.finditer(text)]
    assert named == []


def test_the_package_is_what_ships() -> None:
    assert Path(myna.__file__).parent == PACKAGE
    assert (PACKAGE / "py.typed").is_file()
