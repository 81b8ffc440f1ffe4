"""What a user sees of a process that is set up wrongly, or finds nothing to talk to: a line, an exit code, and no waiting without end."""

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from planner.cli.app import ExitCode
from planner.embedded.valkey import start_valkey
from planner.runtime.kafka import KafkaConnection
from planner.runtime.lifecycle import EXIT_REFUSED
from planner.runtime.redis import redis_client
from planner.runtime.settings import environment
from planner.runtime.topic_admin import apply_topics
from support.servers import served
from support.stack import planner
from support.until import until

N: Final = 2
ENDS_WITHIN_S: Final = 30.0
NOWHERE: Final = "127.0.0.1:1"
NOBODY: Final = {"PLANNER_KAFKA": NOWHERE, "PLANNER_REDIS": f"redis://{NOWHERE}/0", "PLANNER_REPORT_KEYS": "k1:0123456789abcdef"}


@pytest.fixture
def settings(kafka: str, namespace: str) -> dict[str, str]:
    return NOBODY | {"PLANNER_KAFKA": kafka, "PLANNER_NAMESPACE": namespace, "PLANNER_PARTITIONS": str(N), "PLANNER_REPLICATION": "1"}


@pytest.fixture
def own_redis() -> Iterator[str]:
    """A server of which the test may change the settings."""
    with served(start_valkey) as url:
        yield url


def applied(*arguments: str, settings: Mapping[str, str]) -> dict[str, Any]:
    done = planner("topics", "apply", *arguments, "--json", settings=settings)
    assert (done.returncode, done.stderr) == (ExitCode.OK, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_topics_apply_says_as_json_what_it_made_and_then_what_it_verified(settings: dict[str, str], namespace: str) -> None:
    first = applied("--action", "content.publish", settings=settings)
    second = applied(settings=settings)
    assert first.keys() == {"namespace", "partitions", "incarnation", "made", "verified"}
    assert (first["namespace"], first["partitions"], first["verified"]) == (namespace, N, [])
    assert f"{namespace}.action.content.publish" in first["made"]
    assert (second["made"], sorted(second["verified"])) == ([], sorted(first["made"]))
    assert first["incarnation"] == second["incarnation"]


def test_topics_apply_with_another_n_is_refused_and_says_which_topics_differ(settings: dict[str, str], namespace: str) -> None:
    applied(settings=settings)
    done = planner("topics", "apply", "--partitions", "3", settings=settings)
    assert (done.returncode, done.stdout) == (ExitCode.REFUSED, "")
    assert f"{namespace}.owner.changelog has {N} partitions, not 3" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--action", "Content_Publish"], "--action"),
        (["--partitions", "0"], "--partitions"),
        (["--partitions", "1025"], "--partitions"),
        (["--replication", "ten"], "--replication"),
        (["--retention", "5"], "--retention"),
    ],
)
def test_topics_apply_with_an_option_that_cannot_be_used_names_it(arguments: list[str], named: str) -> None:
    done = planner("topics", "apply", *arguments, settings=NOBODY)
    assert done.returncode == ExitCode.USAGE
    assert named in done.stderr


def test_topics_apply_without_brokers_fails_in_one_line_with_their_address() -> None:
    done = planner("topics", "apply", settings=NOBODY)
    assert (done.returncode, done.stdout) == (ExitCode.FAILED, "")
    assert done.stderr.startswith(f"planner: Kafka cannot be reached at {NOWHERE}: ")
    assert done.stderr.count("\n") == 1


def test_topics_apply_gives_up_on_a_server_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        done = planner("topics", "apply", settings=NOBODY | {"PLANNER_KAFKA": address})
    assert done.returncode == ExitCode.FAILED
    assert f"Kafka cannot be reached at {address}" in done.stderr


@asynccontextmanager
async def owner(settings: Mapping[str, str], log: Path) -> AsyncIterator["asyncio.subprocess.Process"]:
    with log.open("wb") as stream:
        clean = {name: value for name, value in environment().items() if not name.startswith("PLANNER_")}
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "planner.owner", env=clean | dict(settings), stderr=stream)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def ended(settings: Mapping[str, str], log: Path) -> tuple[int, str]:
    """Exit code and last line of an owner that ends by itself."""
    async with owner(settings, log) as process, asyncio.timeout(ENDS_WITHIN_S):
        code = await process.wait()
    return code, last_line(log)


def last_line(log: Path) -> str:
    return log.read_text(encoding="utf-8").splitlines()[-1]


def told(log: Path, event: str) -> dict[str, Any] | None:
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    found: dict[str, Any] | None = next((line for line in lines if line["event"] == event), None)
    return found


async def test_an_owner_refuses_a_redis_that_would_throw_timers_away(settings: dict[str, str], own_redis: str, tmp_path: Path) -> None:
    client = redis_client(own_redis)
    await client.config_set("maxmemory-policy", "allkeys-lru")
    await client.aclose()
    code, line = await ended(settings | {"PLANNER_REDIS": own_redis}, tmp_path / "log")
    assert code == EXIT_REFUSED
    assert line == "planner owner: Redis has maxmemory-policy allkeys-lru, which throws timers away: set it to noeviction"


async def test_an_owner_that_redis_does_not_let_in_is_refused(settings: dict[str, str], own_redis: str, tmp_path: Path) -> None:
    client = redis_client(own_redis)
    await client.config_set("requirepass", "of-the-tests-only")
    await client.aclose()
    code, line = await ended(settings | {"PLANNER_REDIS": own_redis}, tmp_path / "log")
    assert code == EXIT_REFUSED
    assert "Redis does not answer us" in line


async def test_an_owner_without_topics_is_refused_with_the_command_that_makes_them(
    settings: dict[str, str], redis_url: str, tmp_path: Path
) -> None:
    code, line = await ended(settings | {"PLANNER_REDIS": redis_url}, tmp_path / "log")
    assert code == EXIT_REFUSED
    assert "run `planner topics apply`" in line


async def test_an_owner_with_another_n_than_the_topics_is_refused(
    settings: dict[str, str], connection: KafkaConnection, namespace: str, redis_url: str, tmp_path: Path
) -> None:
    await apply_topics(connection, namespace=namespace, partitions=N, actions=(), replication=1)
    code, line = await ended(settings | {"PLANNER_REDIS": redis_url, "PLANNER_PARTITIONS": "4"}, tmp_path / "log")
    assert code == EXIT_REFUSED
    assert f"has {N} partitions, not 4" in line


async def test_an_owner_whose_health_port_is_in_use_is_refused(settings: dict[str, str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, line = await ended(settings | {"PLANNER_HEALTH_PORT": str(port)}, tmp_path / "log")
    assert code == EXIT_REFUSED
    assert line == f"planner owner: cannot listen on 127.0.0.1:{port}: Address already in use"


async def test_an_owner_waits_for_what_is_away_at_its_start_and_says_so(redis_url: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with owner(NOBODY | {"PLANNER_REDIS": redis_url}, log) as process:
        delayed = await until(lambda: told(log, "owner.start.delayed"), what="the owner says that Kafka is away", within_s=ENDS_WITHIN_S)
        assert f"Kafka cannot be reached at {NOWHERE}" in delayed["cause"]
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(ENDS_WITHIN_S):
            assert await process.wait() == 0


async def test_an_owner_that_waits_for_redis_says_so_too(settings: dict[str, str], tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with owner(settings, log):
        delayed = await until(lambda: told(log, "owner.start.delayed"), what="the owner says that Redis is away", within_s=ENDS_WITHIN_S)
    assert "Redis cannot be reached" in delayed["cause"]
