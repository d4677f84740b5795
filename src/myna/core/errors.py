"""Every error Myna raises on purpose: one tree, whose classes say whose fault it was.

A class has a stable ``kind`` (what doors put into their replies). Messages are one line, say what is wrong and what
would be right.
"""

from __future__ import annotations

from collections.abc import Iterable


class MynaError(Exception):
    """Root of the tree. ``kind`` is stable, for programs; the message is for people."""

    kind = "error"


class CallerError(MynaError):
    """The caller can mend it: another input, another name, another value."""

    kind = "bad_request"


class BadInput(CallerError):
    """A text, a value or a file that cannot be used."""

    kind = "bad_input"


class NothingToSay(BadInput):
    """A text without anything that can be spoken: a part of a longer text may be left out for it."""


class BadAudio(BadInput):
    """Bytes that are no audio, or audio that cannot be used (empty, silent, too short, too long, truncated)."""

    kind = "bad_audio"


class LimitExceeded(BadInput):
    """Larger than this installation allows."""

    kind = "limit_exceeded"


class NotFound(CallerError):
    """A voice, file, job or folder that is not there."""

    kind = "not_found"


class UnknownChoice(CallerError):
    """A name outside a closed set; the message lists the set."""

    kind = "unknown_choice"

    def __init__(self, what: str, given: object, choices: Iterable[str]) -> None:
        self.choices = tuple(choices)
        super().__init__(f"unknown {what} {given!r}; choose one of: {', '.join(self.choices)}")


class Conflict(CallerError):
    """It exists already, or its state does not allow this now."""

    kind = "conflict"


class Unauthorized(CallerError):
    """Nobody that this installation knows: the key is missing or wrong."""

    kind = "unauthorized"


class Forbidden(CallerError):
    """Known, but not allowed to do this."""

    kind = "forbidden"


class TooBusy(CallerError):
    """More than can be taken now; the same request may succeed ``retry_after_s`` seconds later."""

    kind = "too_busy"

    def __init__(self, message: str, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class InstallationError(MynaError):
    """Whoever runs this installation can mend it."""

    kind = "installation"


class MissingAsset(InstallationError):
    """A model file is absent; the message names it and how to get it."""

    kind = "missing_asset"


class MissingExtra(InstallationError):
    """A library is not installed; the message names the extra that brings it."""

    kind = "missing_extra"


class WorkspaceError(InstallationError):
    """A folder cannot be read or written, or the disk is full."""

    kind = "workspace"


class StoreFailed(InstallationError):
    """The job store cannot be reached or written at the moment; nothing of the request was done."""

    kind = "store_failed"


class NotConfigured(InstallationError):
    """Something that this installation could do has not been set up; the message names the setting."""

    kind = "not_configured"


class PeerFailed(InstallationError):
    """Another server that this one relies on cannot be reached or answered with an error."""

    kind = "peer_failed"


class PeerTimedOut(PeerFailed):
    """Another server that this one relies on did not answer in time."""

    kind = "peer_timed_out"


class DownloadFailed(InstallationError):
    """A hub that cannot be reached, does not have the file, or sent another one than was published."""

    kind = "download_failed"


class BadCheckpoint(CallerError):
    """A model file that is damaged, foreign, or asks to execute something."""

    kind = "bad_checkpoint"


class TrainingFailed(MynaError):
    """Training cannot go on (loss is not a number, no usable clip is left)."""

    kind = "training_failed"


class Cancelled(MynaError):
    """Somebody asked for the work to stop."""

    kind = "cancelled"
