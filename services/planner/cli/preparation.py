"""What a new stack needs before its services start: topics, tables and the first API key."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from planner.embedded.status import write_secret
from planner.recorder.api_keys import ApiKeys, Grant, make_key
from planner.recorder.database import run_store_connection
from planner.recorder.migrations.migrate import migrate
from planner.runtime.clock import SystemClock, secret
from planner.runtime.kafka import KafkaConnection
from planner.runtime.sql import queries
from planner.runtime.topic_admin import apply_topics

FIRST_TENANT: Final = "default"
FIRST_ORGANIZATION: Final = "default"


async def prepare(
    settings: Mapping[str, str],
    *,
    connection: KafkaConnection,
    data: Path,
    actions: Sequence[str] = (),
    replication: int = 1,
) -> dict[str, str]:
    """Repeating it changes nothing: with the same data folder and database the key is the same too.

    `settings` are the stack's; the key's fields of the ready object come back. Raises StartupRefusedError, UnavailableError.
    """
    namespace, partitions = settings["PLANNER_NAMESPACE"], int(settings["PLANNER_PARTITIONS"])
    await apply_topics(connection, namespace=namespace, partitions=partitions, actions=actions, replication=replication)
    dsn = settings["PLANNER_POSTGRES"]
    await migrate(dsn)
    return {"api_key": await _first_key(dsn, data / "api.key"), "tenant_id": FIRST_TENANT, "organization_id": FIRST_ORGANIZATION}


async def _first_key(dsn: str, kept: Path) -> str:
    """The kept token while the database has its key, else a new one."""
    token = _read(kept)
    async with run_store_connection(dsn) as connection:
        keys = ApiKeys(connection, queries("planner.recorder", "sql/queries.sql"))
        live = {key.id for key in await keys.list(FIRST_TENANT) if key.revoked_at is None}
        if token and token.split("_")[1] in live:
            return token
        new = make_key(Grant(FIRST_TENANT), now=SystemClock().now(), randomness=secret)
        await keys.insert(new)
    write_secret(kept, new.token)
    return new.token


def _read(kept: Path) -> str:
    return kept.read_text() if kept.exists() else ""
