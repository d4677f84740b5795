"""Myna clones voices: recordings to a trained voice, text to speech in that voice."""

__version__ = "0.1.0"
