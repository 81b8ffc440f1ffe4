"""One gateway, with owner and recorder, for all tests of this folder: each test is a tenant of its own."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest

from planner.runtime.clock import SystemIds
from support.databases import migrated_database
from support.gateways import Gateway, Servers, processes
from support.servers import served


@pytest.fixture(scope="session")
def gateway(kafka: str, redis_url: str, postgres_dsn: str) -> Iterator[Gateway]:
    namespace = f"t-{UUID(SystemIds().uuid()).hex[:12]}"
    started: list[Gateway] = []

    @asynccontextmanager
    async def start(folder: Path) -> AsyncIterator[str]:
        async with (
            migrated_database(postgres_dsn, namespace) as dsn,
            processes(folder, Servers(kafka, redis_url, dsn), namespace) as gateway,
        ):
            started.append(gateway)
            yield gateway.url

    with served(start):
        yield started[0]


@pytest.fixture
def tenant(request: pytest.FixtureRequest) -> str:
    """One that no other test uses."""
    return f"t{UUID(SystemIds().uuid()).hex[:16]}"
