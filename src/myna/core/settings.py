"""This deployment: folders, device, limits. Read once, by the command line, and passed down.

Defaults, then ``myna.yaml``, then ``MYNA_*`` environment variables; the last one wins. No other file reads the
environment, and none writes it.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from myna.core.errors import BadInput
from myna.core.fields import one_line

SETTINGS_FILE = Path("myna.yaml")

ALIASES = {
    "MAX_UPLOAD_SIZE": "max_upload_bytes",
    "LOG_LEVEL": "log_level",
    "HF_ENDPOINT": "huggingface_url",
    "paths.work_dir": "home",
    "gpu.default_device": "device",
    "gpu.max_parallel": "workers",
    "server.workers": "workers",
}
"""Other spellings that are understood: environment variables in capitals, keys of a settings file with a dot."""


class Settings(BaseSettings):
    """What is the same for every job of this installation."""

    model_config = SettingsConfigDict(
        frozen=True, env_prefix="MYNA_", extra="ignore", env_ignore_empty=True, coerce_numbers_to_str=True
    )

    home: Path = Field(
        default_factory=lambda: Path.home() / ".local" / "share" / "myna",
        description="folder of the voices, the job store and the logs",
    )
    models: Path | None = Field(default=None, description="folder of downloaded model files; none: home/models")
    hub: Literal["huggingface", "modelscope"] = Field(
        default="huggingface", description="where models are fetched from"
    )
    huggingface_url: str = Field(default="https://huggingface.co", description="Hugging Face, or a mirror of it")
    modelscope_url: str = Field(default="https://www.modelscope.cn", description="ModelScope, or a mirror of it")
    device: str = Field(default="auto", description="auto, cpu, cuda or cuda:N; a bare number means that GPU")
    threads: int = Field(default=0, ge=0, le=1024, description="CPU threads of the engine; 0: as many as there are")
    workers: int = Field(default=1, ge=1, le=256, description="jobs at the same time")
    max_upload_bytes: int = Field(default=512 * 2**20, ge=1, description="largest recording, bytes")
    max_recording_s: float = Field(default=2 * 3600.0, gt=0, description="longest recording, seconds")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @property
    def models_folder(self) -> Path:
        """Where downloaded model files lie."""
        return self.models or self.home / "models"

    @property
    def jobs_url(self) -> str:
        """The job store's database."""
        return f"sqlite:///{self.home / 'jobs.sqlite'}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the values given (which come from the file)."""
        return env_settings, init_settings


def read_settings(file: Path = SETTINGS_FILE, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process.

    ``environment`` is where other spellings are looked up (``MYNA_*`` always comes from the process). Raises `BadInput`
    with one line where a value cannot be used; an unknown key is named in a warning.
    """
    outside = os.environ if environment is None else environment
    values = _known(_from_file(file), str(file))
    values |= {field: outside[alias] for alias, field in ALIASES.items() if alias.isupper() and outside.get(alias)}
    for name in outside:
        if name.startswith("MYNA_") and name.removeprefix("MYNA_").lower() not in Settings.model_fields:
            warnings.warn(f"environment variable {name} is no setting of myna; see `myna doctor`", stacklevel=2)
    try:
        return Settings(**values)
    except ValidationError as error:
        raise BadInput(f"settings: {one_line(error, Settings)}") from None


def _from_file(file: Path) -> dict[str, Any]:
    """The mapping in ``file``; empty where there is no such file."""
    if not file.is_file():
        return {}
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} is not YAML: {str(error).splitlines()[0]}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise BadInput(f"{file} must hold names and values, as in `home: /srv/myna`")
    return _flat(content)


def _flat(content: Mapping[Any, Any], prefix: str = "") -> dict[str, Any]:
    """Nested sections as ``section.key``."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _known(values: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Values by field name; keys that are no setting are named in a warning and left out."""
    known = {}
    for key, value in values.items():
        field = ALIASES.get(key, key)
        if field in Settings.model_fields:
            known[field] = value
        else:
            warnings.warn(f"{source}: {key} is no setting of myna and is ignored", stacklevel=3)
    return known
