"""When a plan fires, and what is done about fires that were not made in time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from planner.domain.civil_time import Dst
from planner.domain.recurrence.calendar import Calendar
from planner.domain.recurrence.cron import Cron
from planner.domain.recurrence.interval import Interval
from planner.domain.recurrence.once import Once
from planner.domain.recurrence.rrule import Rrule
from planner.domain.recurrence.rrule_labels import LabelRule

Rule = Once | Interval | Cron | Rrule | Calendar


class Coalesce(StrEnum):
    """Which of a late backlog fires: the newest `max_catchup`, the newest, or the oldest."""

    NONE = "none"
    LATEST = "latest"
    EARLIEST = "earliest"


@dataclass(frozen=True, slots=True)
class Misfire:
    """`max_lateness` None is no limit."""

    max_lateness: timedelta | None
    coalesce: Coalesce
    max_catchup: int


class Schedule(Struct, frozen=True, gc=False):
    """A compiled schedule. `starts_at` and `ends_at` are both inclusive; `dst` has no effect on a Once or an Interval."""

    rule: Rule
    timezone: str
    starts_at: datetime | None
    ends_at: datetime | None
    max_runs: int | None
    dst: Dst
    jitter_seconds: int
    misfire: Misfire

    @property
    def calendar_version(self) -> int | None:
        """The version of the tenant's holiday list that it was compiled with; null where it uses none."""
        return self.rule.version if isinstance(self.rule, Calendar) else None

    @property
    def names_labels(self) -> bool:
        """Whether it fires once for each label, rather than at instants (R4)."""
        match self.rule:
            case Cron(wildcard=wildcard) | Calendar(base=Cron(wildcard=wildcard)):
                return not wildcard
            case Rrule(rule=rule):
                return isinstance(rule, LabelRule)
            case _:
                return False
