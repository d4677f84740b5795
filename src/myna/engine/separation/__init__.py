"""Voices out of music, reverberation out of voices: separators behind one protocol, in one table."""
