"""Servers that the tests here may flush and stop, and a namespace on them."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from planner.embedded.kafka import start_kafka
from planner.embedded.postgres import start_postgres
from planner.embedded.valkey import start_valkey
from support.owners import OwnedNamespace, owned_namespace
from support.servers import served


@pytest.fixture(scope="module")
def own_kafka() -> Iterator[str]:
    """Not the one of the other tests: it is stopped."""
    with served(start_kafka) as bootstrap:
        yield bootstrap


@pytest.fixture(scope="module")
def own_redis() -> Iterator[str]:
    """Not the one of the other tests: it is flushed."""
    with served(start_valkey) as url:
        yield url


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[str]:
    """Not the one of the other tests: it is stopped."""
    with served(start_postgres) as dsn:
        yield dsn


@pytest.fixture
async def owned(own_kafka: str, own_redis: str, tmp_path: Path) -> AsyncIterator[OwnedNamespace]:
    async with owned_namespace(own_kafka, own_redis, tmp_path) as namespace:
        yield namespace
