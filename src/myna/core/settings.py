"""This deployment: folders, device, limits. Read once, by the command line, and passed down.

Defaults, then ``myna.yaml``, then ``MYNA_*`` environment variables; the last one wins. No other file reads the
environment, and none writes it.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from myna.core.errors import BadInput
from myna.core.fields import one_line

SETTINGS_FILE = Path("myna.yaml")

ALIASES = {
    "MAX_UPLOAD_SIZE": "max_reference_bytes",
    "API_KEY": "api_key",
    "CORS_ORIGINS": "cors_origins",
    "DATABASE_URL": "database",
    "AMQP_URL": "amqp_url",
    "RABBITMQ_URL": "amqp_url",
    "CELERY_BROKER_URL": "celery_broker",
    "SOVITS_BASE_URL": "sovits_base_url",
    "SOVITS_TIMEOUT": "sovits_timeout_s",
    "COVER_UVR_MODEL": "cover_uvr_model",
    "COVER_SEPARATE_CMD_TEMPLATE": "cover_separate_command",
    "COVER_INFER_CMD_TEMPLATE": "cover_infer_command",
    "GPT_SOVITS_PYTHON": "cover_python",
    "GPT_SOVITS_PROJECT_ROOT": "cover_project_root",
    "LOG_LEVEL": "log_level",
    "HF_ENDPOINT": "huggingface_url",
    "paths.work_dir": "home",
    "gpu.default_device": "device",
    "gpu.max_parallel": "workers",
    "server.host": "host",
    "server.port": "port",
    "server.workers": "processes",
    "paths.base_dir": "official_root",
    "training.default_epochs_s2": "task_epochs_s2",
    "training.default_epochs_s1": "task_epochs_s1",
    "training.default_batch_size": "task_batch_size",
}
"""Other spellings that are understood: environment variables in capitals, keys of a settings file with a dot."""


_KEYS_OF_EXAMPLES = ("", "your-api-key", "your-api-key-here", "your-secret-api-key", "changeme", "change-me", "default")


class Settings(BaseSettings):
    """What is the same for every job of this installation."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_prefix="MYNA_",
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
        coerce_numbers_to_str=True,
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
    max_reference_bytes: int = Field(default=10 * 2**20, ge=1, description="largest reference clip in a request, bytes")
    speaks_version: str = Field(default="lite", description="model version that speaks where a client chose no weights")
    asr_engine: str = Field(default="pocketsphinx", description="recogniser of transcriptions that clients ask for")
    default_voice: str = Field(default="", description="voice that speaks for names that are none; empty: an error")
    voices_of_clips: Path | None = Field(
        default=None, description="folder of reference clips that /speakers lists; none: home/references"
    )
    i_have_consent: bool = Field(
        default=False, description="whoever is cloned here agreed to it: `myna clone` need not remind of that"
    )
    watermark: bool = Field(default=False, description="mark all speech inaudibly, for `myna watermark` to find")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="how much is logged")

    host: str = Field(default="127.0.0.1", description="address the server listens on")
    port: int = Field(default=8000, ge=0, le=65535, description="port the server listens on; 0: any that is free")
    processes: int = Field(default=1, ge=1, le=64, description="processes that answer on that port")
    api_key: SecretStr | None = Field(
        default=None, description="a key that may do everything; none and no others made: this machine only, without"
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("http://localhost:3000",), description="pages of which sites may call the server"
    )
    doors: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="dialects that are served, by their names; none: all"
    )
    roots: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(), description="further folders that paths in requests may lead to; home and models always"
    )
    task_epochs_s2: int = Field(default=50, ge=1, le=10000, description="epochs of SoVITS in tasks that name none")
    task_epochs_s1: int = Field(default=15, ge=1, le=10000, description="epochs of the GPT in tasks that name none")
    task_batch_size: int = Field(default=16, ge=1, le=512, description="batch size of tasks that name none")
    api_streams: bool = Field(default=False, description="answer api.py's clients sentence by sentence")
    api_media_type: Literal["wav", "ogg", "aac"] = Field(default="wav", description="what api.py's clients are sent")
    api_sub_type: Literal["int16", "int32"] = Field(default="int16", description="samples of a wav for them")
    api_cut_punc: str = Field(default="", description="marks behind which their texts are cut where they name none")
    official_root: Path | None = Field(default=None, description="a checkout of GPT-SoVITS; its folder is a root too")
    allow_control: bool = Field(default=False, description="let clients restart or stop the server by /control")
    database: str | None = Field(default=None, description="URL of the job store; none: SQLite in home")
    storage: SecretStr | None = Field(
        default=None, description="where hosts without a common home share files, as in s3://bucket/prefix; none: home"
    )
    amqp_url: SecretStr | None = Field(default=None, description="RabbitMQ's URL; none: no queue is served")
    celery_broker: SecretStr | None = Field(
        default=None, description="broker of Celery's workers, who then do all jobs; none: jobs are found in the store"
    )
    lease_s: float = Field(
        default=30.0, ge=1, description="how long a worker may be silent before its job is done again, seconds"
    )
    max_queued_jobs: int = Field(default=1000, ge=1, description="jobs that may wait")
    max_speaking: int = Field(default=2, ge=1, le=64, description="speech requests at the same time")
    max_waiting_to_speak: int = Field(default=32, ge=0, description="speech requests that may wait")
    requests_per_minute: int = Field(default=0, ge=0, description="for each key or address; 0: any number")
    keep_results_h: float = Field(
        default=24.0, gt=0, description="how long results of jobs and subtitles are kept, hours"
    )
    webhook_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="hosts that may be told of the end of jobs; none: no webhooks"
    )
    webhook_secret: SecretStr | None = Field(default=None, description="signs what webhooks are told")
    sovits_base_url: str | None = Field(
        default=None, description="a GPT-SoVITS server that speaks in our place; none: this installation's own nets"
    )
    sovits_timeout_s: float = Field(default=300.0, gt=0, description="how long speech may take to begin, seconds")
    covers: Literal["own", "external", "off"] = Field(
        default="own", description="who makes covers: own nets, or the external commands below"
    )
    cover_uvr_model: str = Field(default="", description="separates vocals for covers; empty: the embedded way")
    cover_separate_command: str = Field(default="", description="external command that separates a song")
    cover_infer_command: str = Field(default="", description="external command that sings in the target's voice")
    cover_python: str = Field(default="", description="{python_exec} of the cover commands; empty: this one")
    cover_project_root: str = Field(default="", description="{project_root} of the cover commands")

    @field_validator("cors_origins", "doors", "roots", "webhook_hosts", mode="before")
    @classmethod
    def _several(cls, value: object) -> object:
        """A list as JSON, or with commas between."""
        if not isinstance(value, str):
            return value
        if value.lstrip().startswith("["):
            return json.loads(value)
        return tuple(part.strip() for part in value.split(",") if part.strip())

    @field_validator("api_key")
    @classmethod
    def _secret(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and key.get_secret_value().strip() in _KEYS_OF_EXAMPLES:
            raise ValueError("this is a key of an example; make one with: myna keys add NAME")
        return key

    @property
    def models_folder(self) -> Path:
        """Where downloaded model files lie."""
        return self.models or self.home / "models"

    @property
    def jobs_url(self) -> str:
        """The job store's database."""
        return self.database or f"sqlite:///{self.home / 'jobs.sqlite'}"

    @property
    def clips_folder(self) -> Path:
        """The reference clips that ``/speakers`` lists."""
        return self.voices_of_clips or self.home / "references"

    @property
    def path_roots(self) -> tuple[Path, ...]:
        """The folders that paths in requests may lead to."""
        own = (self.home, self.models_folder, self.clips_folder)
        official = (self.official_root,) if self.official_root else ()
        return tuple(root.resolve() for root in (*own, *official, *self.roots))

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
