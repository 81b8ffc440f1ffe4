"""What the decisions of one tick publish, count and report as failed. A decision that fails leaves its failure and nothing else."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from planner.domain.missed import Skip
from planner.domain.plan import PlanRevision
from planner.domain.run import Run
from planner.owner.changelog import key_bytes
from planner.owner.inbox import Incoming
from planner.owner.index import StateKey
from planner.owner.outbox import STATE_UNUSABLE, Outbox, Record, Subject
from planner.owner.state import TickState
from planner_contracts.calendar import CalendarCopied
from planner_contracts.message import Message
from planner_contracts.plan_event import PlanEventType

RECORDS_PER_TICK_MAX: Final = 5000
BYTES_PER_TICK_MAX: Final = 8_000_000
"""What timers may add to a transaction. After an outage each may have a hundred outcomes; what does not fit stays due."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A decision that raised: its record or timer alone suffered."""

    what: str
    error: Exception


class TickOutput:
    """Grows with each decision; every record and count of a tick is made here, at the tick's one `now`.

    `records` are what the transaction publishes beside the state's changes.
    """

    def __init__(self, state: TickState, outbox: Outbox, *, now: datetime) -> None:
        self.now = now
        self.records: list[Record] = []
        self.lateness_s: list[float] = []
        self.failures: list[Failure] = []
        self._counted: list[tuple[str, str]] = []
        self._bytes = 0
        self._state = state
        self._outbox = outbox

    @property
    def counts(self) -> Counter[tuple[str, str]]:
        """What the metrics learn once the tick is committed: how often each name and label was counted."""
        return Counter(self._counted)

    @property
    def is_full(self) -> bool:
        """Whether the timers left wait for the next tick, so that a transaction never outgrows its deadline."""
        return len(self.records) >= RECORDS_PER_TICK_MAX or self._bytes >= BYTES_PER_TICK_MAX

    @property
    def room_bytes(self) -> int:
        """What timers may still add; below 0 where the last of them added more."""
        return BYTES_PER_TICK_MAX - self._bytes

    def count_bytes(self, *, since: int) -> None:
        """The records from this number on came of a timer."""
        # What commands publish has a limit of its own (tenure.py): counted here, a flood of large ones would leave due plans no room.
        self._bytes += sum(len(record.value or b"") for record in self.records[since:])

    def contained(self, what: str, decide: Callable[[], None]) -> bool:
        """Run one decision so that its failure stays its own: nothing of it is kept then, and the tick goes on."""
        mark, fired, counted = len(self.records), len(self.lateness_s), len(self._counted)
        try:
            decide()
        except Exception as error:  # noqa: BLE001  whatever one record or plan does wrong, the others of the partition go on
            # In place: the face of the tick shows these very lists.
            del self.records[mark:]
            del self.lateness_s[fired:]
            del self._counted[counted:]
            self._state.undo()
            self.failures.append(Failure(what, error))
            return False
        self._state.keep()
        return True

    def count(self, name: str, label: str) -> None:
        """One more of these."""
        self._counted.append((name, label))

    def fired(self, run: Run, revision: PlanRevision, *, next_run_at: datetime | None) -> None:
        """A run is published: the action that asks a worker for it, and its first event."""
        self.records.append(self._outbox.action(run, revision))
        self.records.append(self._outbox.run_event(run, at=self.now, next_run_at=next_run_at))
        self.lateness_s.append((run.published_at - run.due_at).total_seconds())

    def run_event(self, run: Run) -> None:
        """A run has come to another state."""
        self.records.append(self._outbox.run_event(run, at=self.now))

    def cancel_requested(self, run: Run) -> None:
        """The run's worker is asked to stop."""
        self.records.append(self._outbox.cancel_requested(run, at=self.now))

    def skipped(self, skip: Skip, revision: PlanRevision, *, next_run_at: datetime | None) -> None:
        """An occurrence, or a range of them, is not to fire."""
        self.records.append(self._outbox.skipped(skip, revision, at=self.now, next_run_at=next_run_at))
        self.count("skipped", skip.reason)

    def held(self, nominal: datetime, revision: PlanRevision, *, next_run_at: datetime | None) -> None:
        """An occurrence waits."""
        self.records.append(self._outbox.held(nominal, revision, at=self.now, next_run_at=next_run_at))

    def completed(self, revision: PlanRevision) -> None:
        """Nothing of the plan will fire again."""
        self.records.append(self._outbox.completed(revision, at=self.now))

    def plan_event(self, event_id: str, event_type: PlanEventType, event: Message, *, about: Subject) -> None:
        """What has become of a plan or holiday list."""
        self.records.append(self._outbox.plan_event(event_id, event_type, event, about=about, at=self.now))

    def outcome(self, source: Incoming, event_type: PlanEventType, event: Message, *, about: Subject) -> None:
        """The one event that a command record gets."""
        self.plan_event(event_id_of(source), event_type, event, about=about)
        self.count("commands", event_type)

    def calendar_copies(self, source: Incoming, copy: CalendarCopied, *, about: Subject) -> None:
        """A holiday list goes to every other partition."""
        self.records += self._outbox.calendar_copies(f"{event_id_of(source)}/copy", copy, about=about, at=self.now)

    def forwarded(self, source: Incoming, *, key: bytes, partition: int) -> bool:
        """A record that came to the wrong partition goes to the right one; False if that does not take it."""
        record = self._outbox.forwarded(source, key=key, partition=partition)
        if record is None:
            return False
        self.records.append(record)
        self.count("forwarded", "")
        return True

    def dead_letter(self, source: Incoming, reason: str, detail: str) -> None:
        """A record of the input can never be handled."""
        self.records.append(self._outbox.dead_letter(source, reason=reason, detail=detail))
        self.count("dead_letters", reason)

    def unusable(self, key: StateKey, record: bytes, detail: str) -> None:
        """A record of the shard's own state could not be used."""
        self.records.append(self._outbox.unusable(key_bytes(key), record, detail=detail, at=self.now))
        self.count("dead_letters", STATE_UNUSABLE)


def event_id_of(source: Incoming) -> str:
    """The id of the event that a command record gets: from its place, so that a tick decided anew says the same under the same id."""
    return f"command/{source.partition}/{source.offset}"
