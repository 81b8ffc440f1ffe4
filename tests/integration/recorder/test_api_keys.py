"""`planner keys`, as an operator types it."""

import asyncio
import hashlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from planner.runtime.settings import environment
from support.databases import database, migrated_database
from support.run_stores import OpenRunStore, opened

ROOT = Path(__file__).parents[3]


@pytest.fixture
async def run_store(postgres_dsn: str, request: pytest.FixtureRequest) -> AsyncIterator[OpenRunStore]:
    async with migrated_database(postgres_dsn, request.node.nodeid) as dsn, opened(dsn) as store:
        yield store


async def planner(dsn: str, *words: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    given = environment() | {"PLANNER_POSTGRES": dsn, "PYTHONPATH": f"{ROOT}/services:{ROOT}/contracts"}
    command = (sys.executable, "-c", "from planner.cli.app import main; main()", *words)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, env=given, stdout=pipe, stderr=pipe)
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_a_key_is_shown_once_listed_without_its_secret_and_revoked(run_store: OpenRunStore) -> None:
    code, out, _ = await planner(run_store.dsn, "keys", "create", "--tenant", "acme", "--organization", "eu", "--expires", "P30D", "--json")
    made = json.loads(out)
    assert code == 0
    assert made.keys() == {"id", "token", "tenant_id", "organizations", "scopes", "expires_at"}
    assert (made["tenant_id"], made["organizations"], made["scopes"]) == ("acme", ["eu"], None)
    secret = made["token"].removeprefix(f"pk_{made['id']}_")
    (row,) = await run_store.rows("SELECT secret_sha256 FROM api_keys WHERE id = $1", made["id"])
    assert row["secret_sha256"] == hashlib.sha256(secret.encode()).digest()

    code, out, _ = await planner(run_store.dsn, "keys", "list", "--json")
    assert [key["id"] for key in json.loads(out)] == [made["id"]]
    assert secret not in out

    assert (await planner(run_store.dsn, "keys", "revoke", made["id"]))[0] == 0
    (first,) = await run_store.rows("SELECT revoked_at FROM api_keys")
    assert (await planner(run_store.dsn, "keys", "revoke", made["id"]))[0] == 0
    assert await run_store.rows("SELECT revoked_at FROM api_keys") == [first]
    assert (await planner(run_store.dsn, "keys", "revoke", "nobody"))[0] == 1


async def test_keys_of_a_database_without_tables_are_refused_with_the_way_out(postgres_dsn: str) -> None:
    async with database(postgres_dsn, "no tables for keys") as dsn:
        code, out, err = await planner(dsn, "keys", "create", "--tenant", "acme")
        assert (code, out) == (78, "")
        assert "planner db migrate" in err
        assert (await planner(dsn, "db", "migrate"))[0] == 0
        code, out, _ = await planner(dsn, "keys", "create", "--tenant", "acme")
        assert (code, out.startswith("pk_"), len(out.splitlines())) == (0, True, 1)


async def test_a_rebuild_forgets_positions_and_nothing_else(run_store: OpenRunStore) -> None:
    await run_store.pool.execute("INSERT INTO positions VALUES ('planner.plan.events', 0, 7)")
    code, out, _ = await planner(run_store.dsn, "db", "rebuild")
    assert (code, out.split()[0]) == (0, "1")
    assert await run_store.rows("SELECT * FROM positions") == []


async def test_a_database_that_does_not_answer_in_time_ends_a_command_with_its_cause(run_store: OpenRunStore) -> None:
    """What failed after the connection was made ended in a traceback."""
    async with run_store.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE api_keys")
        code, out, err = await planner(run_store.dsn, "keys", "list")
    assert (code, out, "Traceback" in err) == (1, "", False)
    assert "PostgreSQL: TimeoutError" in err


@pytest.mark.parametrize("words", [("keys", "create", "--tenant", "a b"), ("keys", "create", "--tenant", "a", "--expires", "soon")])
async def test_a_key_that_cannot_be_made_is_a_usage_error(words: tuple[str, ...]) -> None:
    code, _, err = await planner("postgresql://nowhere/planner", *words)
    assert (code, "Traceback" in err) == (2, False)
