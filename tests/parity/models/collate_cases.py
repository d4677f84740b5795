"""Golden cases of how the official SoVITS trainers pad a batch."""

from __future__ import annotations

import torch

from myna.core.versions import version
from myna.engine.training import vits_data
from myna.engine.training.sovits_data import FlowData, FlowRow, Stretch
from myna.engine.training.sovits_rows import MARGIN, SPEC_HOP
from myna.engine.training.vits_data import VitsRow
from tests.parity.models.golden import Case

_CONTENT_WIDTH = 768


def shapes(case: Case) -> None:
    """What each version's trainer reads of clips of so many frames, longest first.

    The waveform's own width is not compared: ours carries the sound once, and computes the spectrogram from it.
    """
    frames = case.inputs["lens"].tolist()
    _vits(case, "v2", frames, 0)
    _vits(case, "v2Pro", frames, 20480)
    _flow(case, "v3", frames)
    _flow(case, "v4", frames)


def _vits(case: Case, name: str, frames: list[int], speaker_width: int) -> None:
    rows = [
        VitsRow(
            "",
            torch.zeros(count // 2, dtype=torch.long),
            torch.zeros(count // 3, dtype=torch.long),
            torch.zeros(count * SPEC_HOP + 2 * MARGIN, dtype=torch.int16),
            count,
            torch.zeros(speaker_width) if speaker_width else None,
        )
        for count in frames
    ]
    batch = vits_data.collate(rows, is_official=True)
    columns = (batch.sound.shape[1] - 2 * MARGIN) // SPEC_HOP
    sizes = version(name).vits
    assert sizes is not None
    case.check(f"{name}_0_shape", torch.tensor([len(rows), _CONTENT_WIDTH, 2 * batch.codes.shape[1]]))
    case.check(f"{name}_2_shape", torch.tensor([len(rows), sizes.spec_bins, columns]))
    for place in (1, 3):
        case.check(f"{name}_{place}", batch.frames)
    case.check(f"{name}_5", batch.frames * SPEC_HOP)
    case.check(f"{name}_6_shape", torch.tensor(batch.phones.shape))
    case.check(f"{name}_7", batch.phone_lens)
    if batch.speaker_print is not None:
        case.check(f"{name}_8_shape", torch.tensor(batch.speaker_print.shape))


def _flow(case: Case, name: str, frames: list[int]) -> None:
    sizes = version(name).flow
    assert sizes is not None
    rows = [
        FlowRow(
            "",
            torch.zeros(count // 2, dtype=torch.long),
            torch.zeros(count // 3, dtype=torch.long),
            torch.zeros(int(count * sizes.frames_per_content), sizes.mel_bands),
            torch.zeros(count * SPEC_HOP + 2 * MARGIN, dtype=torch.int16),
            count,
        )
        for count in frames
    ]
    data = FlowData(rows, len(rows), sizes, 0, takes_stretches=False, is_official=True)
    whole = tuple(Stretch(place, 0, len(row.codes), place, 0, row.frames) for place, row in enumerate(rows))
    batch = data.load(whole)
    case.check(f"{name}_0_shape", torch.tensor([len(rows), _CONTENT_WIDTH, 2 * batch.codes.shape[1]]))
    # The official net cuts the mel to its features at once, which in v3 are shorter than the collate's padding.
    *first, width = case.outputs[f"{name}_2_shape"].tolist()
    features = int(2 * batch.codes.shape[1] * sizes.frames_per_content)
    case.check_items(f"{name} mel", batch.mel.shape, [*first, min(width, features)])
    for place in (3, 4):
        case.check(f"{name}_{place}", batch.reference_lens)
    case.check(f"{name}_5_shape", torch.tensor(batch.phones.shape))
    case.check(f"{name}_6", batch.phone_lens)
    case.check(f"{name}_7", batch.mel_lens)
