"""Who asks, whether they may, and how often."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from myna.api.pace import Pace
from myna.core.errors import Forbidden, Unauthorized
from myna.core.settings import Settings
from myna.studio import SCOPES, Studio

_KNOWN_S = 5.0
"""How long the answer of the store is believed: so long may a revoked key still open."""
_CALLERS = "myna.callers"


@dataclass(frozen=True)
class Caller:
    """Who asks. ``user`` is whose jobs they see; empty: everybody's."""

    user: str
    scopes: tuple[str, ...]


ANYBODY = Caller("", SCOPES)
"""Whoever reaches a server that has no keys from its own machine; and the key of the settings."""


class Guard:
    """Lets in those who have a key, as often as they may come.

    The key stands in ``X-API-Key``, or as ``Authorization: Bearer KEY``. Where the installation has no key at all,
    everybody on this machine is let in, and nobody else: however the server was started, and whatever it listens to.
    They must ask this machine by a name of its own: a web page of somebody else's, whose name was made to lead here,
    and strangers behind a proxy on this machine come with another.
    """

    def __init__(self, studio: Studio, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._studio, self._clock = studio, clock
        self._key = settings.api_key.get_secret_value() if settings.api_key else ""
        self._pace = Pace(settings.home, settings.requests_per_minute)
        self._known: dict[bytes, tuple[float, Caller]] = {}
        self._has_keys = (-_KNOWN_S, False)

    def needs(self, scope: str, *, always_a_key: bool = False) -> Needs:
        """A dependency that answers who asks.

        ``always_a_key``: nobody is let in without one, even where the installation has none.
        """
        return Needs(self, scope, always_a_key)

    async def admit(self, request: Request, scope: str, *, always_a_key: bool) -> Caller:
        """Who asks; raises `Unauthorized`, `Forbidden` and `TooBusy`."""
        address = request.client.host if request.client else ""
        key, is_here = _key_of(request), _is_loopback(address) and _is_own_name(request.url.hostname or "")
        caller = self._remembered(key, is_here, always_a_key)
        try:
            if caller is None:
                caller = await run_in_threadpool(self._caller, key, is_here, always_a_key)
        except Unauthorized:
            await self._count(f"address {address}")  # so nobody can try keys without end
            raise
        await self._count(f"key {caller.user}" if key or caller.user else f"address {address}")
        if scope not in caller.scopes:
            raise Forbidden(f"this key does not allow {scope!r}, only: {', '.join(caller.scopes) or 'nothing'}")
        return caller

    async def _count(self, who: str) -> None:
        if self._pace.is_limited:
            await run_in_threadpool(self._pace.step, who)

    def _caller(self, key: str, is_here: bool, always_a_key: bool) -> Caller:
        if not always_a_key and not self._is_closed():
            if is_here:
                return ANYBODY  # also with a key: some clients cannot do without
            raise Unauthorized(
                "this server has no keys, so it answers its own machine only, asked as localhost; see `myna keys add`"
            )
        if not key:
            raise Unauthorized("give your key in the header X-API-Key; `myna keys add NAME` makes one")
        found = self._studio.key(key)
        if found is None:
            raise Unauthorized("this key is none of this server's")
        caller, now = Caller(found.name, found.scopes), self._clock()
        self._known = {known: entry for known, entry in self._known.items() if now - entry[0] < _KNOWN_S}
        self._known[_mark(key)] = (now, caller)  # guesses are not worth remembering
        return caller

    def _remembered(self, key: str, is_here: bool, always_a_key: bool) -> Caller | None:
        """Who it is, where that is known without asking the store: which would take a thread."""
        since, caller = self._known.get(_mark(key), (-_KNOWN_S, None))
        if caller is not None and self._clock() - since < _KNOWN_S:
            return caller
        if self._key and secrets.compare_digest(key.encode(), self._key.encode()):
            return ANYBODY
        asked, has_keys = self._has_keys
        was_open = not self._key and not has_keys and self._clock() - asked < _KNOWN_S
        return ANYBODY if was_open and not always_a_key and is_here else None

    def _is_closed(self) -> bool:
        since, has_keys = self._has_keys
        if self._clock() - since >= _KNOWN_S:
            has_keys = self._studio.has_keys
            self._has_keys = (self._clock(), has_keys)
        return bool(self._key) or has_keys


@dataclass(frozen=True, eq=False)
class Needs:
    """A dependency: lets in those who may do what ``scope`` is for, and answers who asks.

    A route asks it before it reads the body (`myna.api.dialect`), so that strangers cannot send one; when FastAPI asks
    again, the answer is at hand.
    """

    guard: Guard
    scope: str
    always_a_key: bool = False

    async def __call__(self, request: Request) -> Caller:
        """Who asks; raises `Unauthorized`, `Forbidden` and `TooBusy`."""
        callers: dict[Needs, Caller] = request.scope.setdefault(_CALLERS, {})
        if self not in callers:
            callers[self] = await self.guard.admit(request, self.scope, always_a_key=self.always_a_key)
        return callers[self]


def _mark(key: str) -> bytes:
    """What a key is remembered by: not the key, so that no comparison tells how much of a guess was right."""
    return hashlib.sha256(key.encode()).digest()


def _is_own_name(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost") or (bool(host) and _is_loopback(host))


def _is_loopback(address: str) -> bool:
    """Whether this machine itself asks; a socket without addresses is one of its files."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return not address
    mapped = known.ipv4_mapped if isinstance(known, ipaddress.IPv6Address) else None
    return (mapped or known).is_loopback


def _key_of(request: Request) -> str:
    bearer = request.headers.get("authorization", "")
    scheme, _, token = bearer.partition(" ")
    return request.headers.get("x-api-key") or (token.strip() if scheme.lower() == "bearer" else "")
