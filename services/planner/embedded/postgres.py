"""PostgreSQL on loopback: TCP only, password asked. As root it runs as an unprivileged user, as it insists on."""

import asyncio
import hashlib
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from planner.embedded.accounts import Account, reaches, unprivileged
from planner.embedded.binaries import postgres_installation
from planner.embedded.ports import LOOPBACK, reserved
from planner.embedded.process import Command, run_to_end
from planner.embedded.program import Program, running
from planner.runtime.clock import secret
from planner.runtime.settings import environment

# Where an unprivileged user can always look: used by root alone, when the asked folder is closed to that user.
_OPEN_FOLDER: Final = Path("/var/lib/planner")
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


@dataclass(frozen=True, slots=True)
class _Home:
    """Whose server it is, and where its binaries and its cluster are."""

    account: Account | None
    installation: Path
    cluster: Path


@asynccontextmanager
async def start_postgres(data: Path, port: int = 0) -> AsyncIterator[str]:
    """The DSN of its database `planner`. `data` is the stack's folder; `port` 0 is a free one."""
    with reserved(port, purpose="PostgreSQL") as taken:
        async with running(await postgres_program(data, taken)) as dsn:
            yield dsn


async def postgres_program(data: Path, port: int) -> Program:
    """Makes the cluster first, if there is none yet."""
    home = _home(data)
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


def postgres_folder(data: Path) -> Path:
    """Where the cluster of this stack is: in its data folder unless the server's user cannot pass through to there."""
    inside = data / "postgres"
    if reaches(unprivileged(), data):
        return inside
    return _OPEN_FOLDER / f"postgres-{hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:16]}"


def _home(data: Path) -> _Home:
    data.mkdir(parents=True, exist_ok=True)
    account = unprivileged()
    return _Home(account=account, installation=_installation(account), cluster=postgres_folder(data))


def _installation(account: Account | None) -> Path:
    """The binaries, copied to where the account can reach them if it cannot where they are."""
    installed = postgres_installation()
    if reaches(account, installed / "bin"):
        return installed
    package = installed.parent
    stamp = hashlib.sha256(f"{package}{package.stat().st_mtime_ns}".encode()).hexdigest()[:16]
    copied = _OPEN_FOLDER / f"postgres-binaries-{stamp}"
    if not copied.exists():
        partial = copied.with_name(f"{copied.name}.{os.getpid()}")
        # The binaries look for their libraries beside their package.
        for folder in (package, package.with_name(f"{package.name}.libs")):
            shutil.copytree(folder, partial / folder.name, symlinks=True)
        _OPEN_FOLDER.chmod(0o755)
        try:
            partial.rename(copied)
        except OSError:
            shutil.rmtree(partial)
    return copied / package.name / installed.name


async def _initialize(data: Path, home: _Home) -> str:
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


async def _run_initdb(data: Path, home: _Home, cluster: Path, password: Path) -> None:
    locale = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
    arguments = ("-D", str(cluster), f"--username={_USER}", "--auth=scram-sha-256", f"--pwfile={password}", *locale)
    await run_to_end(_command(data, home, "initdb", *arguments), within_s=_INITIALIZE_WITHIN_S)


def _command(data: Path, home: _Home, program: str, *arguments: str) -> Command:
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
