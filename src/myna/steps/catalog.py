"""The one table of steps. Job kinds, REST paths, `myna run` and the docs are derived from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from myna.core.errors import MynaError, UnknownChoice
from myna.core.fields import build, parse
from myna.core.named import Named
from myna.core.progress import Progress, Report, part
from myna.steps.step import Step, perform

PIPELINE: Named[type[Step]] = Named(
    {
        "convert_audio": "myna.steps.prepare:ConvertAudio",
        "slice_audio": "myna.steps.prepare:SliceAudio",
        "denoise_audio": "myna.steps.denoise:DenoiseAudio",
        "asr_transcribe": "myna.steps.transcribe:AsrTranscribe",
        "extract_text_features": "myna.steps.extract:ExtractTextFeatures",
        "extract_audio_features": "myna.steps.extract:ExtractAudioFeatures",
        "extract_speaker_vectors": "myna.steps.extract:ExtractSpeakerVectors",
        "extract_semantic_features": "myna.steps.extract:ExtractSemanticFeatures",
        "train_sovits": "myna.steps.train:TrainSovits",
        "train_gpt": "myna.steps.train:TrainGpt",
        "test_inference": "myna.steps.render:TestInference",
    }
)
"""The eleven steps that make a voice, in order."""

TOOLS: Named[type[Step]] = Named(
    {
        "separate_vocals": "myna.steps.separate:SeparateVocals",
        "check_dataset": "myna.steps.check:CheckDataset",
        "take_clips": "myna.steps.take:TakeClips",
        "cover_song": "myna.steps.cover:CoverSong",
    }
)
"""What else can be done with recordings and voices."""

STEPS: Named[type[Step]] = Named(PIPELINE.places | TOOLS.places)
"""Every step by its name. A step's module is imported when the step is asked for."""


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
