"""The gateway's settings."""

from typing import Annotated

from pydantic import Field

from planner.runtime.settings import HealthSettings, KafkaSettings, PostgresSettings, ProcessSettings
from planner_contracts.topics import PARTITIONS_DEFAULT


class GatewaySettings(ProcessSettings, HealthSettings, KafkaSettings, PostgresSettings):
    """Where it listens, publishes and reads; how long it waits."""

    gateway_host: str = "127.0.0.1"
    """Where the API is served; TLS is for whatever stands in front."""

    gateway_port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """Its port; 0 takes any free one and says which in the log."""

    gateway_wait_seconds: Annotated[float, Field(ge=0, le=30)] = 5
    """How long a request waits for its command's outcome at most; then it is answered with 202. A caller may ask for less."""

    gateway_key_cache_seconds: Annotated[float, Field(ge=0, le=300)] = 5
    """How long an API key is remembered, so that not each request asks the run store; a revocation takes as long."""

    gateway_postgres_connections: Annotated[int, Field(ge=1, le=100)] = 8
    """Connections to the run store at most."""

    partitions: Annotated[int, Field(ge=1)] = PARTITIONS_DEFAULT
    """How many partitions the namespace's topics have; other than they do have is refused."""
