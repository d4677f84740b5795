"""From a request of the queue service to jobs: which steps, in which folders, and who is told."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from myna.amqp.requests import (
    AbcRequest,
    AsrRequest,
    DenoiseRequest,
    Formatting,
    GptTrainRequest,
    Hearing,
    OneClickRequest,
    QueueRequest,
    SliceRequest,
    Slicing,
    SovitsTrainRequest,
    UvrRequest,
)
from myna.amqp.stages import ONE_CLICK
from myna.core.errors import CallerError, NotFound
from myna.core.settings import Settings
from myna.core.versions import version
from myna.core.workspace import VoiceFolder, checked_name, inside_roots
from myna.steps.catalog import make_step, step_class
from myna.steps.step import Step
from myna.studio import Job, Owner, Studio, Wishes

SCHEME = "amqp:"
SESSIONS = "sessions"
USERS = "users"


class Orders:
    """Takes requests in: each becomes one job; one that cannot be done becomes a failed job, so that both end alike."""

    def __init__(self, studio: Studio, settings: Settings) -> None:
        self._studio, self._settings = studio, settings

    def take(self, stage: str, request: QueueRequest, key: str | None = None) -> Job:
        """The job of a request; the earlier one where ``key`` was taken before."""
        tool = getattr(request, "tool", "")
        user = getattr(request, "user_id", "")
        wishes = Wishes(
            owner=Owner(session=request.session_id, task=f"{stage}:{user}"),
            notify=(f"{SCHEME}{stage}:{tool}",) if self._settings.amqp_url else (),
            tells_steps=stage == ONE_CLICK,
            key=key,
        )
        try:
            steps = _STEPS[stage](self, request)
        except CallerError as error:
            return self._studio.refuse(stage, request.model_dump(mode="json"), error, wishes)
        if len(steps) == 1:
            return self._studio.submit(steps[0], wishes)
        return self._studio.submit_chain(steps, wishes)

    def _path(self, given: str) -> Path:
        path = inside_roots(self._settings.path_roots, given)
        if not path.exists():
            raise NotFound(f"there is no {given}")
        return path

    def _published(self, given: str) -> Path | None:
        """Weights that a request names; None where it names the official default and that is not here."""
        try:
            return self._path(given) if given else None
        except CallerError:
            return None

    def _place(self, request: QueueRequest, name: str) -> Path:
        """Where a session's results lie; sessions are strangers' words, so they are not used as they are."""
        session = hashlib.blake2b(request.session_id.encode(), digest_size=12).hexdigest()
        return self._settings.home / SESSIONS / session / name

    def _voice(self, request: Any) -> VoiceFolder:
        user = self._settings.home / USERS / checked_name("user_id", request.user_id)
        return VoiceFolder(user / checked_name("exp_name", request.exp_name))

    def _made(self, name: str, folder: Path, values: Mapping[str, Any]) -> Step:
        settings = self._settings
        common = {
            "folder": folder, "models": settings.models_folder, "words": settings.home, "device": settings.device,
            "version": settings.speaks_version, "max_bytes": settings.max_upload_bytes,
            "max_seconds": settings.max_recording_s,
        }  # fmt: skip
        fields = step_class(name).model_fields
        return make_step(name, {key: value for key, value in common.items() if key in fields} | dict(values))

    def _slice(self, request: SliceRequest) -> list[Step]:
        target = self._place(request, "slice")
        return [
            self._made("slice_audio", target, _slicing(request) | {"source": self._path(request.inp), "target": target})
        ]

    def _denoise(self, request: DenoiseRequest) -> list[Step]:
        target = self._place(request, "denoise")
        places = {"source": self._path(request.denoise_inp_dir), "target": target}
        return [self._made("denoise_audio", target, places)]

    def _asr(self, request: AsrRequest) -> list[Step]:
        target = self._place(request, "asr")
        places = {"source": self._path(request.asr_inp_dir), "target": target}
        return [self._made("asr_transcribe", target, _hearing(request) | places)]

    def _uvr(self, request: UvrRequest) -> list[Step]:
        values = {"model": request.model_name, "aggressiveness": request.agg, "format": request.format0}
        steps = []
        for number, source in enumerate(request.paths or [request.input_root]):
            target = self._place(request, f"uvr5/{number}" if len(request.paths) > 1 else "uvr5")
            places = {"source": self._path(source), "target": target}
            steps.append(self._made("separate_vocals", target, values | places))
        return steps

    def _abc(self, request: AbcRequest) -> list[Step]:
        """The clips and their labels are copied into the voice first: features must outlive what they were made of."""
        voice = self._voice(request)
        labels, clips = self._path(request.inp_text), self._path(request.inp_wav_dir)
        if labels.is_dir():
            found = sorted(labels.glob("*.list"))
            if not found:
                raise NotFound(f"there is no .list file in {request.inp_text}")
            labels = found[0]
        take = self._made("take_clips", voice.path, {"source": labels, "clips": clips})
        return [take, *self._features(voice, request)]

    def _features(self, voice: VoiceFolder, request: Formatting) -> list[Step]:
        names = (
            "extract_text_features", "extract_audio_features", "extract_speaker_vectors", "extract_semantic_features",
        )  # fmt: skip
        gpus = (request.gpu_numbers1a, request.gpu_numbers1Ba, request.gpu_numbers1Ba, request.gpu_numbers1c)
        has_gpus = self._studio.num_gpus > 0  # on a machine without, "0-0" is nobody's wish for two processes
        return [
            self._made(name, voice.path, {"experiment": request.exp_name} | ({"gpu_numbers": gpu} if has_gpus else {}))
            for name, gpu in zip(names, gpus, strict=True)
        ]

    def _sovits(self, request: SovitsTrainRequest) -> list[Step]:
        voice = self._voice(request)
        self._fetch_features(voice, request.inp_path)
        values = {
            "experiment": request.exp_name, "epochs": request.total_epoch, "batch_size": request.batch_size,
            "save_every": request.save_every_epoch, "keep_latest": not request.if_save_every_weights,
            "text_low_lr_rate": request.text_low_lr_rate, "base": self._published(request.pretrained_s2G),
        }  # fmt: skip
        if version(self._settings.speaks_version).vits is not None:
            values["discriminator"] = self._published(request.pretrained_s2D)
        return [self._made("train_sovits", voice.path, values | self._gpus(request.gpu_numbers1Ba))]

    def _gpt(self, request: GptTrainRequest) -> list[Step]:
        voice = self._voice(request)
        self._fetch_features(voice, request.inp_path)
        values = {
            "experiment": request.exp_name, "epochs": request.total_epoch, "batch_size": request.batch_size,
            "save_every": request.save_every_epoch, "keep_latest": not request.if_save_every_weights,
            "dpo": request.if_dpo, "base": self._published(request.pretrained_s1),
        }  # fmt: skip
        return [self._made("train_gpt", voice.path, values | self._gpus(request.gpu_numbers))]

    def _gpus(self, given: str) -> dict[str, str]:
        """Where to train; each GPU does so once. On a machine without any, "0" is nobody's wish."""
        return {"gpu_numbers": "-".join(dict.fromkeys(given.split("-")))} if given and self._studio.num_gpus else {}

    def _one_click(self, request: OneClickRequest) -> list[Step]:
        voice, source = self._voice(request), self._path(request.inp)
        return [
            self._made("slice_audio", voice.path, _slicing(request) | {"source": source}),
            self._made("denoise_audio", voice.path, {}),
            self._made("asr_transcribe", voice.path, _hearing(request)),
            *self._features(voice, request),
            *self._sovits(
                SovitsTrainRequest(
                    **request.model_dump(include=set(SovitsTrainRequest.model_fields) - {"gpu_numbers1Ba"}),
                    gpu_numbers1Ba=request.gpu_numbers1Ba_Ba,
                )
            ),
            *self._gpt(
                GptTrainRequest(
                    **request.model_dump(
                        include=set(GptTrainRequest.model_fields) - {"batch_size", "total_epoch", "save_every_epoch"}
                    ),
                    batch_size=request.batch_size_Bb,
                    total_epoch=request.total_epoch_Bb,
                    save_every_epoch=request.save_every_epoch_Bb,
                )
            ),
        ]

    def _fetch_features(self, voice: VoiceFolder, given: str) -> None:
        """Copy features that were made elsewhere, where this voice has none of its own."""
        if given and not voice.dataset().text_file.is_file():
            shutil.copytree(self._path(given), voice.dataset().path, dirs_exist_ok=True)


def _slicing(request: Slicing) -> dict[str, Any]:
    return {
        "threshold_db": float(request.threshold),
        "min_length_ms": request.min_length,
        "min_interval_ms": request.min_interval,
        "hop_size_ms": request.hop_size,
        "max_sil_kept_ms": request.max_sil_kept,
        "max_length_ms": 0,
        "peak_level": request.max,
        "level_share": request.alpha,
        "n_parts": request.n_parts,
    }


def _hearing(request: Hearing) -> dict[str, Any]:
    return {"engine": request.asr_model, "size": request.asr_model_size, "language": request.asr_lang,
            "precision": request.asr_precision}  # fmt: skip


_STEPS: Mapping[str, Callable[[Orders, Any], list[Step]]] = MappingProxyType(
    {
        "one_click": Orders._one_click,
        "slice": Orders._slice,
        "denoise": Orders._denoise,
        "asr": Orders._asr,
        "1abc": Orders._abc,
        "1Ba": Orders._sovits,
        "1Bb": Orders._gpt,
        "uvr5": Orders._uvr,
    }
)
