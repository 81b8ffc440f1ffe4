"""Kafka clients, each with every dangerous option in sight. aiokafka is untyped: it is narrowed here."""

import ssl
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.helpers import create_ssl_context

from planner.runtime.settings import KafkaSettings

BATCH_BYTES_MAX: Final = 900_000
SMALL_BATCH_BYTES_MAX: Final = 56_000
"""A batch counts against the topic's largest message, and that of reports is 64 KiB. A larger single record is its own batch."""
REQUEST_BYTES_MAX: Final = 1024 * 1024
REQUEST_TIMEOUT_MS: Final = 5_000
TRANSACTION_TIMEOUT_MS: Final = 12_000
SESSION_TIMEOUT_MS: Final = 6_000
HEARTBEAT_MS: Final = 300
"""Members learn by their next heartbeat that one has left: with a second between them a hand-over took longer than its second."""


@dataclass(frozen=True, slots=True)
class KafkaConnection:
    """Where the brokers are, and how we are let in."""

    bootstrap: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = "PLAIN"
    sasl_username: str | None = None
    sasl_password: str | None = field(default=None, repr=False)
    ca_file: str | None = None

    @classmethod
    def from_settings(cls, settings: KafkaSettings) -> "KafkaConnection":
        """The connection that the settings describe."""
        password = settings.kafka_sasl_password
        return cls(
            bootstrap=settings.kafka,
            security_protocol=settings.kafka_security_protocol,
            sasl_mechanism=settings.kafka_sasl_mechanism,
            sasl_username=settings.kafka_sasl_username,
            sasl_password=None if password is None else password.get_secret_value(),
            ca_file=settings.kafka_ca_file,
        )

    def options(self) -> dict[str, Any]:
        """What every client of aiokafka is told."""
        return {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self.security_protocol,
            "ssl_context": self._ssl_context(),
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.sasl_username,
            "sasl_plain_password": self.sasl_password,
        }

    def _ssl_context(self) -> ssl.SSLContext | None:
        return create_ssl_context(cafile=self.ca_file) if self.security_protocol.endswith("SSL") else None


def idempotent_producer(connection: KafkaConnection, *, client_id: str, batch_bytes_max: int = SMALL_BATCH_BYTES_MAX) -> AIOKafkaProducer:
    """A producer whose sends are acknowledged by all in-sync replicas, and not doubled by its own retries."""
    return AIOKafkaProducer(
        **connection.options(),
        client_id=client_id,
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        compression_type=None,
        max_batch_size=batch_bytes_max,
        max_request_size=REQUEST_BYTES_MAX,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        retry_backoff_ms=100,
    )


def transactional_producer(connection: KafkaConnection, *, transactional_id: str, client_id: str) -> AIOKafkaProducer:
    """A producer that fences every earlier one of its transactional id when it starts."""
    return AIOKafkaProducer(
        **connection.options(),
        client_id=client_id,
        transactional_id=transactional_id,
        transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        compression_type=None,
        max_batch_size=BATCH_BYTES_MAX,
        max_request_size=REQUEST_BYTES_MAX,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        retry_backoff_ms=20,  # 100 ms, the default, is most of a takeover
    )


def assigned_consumer(connection: KafkaConnection, *, client_id: str) -> AIOKafkaConsumer:
    """A consumer of assigned partitions: no group, no offsets kept for it; it reads what is committed, from where it is told to."""
    return AIOKafkaConsumer(
        **connection.options(),
        client_id=client_id,
        group_id=None,
        isolation_level="read_committed",
        auto_offset_reset="none",
        enable_auto_commit=False,
        fetch_max_wait_ms=500,
        fetch_min_bytes=1,
        max_partition_fetch_bytes=4 * REQUEST_BYTES_MAX,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        retry_backoff_ms=50,
        check_crcs=True,
    )


def ends_consumer(connection: KafkaConnection, *, client_id: str) -> AIOKafkaConsumer:
    """A consumer that is asked for end offsets alone: of everything written, transactions that are open included."""
    return AIOKafkaConsumer(
        **connection.options(),
        client_id=client_id,
        group_id=None,
        isolation_level="read_uncommitted",
        auto_offset_reset="none",
        enable_auto_commit=False,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        retry_backoff_ms=50,
    )


def membership_consumer(connection: KafkaConnection, *, group: str, client_id: str, assignors: tuple[type, ...]) -> AIOKafkaConsumer:
    """A dynamic member of a group. Its offsets are nobody's, so it may begin at the end."""
    return AIOKafkaConsumer(
        **connection.options(),
        client_id=client_id,
        group_id=group,
        partition_assignment_strategy=assignors,
        session_timeout_ms=SESSION_TIMEOUT_MS,
        heartbeat_interval_ms=HEARTBEAT_MS,
        max_poll_interval_ms=300_000,
        rebalance_timeout_ms=SESSION_TIMEOUT_MS,
        isolation_level="read_committed",
        auto_offset_reset="latest",
        enable_auto_commit=False,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        retry_backoff_ms=50,
    )


def admin(connection: KafkaConnection, *, client_id: str = "planner-admin") -> AIOKafkaAdminClient:
    """A client for topics and their settings."""
    return AIOKafkaAdminClient(**connection.options(), client_id=client_id, request_timeout_ms=10_000)


def cluster_client(connection: KafkaConnection, *, client_id: str) -> AIOKafkaClient:
    """A client for requests to single brokers, which neither producers, consumers nor the admin make."""
    return AIOKafkaClient(**connection.options(), client_id=client_id, request_timeout_ms=REQUEST_TIMEOUT_MS)
