"""Records of the official slicer, of either form, put to ours.

``slicer_golden.json`` tells where the official class cuts a signal; ``slice_audio_golden.json`` which files the
official command writes. Signals are those of `signals.py`, or the file's own under ``signals``: name to ``{"sr",
"seed", "segs"}``.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from myna.audio.slicer import SliceSettings, slice_bounds
from myna.core.errors import BadAudio, BadInput
from myna.core.progress import silent
from myna.core.workspace import files_in, make_folder
from myna.engine.recordings import slice_recordings
from tests.parity.slicer.signals import SIGNALS, made, signal

Record = dict[str, Any]

OTHERWISE = "otherwise on purpose"
_OURS = {"_max": "top", "max": "top", "alpha": "share"}
_WHOLE = ("min_length", "min_interval", "hop_size", "max_sil_kept")


@dataclass(frozen=True)
class Verdict:
    """What came of one record: ``why`` is empty where ours is identical."""

    name: str
    why: str = ""

    @property
    def is_different(self) -> bool:
        return bool(self.why) and not self.why.startswith(OTHERWISE)


def verdicts(content: Record) -> Iterator[Verdict]:
    """One for each record of a file's content, of either form."""
    own = content.get("signals", {})
    for record in content.get("records", []):
        name = f"{record['signal']} {' '.join(str(value) for value in record['params'].values())}"
        if record["signal"] not in own and record["signal"] not in SIGNALS:
            yield Verdict(name, f"signal {record['signal']!r} is not known, nor told in the file")
        else:
            sound = _own(own[record["signal"]]) if record["signal"] in own else signal(record["signal"])
            yield Verdict(name, _files(record, *sound) if "files" in record else _bounds(record, *sound))
    for record in content.get("constructor_errors", []):
        yield Verdict(f"settings {record['params']}", _refusal(record))
    for record in content.get("short_inputs_default_params", []):
        yield Verdict(f"first {record['samples']} samples of tones_3x", _short(record))
    if "stereo_tones_3x" in content:
        yield Verdict("stereo tones_3x", _stereo(content["stereo_tones_3x"]))


def settings_of(params: Record) -> SliceSettings:
    """Official parameters, numbers or their text, as ours; raises `BadInput`."""
    values = {_OURS.get(key, key): float(value) for key, value in params.items() if key not in ("i_part", "all_part")}
    return SliceSettings(**{key: int(value) if key in _WHOLE else value for key, value in values.items()})  # type: ignore[arg-type]


def _own(recipe: Record) -> tuple[np.ndarray, int]:
    segments = [(kind, *values, *[0.0] * (3 - len(values))) for kind, *values in recipe["segs"]]
    segments = [
        ("silence" if kind == "sil" else kind, seconds, first, second)
        if kind == "tone"
        else ("silence" if kind == "sil" else "noise", seconds, 0.0, first)
        for kind, seconds, first, second in segments
    ]
    return made(recipe["sr"], recipe["seed"], segments), recipe["sr"]


def _bounds(record: Record, samples: np.ndarray, rate: int) -> str:
    wanted = record.get("sha256_f32le")
    if wanted and hashlib.sha256(samples.astype("<f4").tobytes()).hexdigest() != wanted:
        return "the signal is another one than was cut"
    try:
        bounds = slice_bounds(samples, record.get("sr", rate), settings_of(record["params"]))
    except BadInput as error:
        return f"refused: {error}"
    chunks = [[start, end, len(samples[start:end])] for start, end in bounds]
    if chunks != record["chunks"]:
        return f"official {record['chunks']}, ours {chunks}"
    names = [f"{record['signal']}.wav_{start:010d}_{end:010d}.wav" for start, end in bounds]
    return "" if names == record.get("names", names) else f"official {record['names']}, ours {names}"


def _files(record: Record, samples: np.ndarray, rate: int) -> str:
    params = record["params"]
    share = int(params.get("i_part", 0)), int(params.get("all_part", 1))
    with tempfile.TemporaryDirectory() as place:
        recording = make_folder(Path(place) / "in") / f"{record['signal']}.wav"
        subtype = record.get("input_subtype", "FLOAT wav").split()[0]
        soundfile.write(recording, samples, rate, subtype=subtype)
        clips = make_folder(Path(place) / "out")
        try:
            slice_recordings(recording, clips, settings=settings_of(params), share=share, progress=silent)
        except BadAudio:
            pass  # no clip, which the names tell
        except BadInput as error:
            return f"{OTHERWISE}: refused, {error}"
        return _differing_files(
            record["files"], files_in(clips), is_resampled=rate != 32000, peak=np.abs(samples).max()
        )


def _differing_files(wanted: list[Record], clips: list[Path], *, is_resampled: bool, peak: float) -> str:
    if [clip.name for clip in clips] != [file["file"] for file in wanted]:
        return f"official {[file['file'] for file in wanted]}, ours {[clip.name for clip in clips]}"
    for clip, file in zip(clips, wanted, strict=True):
        info = soundfile.info(clip)
        form = (info.samplerate, info.channels, info.subtype, info.frames)
        if form != (file.get("sr", 32000), 1, file.get("subtype", "PCM_16"), file["frames"]):
            return f"{clip.name}: official {file}, ours {form}"
        data = soundfile.read(clip, dtype="int16")[0].astype(np.float64)
        loudest, rms = np.abs(data).max(), float(np.sqrt(np.mean(data**2)))
        # Another rate goes through another resampler than the official one.
        is_near = abs(loudest - file["peak"]) <= (32 if is_resampled else 1)
        if not is_near or abs(rms - file["rms"]) > (1e-3 if is_resampled else 1e-6) * max(rms, 1.0):
            level = f"{clip.name}: official peak {file['peak']} and RMS {file['rms']}, ours {loudest:.0f} and {rms:.3f}"
            return f"{OTHERWISE}: louder than full scale is divided once; {level}" if peak > 1 else level
    return ""


def _refusal(record: Record) -> str:
    try:
        settings_of(record["params"])
    except BadInput as error:
        return "" if record["error"] else f"refused, though the official class takes them: {error}"
    return f"taken, though the official class says {record['error']}" if record["error"] else ""


def _short(record: Record) -> str:
    samples, rate = signal("tones_3x")
    start_of = samples[: record["samples"]]
    ours = [[start, end, len(start_of[start:end])] for start, end in slice_bounds(start_of, rate, SliceSettings())]
    if isinstance(record["returns"], str):
        return f"{OTHERWISE}: the official command crashes on what its class returns ({record['returns']}); ours {ours}"
    return "" if ours == record["returns"] else f"official {record['returns']}, ours {ours}"


def _stereo(chunks: list[list[Any]]) -> str:
    samples, rate = signal("tones_3x")
    mono = np.stack([samples, samples]).mean(axis=0)  # as every recording is read
    ours = [[start, end, [2, len(mono[start:end])]] for start, end in slice_bounds(mono, rate, SliceSettings())]
    return "" if ours == chunks else f"official {chunks}, ours {ours}"
