"""The one table of steps. Job kinds, REST paths, `myna run` and the docs are derived from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from myna.core.errors import UnknownChoice
from myna.core.fields import build, parse
from myna.core.progress import Progress
from myna.steps.extract import (
    ExtractAudioFeatures,
    ExtractSemanticFeatures,
    ExtractSpeakerVectors,
    ExtractTextFeatures,
)
from myna.steps.prepare import AsrTranscribe, ConvertAudio, DenoiseAudio, SliceAudio
from myna.steps.render import TestInference
from myna.steps.step import Step, perform
from myna.steps.train import TrainGpt, TrainSovits

PIPELINE: tuple[type[Step], ...] = (
    ConvertAudio,
    SliceAudio,
    DenoiseAudio,
    AsrTranscribe,
    ExtractTextFeatures,
    ExtractAudioFeatures,
    ExtractSpeakerVectors,
    ExtractSemanticFeatures,
    TrainSovits,
    TrainGpt,
    TestInference,
)
"""The eleven steps that make a voice, in order."""

TOOLS: tuple[type[Step], ...] = ()
"""What else can be done with recordings and voices."""

STEPS: dict[str, type[Step]] = {step.name: step for step in (*PIPELINE, *TOOLS)}
"""Every step by its name."""


def step_class(name: str) -> type[Step]:
    """The step called ``name``; raises `UnknownChoice` naming all."""
    try:
        return STEPS[name]
    except KeyError:
        raise UnknownChoice("step", name, STEPS) from None


def make_step(name: str, parameters: Mapping[str, Any]) -> Step:
    """A step of ``parameters``; raises `UnknownChoice` and `BadInput`."""
    return build(step_class(name), parameters)


def known_parameters(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Those of ``parameters`` that the step has: one set of wishes serves all."""
    fields = step_class(name).model_fields
    return {key: value for key, value in parameters.items() if key in fields}


def run_job(kind: str, payload: Mapping[str, Any], progress: Progress) -> None:
    """Do a job whose kind is a step's name and whose payload is its parameters as JSON; what workers are given."""
    perform(parse(step_class(kind), json.dumps(dict(payload))), progress)
