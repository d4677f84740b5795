"""Japanese: Open JTalk's dictionary and rules to phones with pitch marks."""

from __future__ import annotations

from myna.text.ja.reader import read, read_as_official

__all__ = ["read", "read_as_official"]
