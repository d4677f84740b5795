"""The speakers that the bundled base is never trained on: `myna bench voice` measures on them, recipes/lite keeps them
apart."""

from __future__ import annotations

NATIVE = ("LJ", "watson_en-GB1", "watson_en-GB2")
LEARNERS = "so762"
NUM_LEARNERS = 7
"""Of the learners those with most clips."""
