import asyncio
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from planner.recorder.database import open_run_store
from planner.recorder.migrations.migrate import migrate, newest_revision, refuse_other_schema
from planner.runtime.failures import StartupRefusedError, UnavailableError
from support.databases import SCHEMA_FILE, database, migrated_database, schema_of


async def test_the_schema_file_equals_a_dump_after_all_migrations(postgres_dsn: str) -> None:
    async with migrated_database(postgres_dsn, "schema dump") as dsn:
        assert SCHEMA_FILE.read_text() == schema_of(dsn), "write it anew: PYTHONPATH=tests python -m support.databases <server>"


async def test_migrating_twice_changes_nothing(postgres_dsn: str) -> None:
    async with database(postgres_dsn, "twice") as dsn:
        first, second = await migrate(dsn), await migrate(dsn)
        assert (first.before, first.after) == (None, newest_revision())
        assert (second.before, second.after) == (newest_revision(), newest_revision())


async def test_processes_that_migrate_at_once_go_one_after_the_other(postgres_dsn: str) -> None:
    async with database(postgres_dsn, "at once, migrations") as dsn:
        outcomes = await asyncio.gather(*(migrate(dsn) for _ in range(4)))
        assert [outcome.before for outcome in outcomes].count(None) == 1


async def test_a_database_of_another_schema_is_refused_with_the_way_out(postgres_dsn: str) -> None:
    async with database(postgres_dsn, "other schema") as dsn:
        connection = await asyncpg.connect(dsn)
        try:
            with pytest.raises(StartupRefusedError, match=r"has no tables.*planner db migrate"):
                await refuse_other_schema(connection)
            await migrate(dsn)
            await refuse_other_schema(connection)
            await connection.execute("UPDATE alembic_version SET version_num = '9999_from_the_future'")
            with pytest.raises(StartupRefusedError, match="is at schema 9999_from_the_future"):
                await refuse_other_schema(connection)
            with pytest.raises(StartupRefusedError, match="a newer one made it"):
                await migrate(dsn)
        finally:
            await connection.close()


async def test_a_database_that_cannot_be_reached_is_unavailable() -> None:
    with pytest.raises(UnavailableError, match="cannot be reached"):
        await migrate("postgresql://planner@127.0.0.1:1/planner")


async def test_a_database_that_does_not_exist_or_let_us_in_is_refused(postgres_dsn: str) -> None:
    parts = urlsplit(postgres_dsn)
    nowhere = urlunsplit(parts._replace(path="/nowhere"))
    stranger = urlunsplit(parts._replace(netloc=f"stranger:wrong@{parts.hostname}:{parts.port}"))
    for dsn, cause in ((nowhere, 'database "nowhere" does not exist'), (stranger, "stranger")):
        with pytest.raises(StartupRefusedError, match=cause):
            await migrate(dsn)
        with pytest.raises(StartupRefusedError, match=cause):
            await open_run_store(dsn, size=1)


async def test_an_address_with_an_option_that_there_is_not_is_refused() -> None:
    with pytest.raises(StartupRefusedError, match=r"PLANNER_POSTGRES.*sslmode"):
        await open_run_store("postgresql://planner@127.0.0.1:1/planner?sslmode=perhaps", size=1)


def test_migrations_are_numbered_and_say_when_they_run() -> None:
    names = sorted(path.stem for path in (SCHEMA_FILE.parents[1] / "migrations/versions").glob("[0-9]*.py"))
    assert [name.split("_")[0] for name in names] == [f"{number:04}" for number in range(1, len(names) + 1)]
    assert all(name.split("_")[1] in {"pre", "post"} for name in names)
    assert names[-1] == newest_revision()
    assert all("lock_timeout" in Path(SCHEMA_FILE.parents[1] / f"migrations/versions/{name}.py").read_text() for name in names)
