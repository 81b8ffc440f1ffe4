"""What happened, as the ledger reads it: committed actions, recorded skips, run rows."""

from dataclasses import dataclass
from datetime import datetime

from planner_contracts.run import RunTrigger


@dataclass(frozen=True, slots=True)
class Fired:
    """One committed action record. `appended_at`: the broker's time stamp, whole milliseconds."""

    run_id: str
    plan_id: str
    scheduled_for: datetime
    due_at: datetime
    published_at: datetime
    attempt: int
    trigger: RunTrigger
    topic: str
    partition: int
    offset: int
    appended_at: datetime

    @property
    def of_schedule(self) -> bool:
        """Whether it stands for an occurrence of its plan's schedule, not for a retry of one or a run by hand."""
        return self.trigger is RunTrigger.SCHEDULE and self.attempt == 1


@dataclass(frozen=True, slots=True)
class Skipped:
    """The occurrences of a plan from `first` to `last`, both included, that were skipped with this reason."""

    plan_id: str
    first: datetime
    last: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class RunRow:
    """One row of the run store, or the first event of a run."""

    run_id: str
    plan_id: str
    scheduled_for: datetime
    attempt: int
    published_at: datetime


@dataclass(frozen=True, slots=True)
class History:
    """Everything up to one moment. `unreadable`: where a record holds no action or no run event, and why."""

    fired: tuple[Fired, ...]
    skipped: tuple[Skipped, ...]
    rows: tuple[RunRow, ...]
    unreadable: tuple[str, ...] = ()

    def up_to(self, moment: datetime) -> "History":
        """Without the actions and rows of what was published later."""
        fired = tuple(action for action in self.fired if action.published_at <= moment)
        rows = tuple(row for row in self.rows if row.published_at <= moment)
        return History(fired, self.skipped, rows, self.unreadable)
