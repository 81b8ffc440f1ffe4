"""The Redis client, with every dangerous option in sight."""

import asyncio
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from planner.runtime.failures import StartupRefusedError

SAFE_POLICY: Final = "noeviction"
CALL_TIMEOUT_S: Final = 5.0


def redis_client(url: str) -> Redis:
    """A client that never retries by itself: a repeated script would find a changed position, and each caller has its own deadline."""
    return Redis.from_url(
        url,
        decode_responses=False,
        # With a socket_timeout, redis-py on Python 3.11 swallows cancellation while a command runs.
        socket_timeout=None,
        socket_connect_timeout=3.0,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
        retry_on_error=[],
        health_check_interval=0,
        max_connections=64,
    )


async def refuse_evicting(client: Redis) -> None:
    """Raise StartupRefusedError if the server would throw keys away when its memory is full."""
    async with asyncio.timeout(CALL_TIMEOUT_S):
        memory = await client.info("memory")
    text = str(memory["maxmemory_policy"])
    if text != SAFE_POLICY:
        raise StartupRefusedError(f"Redis has maxmemory-policy {text}, which throws timers away: set it to {SAFE_POLICY}")
