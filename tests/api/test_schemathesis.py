"""Requests that schemathesis makes up from the OpenAPI: none is answered 5xx, none otherwise than is told.

How many are made up of each operation, besides its examples and the limits of its schemas, is said by
``MYNA_SCHEMATHESIS_EXAMPLES`` (CONTRIBUTING.md). The same ones each time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import schemathesis
from fastapi.testclient import TestClient
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.types import ASGIApp, Receive, Scope, Send

from myna.api.server import DOORS, build_app
from myna.core.settings import Settings
from myna.core.workspace import Workspace
from myna.jobs.store import JobStore
from myna.studio import Studio
from myna.testing.fake_speaker import FakeSpeaker
from tests.api.world import World

EXAMPLES = int(os.environ.get("MYNA_SCHEMATHESIS_EXAMPLES", "8"))
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
STRICT = ("/api/v1/jobs",)
"""Doors that refuse whatever their schemas do not allow. The others take what their clients have always sent: nothing
where a default stands, words for numbers and switches, values out of range, which are put right."""
FILES = {
    "file": "take.wav", "recordings": "take.wav", "reference_audio": "anna.wav", "reference_voice": "anna.wav",
    "song": "song.wav", "transcript": "words.srt",
}  # fmt: skip
"""The fields that are files, and what is sent in place of bytes that nobody could hear."""


class Asked:
    """The app of a world that is made when tests begin."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


def described() -> Any:
    """The OpenAPI as schemathesis reads it: of an app that has nothing yet."""
    studio = Studio(FakeSpeaker(), Mock(spec=JobStore), workspace=Workspace(Path("home")), logs=Path("logs"))
    generation = GenerationConfig(deterministic=True, max_examples=EXAMPLES)
    projects = ProjectsConfig(default=ProjectConfig(generation=generation))
    told = build_app(studio, Settings(home=Path("home")), doors=DOORS).openapi()
    schema = schemathesis.openapi.from_dict(told, config=SchemathesisConfig(seed=1, projects=projects))
    schema.app = ASKED
    return schema


ASKED = Asked()
SCHEMA = described()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("world"))
    ASKED.app = world.app
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("myna.testing.fake_speaker.SECONDS_PER_LETTER", 0.002)  # the longest texts are among the limits
        yield world
    world.close()


@SCHEMA.parametrize()
def test_whatever_is_asked_is_answered_as_told(case: Any, world: World) -> None:
    world.furnish()
    headers = {"X-API-Key": world.keys["all"]}
    answer = with_sound(case, world, headers) if is_form_of_files(case) else case.call(headers=headers, timeout=60)
    strict = [negative_data_rejection] if case.path.startswith(STRICT) else []
    case.validate_response(answer, checks=[*CHECKS, *strict])


def is_form_of_files(case: Any) -> bool:
    """Whether it is a form as it should be, but for its files, which are chance."""
    is_good = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
    return is_good and isinstance(case.body, dict) and bool(FILES.keys() & case.body.keys())


def with_sound(case: Any, world: World, headers: dict[str, str]) -> Any:
    """The answer to a form whose files can be heard."""
    parts = []
    for name, value in case.body.items():
        for each in value if isinstance(value, list) else [value]:
            sent = (FILES[name], world.files[FILES[name]]) if name in FILES else (None, str(each).encode())
            parts.append((name, sent))
    if case.path.endswith("/import"):
        parts = [
            (name, ("eva.myna.zip", world.files["eva.myna.zip"]) if name == "file" else sent) for name, sent in parts
        ]
    client = TestClient(world.app, raise_server_exceptions=False)
    return client.request(case.method, case.formatted_path, params=case.query or {}, headers=headers, files=parts)
