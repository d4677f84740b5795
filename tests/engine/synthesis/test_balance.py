"""Made mels are brought to the reference's level and liveliness, by what the reference's own tokens lack."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from myna.core.speech import Voice
from myna.engine.dsp import normalise_mel
from myna.engine.library import Library
from myna.engine.synthesis.balance import measured, unchanged
from myna.engine.synthesis.decoders import FlowDecoder
from myna.engine.synthesis.prompt import read_prompt
from tests.engine.voices import LITE, TEXTS, Recordings


def test_what_is_made_duller_and_flatter_comes_back() -> None:
    recorded = torch.randn(1, 5, 200, generator=torch.Generator().manual_seed(0)) - 2
    colour = torch.linspace(-1, 1, 5)[None, :, None]
    made = 0.7 * recorded + colour
    torch.testing.assert_close(measured(made, recorded)(made), recorded, atol=1e-4, rtol=1e-4)


def test_pauses_do_not_count() -> None:
    recorded = torch.randn(1, 5, 200, generator=torch.Generator().manual_seed(0))
    made = recorded - 1
    recorded[..., :50] = -30.0
    balance = measured(made, recorded)
    torch.testing.assert_close(balance.recorded - balance.made, torch.ones(5, 1), atol=1e-4, rtol=1e-4)


def test_what_moves_hardly_or_not_at_all_is_not_blown_up() -> None:
    recorded = torch.randn(1, 5, 200, generator=torch.Generator().manual_seed(0))
    weights = measured(torch.zeros(1, 5, 200), recorded).weights
    torch.testing.assert_close(weights, 1.8**2 * torch.eye(5))
    assert measured(50 * recorded, recorded).weights.diagonal().min() > 0.1, "nor silenced"


def test_formants_that_lie_elsewhere_are_moved() -> None:
    recorded = torch.randn(1, 30, 400, generator=torch.Generator().manual_seed(0))
    recorded = (recorded + recorded.roll(1, 1) + recorded.roll(-1, 1)).roll(1, 2) - 2  # as bands are alike in speech
    made = recorded.roll(3, 1)
    balance = measured(made, recorded)
    inner = slice(12, 24)
    before, after = ((one - recorded)[:, inner].square().mean() for one in (made, balance(made)))
    assert after < 0.25 * before


def test_bands_are_drawn_from_those_around_them_where_that_is_asked_for() -> None:
    made, recorded = torch.randn(2, 1, 30, 400, generator=torch.Generator().manual_seed(0))
    far = (torch.arange(30)[:, None] - torch.arange(30)).abs() > 4
    assert (measured(made, recorded, 4).weights[far] == 0).all()
    assert (measured(made, recorded).weights[far] != 0).all()


def test_mels_of_other_lengths_are_compared_as_far_as_both_go() -> None:
    recorded = torch.randn(1, 5, 200, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(measured(recorded[..., :150] - 1, recorded)(recorded - 1), recorded)


def test_the_one_that_changes_nothing() -> None:
    mel = torch.randn(2, 5, 20)
    assert torch.equal(unchanged(5, torch.device("cpu"))(mel), mel)


@torch.inference_mode()
def test_a_voice_is_balanced_once_by_its_own_reference(
    recordings: Recordings, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = Voice(reference=recordings.clips / "clip0.wav", reference_text=TEXTS[0])
    library = Library(models, "cpu")
    prompt = read_prompt(voice, LITE, library)
    decoder = FlowDecoder(voice, LITE, library, prompt)
    net, own = decoder.net, decoder.prompt
    features = net.features(prompt.codes, prompt.phones, None, own.speaker)
    made = decoder.flow(features, LITE.sampling_steps, torch.Generator().manual_seed(0))
    torch.testing.assert_close(decoder.balance.weights, measured(made, prompt.mel).weights)

    def again(*given: object) -> None:
        raise AssertionError("worked out twice")

    monkeypatch.setattr(FlowDecoder, "flow", again)
    assert FlowDecoder(voice, LITE, library, prompt).balance is decoder.balance
    monkeypatch.undo()
    trained = copy.deepcopy(net)
    trained.linear_mel.bias += 1.0
    monkeypatch.setattr(library, "sovits", lambda *_given: trained)
    assert not torch.equal(FlowDecoder(voice, LITE, library, prompt).balance.made, decoder.balance.made)
    prompt.balances.clear()
    own = FlowDecoder(voice.model_copy(update={"sovits": Path("trained")}), LITE, library, prompt)
    assert own.balance.weights[0, -1] == 0 != decoder.balance.weights[0, -1], "a trained one by the bands around"
    plain = FlowDecoder(voice, replace(LITE, is_balanced=False), library, prompt)
    assert torch.equal(plain.balance(made), made)


def test_speech_one_by_one_and_together_is_balanced(recordings: Recordings, models: Path) -> None:
    voice = Voice(reference=recordings.clips / "clip0.wav", reference_text=TEXTS[0])
    library = Library(models, "cpu")
    prompt = read_prompt(voice, LITE, library)
    given: list[torch.Tensor] = []

    def heard(is_balanced: bool) -> list[torch.Tensor]:
        decoder = FlowDecoder(voice, replace(LITE, is_balanced=is_balanced), library, prompt)

        def vocoder(mel: torch.Tensor, log_hz: torch.Tensor) -> torch.Tensor:
            assert log_hz.shape == (1, mel.shape[-1])
            given.append(mel)
            return torch.zeros(1, 1, 480 * mel.shape[-1])

        given.clear()
        decoder.vocoder = vocoder  # type: ignore[assignment]
        decoder.speak(prompt.codes, prompt.phones, speed=1.0, steps=2, seed=3)
        decoder.speak_together([(prompt.codes, prompt.phones)], speed=1.0, steps=2, seeds=[3])
        return [normalise_mel(mel) for mel in given]

    balance = FlowDecoder(voice, LITE, library, prompt).balance
    for plain, balanced in zip(heard(False), heard(True), strict=True):
        torch.testing.assert_close(balanced, balance(plain), atol=1e-4, rtol=1e-4)
