"""The records that the recorder takes in, and where it stands in their topics."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from planner_contracts.topics import TopicRole

ROLES = (TopicRole.PLAN_COMMANDS, TopicRole.PLAN_EVENTS, TopicRole.RUN_EVENTS)


class Partition(NamedTuple):
    """One partition of one topic; `topic` is the full name."""

    topic: str
    number: int


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One record as it lies in its topic. `timestamp`: when the broker appended it."""

    role: TopicRole
    partition: Partition
    offset: int
    timestamp: datetime
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Move:
    """A position moves from where a batch began to behind its last record."""

    partition: Partition
    begin: int
    end: int
