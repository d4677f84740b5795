"""The requests of the queue service, with its names and its defaults."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

_PRETRAINED = "GPT_SoVITS/pretrained_models"
_FINAL = f"{_PRETRAINED}/gsv-v2final-pretrained"
_S1 = f"{_FINAL}/s1bert25hz-5kh-longer-epoch=12-step=369668.ckpt"


class QueueRequest(BaseModel):
    """What all requests have. An explicit null means the default; unknown fields are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True, validate_by_name=True, validate_by_alias=True)

    session_id: str = Field(min_length=1, description="whom the end message is for")

    @model_validator(mode="before")
    @classmethod
    def _null_is_default(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        required = {name for name, field in cls.model_fields.items() if field.is_required()}
        return {name: value for name, value in values.items() if value is not None or name in required}


class Tooled(QueueRequest):
    """A request whose end message also goes by the name of a tool."""

    tool: str = Field("", description="what follows `end` in the end message's routing key")


class Slicing(QueueRequest):
    """How to slice; lengths in ms."""

    threshold: int = Field(-34, description="quieter than this is silence, dB")
    min_length: int = Field(4000, description="shortest clip, ms")
    min_interval: int = Field(300, description="shortest pause that is cut, ms")
    hop_size: int = Field(10, description="step of the loudness measure, ms")
    max_sil_kept: int = Field(500, description="silence kept at each side of a cut, ms")
    max: float = Field(
        0.9, validation_alias=AliasChoices("max", "_max"), description="peak of the levelled share of a clip"
    )
    alpha: float = Field(0.25, description="share of a clip that is levelled")
    n_parts: int = Field(4, ge=1, description="processes that share a folder's files")


class Hearing(QueueRequest):
    """How to recognise."""

    asr_model: str = Field("达摩 ASR (中文)", description="recogniser, by its official name")
    asr_model_size: str = Field("large", description="size of its model")
    asr_lang: str = Field("zh", description="language spoken")
    asr_precision: str = Field("float32", description="float32, float16 or int8")


class Formatting(QueueRequest):
    """What extracting features takes."""

    exp_name: str = Field(min_length=1, description="experiment")
    user_id: str = Field(min_length=1, description="user")
    gpu_numbers1a: str = Field("0-0", description="GPUs for text; 0-0: two processes on GPU 0")
    gpu_numbers1Ba: str = Field("0-0", description="GPUs for content features")  # noqa: N815
    gpu_numbers1c: str = Field("0-0", description="GPUs for semantic tokens")
    bert_pretrained_dir: str = f"{_PRETRAINED}/chinese-roberta-wwm-ext-large"
    ssl_pretrained_dir: str = f"{_PRETRAINED}/chinese-hubert-base"
    pretrained_s2G_path: str = f"{_FINAL}/s2G2333k.pth"  # noqa: N815


class Training(QueueRequest):
    """What both trainings take."""

    exp_name: str = Field(min_length=1, description="experiment")
    user_id: str = Field(min_length=1, description="user")
    inp_path: str = Field("", description="folder of features made elsewhere; empty: this installation's")
    if_save_latest: bool = Field(True, description="keep the newest weights only")
    if_save_every_weights: bool = Field(True, description="write weights at every save")


class SliceRequest(Slicing, Tooled):
    """``open_slice``."""

    inp: str = Field(min_length=1, description="recording or folder of recordings")


class DenoiseRequest(Tooled):
    """``open_denoise``."""

    denoise_inp_dir: str = Field(min_length=1, description="folder of clips")


class AsrRequest(Hearing, Tooled):
    """``open_asr``."""

    asr_inp_dir: str = Field(min_length=1, description="folder of clips")


class AbcRequest(Formatting):
    """``open1abc``."""

    inp_text: str = Field(min_length=1, description="label file, or the folder of one")
    inp_wav_dir: str = Field(min_length=1, description="folder of the clips")


class SovitsTrainRequest(Training):
    """``sovits_train``."""

    batch_size: int = Field(3, ge=1)
    total_epoch: int = Field(8, ge=1)
    text_low_lr_rate: float = Field(0.4, gt=0)
    save_every_epoch: int = Field(4, ge=1)
    gpu_numbers1Ba: str = Field("0", description="GPUs to train on")  # noqa: N815
    pretrained_s2G: str = f"{_FINAL}/s2G2333k.pth"  # noqa: N815
    pretrained_s2D: str = f"{_FINAL}/s2D2333k.pth"  # noqa: N815


class GptTrainRequest(Training):
    """``gpt_train``."""

    batch_size: int = Field(3, ge=1)
    total_epoch: int = Field(15, ge=1)
    if_dpo: bool = Field(True, description="Direct Preference Optimization")
    save_every_epoch: int = Field(5, ge=1)
    gpu_numbers: str = Field("0", description="GPUs to train on")
    pretrained_s1: str = _S1


class OneClickRequest(Slicing, Hearing, Formatting):
    """``one_click``: everything from a recording to trained weights."""

    inp: str = Field(min_length=1, description="recording or folder of recordings")
    inp_path: str = ""
    if_save_latest: bool = True
    if_save_every_weights: bool = True
    batch_size: int = Field(3, ge=1)
    total_epoch: int = Field(8, ge=1)
    text_low_lr_rate: float = Field(0.4, gt=0)
    save_every_epoch: int = Field(4, ge=1)
    gpu_numbers1Ba_Ba: str = Field("0", description="GPUs for SoVITS training")  # noqa: N815
    pretrained_s2G: str = f"{_FINAL}/s2G2333k.pth"  # noqa: N815
    pretrained_s2D: str = f"{_FINAL}/s2D2333k.pth"  # noqa: N815
    batch_size_Bb: int = Field(3, ge=1)  # noqa: N815
    total_epoch_Bb: int = Field(15, ge=1)  # noqa: N815
    if_dpo: bool = True
    save_every_epoch_Bb: int = Field(5, ge=1)  # noqa: N815
    gpu_numbers: str = Field("0", description="GPUs for GPT training")
    pretrained_s1: str = _S1


class UvrRequest(Tooled):
    """Separation, which the service knows as ``uvr5``."""

    paths: list[str] = Field(default_factory=list, description="recordings; empty: those of input_root")
    input_root: str = ""
    model_name: str = "HP2_all_vocals"
    agg: int = Field(10, ge=0, le=20)
    format0: str = "wav"


REQUESTS: Mapping[str, type[QueueRequest]] = MappingProxyType(
    {
        "one_click": OneClickRequest,
        "slice": SliceRequest,
        "denoise": DenoiseRequest,
        "asr": AsrRequest,
        "1abc": AbcRequest,
        "1Ba": SovitsTrainRequest,
        "1Bb": GptTrainRequest,
        "uvr5": UvrRequest,
    }
)
"""The request of each stage."""
