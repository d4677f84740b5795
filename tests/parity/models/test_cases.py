"""Every shipped golden case and key list, and the table of families itself."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.parity.models import __main__ as table
from tests.parity.models.families import FAMILIES, KEY_LISTS, differing_keys, runner_of
from tests.parity.models.folder_cases import EXPECTED, read_folder
from tests.parity.models.golden import HERE, case_names, load_case

WRITTEN = HERE.parents[1] / "checkpoints" / "files"
RECORDED = [WRITTEN, *sorted(path.parent for path in (HERE / "cases").glob(f"*/{EXPECTED}"))]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", case_names(""))
def test_a_case(name: str) -> None:
    run = runner_of(name)
    assert run is not None, f"no family runs {name}"
    case = load_case(name)
    run(case)
    assert case.comparisons


@pytest.mark.parametrize("folder", RECORDED, ids=lambda folder: folder.name)
def test_a_recorded_folder(folder: Path) -> None:
    run = runner_of(folder.name)
    assert run is not None, f"no family runs {folder}"
    case = read_folder(folder)
    run(case)
    assert len(case.comparisons) > 3


def test_a_clip_that_is_left_out_shows(tmp_path: Path) -> None:
    folder = tmp_path / "dataset_s1"
    shutil.copytree(HERE / "cases" / "dataset_s1", folder)
    lines = (folder / "6-name2semantic.tsv").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "6-name2semantic.tsv").write_text("".join(line for line in lines if not line.startswith("ok_c")))
    line = table.line_of(folder / EXPECTED)
    assert (line.verdict, line.name) == ("FAILED", "dataset_s1")
    (folder / EXPECTED).rename(folder / "told.json")
    strange = tmp_path / "strange" / EXPECTED
    strange.parent.mkdir()
    strange.write_text("{}")
    assert not table.line_of(strange).is_ok


@pytest.mark.parametrize("model", [path.stem for path in sorted((HERE / "keys").glob("*.json"))])
def test_a_key_list(model: str) -> None:
    assert differing_keys(model, HERE / "keys") == []


def test_every_family_and_every_list_has_data() -> None:
    idle = [family for family, pattern, _ in FAMILIES if not any(re.match(pattern, name) for name in case_names(""))]
    assert idle == []
    assert sorted(KEY_LISTS) == sorted(path.stem for path in (HERE / "keys").glob("*.json"))


def altered(tmp_path: Path, name: str, **arrays: np.ndarray) -> Path:
    with np.load(HERE / "cases" / f"{name}.npz", allow_pickle=False) as data:
        np.savez(tmp_path / f"{name}.npz", **{key: data[key] for key in data.files} | arrays)
    return tmp_path


def test_the_table_tells_good_cases_from_bad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with np.load(HERE / "cases" / "sola.npz", allow_pickle=False) as data:
        wrong = data["out_out"] * np.float32(1.001)
    monkeypatch.setattr("sys.argv", ["table", str(altered(tmp_path, "s1_make_reject"))])
    assert table.main() == 0
    monkeypatch.setattr("sys.argv", ["table", str(altered(tmp_path, "sola", out_out=wrong))])
    assert table.main() == 1
    good, summary, first, second, last = capsys.readouterr().out.splitlines()
    assert re.match(r"s1_make_reject +0 +0 +ok", good)
    assert (good, summary, last) == (first, "1 ok, 0 failed", "1 ok, 1 failed")
    assert re.match(r"sola +1\.0e-03 +1\.0e-06 +FAILED .*wrong: out", second)


def test_cases_of_no_family_and_cases_that_break_fail(tmp_path: Path) -> None:
    np.savez(tmp_path / "unheard_of.npz", meta="{}")
    assert not table.case_line(tmp_path / "unheard_of.npz").is_ok
    altered(tmp_path, "s1_make_reject", in_y=np.zeros((1, 1), np.int64))
    line = table.case_line(tmp_path / "s1_make_reject.npz")
    assert not line.is_ok
    assert line.about


def test_the_section_of_the_page_is_written_anew() -> None:
    first, second = table.Line("a", True, 1e-6, 1e-4, "x"), table.Line("b", False, about="broken")
    page = table.with_section("# Page\n\nWords.\n", [first])
    assert page.startswith(f"# Page\n\nWords.\n\n{table.TITLE}")
    assert page.endswith("| a | 1.0e-06 | 1.0e-04 | ok | x |\n")
    assert table.with_section(page, [first]) == page
    both = table.with_section(f"{page}\n## More\n\nEnd.\n", [first, second])
    assert both == page + "| b | - | - | FAILED | broken |\n\n## More\n\nEnd.\n"
