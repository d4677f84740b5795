"""Which languages' libraries are installed here."""

from __future__ import annotations

import pytest

from myna.core.errors import MissingExtra
from myna.text.frontend import LANGUAGES, reader


def is_installed(language: str) -> bool:
    try:
        reader(language)
    except MissingExtra:
        return False
    return True


INSTALLED = tuple(language for language in LANGUAGES if is_installed(language))


def needs(*languages: str) -> pytest.MarkDecorator:
    """Skips a test where a language cannot be read, and says which extra is missing."""
    missing = [language for language in languages if language not in INSTALLED]
    return pytest.mark.skipif(bool(missing), reason=f"the extra {', '.join(missing)} is not installed")
