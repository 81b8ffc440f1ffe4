"""Places in topics."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """One record of one topic of the namespace."""

    topic: str
    partition: int
    offset: int
