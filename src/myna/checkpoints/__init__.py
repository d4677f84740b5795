"""Model files in and out: strictly read, never executed."""
