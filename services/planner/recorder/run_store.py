"""The port to the run store, as the recorder writes it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from planner.recorder.batch import Batch
from planner.recorder.source import Move, Partition


class PositionMovedError(Exception):
    """Somebody else has recorded from one of these positions. Nothing was written: read the positions and go on from there."""


class BatchRefusedError(Exception):
    """The store can never hold this content; the message says why. Nothing was written."""


class RunStore(Protocol):
    """Projections and positions. All methods raise UnavailableError if the store cannot be reached or its answer was lost."""

    async def positions(self, starts: Mapping[Partition, int]) -> dict[Partition, int]:
        """The next offset to record of each partition. One that was never recorded begins at the start given here."""
        ...

    async def record(self, batch: Batch, moves: Sequence[Move]) -> None:
        """Write the batch and move the positions, all or nothing. Recording what is there already changes nothing.

        Raises PositionMovedError if a position is not where its move begins, and BatchRefusedError.
        """
        ...
