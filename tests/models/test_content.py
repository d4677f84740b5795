from __future__ import annotations

import pytest
import torch

from myna.engine.dsp import mel_filters
from myna.models.content import ContentSizes, LiteContent

SIZES = ContentSizes(width=32, heads=2, layers=2, tap=1, feed_forward=32, kernel=5)


@pytest.fixture(scope="module")
def net() -> LiteContent:
    torch.manual_seed(0)
    net = LiteContent(SIZES).eval()
    net.front.filters.copy_(torch.from_numpy(mel_filters(16000, 512, 80)))
    return net


@torch.no_grad()
def test_content_has_fifty_frames_a_second_in_equal_pairs(net: LiteContent) -> None:
    content = net(torch.randn(1, 16000) * 0.1)
    assert content.shape == (1, 32, 50)
    assert torch.equal(content[..., ::2], content[..., 1::2])


@torch.no_grad()
def test_padding_changes_nothing(net: LiteContent) -> None:
    frames = torch.randn(1, 120, 80)
    padded = torch.cat((frames, torch.randn(1, 80, 80)), dim=1)
    alone = net.encode(frames, torch.tensor([120]))
    both = net.encode(torch.cat((padded, torch.randn(1, 200, 80))), torch.tensor([120, 200]))
    assert both.lengths.tolist() == [30, 50]
    torch.testing.assert_close(both.features[:1, :30], alone.features, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(both.ctc_logits[:1, :30], alone.ctc_logits, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_loudness_changes_nothing(net: LiteContent) -> None:
    sound = torch.randn(1, 8000) * 0.3
    torch.testing.assert_close(net(sound), net(sound * 0.5), atol=1e-3, rtol=1e-3)
