from __future__ import annotations

from pathlib import Path

import pytest

from myna.core.errors import BadInput
from myna.core.settings import ALIASES, Settings, read_settings


def test_the_environment_wins_over_the_file_and_the_file_over_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "myna.yaml"
    file.write_text("device: cuda:1\nworkers: 3\n", encoding="utf-8")
    monkeypatch.setenv("MYNA_DEVICE", "cpu")
    settings = read_settings(file, {})
    assert (settings.device, settings.workers) == ("cpu", 3)
    assert settings.max_recording_s == Settings.model_fields["max_recording_s"].default


def test_other_spellings_are_understood(tmp_path: Path) -> None:
    file = tmp_path / "myna.yaml"
    file.write_text(
        'gpu:\n  default_device: 0\n  max_parallel: 4\npaths:\n  work_dir: "/srv/voices"\n', encoding="utf-8"
    )
    settings = read_settings(file, {"MAX_UPLOAD_SIZE": "10485760"})
    assert (settings.device, settings.workers, settings.home) == ("0", 4, Path("/srv/voices"))
    assert settings.max_upload_bytes == 10485760


def test_every_alias_leads_to_a_setting() -> None:
    assert set(ALIASES.values()) <= set(Settings.model_fields)


def test_an_unknown_key_is_named_in_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "myna.yaml"
    file.write_text("devize: cpu\n", encoding="utf-8")
    with pytest.warns(UserWarning, match="devize is no setting"):
        read_settings(file, {})
    with pytest.warns(UserWarning, match="MYNA_DEVIZE is no setting"):
        read_settings(tmp_path / "none.yaml", {"MYNA_DEVIZE": "cpu"})


@pytest.mark.parametrize(
    ("content", "says"),
    [("workers: many\n", "workers"), ("- a\n- b\n", "names and values"), ("a: [\n", "not YAML"), ("\xff", "not YAML")],
)
def test_a_bad_file_is_one_line(tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "myna.yaml"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(BadInput, match=says) as caught:
        read_settings(file, {})
    assert "\n" not in str(caught.value)


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    file = tmp_path / "myna.yaml"
    file.write_text("# nothing yet\n", encoding="utf-8")
    assert read_settings(file, {}).workers == 1
