"""Durable work. Knows nothing of speech: a job is a kind, a payload, an owner and a status."""
