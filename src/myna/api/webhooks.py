"""Tells addresses of the end of jobs: signed, again when they did not listen, once when they did."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import logging
import threading
import urllib.parse

from myna.core.errors import StoreFailed
from myna.studio import Event, Studio

_log = logging.getLogger(__name__)
_IDLE_S = 0.5
_TIMEOUT_S = 10.0
SIGNATURE = "X-Myna-Signature"
"""``sha256=`` and the HMAC-SHA256 of the body with the installation's webhook secret."""


class Webhooks:
    """Sends events to web addresses, until told to stop; ``secret`` signs them."""

    def __init__(self, studio: Studio, secret: str) -> None:
        self._outbox, self._secret = studio.outbox("http"), secret.encode()

    def serve(self, stop: threading.Event) -> None:
        """Send events as they come."""
        while not stop.is_set():
            try:
                has_sent = self._send_next()
            except StoreFailed as error:
                _log.warning("no webhook can be sent now: %s", error)
                has_sent = False
            if not has_sent:
                stop.wait(_IDLE_S)

    def _send_next(self) -> bool:
        """Send the next event; False where there is none."""
        event = self._outbox.claim()
        if event is None:
            return False
        problem = self._post(event)
        if problem:
            _log.warning("webhook %s of job %s: %s", event.destination, event.job_id, problem)
            self._outbox.failed(event, problem)
        else:
            self._outbox.sent(event)
        return True

    def _post(self, event: Event) -> str:
        """Why the event did not arrive; empty where it did. Redirections are not followed."""
        body = json.dumps({"id": event.message_id, "topic": event.topic, **event.body}).encode()
        headers = {"Content-Type": "application/json", "X-Myna-Event": event.message_id}
        if self._secret:
            headers[SIGNATURE] = f"sha256={hmac.new(self._secret, body, hashlib.sha256).hexdigest()}"
        parts = urllib.parse.urlsplit(event.destination)
        make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        try:
            connection = make(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
            try:
                query = f"?{parts.query}" if parts.query else ""
                connection.request("POST", (parts.path or "/") + query, body, headers)
                status = connection.getresponse().status
            finally:
                connection.close()
        except (OSError, http.client.HTTPException, ValueError) as error:
            return f"{type(error).__name__}: {error}"
        return "" if 200 <= status < 300 else f"it answered {status}"
