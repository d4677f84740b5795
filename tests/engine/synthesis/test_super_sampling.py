"""Speech that is widened to 48 kHz: where it can be, what comes out, and that nothing else is lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from myna.core.errors import BadCheckpoint, BadInput, MissingAsset
from myna.core.versions import VERSIONS, version
from myna.engine.library import Library
from myna.engine.synthesis.decoders import Sentence
from myna.engine.synthesis.super_sampling import WideDecoder, require_super_sampling, spectra_of, widen, widened
from myna.models.ap_bwe import BandwidthNet, BandwidthSizes

TINY = BandwidthSizes(width=16, layers=2)


def silent_net() -> BandwidthNet:
    """A net that leaves amplitudes as they are and says of every phase that it is zero."""
    net = BandwidthNet(TINY)
    for linear in (net.linear_post_mag, net.linear_post_pha_r, net.linear_post_pha_i):
        torch.nn.init.zeros_(linear.weight)
        torch.nn.init.zeros_(linear.bias)
    torch.nn.init.ones_(net.linear_post_pha_r.bias)
    return net.eval()


class Tone:
    """Says a tone of half a second at 24 kHz, and of 50 ms where many are said at once."""

    sample_rate = 24_000

    def speak(self, codes: torch.Tensor, phones: torch.Tensor, **_: Any) -> np.ndarray:
        return np.sin(np.arange(12_000) * 0.1).astype(np.float32)

    def speak_together(self, sentences: Sequence[Sentence], **_: Any) -> list[np.ndarray]:
        return [self.speak(*sentence)[:1200] for sentence in sentences]


def wide(decoder: Any) -> WideDecoder:
    return WideDecoder(decoder, silent_net(), torch.device("cpu"))


def test_only_versions_with_a_net_can_be_widened() -> None:
    able = [record for record in VERSIONS.values() if record.has_super_sampling]
    assert [record.name for record in able] == ["v3"]
    require_super_sampling(version("v3"))
    for name in ("lite", "v4"):
        with pytest.raises(BadInput, match=rf"{name}.*Hz without super sampling; versions that have it: v3"):
            require_super_sampling(version(name))


def test_speech_has_twice_the_samples() -> None:
    given: dict[str, Any] = {"speed": 1.0, "steps": 1}
    none = torch.zeros(1, 1, dtype=torch.long)
    decoder = wide(Tone())
    assert decoder.sample_rate == 48_000
    samples = decoder.speak(none, none, seed=0, **given)
    assert samples.dtype == np.float32
    assert len(samples) == 24_000
    assert [len(one) for one in decoder.speak_together([(none, none)] * 2, seeds=[0, 1], **given)] == [2400] * 2


@pytest.mark.parametrize("num_samples", [0, 1, 256, 257, 3001])
def test_any_length_is_widened(num_samples: int) -> None:
    sound = torch.randn(1, num_samples, generator=torch.Generator().manual_seed(0))
    found = widen(silent_net(), sound, 24_000)
    assert torch.isfinite(found).all()
    assert 2 * num_samples - TINY.hop < found.shape[-1] <= 2 * num_samples


def test_amplitudes_and_phases_are_those_of_the_sound() -> None:
    """A net that changes nothing gives the resampled sound back."""
    sound = torch.from_numpy(Tone().speak(torch.zeros(1), torch.zeros(1)))[None]

    class Same(BandwidthNet):
        def forward(self, amplitudes: torch.Tensor, phases: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return amplitudes, phases

    found = widen(Same(TINY), sound, 24_000)
    expected = np.sin(np.arange(24_000) * 0.05)
    np.testing.assert_allclose(found[0, 500:-500], expected[500:-500], atol=5e-3)
    amplitudes, _ = spectra_of(found, TINY)
    assert amplitudes.shape == (1, 513, 301)


def test_a_net_that_is_not_there_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(MissingAsset, match=r"24kto48k"):
        widened(Tone(), version("v3"), Library(tmp_path, "cpu"))  # type: ignore[arg-type]


@pytest.mark.parametrize("content", [{"generator": 3}, {"generator": {"a": 3}}, {"generator": {"a": torch.ones(1)}}])
def test_another_file_in_its_place_is_refused(tmp_path: Path, content: dict[str, Any]) -> None:
    (tmp_path / "24kto48k").mkdir()
    torch.save(content, tmp_path / "24kto48k" / "g_24kto48k.zip")
    (tmp_path / "24kto48k" / "config.json").write_text("{}")
    with pytest.raises(BadCheckpoint, match=r"g_24kto48k\.zip"):
        widened(Tone(), version("v3"), Library(tmp_path, "cpu"))  # type: ignore[arg-type]
