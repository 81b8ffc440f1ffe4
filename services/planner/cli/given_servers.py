"""The servers that settings give to `planner up`: named before anything starts, and tried.

In a terminal into which the settings of another stack were pasted they are that stack's, and nobody may remember it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from planner.embedded.servers import Given
from planner.embedded.settings import StackSettings
from planner.runtime.failures import UnavailableError
from planner.runtime.kafka import KafkaConnection
from planner.runtime.postgres import open_pool
from planner.runtime.redis import redis_client, refuse_evicting
from planner.runtime.settings import variable
from planner.runtime.topic_admin import topic_admin


def told(given: Given) -> list[str]:
    """A line for each, without a password."""
    addresses = {"kafka": given.kafka, "redis": _without_secrets(given.redis), "postgres": _without_secrets(given.postgres)}
    return [
        f"using {name} at {address} from {variable((name,))}; nothing embedded starts for it"
        for name, address in addresses.items()
        if address is not None
    ]


async def reach(settings: StackSettings) -> None:
    """Raises UnavailableError, with the variable's name, if one of them does not answer; StartupRefusedError if it does not suit."""
    given = settings.given()
    if given.kafka is not None:
        connection = KafkaConnection.from_settings(settings)
        with _named("kafka"):
            async with topic_admin(connection, namespace=settings.namespace, partitions=settings.partitions):
                pass
    if given.redis is not None:
        with _named("redis"):
            async with redis_client(given.redis) as client:
                await refuse_evicting(client)
    if given.postgres is not None:
        with _named("postgres"):
            (await open_pool(given.postgres, size=1)).terminate()


@contextmanager
def _named(name: str) -> Iterator[None]:
    try:
        yield
    except UnavailableError as error:
        hint = f"the address is from {variable((name,))}: unset it, and `planner up` starts an embedded one"
        raise UnavailableError(f"{error} ({hint})") from error


def _without_secrets(url: str | None) -> str | None:
    """Host, port and path: a password may stand before them, and in the query."""
    if url is None:
        return None
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}"
