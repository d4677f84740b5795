"""`myna doctor`: what is installed, what is missing and how to get it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
from pathlib import Path

from myna import __version__
from myna.cli.show import table
from myna.core.assets import ASSETS, bundled, how_to_get, lacking, place, size_text
from myna.core.errors import MissingExtra, MynaError
from myna.core.settings import Settings, read_settings
from myna.steps.step import engine_needed
from myna.text.frontend import LANGUAGES, reader

_GIB = 2**30
_OTHER_EXTRAS = ("all", "dev")


def doctor() -> None:
    """Tell what is installed, which models are here, and what this machine has to offer."""
    settings = read_settings()
    table("Machine", ["what", "found"], [*_machine(settings), ["device", _device(settings)]])
    table("Settings", ["setting", "value"], [[name, str(getattr(settings, name))] for name in Settings.model_fields])
    table("Extras", ["extra", "state"], extras())
    table("Languages", ["language", "state"], languages(settings.models_folder))
    table("Recognisers", ["recogniser", "state"], recognisers(settings.models_folder))
    table("Model card", ["of", "file"], [["lite, the bundled base", str(bundled("lite/MODEL_CARD.md"))]])
    table("Models", ["model", "for", "size", "state"], models(settings.models_folder))


def extras() -> list[list[str]]:
    """For every extra of the package, whether its libraries are installed."""
    try:
        wanted = _libraries_by_extra()
    except importlib.metadata.PackageNotFoundError:
        return [["(all)", "myna itself is not installed: it runs from its source folder"]]
    rows = []
    for extra, libraries in wanted.items():
        missing = [library for library in libraries if not _is_installed(library)]
        state = "installed" if not missing else f"missing {', '.join(missing)}: pip install 'myna[{extra}]'"
        rows.append([extra, state])
    return rows


def models(folder: Path) -> list[list[str]]:
    """For every model, whether all its files are here."""
    rows = []
    for name, row in ASSETS.items():
        path = place(name, folder)
        missing = lacking(name, folder)
        state = str(path)
        if missing and path.exists():
            state = f"lacks {', '.join(file.path for file in missing)}; {how_to_get(name)}"
        elif missing:
            state = _elsewhere(name, folder) or f"missing; {how_to_get(name)}"
        rows.append([name, ", ".join(row.versions), "" if row.is_bundled else size_text(row.size), state])
    return rows


def _elsewhere(name: str, folder: Path) -> str:
    """Where a model is found that is not in the models ``folder``; empty where it is nowhere."""
    if name != "dnsmos":
        return ""
    from myna.engine.dnsmos import dnsmos_file

    return str(dnsmos_file(folder) or "")


def languages(folder: Path) -> list[list[str]]:
    """For every language whether its texts can be read, and how, with the models of ``folder``."""
    more = {"zh": lambda: _polyphones(folder), "ja": _dictionary}
    rows = []
    for language in LANGUAGES:
        try:
            reader(language)
        except MissingExtra as error:
            rows.append([language, str(error)])
        else:
            rows.append([language, "; ".join(["can be read", *([more[language]()] if language in more else [])])])
    return rows


def recognisers(folder: Path) -> list[list[str]]:
    """For every recogniser whether it can be used, and with which of the models of ``folder``."""
    try:
        with engine_needed("speech recognition"):
            from myna.engine.asr import ENGINES, state_of
    except MissingExtra as error:
        return [["(all)", str(error)]]
    return [[name, state_of(name, folder)] for name in ENGINES]


def _polyphones(folder: Path) -> str:
    from myna.engine.features.reading import POLYPHONES, choose_polyphones

    used = choose_polyphones(folder)
    return f"polyphones by {used or f'pypinyin phrases (by g2pW, were its model in {folder / POLYPHONES})'}"


def _dictionary() -> str:
    from myna.text.ja.dictionary import default_folder

    return f"dictionary {default_folder()}"


def _machine(settings: Settings) -> list[list[str]]:
    return [
        ["myna", __version__],
        ["python", platform.python_version()],
        ["system", platform.platform()],
        ["processors", str(len(os.sched_getaffinity(0)))],
        ["free memory", f"{_free_memory() / _GIB:.1f} GiB"],
        ["free disk", f"{_free_disk(settings.home) / _GIB:.1f} GiB in {settings.home}"],
    ]


def _device(settings: Settings) -> str:
    try:
        with engine_needed("the engine"):
            from myna.engine.device import describe_device

            return describe_device(settings.device)
    except MynaError as error:
        return str(error)


def _free_memory() -> int:
    """Bytes that programs can still take without swapping."""
    meminfo = Path("/proc/meminfo")
    if meminfo.is_file():
        found = re.search(r"^MemAvailable:\s+(\d+) kB$", meminfo.read_text(encoding="ascii"), re.MULTILINE)
        if found:
            return int(found[1]) * 1024
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _free_disk(folder: Path) -> int:
    """Bytes free where ``folder`` is, or would be made."""
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    return shutil.disk_usage(there).free


def _libraries_by_extra() -> dict[str, list[str]]:
    """The distributions that each extra of the installed package names."""
    wanted: dict[str, list[str]] = {}
    for requirement in importlib.metadata.requires("myna") or []:
        found = re.match(r"^([A-Za-z0-9._-]+).*\bextra == ['\"](\w+)['\"]", requirement)
        if found and found[2] not in _OTHER_EXTRAS:
            wanted.setdefault(found[2], []).append(found[1])
    return wanted


def _is_installed(library: str) -> bool:
    try:
        importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
