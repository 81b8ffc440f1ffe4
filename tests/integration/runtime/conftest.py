from collections.abc import AsyncIterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from planner.runtime.clock import SystemIds
from planner.runtime.kafka import KafkaConnection, admin


@pytest.fixture
def namespace() -> str:
    return f"r{SystemIds().uuid()[:8]}"


@pytest.fixture
def connection(kafka: str) -> KafkaConnection:
    return KafkaConnection(bootstrap=kafka)


@pytest.fixture
async def cluster(connection: KafkaConnection) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin that does what an operator should not."""
    client = admin(connection, client_id="tests")
    await client.start()
    try:
        yield client
    finally:
        await client.close()
