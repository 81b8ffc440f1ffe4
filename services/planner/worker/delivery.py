"""A record as it came from an action or control topic."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import ConsumerRecord


@dataclass(frozen=True, slots=True)
class Delivery:
    """One record. The same record may be delivered again; topic, partition and offset name it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


def delivery(record: "ConsumerRecord[bytes, bytes]") -> Delivery:
    """The record without what only its consumer knows."""
    return Delivery(record.topic, record.partition, record.offset, key=record.key, value=record.value, headers=record.headers)
