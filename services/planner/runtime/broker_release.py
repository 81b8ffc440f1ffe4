"""Whether the brokers are recent enough. A broker tells no release, but which versions of each request it answers."""

import asyncio
from collections.abc import Iterable
from typing import Final

from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import ApiVersionRequest

from planner.runtime.failures import StartupRefusedError, UnavailableError
from planner.runtime.kafka import KafkaConnection, cluster_client

CALL_TIMEOUT_S: Final = 20.0
_PRODUCE: Final = 0
# Produce requests of version 10 came with Kafka 3.7 (KIP-951).
_PRODUCE_VERSION_MIN: Final = 10


def is_recent(answered: Iterable[tuple[int, int, int]]) -> bool:
    """Whether a broker that answers these requests (key, oldest version, newest version) is of Kafka 3.7 or later."""
    return any(key == _PRODUCE and newest >= _PRODUCE_VERSION_MIN for key, _, newest in answered)


async def refuse_old_brokers(connection: KafkaConnection) -> None:
    """Raise StartupRefusedError if a broker is older than 3.7: a transaction could be left open in it. UnavailableError if none answers."""
    client = cluster_client(connection, client_id="planner-brokers")
    try:
        async with asyncio.timeout(CALL_TIMEOUT_S):
            await client.bootstrap()
            for broker in client.cluster.brokers():
                answer = await client.send(broker.nodeId, ApiVersionRequest())
                if not is_recent(answer.api_versions):
                    raise StartupRefusedError(f"the broker at {broker.host}:{broker.port} is older than Kafka 3.7")
    except (KafkaError, OSError, TimeoutError) as error:
        raise UnavailableError(f"Kafka cannot be reached at {connection.bootstrap}: {error}") from error
    finally:
        await client.close()
