"""``GET /`` where no speech server of api.py's kind has it: what is here, as the training service tells it."""

from __future__ import annotations

from fastapi import APIRouter

from myna import __version__
from myna.api.dialect import routes
from myna.api.health import PLAIN

ABOUT = {"message": "GPT-SoVITS训练服务API", "version": "1.0.0", "docs_url": "/docs", "myna": __version__}
"""What the training service says of itself."""


def door() -> APIRouter:
    """The route."""
    router = routes(PLAIN)

    @router.get("/", summary="What is here")
    def get_root() -> dict[str, str]:
        return dict(ABOUT)

    return router
