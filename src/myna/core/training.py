"""What a training is told: one record for all trainers, one more line for what a trainer alone takes."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Precision = Literal["auto", "bf16", "fp16", "fp32"]
Export = Literal["myna", "official", "both"]
RecipeName = Literal["myna", "official"]

RUN_FILES = ("state.safetensors", "losses.jsonl", "losses.svg", "notes.json", "samples", "tensorboard")
"""What a training keeps in its folder, which may hold files of the official program too."""


class TrainingPlan(BaseModel):
    """How long, how strongly, with what and where; every trainer takes it, and both training steps are made of it."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    base: Path | None = Field(default=None, description="weights to begin with; empty: the version's base")
    models: Path = Field(default=Path("models"), description="folder of downloaded model files")
    epochs: int = Field(default=8, ge=1, le=10000, description="rounds through the clips")
    batch_size: int = Field(default=8, ge=1, le=512, description="clips per training step and device")
    learning_rate: float | None = Field(default=None, gt=0.0, le=1.0, description="empty: the trainer's own")
    save_every: int = Field(default=4, ge=1, description="weights are saved every so many epochs, and at the end")
    keep_latest: bool = Field(default=False, description="keep the newest saved weights only")
    export: Export = Field(default="myna", description="form of saved weights: myna, official, or both")
    recipe: RecipeName = Field(
        default="myna", description="myna: as it should be; official: as the official program does it, errors and all"
    )
    sample_text: str = Field(
        default="This is my new voice, and nobody has ever heard me say these words before.",
        max_length=300,
        description="what is said at every save, to hear how training goes; empty: nothing",
    )
    sample_language: str = Field(default="en", description="language of sample_text")
    seed: int = Field(default=1234, ge=0, lt=2**63, description="start of the random numbers")
    device: str = Field(default="auto", description="auto, cpu, cuda or cuda:N")
    gpu_numbers: str = Field(default="", description="GPUs to train on at once, as 0-1-2; empty: one device")
    precision: Precision = Field(
        default="auto", description="auto (bf16 where the hardware has it, else fp32), bf16, fp16 or fp32"
    )


class GptPlan(TrainingPlan):
    """What the GPT's trainer takes."""

    dpo: bool = Field(default=False, description="also learn that spoilt copies of a clip are less likely (slower)")
    compile: bool = Field(default=False, description="compile the net (GPUs only): slow first steps, faster ones later")


class SovitsPlan(TrainingPlan):
    """What the SoVITS trainers take."""

    epochs: int = Field(default=10, ge=1, le=10000, description="rounds through the clips")
    lora_rank: int | None = Field(
        default=None,
        ge=0,
        description="low-rank additions of rank 16, 32, 64 or 128; 0: all weights; empty: 32 of v3 and v4, else 0",
    )
    text_low_lr_rate: float = Field(
        default=0.4, gt=0.0, le=1.0, description="share of the rate for the parts that read text (v1 to v2ProPlus)"
    )
    grad_ckpt: bool = Field(
        default=False, description="gradient checkpointing (lite, v3, v4): less memory, a third more time"
    )
    discriminator: Path | None = Field(
        default=None, description="discriminators to begin with; empty: those beside the base, else the version's"
    )
