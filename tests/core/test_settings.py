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
    assert settings.max_reference_bytes == 10485760


def test_the_names_of_other_servers_are_understood(tmp_path: Path) -> None:
    environment = {"API_KEY": "s3cret-s3cret", "CORS_ORIGINS": '["http://a.example", "http://b.example"]'}
    settings = read_settings(tmp_path / "none.yaml", environment | {"SOVITS_BASE_URL": "http://x:9880"})
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == "s3cret-s3cret"
    assert "s3cret" not in repr(settings)
    assert settings.cors_origins == ("http://a.example", "http://b.example")
    assert settings.sovits_base_url == "http://x:9880"


def test_lists_may_have_commas_and_paths_in_requests_have_roots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYNA_ROOTS", f"{tmp_path / 'a'}, {tmp_path / 'b'}")
    settings = read_settings(tmp_path / "none.yaml", {"MYNA_ROOTS": "x"})
    assert {tmp_path / "a", tmp_path / "b", settings.home} <= set(settings.path_roots)


@pytest.mark.parametrize("key", ["your-api-key", " "])
def test_a_key_out_of_an_example_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(BadInput, match="key of an example"):
        read_settings(tmp_path / "none.yaml", {"API_KEY": key})


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
