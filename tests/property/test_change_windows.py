"""The laws of the window function where the range is split inside a gap or a fold, or at its very ends (scheduling.md, R1)."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from planner.domain.civil_time import EPOCH, ZONE_NAMES, LabelKind, instant_of, kind_of, local
from planner.domain.recurrence.cron_text import parse_cron
from planner.domain.recurrence.window import contains, next_after, occurrences
from planner.domain.schedule import Schedule
from support.recurrences import HOURS, MINUTES
from support.rrules import numbers
from support.schedules import a_schedule
from support.zone_files import Change, changes_in_file, one_name_for_each_zone

SECOND: Final = timedelta(seconds=1)
CHANGES: Final = [
    (zone, change)
    for zone in one_name_for_each_zone(ZONE_NAMES)
    for change in changes_in_file(zone)
    if 86_400 * 30 < change.at < 4_000_000_000
]
# Changes of half an hour, of two hours, of a day: they are few, and get half of the draws.
ODD_CHANGES: Final = [(zone, change) for zone, change in CHANGES if abs(change.offset - change.before) != 3600]
WHERE: Final = st.one_of(st.sampled_from(CHANGES), st.sampled_from(ODD_CHANGES))
POLICIES: Final = st.fixed_dictionaries(
    {"gap": st.sampled_from(["next_valid", "shift", "skip"]), "fold": st.sampled_from(["first", "last", "both"])}
)
HOURS_NEAR: Final = st.one_of(HOURS, st.sampled_from(["0", "1", "2", "1,2", "0-3", "23,0", "*/2"]))
STEPPING: Final = st.sampled_from(
    ["FREQ=HOURLY;BYMINUTE=0,20,45", "FREQ=MINUTELY;INTERVAL=7", "FREQ=MINUTELY;INTERVAL=25;BYSECOND=0,30", "FREQ=SECONDLY;INTERVAL=1009"]
)


@st.composite
def dense_schedules(draw: st.DrawFn, zone: str, change: Change) -> Schedule:
    """A schedule with several occurrences about the change."""
    kind = draw(st.sampled_from(["cron", "cron", "rrule", "steps", "calendar"]))
    start = (instant_of(change.at) - timedelta(days=draw(st.integers(2, 20)))).replace(tzinfo=None).isoformat()
    recurrence: dict[str, Any]
    policy = draw(POLICIES)
    match kind:
        case "cron":
            recurrence = {"type": "cron", "expression": f"{draw(MINUTES)} {draw(HOURS_NEAR)} * * *"}
        case "rrule":
            times = draw(st.fixed_dictionaries({"BYHOUR": numbers(0, 23, most=8), "BYMINUTE": numbers(0, 59)}))
            parts = [f"{name}={','.join(map(str, values))}" for name, values in times.items()]
            recurrence = {"type": "rrule", "rule": ";".join(["FREQ=DAILY", *parts]), "dtstart": start}
        case "steps":
            recurrence = {"type": "rrule", "rule": draw(STEPPING), "dtstart": start}
        case _:
            recurrence = {"type": "calendar", "minute": draw(numbers(0, 59)), "hour": draw(numbers(0, 23, most=8))}
    elapsed = kind == "steps" or (kind == "cron" and parse_cron(recurrence["expression"]).wildcard)
    return a_schedule(recurrence=recurrence, timezone=zone, **({} if elapsed else {"dst": policy}))


@st.composite
def split(draw: st.DrawFn) -> tuple[Schedule, list[datetime]]:
    """A schedule, and rising instants about a change of its zone: begin, two within the gap's or the fold's length of it, end."""
    zone, change = draw(WHERE)
    length = abs(change.offset - change.before)
    at = EPOCH + change.at * SECOND
    within = st.one_of(
        st.sampled_from([-length, -1, 0, 1, length - 1, length]).map(float),
        st.floats(-length, length).map(lambda seconds: round(seconds, draw(st.sampled_from([0, 6])))),
    )
    inner = sorted(at + timedelta(seconds=draw(within)) for _ in range(2))
    outer = timedelta(seconds=length) + timedelta(hours=draw(st.integers(1, 30)))
    return draw(dense_schedules(zone, change)), [at - outer, *inner, at + outer]


@settings(max_examples=max(400, settings().max_examples))
@given(split())
def test_splitting_inside_a_gap_or_fold_changes_nothing(asked: tuple[Schedule, list[datetime]]) -> None:
    schedule, instants = asked
    begin, end = instants[0], instants[-1]

    whole = occurrences(schedule, after=begin, until=end, limit=10_000)
    parts = [occurrences(schedule, after=after, until=until, limit=10_000) for after, until in pairwise(instants)]

    assert whole.complete
    assert tuple(found for part in parts for found in part.instants) == whole.instants
    assert all(earlier < later for earlier, later in pairwise((begin, *whole.instants)))
    for instant in instants:
        assert next_after(schedule, instant) == next((found for found in whole.instants if found > instant), next_after(schedule, end))
        assert contains(schedule, instant) is (instant in whole.instants or (instant == begin and contains(schedule, begin)))


def test_the_splits_lie_in_both_passes_of_folds_and_beside_gaps_and_the_schedules_fire_there() -> None:
    seen: dict[str, int] = {"repeated": 0, "beside a gap": 0, "fires in a repeated label": 0, "fires at a change": 0}

    @settings(max_examples=300, database=None)
    @given(split())
    def look(asked: tuple[Schedule, list[datetime]]) -> None:
        schedule, (begin, first, last, end) = asked
        labels = [local(instant, schedule.timezone).replace(tzinfo=None, microsecond=0) for instant in (first, last)]
        repeated = any(kind_of(label, schedule.timezone) is LabelKind.REPEATED for label in labels)
        seen["repeated"] += repeated
        seen["beside a gap"] += not repeated
        fires = occurrences(schedule, after=begin, until=end, limit=10_000).instants
        near = [local(fire, schedule.timezone).replace(tzinfo=None, microsecond=0) for fire in fires]
        seen["fires in a repeated label"] += any(kind_of(label, schedule.timezone) is LabelKind.REPEATED for label in near)
        seen["fires at a change"] += any(
            local(fire, schedule.timezone).utcoffset() != local(fire - SECOND, schedule.timezone).utcoffset() for fire in fires
        )

    look()

    assert min(seen.values()) >= 20, seen
