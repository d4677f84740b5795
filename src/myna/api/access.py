"""Who asks, whether they may, and how often."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from fastapi import Request

from myna.core.errors import Forbidden, TooBusy, Unauthorized
from myna.core.settings import Settings
from myna.studio import SCOPES, Studio

_KNOWN_S = 5.0
"""How long the answer of the store is believed: so long may a revoked key still open."""


@dataclass(frozen=True)
class Caller:
    """Who asks. ``user`` is whose jobs they see; empty: everybody's."""

    user: str
    scopes: tuple[str, ...]


ANYBODY = Caller("", SCOPES)
"""Whoever reaches a server that has no keys, which listens to its own machine only; and the key of the settings."""


class Guard:
    """Lets in those who have a key, as often as they may come.

    The key stands in ``X-API-Key``, or as ``Authorization: Bearer KEY``. Where the installation has no key at all,
    everybody is let in: such a server listens to its own machine only (`myna serve` sees to that).
    """

    def __init__(self, studio: Studio, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._studio, self._clock = studio, clock
        self._key = settings.api_key.get_secret_value() if settings.api_key else ""
        self._pace = _Pace(settings.requests_per_minute, clock)
        self._known: dict[str, tuple[float, Caller | None]] = {}
        self._has_keys = (-_KNOWN_S, False)

    def needs(self, scope: str, *, always_a_key: bool = False) -> Callable[[Request], Caller]:
        """A dependency that answers who asks.

        ``always_a_key``: nobody is let in without one, even where the installation has none.
        """

        def check(request: Request) -> Caller:
            key = _key_of(request)
            caller = self._caller(key, always_a_key)
            address = request.client.host if request.client else ""
            self._pace.step(caller.user or (address if caller is ANYBODY and not key else "key"))
            if scope not in caller.scopes:
                raise Forbidden(f"this key does not allow {scope!r}, only: {', '.join(caller.scopes) or 'nothing'}")
            return caller

        return check

    def _caller(self, key: str, always_a_key: bool) -> Caller:
        if not always_a_key and not self._is_closed():
            return ANYBODY  # also with a key: some clients cannot do without
        if not key:
            raise Unauthorized("give your key in the header X-API-Key; `myna keys add NAME` makes one")
        if self._key and secrets.compare_digest(key.encode(), self._key.encode()):
            return ANYBODY
        caller = self._look_up(key)
        if caller is None:
            raise Unauthorized("this key is none of this server's")
        return caller

    def _look_up(self, key: str) -> Caller | None:
        now = self._clock()
        since, caller = self._known.get(key, (-_KNOWN_S, None))
        if now - since >= _KNOWN_S:
            found = self._studio.key(key)
            caller = Caller(found.name, found.scopes) if found else None
            self._known = {known: entry for known, entry in self._known.items() if now - entry[0] < _KNOWN_S}
            if caller is not None:  # guesses are not worth remembering
                self._known[key] = (now, caller)
        return caller

    def _is_closed(self) -> bool:
        since, has_keys = self._has_keys
        if self._clock() - since >= _KNOWN_S:
            has_keys = self._studio.has_keys
            self._has_keys = (self._clock(), has_keys)
        return bool(self._key) or has_keys


def _key_of(request: Request) -> str:
    bearer = request.headers.get("authorization", "")
    scheme, _, token = bearer.partition(" ")
    return request.headers.get("x-api-key") or (token.strip() if scheme.lower() == "bearer" else "")


@dataclass
class _Pace:
    """At most ``per_minute`` requests of each caller, evenly refilled; 0: any number."""

    per_minute: int
    clock: Callable[[], float]
    left: dict[str, tuple[float, float]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def step(self, who: str) -> None:
        """Count one request; raises `TooBusy` where it is one too many."""
        if not self.per_minute:
            return
        rate = self.per_minute / 60
        with self.lock:
            now = self.clock()
            at, tokens = self.left.get(who, (now, float(self.per_minute)))
            tokens = min(tokens + (now - at) * rate, float(self.per_minute))
            if tokens < 1:
                raise TooBusy(f"{self.per_minute} requests a minute are allowed; slow down", (1 - tokens) / rate)
            if len(self.left) > 10_000:
                self.left = {name: entry for name, entry in self.left.items() if now - entry[0] < 60}
            self.left[who] = (now, tokens - 1)
