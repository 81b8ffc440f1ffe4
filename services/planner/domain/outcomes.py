"""What became of a plan's occurrences, and what is to come (scheduling.md, section 5.6)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from planner.domain.jitter import delay
from planner.domain.limits import FIRST_INSTANT, TICK
from planner.domain.preview import shown
from planner.domain.recurrence.once import Once
from planner.domain.recurrence.window import contains, rising
from planner.domain.reschedule import UNRESOLVED_KEPT_MAX, same_times
from planner.domain.schedule import Schedule
from planner_contracts.instants import format_instant
from planner_contracts.plan import PlanStatus
from planner_contracts.run_event import SkipReason

PLANNED: Final = "planned"
HELD: Final = "held"
FIRED: Final = "fired"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one occurrence, or of consecutive ones (`first` to `last`, both nominal and included).

    `outcome`: FIRED, HELD, PLANNED, or the reason of a skip. `count` is null where a range was too long to count. `due_at` and
    `published_at` are known of what has fired, `into` of what another occurrence stands for. `revision`: the one that decided.
    """

    outcome: str
    first: datetime
    last: datetime
    count: int | None
    revision: int
    run_id: str | None = None
    due_at: datetime | None = None
    published_at: datetime | None = None
    into: datetime | None = None

    @property
    def is_range(self) -> bool:
        return self.first != self.last

    @property
    def named_by(self) -> int:
        """The revision whose schedule names the occurrence: an update that supersedes it is the one after."""
        return self.revision - 1 if self.outcome == SkipReason.SUPERSEDED else self.revision


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a plan has come. `newest`: its last nominal time that has an outcome or is held."""

    plan_id: str
    status: PlanStatus
    created_at: datetime
    next_due: datetime | None
    newest: datetime | None

    def pending_from(self, schedule: Schedule) -> datetime | None:
        """From when on the schedule's occurrences are planned; null if none is. Nothing before it is, and nothing that has an outcome."""
        if self.status is PlanStatus.ACTIVE:
            begin = None if self.next_due is None else self.next_due - delay(self.plan_id, schedule.jitter_seconds)
        elif self.status is PlanStatus.PAUSED:
            # What waits during a pause has no due time. An `execute_at` may lie before the plan's creation.
            begin = FIRST_INSTANT if isinstance(schedule.rule, Once) else self.created_at + TICK
        else:
            begin = None
        return begin if begin is None or self.newest is None else max(begin, self.newest + TICK)


@dataclass(frozen=True, slots=True)
class Earlier:
    """A schedule that a plan had until an update."""

    schedule: Schedule
    until: datetime


@dataclass(frozen=True, slots=True)
class Span:
    """Nominal times from `first` to `last`, both included."""

    first: datetime
    last: datetime


def waiting_from(schedule: Schedule, earlier: Sequence[Earlier], begin: datetime) -> datetime:
    """From when on a paused plan's occurrences wait, if it has been updated since `begin`: an update makes no past occurrences, and
    what it keeps of them the earlier schedules name too (section 5.3). An `execute_at` is taken though it is past.
    """
    others = [known for known in earlier if not same_times(known.schedule, schedule)]
    if not others or isinstance(schedule.rule, Once):
        return begin
    newest_update = others[-1].until
    for nominal in islice(rising(schedule, begin, newest_update), UNRESOLVED_KEPT_MAX):
        if all(contains(known.schedule, nominal) for known in others if known.until >= nominal):
            return nominal
    return max(begin, newest_update + TICK)


def planned(schedule: Schedule, span: Span, *, revision: int, limit: int) -> list[Outcome]:
    """The first occurrences in a span in which none has an outcome yet."""
    return [Outcome(PLANNED, nominal, nominal, 1, revision) for nominal in islice(rising(schedule, span.first, span.last), limit)]


def rising_page(groups: Sequence[Sequence[Outcome]], limit: int) -> list[Outcome]:
    """Outcomes of several kinds as one list in rising order; each group rises, and no two outcomes overlap."""
    return sorted((outcome for group in groups for outcome in group), key=lambda outcome: outcome.first)[:limit]


def outcome_document(outcome: Outcome, schedule: Schedule, plan_id: str) -> dict[str, Any]:
    """As the API shows it. `schedule`: of the revision that names it."""
    if outcome.is_range:
        return {
            "from": format_instant(outcome.first),
            "to": format_instant(outcome.last),
            "count": outcome.count,
            "outcome": outcome.outcome,
        }
    lag: timedelta = delay(plan_id, schedule.jitter_seconds) if outcome.due_at is None else outcome.due_at - outcome.first
    return {
        **shown(schedule, outcome.first, lag).document(),
        "outcome": outcome.outcome,
        "run_id": outcome.run_id,
        "revision": outcome.revision,
        "into": None if outcome.into is None else format_instant(outcome.into),
    }
