"""PostgreSQL on loopback: TCP only, password asked. As root it runs as an unprivileged user, as it insists on."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg

from planner.embedded.ports import LOOPBACK, reserved
from planner.embedded.postgres_home import PostgresHome, postgres_home
from planner.embedded.process import Command, run_to_end
from planner.embedded.program import Program, running
from planner.runtime.clock import secret
from planner.runtime.settings import environment

_USER: Final = "planner"
_DATABASE: Final = "planner"
_INITIALIZE_WITHIN_S: Final = 60.0
_OPTIONS: Final = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@asynccontextmanager
async def start_postgres(data: Path, port: int = 0) -> AsyncIterator[str]:
    """The DSN of its database `planner`. `data` is the stack's folder; `port` 0 is a free one."""
    with reserved(port, purpose="PostgreSQL") as taken:
        async with running(await postgres_program(data, taken)) as dsn:
            yield dsn


async def postgres_program(data: Path, port: int) -> Program:
    """Makes the cluster first, if there is none yet."""
    home = postgres_home(data)
    password = await _initialize(data, home)
    options = (word for name, value in (_OPTIONS | {"port": str(port)}).items() for word in ("-c", f"{name}={value}"))
    command = _command(data, home, "postgres", "-D", str(home.cluster), *options)
    server = f"postgresql://{_USER}:{password}@{LOOPBACK}:{port}"
    return Program(
        service="postgres",
        command=command,
        address=f"{server}/{_DATABASE}",
        answers=lambda: _answers(f"{server}/postgres"),
    )


async def _initialize(data: Path, home: PostgresHome) -> str:
    """The password; with a new cluster, if there is none yet."""
    kept = data / "postgres.password"
    if (home.cluster / "PG_VERSION").exists() and kept.exists():
        return kept.read_text()
    shutil.rmtree(home.cluster, ignore_errors=True)
    partial = home.cluster.with_name(f"{home.cluster.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True, mode=0o700)
    password = secret(24).hex()
    given = home.cluster.with_name(f"{home.cluster.name}.password")
    given.touch(mode=0o600)
    given.write_text(password)
    if home.account is not None:
        for path in (partial, given):
            os.chown(path, home.account.uid, home.account.gid)
    try:
        await _run_initdb(data, home, partial, given)
    finally:
        given.unlink()
    kept.touch(mode=0o600)
    kept.write_text(password)
    partial.rename(home.cluster)
    return password


async def _run_initdb(data: Path, home: PostgresHome, cluster: Path, password: Path) -> None:
    locale = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
    arguments = ("-D", str(cluster), f"--username={_USER}", "--auth=scram-sha-256", f"--pwfile={password}", *locale)
    await run_to_end(_command(data, home, "initdb", *arguments), within_s=_INITIALIZE_WITHIN_S)


def _command(data: Path, home: PostgresHome, program: str, *arguments: str) -> Command:
    return Command(
        name=program,
        arguments=(str(home.installation / "bin" / program), *arguments),
        log=data / "logs" / f"{program}.log",
        environment=environment() | {"LC_ALL": "C", "TZ": "UTC"},
        account=home.account,
        # Fast, with clients connected; and at once, to be recovered from its log, when nobody waits for it.
        stop_signal=signal.SIGINT,
        orphan_signal=signal.SIGQUIT,
    )


async def _answers(server: str) -> bool:
    """Asks for the database and makes it the first time."""
    try:
        async with asyncio.timeout(10):
            connection = await asyncpg.connect(server, timeout=5)
            try:
                if await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", _DATABASE) is None:
                    await connection.execute(f"CREATE DATABASE {_DATABASE}")
            finally:
                await connection.close()
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
        return False
    return True
