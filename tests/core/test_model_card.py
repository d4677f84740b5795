"""The bundled base comes with its card, and with the licences of what it was trained on."""

from __future__ import annotations

from myna.core.assets import bundled


def test_the_card_says_what_the_base_is_for_and_what_not() -> None:
    card = bundled("lite/MODEL_CARD.md").read_text(encoding="utf-8")
    for heading in ("## Data", "## Intended use", "## Not for", "## Limits"):
        assert heading in card
    assert "ATTRIBUTION.md" in card
    assert "Impersonating" in card


def test_every_licence_of_the_card_is_attributed() -> None:
    card, sources = (bundled(f"lite/{name}.md").read_text(encoding="utf-8") for name in ("MODEL_CARD", "ATTRIBUTION"))
    for licence in ("CC0", "CC BY 3.0", "CC BY 4.0", "Apache 2.0"):
        assert licence in card
        assert licence in sources
