"""The one table of steps. Job kinds, REST paths, `myna run` and the docs are derived from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from myna.core.errors import MynaError, UnknownChoice
from myna.core.fields import build, parse
from myna.core.progress import Progress, Report, part
from myna.steps.check import CheckDataset
from myna.steps.cover import CoverSong
from myna.steps.denoise import DenoiseAudio
from myna.steps.extract import (
    ExtractAudioFeatures,
    ExtractSemanticFeatures,
    ExtractSpeakerVectors,
    ExtractTextFeatures,
)
from myna.steps.prepare import ConvertAudio, SliceAudio
from myna.steps.render import TestInference
from myna.steps.separate import SeparateVocals
from myna.steps.step import Step, perform
from myna.steps.take import TakeClips
from myna.steps.train import TrainGpt, TrainSovits
from myna.steps.transcribe import AsrTranscribe

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

TOOLS: tuple[type[Step], ...] = (SeparateVocals, CheckDataset, TakeClips, CoverSong)
"""What else can be done with recordings and voices."""

STEPS: dict[str, type[Step]] = {step.name: step for step in (*PIPELINE, *TOOLS)}
"""Every step by its name."""


CHAIN = "chain"
"""The kind of a job that is several steps in a row."""


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


def run_job(kind: str, payload: Mapping[str, Any], report: Report) -> Mapping[str, Any]:
    """Do a job; what workers are given. Answers what its steps found out.

    Its kind is a step's name and its payload that step's parameters as JSON; or `CHAIN`, and the payload's ``steps``
    are ``[name, parameters]`` that are done one after the other, each told to ``report``, until one fails.
    """
    if kind != CHAIN:
        return _done(kind, payload, report, report)
    found: dict[str, Any] = {}
    for number, (name, parameters) in enumerate(payload["steps"]):
        report.step(name, "started")
        share = part(report, number / len(payload["steps"]), (number + 1) / len(payload["steps"]))
        try:
            found[name] = _done(name, parameters, report, share)
        except MynaError as error:
            report.step(name, "failed", str(error))
            raise
        report.step(name, "completed")
    return found


def _done(name: str, parameters: Mapping[str, Any], report: Report, progress: Progress) -> Mapping[str, Any]:
    step = parse(step_class(name), json.dumps(dict(parameters)))
    if report.device and getattr(step, "device", "") == "auto":
        step = step.model_copy(update={"device": report.device})
    outcome = perform(step, progress)
    return {"seconds": outcome.seconds, "was_done_already": outcome.was_done_already} | outcome.findings.as_json()
