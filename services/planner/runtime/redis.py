"""The Redis client, with every dangerous option in sight."""

import asyncio
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from planner.runtime.failures import StartupRefusedError, UnavailableError

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
    """Raise StartupRefusedError if the server would throw keys away when its memory is full, or does not let us in.

    UnavailableError if it does not answer.
    """
    try:
        async with asyncio.timeout(CALL_TIMEOUT_S):
            memory = await client.info("memory")
    except (AuthenticationError, ResponseError) as error:
        raise StartupRefusedError(f"Redis does not answer us: {error}") from error
    except (RedisError, OSError, TimeoutError) as error:
        raise UnavailableError(f"Redis cannot be reached: {str(error) or type(error).__name__}") from error
    policy = str(memory["maxmemory_policy"])
    if policy != SAFE_POLICY:
        raise StartupRefusedError(f"Redis has maxmemory-policy {policy}, which throws timers away: set it to {SAFE_POLICY}")
