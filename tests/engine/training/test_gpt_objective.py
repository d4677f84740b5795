"""What the published GPTs are fine-tuned for: what counts, and what padding may and may not do."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from myna.core.errors import BadInput
from myna.core.versions import GptSizes
from myna.engine.training.gpt_batches import collate, with_rejected
from myna.engine.training.gpt_data import GptRow
from myna.engine.training.gpt_objective import preference_term, published_loss
from myna.engine.training.losses import GptBatch
from myna.models.gpt import Gpt

SIZES = GptSizes(phone_vocab=20, semantic_vocab=17, width=32, heads=2, layers=2, feed_forward=64, bert_width=8)
END = 16


@pytest.fixture
def net() -> Gpt:
    torch.manual_seed(0)
    return Gpt(SIZES).eval()


def rows() -> list[GptRow]:
    generator = torch.Generator().manual_seed(1)

    def drawn(high: int, count: int) -> torch.Tensor:
        return torch.randint(high, (count,), generator=generator)

    return [GptRow(drawn(20, phones), drawn(END, tokens)) for phones, tokens in ((9, 14), (4, 6), (6, 14))]


def batch() -> GptBatch:
    return with_rejected(collate(rows(), END), torch.Generator().manual_seed(2), is_padded=False)


def test_padding_counts_in_the_loss_and_not_in_the_preference(net: Gpt) -> None:
    together = collate(rows(), END)
    alone = [published_loss(net, collate([row], END))[0].item() for row in rows()]
    loss, figures = published_loss(net, together)
    assert loss.item() > sum(alone) + 1.0, "eight ends behind the short row"
    assert float(figures["per_token"]) == pytest.approx(loss.item() / 45, rel=1e-5)
    wide = replace(batch(), tokens=torch.nn.functional.pad(batch().tokens, (0, 5), value=END))
    assert float(published_loss(net, wide)[1]["preference"]) == pytest.approx(
        float(published_loss(net, batch())[1]["preference"]), rel=1e-5
    )


def test_officially_a_short_text_in_a_batch_is_heard_with_its_padding(net: Gpt) -> None:
    first, short, _ = rows()
    alone = published_loss(net, collate([short], END))[0]
    torch.testing.assert_close(published_loss(net, collate([short], END), is_official=True)[0], alone)
    mended = published_loss(net, collate([first, short], END))[0]
    official = published_loss(net, collate([first, short], END), is_official=True)[0]
    assert abs(official.item() - mended.item()) > 1e-3


def test_the_preference_is_learnt(net: Gpt) -> None:
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    before = float(published_loss(net, batch())[1]["preference"])
    for _ in range(40):
        optimiser.zero_grad()
        published_loss(net, batch())[0].backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    loss, figures = published_loss(net, batch())
    assert float(figures["preference"]) < 0.5 * before
    assert loss.item() == pytest.approx(45 * float(figures["per_token"]) + float(figures["preference"]), rel=1e-4)
    assert preference_term(net, batch()).item() == pytest.approx(float(figures["preference"]), rel=1e-4)


def test_without_rejected_sentences_there_is_no_preference(net: Gpt) -> None:
    assert "preference" not in published_loss(net, collate(rows(), END))[1]
    with pytest.raises(BadInput, match="needs rejected sentences"):
        preference_term(net, collate(rows(), END))
