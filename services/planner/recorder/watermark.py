"""Where recording stands in a partition, against what its log still holds."""

from dataclasses import dataclass

from planner.recorder.source import Partition


class LogBrokenError(Exception):
    """The log does not hold what comes next: recording on would leave a hole that nobody sees. The process ends."""


@dataclass(frozen=True, slots=True)
class Standing:
    """`place`: the next offset to record. `start`, `end`: of what committed readers find in the log."""

    partition: Partition
    place: int
    start: int
    end: int

    @property
    def lag(self) -> int:
        """Offsets still to record, markers of transactions included."""
        return max(0, self.end - self.place)

    def refuse_hole(self) -> None:
        """Raise LogBrokenError if records were deleted before they were recorded, or the topic is another one than it was."""
        where = f"{self.partition.topic} partition {self.partition.number}"
        if self.start > self.place:
            raise LogBrokenError(f"gap: {where} begins at {self.start}, recording stands at {self.place}")
        if self.place > self.end:
            raise LogBrokenError(f"truncated: {where} ends at {self.end}, recording stands at {self.place}")


class Stillness:
    """Tells a partition in which nothing has happened for a while from one whose last batch is still on its way to be recorded."""

    def __init__(self, looks: int) -> None:
        self._looks = looks
        self._seen: dict[Partition, tuple[object, int]] = {}

    def look(self, partition: Partition, state: object) -> bool:
        """Whether the state is the same for so many looks in a row, this one included."""
        last, times = self._seen.get(partition, (state, 0))
        times = times + 1 if last == state else 1
        self._seen[partition] = (state, times)
        return times >= self._looks
