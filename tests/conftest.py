from __future__ import annotations

import os

from hypothesis import settings

# Test processes share the cores: threads that compete for them make arithmetic slower by an order of magnitude.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# A busy machine is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
