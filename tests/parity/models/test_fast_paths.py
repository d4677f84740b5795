"""Ways that save time say what the simple ones say: speech in parts away from its seams, products in bfloat16."""

from __future__ import annotations

import pytest
import torch

from tests.parity.models.families import runner_of
from tests.parity.models.golden import HERE, load_case, read_case, relative_error
from tests.parity.models.vits_cases import net_of

HOP = 640
SEAM_FRAMES = 30
"""So far behind its beginning, 0.6 s, a part still hears how the one before it was made."""


@torch.no_grad()
@pytest.mark.parametrize("name", ["s2_tiny_v2_stream", "s2_tiny_v2Pro_stream"])
def test_speech_in_parts_is_the_whole_away_from_the_seam(name: str) -> None:
    case = load_case(name)
    net, given = net_of(case), case.inputs
    codes, num_first, overlap = given["codes"][0].repeat(1, 3), 20, case.meta["overlap"]
    speaker = net.speaker_vector(given["refer"], None, given.get("sv_emb"))
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(1, net.sizes.hidden, 2 * codes.shape[1], generator=generator)
    whole = net.decode(codes, given["text"], speaker, noise=noise)
    _, features = net.decode_part(codes[:, :num_first], given["text"], speaker, noise=noise[..., : 2 * num_first])
    kept = codes.shape[1] - num_first + overlap
    part, _ = net.decode_part(
        codes,
        given["text"],
        speaker,
        kept_codes=kept,
        before=features[..., -2 * overlap :],
        noise=noise[..., -2 * kept :],
    )
    same = whole[..., -part.shape[-1] :]
    assert relative_error(part[..., : 2 * overlap * HOP], same[..., : 2 * overlap * HOP]) > 1e-2, "there is a seam"
    assert relative_error(part[..., SEAM_FRAMES * HOP :], same[..., SEAM_FRAMES * HOP :]) < 1e-5


BFLOAT16_BOUNDS = {
    "s1_tiny_naive_prompt_eos": 0.02,
    "cfm_tiny_infer_b1": 0.02,
    "s2_tiny_v2Pro_infer": 0.02,
    "vocoder_v4": 0.02,
    "sv_eres2netv2": 0.05,
    "vocoder_bigvgan_tiny": 0.1,
}
"""How far products in bfloat16, which keeps three digits, may take each net from the official record in float32.

The speaker net and BigVGAN are deep and carry synthetic weights here, which drive them hard: half of BigVGAN's samples
are at full scale."""


@pytest.mark.parametrize("name", sorted(BFLOAT16_BOUNDS))
def test_bfloat16_stays_near(name: str) -> None:
    case, run = read_case(HERE / "cases" / f"{name}.npz", is_strict=False), runner_of(name)
    assert run is not None
    with torch.autocast("cpu", torch.bfloat16):
        run(case)
    errors = {found.output: found.error for found in case.comparisons if found.output != "fraction_clipped"}
    # Tokens are all the same or not: those of the quantiser, and the likeliest ones of this case, which are clear.
    assert max(errors.values()) < BFLOAT16_BOUNDS[name]
    assert max(errors.values()) > 5e-4, "this was no bfloat16"
