"""Takes records in: projects them, writes them as one batch, finds the record that the store refuses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from planner.recorder.batch import gather
from planner.recorder.dead_letters import DeadLetters
from planner.recorder.metrics import RecorderMetrics
from planner.recorder.projection import RecordInvalidError, project
from planner.recorder.rows import Row
from planner.recorder.run_store import BatchRefusedError, RunStore
from planner.recorder.source import Move, Partition, SourceRecord
from planner.runtime.log import get_logger

INVALID: Final = "invalid"
REFUSED: Final = "refused_by_store"

_log = get_logger("recorder.recording")


@dataclass(frozen=True, slots=True)
class _Projected:
    record: SourceRecord
    rows: tuple[Row, ...]


class Recording:
    """Records and positions of one batch: in the store together, or not at all."""

    def __init__(self, store: RunStore, dead_letters: DeadLetters, metrics: RecorderMetrics) -> None:
        self._store = store
        self._dead_letters = dead_letters
        self._metrics = metrics

    async def take(self, records: Sequence[SourceRecord], begins: Mapping[Partition, int], ends: Mapping[Partition, int]) -> None:
        """Record them, in order. `begins`: where the batch began in each partition; `ends`: where the next one will begin, past
        what readers do not see. A batch that had to be divided ends behind its last record instead.

        Raises UnavailableError and PositionMovedError; then a first part may be in the store, its positions too.
        """
        projected = [_Projected(record, await self._rows(record)) for record in records]
        moves = [Move(partition, begins[partition], end) for partition, end in ends.items()]
        try:
            await self._store.record(gather(row for item in projected for row in item.rows), moves)
        except BatchRefusedError:
            await self._record_halves(projected, dict(begins))

    async def _rows(self, record: SourceRecord) -> tuple[Row, ...]:
        try:
            return project(record)
        except RecordInvalidError as error:
            await self._bury(record, reason=INVALID, detail=str(error))
            return ()

    async def _record_halves(self, projected: Sequence[_Projected], places: dict[Partition, int]) -> None:
        middle = (len(projected) + 1) // 2
        for half in (projected[:middle], projected[middle:]):
            if half:
                await self._record(half, places)

    async def _record(self, projected: Sequence[_Projected], places: dict[Partition, int]) -> None:
        moves = _moves(projected, places)
        try:
            await self._store.record(gather(row for item in projected for row in item.rows), moves)
        except BatchRefusedError as error:
            if len(projected) > 1:
                await self._record_halves(projected, places)
                return
            await self._bury(projected[0].record, reason=REFUSED, detail=str(error))
            await self._store.record(gather(()), moves)
        places.update({move.partition: move.end for move in moves})

    async def _bury(self, record: SourceRecord, *, reason: str, detail: str) -> None:
        await self._dead_letters.keep(record, reason=reason, detail=detail)
        self._metrics.dead_letters.labels(reason).inc()
        _log.error(
            "recorder.record.dead_lettered",
            reason=reason,
            detail=detail,
            topic=record.partition.topic,
            partition=record.partition.number,
            offset=record.offset,
        )


def _moves(projected: Sequence[_Projected], places: Mapping[Partition, int]) -> list[Move]:
    ends = {item.record.partition: item.record.offset + 1 for item in projected}
    return [Move(partition, places[partition], end) for partition, end in ends.items()]
