"""The speech servers of GPT-SoVITS: api_v2.py, api.py, and the fork that makes subtitles."""
