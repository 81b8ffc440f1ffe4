"""How far a group member has come in each partition: what may be committed without losing a run."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class PartitionProgress:
    """One partition. `start_over` stands for an assignment: the consumer goes back to what the group has committed."""

    in_progress: set[int] = field(default_factory=set)
    finished: set[int] = field(default_factory=set)
    next_offset: int | None = None
    committed: int | None = None

    def admit(self, offset: int) -> bool:
        """Whether the record is new here: a redelivered one that is still in progress or finished is not performed again."""
        self.next_offset = offset + 1
        if offset in self.in_progress or offset in self.finished:
            return False
        self.in_progress.add(offset)
        return True

    def finish(self, offset: int) -> None:
        """The record's last report was acknowledged, or there is nothing to do for it."""
        self.in_progress.remove(offset)
        self.finished.add(offset)

    def forget(self, offset: int) -> None:
        """The record was admitted but will not be performed: whoever owns the partition next gets it again."""
        self.in_progress.remove(offset)
        if self.next_offset is not None:
            self.next_offset = min(self.next_offset, offset)

    def committable(self) -> int | None:
        """The offset to commit: everything below is finished. None if that is committed already, or nothing was read since the start."""
        if self.next_offset is None:
            return None
        # Offsets have gaps (transaction markers), so the first that is not finished is found, never counted.
        lowest = min(self.in_progress, default=self.next_offset)
        offset = min(lowest, self.next_offset)
        return None if offset == self.committed else offset

    def commit(self, offset: int) -> None:
        """The group accepted this offset; what lies below will not come again."""
        self.committed = offset
        self.finished = {finished for finished in self.finished if finished >= offset}

    def start_over(self) -> None:
        """The partition was revoked: nothing may be committed for it until its records come again."""
        self.next_offset = None
        self.committed = None

    def span(self) -> int:
        """How many records a crash would have delivered again."""
        return len(self.in_progress) + len(self.finished)
