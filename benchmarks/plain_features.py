"""The official way of making features, as the peer of `feature_speed.py`: a program per part, one clip at a time.

``python benchmarks/plain_features.py PART LABELS CLIPS FOLDER MODELS SOVITS VERSION DEVICE`` makes one part, in
float32: a process decodes each clip (PyAV in a Python of its own stands in for ffmpeg), it is resampled as librosa does
it, and goes through the net alone. Prints the seconds that it took from when its libraries were there; of processor
time on a CPU, that of the decoding processes among it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soxr
import torch
import transformers.models.hubert.modeling_hubert  # noqa: F401  # a library too: else read when its net is wanted
from clock import spent

from myna.audio.io import write_wav
from myna.audio.labels import Label, read_labels
from myna.audio.loudness import level_mix, truncated_int16
from myna.checkpoints.tensor_file import write_tensor
from myna.core.versions import ModelVersion, version
from myna.core.workspace import DatasetFolder, files_in, write_text
from myna.engine.features.semantic import codes_of
from myna.engine.library import Library
from myna.engine.speaker_print import speaker_print
from myna.text.frontend import phonemize_training

_RATE_HZ, _CONTENT_HZ = 32_000, 16_000
_DECODER = """
import sys, av
sound = av.AudioResampler("flt", "mono", int(sys.argv[2]))
with av.open(sys.argv[1]) as file:
    for frame in file.decode(audio=0):
        for one in sound.resample(frame):
            sys.stdout.buffer.write(one.to_ndarray().tobytes())
    for one in sound.resample(None):
        sys.stdout.buffer.write(one.to_ndarray().tobytes())
"""


def decode(path: Path) -> np.ndarray:
    """Samples (T,) at 32 kHz, by another process."""
    command = [sys.executable, "-I", "-c", _DECODER, str(path), str(_RATE_HZ)]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.float32)


def start_decoder() -> None:
    """Start such a process for nothing: what it costs beside decoding."""
    subprocess.run([sys.executable, "-I", "-c", "import sys, av"], check=True)


def text(
    labels: Sequence[Label], _clips: Path, dataset: DatasetFolder, _library: Library, record: ModelVersion
) -> None:
    """Phones."""
    rows = []
    for label in labels:
        spoken = phonemize_training(label.text, label.language, record.symbols)
        rows.append(f"{label.clip}\t{' '.join(spoken.phones)}\t{spoken.word2ph}\t{spoken.norm_text}\n")
    write_text(dataset.text_file, "".join(rows))


@torch.inference_mode()
def content(
    labels: Sequence[Label], clips: Path, dataset: DatasetFolder, library: Library, record: ModelVersion
) -> None:
    """Content features and levelled clips."""
    encoder = library.content(record)
    for label in labels:
        mixed = level_mix(decode(clips / label.clip))
        heard = soxr.resample(mixed, _RATE_HZ, _CONTENT_HZ, quality="HQ") * np.float32(record.content_gain)
        features = encoder(torch.from_numpy(heard)[None].to(library.device)).cpu()
        write_wav(dataset.wav32k / label.clip, truncated_int16(mixed, 32768), _RATE_HZ)
        write_tensor(dataset.content / f"{label.clip}.pt", features.numpy().astype(np.float16))


def vectors(
    labels: Sequence[Label], _clips: Path, dataset: DatasetFolder, library: Library, record: ModelVersion
) -> None:
    """Speaker vectors."""
    net = library.speaker_net(record)
    for label in labels:
        sound = torch.from_numpy(decode(dataset.wav32k / label.clip).copy())[None].to(library.device)
        write_tensor(dataset.speaker / f"{label.clip}.pt", speaker_print(net, sound, _RATE_HZ).cpu().numpy())


def tokens(sovits: Path, dataset: DatasetFolder, library: Library, record: ModelVersion) -> None:
    """Semantic tokens."""
    net = library.sovits(record, sovits)
    rows = [f"{path.stem}\t{' '.join(map(str, codes_of(net, path).tolist()))}\n" for path in files_in(dataset.content)]
    write_text(dataset.semantic_file, "".join(rows))


PARTS: dict[str, Callable[[Sequence[Label], Path, DatasetFolder, Library, ModelVersion], None]] = {
    "text": text,
    "content": content,
    "vectors": vectors,
}


def main() -> None:
    """Make one part."""
    part, labels, clips, folder, models, sovits, name, device = sys.argv[1:]
    torch.set_num_threads(1)
    begin = spent(device)
    dataset, library, record = DatasetFolder(Path(folder)), Library(Path(models), device), version(name)
    if part == "tokens":
        tokens(Path(sovits), dataset, library, record)
    else:
        PARTS[part](read_labels(Path(labels)), Path(clips), dataset, library, record)
    sys.stdout.write(f"{spent(device) - begin}\n")


if __name__ == "__main__":
    main()
