"""`settle` against the text of scheduling.md, section 5.1, carried out one occurrence at a time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from planner.domain.jitter import delay
from planner.domain.missed import Backlog, Skip, settle
from planner.domain.recurrence.window import next_after, occurrences
from planner.domain.schedule import Coalesce, Schedule
from planner_contracts.run_event import SkipReason
from support.schedules import PLAN_ID, a_cron, an_interval, instant

START = instant("2026-03-29T00:00:00Z")
EVERY = 100_000


@dataclass(frozen=True, slots=True)
class Outcome:
    reason: SkipReason | None
    into: datetime | None = None


def by_the_book(schedule: Schedule, *, after: datetime, now: datetime) -> dict[datetime, Outcome]:
    """The outcome of each occurrence after the cursor that is due; None for those that fire."""
    lag = delay(PLAN_ID, schedule.jitter_seconds)
    backlog = list(occurrences(schedule, after=after, until=now - lag, limit=EVERY).instants)
    misfire = schedule.misfire
    outcomes = {
        nominal: Outcome(SkipReason.MISSED)
        for nominal in backlog
        if misfire.max_lateness is not None and now - (nominal + lag) > misfire.max_lateness
    }
    rest = [nominal for nominal in backlog if nominal not in outcomes]
    chosen = rest
    if rest and now - (rest[0] + lag) > timedelta(seconds=60):
        chosen = {
            Coalesce.LATEST: rest[-1:],
            Coalesce.EARLIEST: rest[:1],
            Coalesce.NONE: rest[-misfire.max_catchup :],
        }[misfire.coalesce]
    for nominal in rest:
        if nominal in chosen:
            outcomes[nominal] = Outcome(None)
        elif misfire.coalesce is Coalesce.NONE:
            outcomes[nominal] = Outcome(SkipReason.CATCHUP_LIMIT)
        else:
            outcomes[nominal] = Outcome(SkipReason.COALESCED, chosen[0])
    return dict(sorted(outcomes.items()))


def records_of(outcomes: dict[datetime, Outcome]) -> tuple[Skip, ...]:
    """The skips as section 5.6 records them."""
    records: list[Skip] = []
    for outcome, group in groupby(outcomes.items(), key=lambda pair: pair[1]):
        nominal_times = [nominal for nominal, _ in group]
        if outcome.reason is None:
            continue
        if len(nominal_times) <= 100:
            records.extend(Skip(outcome.reason, nominal, nominal, 1, outcome.into) for nominal in nominal_times)
        else:
            records.append(Skip(outcome.reason, nominal_times[0], nominal_times[-1], len(nominal_times), outcome.into))
    return tuple(records)


def known_counts(skips: tuple[Skip, ...], schedule: Schedule) -> tuple[Skip, ...]:
    """The same skips with every count filled in."""
    return tuple(
        Skip(
            skip.reason,
            skip.first,
            skip.last,
            len(occurrences(schedule, after=skip.first, until=skip.last, limit=EVERY).instants) + 1,
            skip.into,
        )
        if skip.count is None
        else skip
        for skip in skips
    )


MISFIRES = st.fixed_dictionaries(
    {},
    optional={
        "max_lateness_seconds": st.one_of(st.none(), st.integers(1, 20_000)),
        "coalesce": st.sampled_from(["none", "latest", "earliest"]),
        "max_catchup": st.sampled_from([1, 2, 10, 100, 1000]),
    },
)
RULES = st.sampled_from(
    ["* * * * *", "*/7 * * * *", "0 * * * *", "30 2 * * *", "0-3 1,2,3 * * *", "*/20 * 1-3 * * *", "* 5 1 * * *", "15,45 0 2 * * 0"]
)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    fields: dict[str, Any] = {"misfire": draw(MISFIRES), "jitter_seconds": draw(st.sampled_from([0, 0, 5, 600]))}
    if draw(st.booleans()):
        return an_interval(draw(st.integers(7, 5000)), anchor="2026-03-28T00:00:00.5Z", **fields)
    return a_cron(draw(RULES), draw(st.sampled_from(["UTC", "Europe/Amsterdam"])), **fields)


INSTANTS = st.integers(0, 4 * 86_400 * 2).map(lambda halves: START + timedelta(seconds=halves / 2))
OUTAGES = st.one_of(st.integers(0, 180), st.integers(0, 86_400 * 2)).map(
    lambda seconds: timedelta(seconds=seconds, microseconds=seconds % 7)
)


@given(schedules(), INSTANTS, OUTAGES)
def test_one_decision_is_the_books(schedule: Schedule, after: datetime, outage: timedelta) -> None:
    now = after + outage
    outcomes = by_the_book(schedule, after=after, now=now)

    backlog = settle(schedule, plan_id=PLAN_ID, after=after, now=now, limit=EVERY)

    assert [found.scheduled_for for found in backlog.fire] == [nominal for nominal, outcome in outcomes.items() if outcome.reason is None]
    assert known_counts(backlog.skips, schedule) == records_of(outcomes)
    assert backlog.cursor == max(outcomes, default=after)


@given(schedules(), INSTANTS, OUTAGES, st.integers(1, 5))
def test_decisions_cut_short_name_each_occurrence_once_and_in_order(
    schedule: Schedule, after: datetime, outage: timedelta, limit: int
) -> None:
    now = after + outage
    cursor, named = after, 0
    while True:
        backlog = settle(schedule, plan_id=PLAN_ID, after=cursor, now=now, limit=limit)
        assert len(backlog.fire) <= limit
        assert _all_within(backlog, cursor)
        named += len(backlog.fire) + sum(skip.count or 0 for skip in known_counts(backlog.skips, schedule))
        cursor = backlog.cursor
        following = next_after(schedule, cursor)
        assert (backlog.next.scheduled_for if backlog.next else None) == following
        if backlog.next is None or backlog.next.due_at > now:
            break

    assert named == len(occurrences(schedule, after=after, until=now - delay(PLAN_ID, schedule.jitter_seconds), limit=EVERY).instants)


def _all_within(backlog: Backlog, cursor: datetime) -> bool:
    fired = [found.scheduled_for for found in backlog.fire]
    skipped = [bound for skip in backlog.skips for bound in (skip.first, skip.last)]
    return fired == sorted(fired) and skipped == sorted(skipped) and all(cursor < nominal <= backlog.cursor for nominal in fired + skipped)
