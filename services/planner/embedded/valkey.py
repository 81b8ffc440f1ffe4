"""Valkey on loopback, with an append-only file and no eviction."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from planner.embedded.binaries import valkey_server
from planner.embedded.ports import LOOPBACK, reserved
from planner.embedded.process import Command
from planner.embedded.program import Program, running
from planner.runtime.settings import environment


@asynccontextmanager
async def start_valkey(data: Path, port: int = 0) -> AsyncIterator[str]:
    """Its URL. `data` is the stack's folder; `port` 0 is a free one."""
    with reserved(port, purpose="Valkey") as taken:
        async with running(valkey_program(data, taken)) as url:
            yield url


def valkey_program(data: Path, port: int) -> Program:
    url = f"redis://{LOOPBACK}:{port}/0"
    return Program(service="valkey", command=_command(data, port), address=url, answers=lambda: _answers(url))


def _command(data: Path, port: int) -> Command:
    folder = data / "valkey"
    folder.mkdir(parents=True, exist_ok=True)
    options = {
        "bind": LOOPBACK,
        "port": str(port),
        "dir": str(folder),
        "daemonize": "no",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        # Tests make it slow by DEBUG SLEEP; only processes of this machine reach it.
        "enable-debug-command": "local",
    }
    return Command(
        name="valkey",
        arguments=(str(valkey_server()), *(word for name, value in options.items() for word in (f"--{name}", value))),
        log=data / "logs" / "valkey.log",
        environment=environment(),
    )


async def _answers(url: str) -> bool:
    client = Redis.from_url(url, socket_timeout=None, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0))
    try:
        return bool(await client.ping())
    except (RedisError, OSError):
        return False
    finally:
        await client.aclose()
