"""Why a plan fired at an instant, or did not: the steps of scheduling.md, section 2, one by one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, assert_never

from planner.domain import civil_time
from planner.domain.civil_time import TZDATA_VERSION, Fold, Gap
from planner.domain.explain_steps import Step, StepName, StepResult, seconds
from planner.domain.explain_turn import Turn, steps_of_turn
from planner.domain.outcomes import FIRED, PLANNED, Outcome
from planner.domain.recurrence.business_days import Calendars, Roll
from planner.domain.recurrence.calendar import Calendar
from planner.domain.recurrence.cron import Cron
from planner.domain.recurrence.interval import Interval
from planner.domain.recurrence.label_search import DAY_S, Labels, missing_label, second_from
from planner.domain.recurrence.once import Once
from planner.domain.recurrence.rrule import Rrule
from planner.domain.recurrence.rrule_labels import LabelRule
from planner.domain.schedule import Schedule
from planner_contracts.instants import format_instant
from planner_contracts.plan import PlanStatus

_DATES_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Moment:
    """The nominal time that is asked about, within the years of schedules, and what is known of the plan.

    `asked`: the instant by which it was asked for, if not by itself: its due time. `schedule`: the one that names the occurrence, else
    the one in force. `revision`: the one that decided on it, else the one in force. `recorded`: the outcome that covers it. `pending`:
    nothing has been decided about it yet. `spent`: `max_runs` leaves no run for it. `turn`: what is known of that, if it is recorded.
    `cancelled`: the plan was so at the instant. `calendars`: the holiday list that the schedule names.
    """

    at: datetime
    schedule: Schedule
    revision: int
    created_at: datetime
    status: PlanStatus
    lag: timedelta
    recorded: Outcome | None
    pending: bool
    spent: bool
    asked: datetime | None = None
    turn: Turn | None = None
    cancelled: bool = False
    calendars: Calendars = field(default_factory=dict)

    @property
    def due_at(self) -> datetime:
        """When it is due; of what has fired, when it was."""
        return self.at + self.lag if self.recorded is None or self.recorded.due_at is None else self.recorded.due_at


@dataclass(frozen=True, slots=True)
class Explanation:
    """`outcome` is null where nothing was due. `revision`: as in the list of occurrences, else the one in force."""

    at: datetime
    outcome: str | None
    run_id: str | None
    steps: tuple[Step, ...]
    timezone: str
    revision: int

    def document(self, previous: datetime | None, following: datetime | None) -> dict[str, Any]:
        return {
            "at": format_instant(self.at),
            "fired": self.outcome == FIRED,
            "outcome": self.outcome,
            "run_id": self.run_id,
            "steps": [step.document() for step in self.steps],
            "previous": None if previous is None else format_instant(previous),
            "next": None if following is None else format_instant(following),
            "timezone": self.timezone,
            "tzdata": TZDATA_VERSION,
            "revision": self.revision,
        }


def explain(moment: Moment) -> Explanation:
    """The steps up to the one that decided."""
    steps = list(_steps_of_rule(moment))
    outcome: str | None = None
    is_occurrence = steps[-1].result is StepResult.PASSED
    recorded = moment.recorded
    # A range names the occurrences between its ends, and nothing else; a record of its own holds whatever the rule says now.
    if recorded is not None and (is_occurrence or not recorded.is_range):
        outcome = recorded.outcome
        steps += () if moment.turn is None else steps_of_turn(recorded, moment.turn)
    elif is_occurrence:
        outcome = PLANNED if moment.pending and not moment.spent else None
        steps.append(_undecided(moment))
    return Explanation(
        at=moment.at if moment.asked is None else moment.asked,
        outcome=outcome,
        run_id=None if recorded is None or outcome is None else recorded.run_id,
        steps=tuple(steps),
        timezone=moment.schedule.timezone,
        revision=moment.revision,
    )


def _steps_of_rule(moment: Moment) -> Iterator[Step]:
    """Steps (1) to (7); the last one is LEFT_OUT if the instant is no occurrence."""
    schedule, at = moment.schedule, moment.at
    rule = schedule.rule
    if isinstance(rule, Rrule) and at in rule.rdates:
        yield Step(StepName.DATES, StepResult.PASSED, "one of rdates")
    else:
        for step in _expanded(moment):
            yield step
            if step.result is StepResult.LEFT_OUT:
                return
        if isinstance(rule, Rrule) and at in rule.exdates:
            yield Step(StepName.DATES, StepResult.LEFT_OUT, "one of exdates")
            return
    bounds = _bounds(moment)
    yield bounds
    if bounds.result is StepResult.PASSED:
        yield Step(StepName.JITTER, StepResult.PASSED, _jitter(moment))


def _expanded(moment: Moment) -> Iterator[Step]:
    """Steps (1) to (4)."""
    schedule, at = moment.schedule, moment.at
    match schedule.rule:
        case Cron() as cron:
            yield from _of_labels(cron, cron, moment)
        case Calendar() as calendar:
            yield from _of_labels(calendar, calendar.given, moment)
        case Rrule(rule=LabelRule() as labels) as rrule:
            yield from _until(rrule, at) or _of_labels(labels, labels, moment)
        case Rrule() as rrule:
            named = rrule.first_from(at, schedule.timezone, schedule.dst) == at or at in rrule.exdates
            yield _named(named=named, detail="a step from DTSTART that passes" if named else "no step from DTSTART that passes comes here")
        case Interval() as interval:
            named = interval.first_from(at) == at
            anchor = format_instant(interval.anchor)
            period = seconds(interval.period)
            detail = f"a multiple of {period} after {anchor}" if named else f"no multiple of {period} after {anchor}"
            yield _named(named=named, detail=detail)
        case Once() as once:
            named = once.instant == at
            yield _named(named=named, detail="execute_at" if named else f"execute_at is {format_instant(once.instant)}")
        case _ as unreachable:
            assert_never(unreachable)


def _of_labels(labels: Labels, named: Labels, moment: Moment) -> Iterator[Step]:
    """Of a rule that names labels. `named`: the labels before the roll, `labels` those after it."""
    schedule, at = moment.schedule, moment.at
    second = second_from(at)
    label = second + civil_time.segment_at(schedule.timezone, second).offset
    missing = missing_label(labels, at, schedule.timezone, schedule.dst.gap)
    if at.microsecond:
        yield _named(named=False, detail="local times have whole seconds")
    elif missing is not None and schedule.dst.gap is not Gap.SKIP:
        yield from _from_gap(labels, missing, moment)
    elif labels.first_label(label) == label:
        yield _named(named=True, detail=f"the rule names {_text(label)}")
        yield from _rolled(labels, label, moment.calendars)
        yield from _pass_taken(label, schedule, at)
    elif named.first_label(label) == label:
        yield _named(named=True, detail=f"the rule names {_text(label)}")
        yield from _rolled_away(labels, label, moment.calendars)
    elif missing is not None:
        why = "a rule whose minutes or hours begin with * does not fire there" if _is_wildcard(labels) else "gap is skip"
        yield _named(named=True, detail=f"the rule names {_text(missing)}")
        yield Step(StepName.DST, StepResult.LEFT_OUT, f"{_text(missing)} is missing in {schedule.timezone}, and {why}")
    else:
        yield _named(named=False, detail=f"the rule does not name {_text(label)}")


def _from_gap(labels: Labels, missing: int, moment: Moment) -> Iterator[Step]:
    schedule = moment.schedule
    yield _named(named=True, detail=f"the rule names {_text(missing)}")
    yield from _rolled(labels, missing, moment.calendars)
    yield Step(
        StepName.DST, StepResult.PASSED, f"{_text(missing)} is missing in {schedule.timezone}; gap {schedule.dst.gap} gives this instant"
    )
    yield _merged()


def _rolled(labels: Labels, label: int, calendars: Calendars) -> Iterator[Step]:
    """Of a label that the rule has after the roll."""
    if not isinstance(labels, Calendar) or labels.roll is Roll.NONE:
        return
    day = label // DAY_S
    dates = [*labels.dates_rolling_to(day)]
    shown = ", ".join(_no_business_day(labels, date, calendars) for date in dates[:_DATES_SHOWN])
    more = f", and from {len(dates) - _DATES_SHOWN} more" if len(dates) > _DATES_SHOWN else ""
    detail = f"moved here, by roll {labels.roll}, from {shown}{more}" if dates else f"{_day_text(day)} is a business day"
    yield Step(StepName.ROLL, StepResult.PASSED, detail)


def _rolled_away(labels: Labels, label: int, calendars: Calendars) -> Iterator[Step]:
    """Of a label that the rule has only before the roll."""
    assert isinstance(labels, Calendar)
    day = label // DAY_S
    to = labels.business.rolled(day, labels.roll)
    what = "drops it" if to is None else f"moves it to {_day_text(to)}"
    yield Step(StepName.ROLL, StepResult.LEFT_OUT, f"{_no_business_day(labels, day, calendars)}; roll {labels.roll} {what}")


def _no_business_day(calendar: Calendar, day: int, calendars: Calendars) -> str:
    """The date, and why it is no business day."""
    if not calendar.business.is_workday(day):
        return f"{_day_text(day)} (no workday)"
    lists = [name for name, known in calendars.items() if day in known.days]
    return f"{_day_text(day)} (a holiday of the list {lists[0]})" if lists else f"{_day_text(day)} (a holiday)"


def _day_text(day: int) -> str:
    return f"{civil_time.instant_of(day * DAY_S):%A %Y-%m-%d}"


def _pass_taken(label: int, schedule: Schedule, at: datetime) -> Iterator[Step]:
    """The DST step of a label that exists, and the merge that follows it."""
    segment = civil_time.segment_at(schedule.timezone, second_from(at))
    first, second = label >= segment.first_pass_from, label < segment.second_pass_until
    fold = schedule.dst.fold
    which = f"the {'first' if first else 'second'} pass of {_text(label)}"
    if (second and fold is Fold.FIRST) or (first and fold is Fold.LAST):
        yield Step(StepName.DST, StepResult.LEFT_OUT, f"this is {which}, and fold is {fold}")
    else:
        yield Step(StepName.DST, StepResult.PASSED, f"{which}; fold is {fold}" if first or second else f"{_text(label)} is unique")
        yield _merged()


def _until(rrule: Rrule, at: datetime) -> list[Step]:
    if rrule.until is None or at <= rrule.until:
        return []
    return [_named(named=False, detail=f"UNTIL is {format_instant(rrule.until)}")]


def _bounds(moment: Moment) -> Step:
    schedule, at = moment.schedule, moment.at
    why = None
    if schedule.starts_at is not None and at < schedule.starts_at:
        why = f"before starts_at, {format_instant(schedule.starts_at)}"
    elif schedule.ends_at is not None and at > schedule.ends_at:
        why = f"after ends_at, {format_instant(schedule.ends_at)}"
    elif at <= moment.created_at and not isinstance(schedule.rule, Once) and moment.recorded is None:
        why = f"not after the plan's creation, {format_instant(moment.created_at)}"
    return Step(StepName.BOUNDS, StepResult.PASSED if why is None else StepResult.LEFT_OUT, why or _within(moment))


def _within(moment: Moment) -> str:
    given = [name for name in ("starts_at", "ends_at") if getattr(moment.schedule, name) is not None]
    return f"within {' and '.join(given)}" if given else "neither starts_at nor ends_at is set"


def _jitter(moment: Moment) -> str:
    if moment.asked is not None:
        return f"{format_instant(moment.asked)} is the due time of {format_instant(moment.at)}, which is explained here"
    return f"due at {format_instant(moment.due_at)}" if moment.schedule.jitter_seconds else "jitter_seconds is 0"


def _undecided(moment: Moment) -> Step:
    """Of an occurrence without an outcome."""
    max_runs = moment.schedule.max_runs
    if moment.pending and moment.spent:
        return Step(StepName.MAX_RUNS, StepResult.LEFT_OUT, f"max_runs, {max_runs}, leaves no run for it")
    if moment.pending and moment.status is PlanStatus.PAUSED:
        return Step(StepName.PAUSE, StepResult.WAITS, "it waits for the plan's resume")
    if moment.pending:
        return Step(StepName.PAUSE, StepResult.PASSED, "the plan is not paused; what is due is decided when its turn comes")
    if moment.cancelled:
        return Step(StepName.CANCEL, StepResult.LEFT_OUT, f"revision {moment.revision} cancelled the plan before it")
    if moment.status is PlanStatus.COMPLETED and max_runs is not None:
        return Step(StepName.MAX_RUNS, StepResult.LEFT_OUT, f"the plan completed with max_runs, {max_runs}")
    return Step(StepName.PUBLISH, StepResult.UNKNOWN, "no outcome is recorded: it is older than records are kept, or on its way")


def _named(*, named: bool, detail: str) -> Step:
    return Step(StepName.EXPAND, StepResult.PASSED if named else StepResult.LEFT_OUT, detail)


def _merged() -> Step:
    return Step(StepName.MERGE, StepResult.PASSED, "one occurrence at an instant")


def _text(label: int) -> str:
    return civil_time.instant_of(label).replace(tzinfo=None).isoformat()


def _is_wildcard(labels: Labels) -> bool:
    return isinstance(labels, Cron | Calendar) and labels.wildcard
