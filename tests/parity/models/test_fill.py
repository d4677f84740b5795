"""The synthetic weights must not depend on the numpy release."""

from __future__ import annotations

from tests.parity.models.fill import selftest


def test_fill_draws_the_stored_numbers() -> None:
    selftest()
