"""A run store in memory that holds only what was recorded, and where: for tests of what feeds it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from planner.recorder.batch import Batch
from planner.recorder.run_store import BatchRefusedError, PositionMovedError
from planner.recorder.source import Move, Partition, SourceRecord
from planner.runtime.failures import UnavailableError


@dataclass
class MemoryRunStore:
    """`refuses`: ids of runs of which it holds no row. `away`: it answers nothing. `attempts`: how many runs each write had."""

    refuses: frozenset[str] = frozenset()
    away: bool = False
    places: dict[Partition, int] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)
    batches: list[Batch] = field(default_factory=list)
    attempts: list[int] = field(default_factory=list)

    async def positions(self, starts: Mapping[Partition, int]) -> dict[Partition, int]:
        self._answer()
        return {partition: self.places.setdefault(partition, start) for partition, start in starts.items()}

    async def record(self, batch: Batch, moves: Sequence[Move]) -> None:
        self._answer()
        self.attempts.append(len(batch.runs))
        if any(self.places.get(move.partition, move.begin) != move.begin for move in moves):
            raise PositionMovedError
        if refused := self.refuses & batch.runs.keys():
            raise BatchRefusedError(f"no row for {sorted(refused)}")
        self.batches.append(batch)
        self.runs |= {row.id: row.state for row in batch.runs.values()}
        self.places |= {move.partition: move.end for move in moves}

    def _answer(self) -> None:
        if self.away:
            raise UnavailableError("the run store is away")


@dataclass
class MemoryDeadLetters:
    """Keeps every record, with its reason."""

    kept: list[tuple[SourceRecord, str, str]] = field(default_factory=list)
    away: bool = False

    async def keep(self, record: SourceRecord, *, reason: str, detail: str) -> None:
        if self.away:
            raise UnavailableError("the dead letters are away")
        self.kept.append((record, reason, detail))

    def offsets(self, reason: str) -> list[int]:
        """Of the records that were kept for this reason, in the order in which they came."""
        return [record.offset for record, why, _ in self.kept if why == reason]
