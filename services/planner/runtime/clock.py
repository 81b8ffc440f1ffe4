"""The only readers of time and of randomness. Everything else is told."""

import secrets
import time
import uuid
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Two clocks: the wall clock says what is due, the monotonic clock measures waits."""

    def now(self) -> datetime:
        """The wall clock: aware, UTC, microseconds. It may jump."""

    def monotonic(self) -> float:
        """Seconds since some moment; it never goes back."""


class IdSource(Protocol):
    """Where ids come from that nothing derives."""

    def uuid(self) -> str:
        """A new random UUID, lower case."""


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class SystemIds:
    """Random ids of the operating system's generator."""

    def uuid(self) -> str:
        return str(uuid.uuid4())


def secret(size: int) -> bytes:
    """So many random bytes, fit for keys."""
    return secrets.token_bytes(size)


def jitter() -> float:
    """A random number from 0 up to 1: for spreading retries, for nothing that anybody must not guess."""
    return secrets.randbelow(1_000_000) / 1_000_000
