import asyncio
import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import asyncpg
import psutil
import pytest
from redis.asyncio import Redis

from planner.embedded.folders import temporary_folder
from planner.embedded.kafka import start_kafka
from planner.embedded.ports import LOOPBACK
from planner.embedded.postgres import start_postgres
from planner.embedded.postgres_home import postgres_folder
from planner.embedded.valkey import start_valkey
from planner.runtime.failures import StartupRefusedError
from support.until import until

Start = Callable[[Path, int], AbstractAsyncContextManager[str]]

PARENT = """
import asyncio, json, sys
from pathlib import Path
import psutil
from planner.embedded.postgres import start_postgres
from planner.embedded.valkey import start_valkey

async def main() -> None:
    data = Path(sys.argv[1])
    async with start_valkey(data), start_postgres(data):
        print(json.dumps([child.pid for child in psutil.Process().children(recursive=True)]), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def data() -> Iterator[Path]:
    """Not pytest's own folder, which is closed to the user that PostgreSQL runs as."""
    with temporary_folder() as folder:
        yield folder


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    tmp_path.chmod(0o700)
    yield tmp_path
    shutil.rmtree(postgres_folder(tmp_path), ignore_errors=True)


def permissions(folder: Path) -> int:
    return folder.stat().st_mode & 0o777


def is_over(pid: int) -> bool:
    """A process that nobody has waited for yet is over too."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def names_in(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


async def test_servers_end_when_their_parent_is_killed(data: Path) -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT, str(data), stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    pids: list[int] = json.loads(await parent.stdout.readline())
    parent.kill()
    await parent.communicate()
    # Valkey, PostgreSQL and PostgreSQL's own children.
    assert len(pids) > 3
    await until(lambda: all(is_over(pid) for pid in pids), what="every server is gone")


@pytest.mark.parametrize("start", [start_kafka, start_valkey, start_postgres])
async def test_a_taken_port_is_refused_before_anything_starts(data: Path, start: Start) -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        before = names_in(data)
        with pytest.raises(StartupRefusedError, match=f"port {port} for .* is in use"):
            async with start(data, port):
                pass
    assert names_in(data) == before


async def test_valkey_keeps_what_it_acknowledged_over_a_restart(data: Path) -> None:
    async with start_valkey(data) as url, Redis.from_url(url, socket_timeout=None) as client:
        await client.set("kept", "yes")
    async with start_valkey(data) as url, Redis.from_url(url, socket_timeout=None) as client:
        assert await client.get("kept") == b"yes"


async def test_postgres_keeps_its_rows_and_its_password_over_a_restart(data: Path) -> None:
    async with start_postgres(data) as first:
        connection = await asyncpg.connect(first)
        await connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
        await connection.close()
    async with start_postgres(data) as second:
        connection = await asyncpg.connect(second)
        assert await connection.fetchval("SELECT one FROM kept") == 1
        await connection.close()
    assert first.split("@")[0] == second.split("@")[0]


async def test_postgres_asks_for_the_password(data: Path) -> None:
    async with start_postgres(data) as dsn:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(dsn.replace("planner:", "planner:not-", 1))


async def test_postgres_recovers_a_folder_that_was_left_half_made(data: Path) -> None:
    folder = postgres_folder(data)
    folder.mkdir()
    (folder / "PG_VERSION").write_text("18\n")
    async with start_postgres(data) as dsn:
        await (await asyncpg.connect(dsn)).close()


async def test_postgres_serves_a_folder_that_its_user_cannot_pass_through(closed: Path) -> None:
    async with start_postgres(closed) as dsn:
        await (await asyncpg.connect(dsn)).close()
    assert permissions(closed) == 0o700


async def test_a_server_that_cannot_start_shows_the_end_of_its_log(data: Path) -> None:
    manifest = data / "valkey" / "appendonlydir" / "appendonly.aof.manifest"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("not a manifest\n")
    with pytest.raises(StartupRefusedError, match=r"(?s)valkey ended at its start.*Invalid AOF manifest"):
        async with start_valkey(data):
            pass


async def test_valkey_recovers_after_a_kill(data: Path) -> None:
    async with start_valkey(data) as url, Redis.from_url(url, socket_timeout=None) as client:
        pid = (await client.info("server"))["process_id"]
        os.kill(pid, signal.SIGKILL)
        await until(lambda: is_over(pid), what="Valkey is gone")
    async with start_valkey(data) as url, Redis.from_url(url, socket_timeout=None) as client:
        assert await client.ping()
