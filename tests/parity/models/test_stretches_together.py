"""Stretches sampled as one batch say what they say one after the other."""

from __future__ import annotations

import pytest

from tests.parity.models.flow_cases import stretches_together
from tests.parity.models.golden import load_case


@pytest.mark.parametrize("at_once", [1, 3])
def test_a_batch_equals_one_after_the_other(at_once: int) -> None:
    case = load_case("v4_chunked_batched")
    stretches_together(case, at_once)
    assert {found.output for found in case.comparisons} == {"lengths", "audio0", "audio1"}
    assert max(found.error for found in case.comparisons) < 1e-5
