"""Text to speech with trained nets."""
