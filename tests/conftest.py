"""One Kafka, one Valkey and one PostgreSQL for a run of the tests, each started when the first test asks for it.

A test keeps to a namespace, a key prefix or a database of its own.
"""

from collections.abc import Iterator

import pytest

from planner.embedded.kafka import start_kafka
from planner.embedded.postgres import start_postgres
from planner.embedded.valkey import start_valkey
from support.servers import served


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """The bootstrap address."""
    with served(start_kafka) as bootstrap:
        yield bootstrap


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with served(start_valkey) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """A superuser's, so that a test can make a database of its own."""
    with served(start_postgres) as dsn:
        yield dsn
