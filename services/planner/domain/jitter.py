"""The plan's constant delay between nominal and due time (scheduling.md, section 5.4)."""

from datetime import timedelta
from hashlib import sha256


def delay(plan_id: str, jitter_seconds: int) -> timedelta:
    """Whole milliseconds from 0 to `jitter_seconds`, the same for whoever computes it. `plan_id`: lower case, with hyphens."""
    if not jitter_seconds:
        return timedelta(0)
    chance = int.from_bytes(sha256(plan_id.encode()).digest()[:8], "big")
    return timedelta(milliseconds=chance * (1000 * jitter_seconds + 1) >> 64)
