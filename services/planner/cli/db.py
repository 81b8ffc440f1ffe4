"""`planner db`: the run store's schema."""

import asyncio

import typer

from planner.recorder.database import run_store_connection
from planner.recorder.migrations.migrate import migrate as bring_up
from planner.runtime.settings import PostgresSettings, load
from planner.runtime.sql import queries

app = typer.Typer(help="The run store in PostgreSQL (PLANNER_POSTGRES).", no_args_is_help=True)


@app.command()
def migrate() -> None:
    """Bring the database to this version's schema. Repeating it changes nothing."""
    migrated = asyncio.run(bring_up(_dsn()))
    typer.echo(f"already at {migrated.after}" if migrated.before == migrated.after else f"migrated to {migrated.after}")


@app.command()
def rebuild() -> None:
    """Make the recorder read every topic again from its start, to fill what the database has lost. What is there stays."""
    forgotten = asyncio.run(_forget_positions(_dsn()))
    typer.echo(f"{forgotten} positions forgotten: the recorder begins at the start of every topic, also while it runs")


async def _forget_positions(dsn: str) -> int:
    async with run_store_connection(dsn) as connection:
        status = await connection.execute(queries("planner.recorder", "sql/queries.sql")["forget_positions"])
    return int(status.rpartition(" ")[2])


def _dsn() -> str:
    return load(PostgresSettings).postgres.get_secret_value()
