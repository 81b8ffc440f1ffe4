"""A plan goes by the holiday list that is in force when its time comes, however often the list has changed before."""

from datetime import date, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from planner_contracts.instants import format_instant
from support.incoming import a_create, command_data, event, incoming
from support.plans import ACTION, NOON
from support.shards import PureShard

DAY = timedelta(days=1)
FIRST = NOON.date() + DAY
DAYS = [FIRST + number * DAY for number in range(12)]
WEEK = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]
LISTS = st.lists(st.one_of(st.none(), st.sets(st.sampled_from(DAYS))), min_size=len(DAYS), max_size=len(DAYS))


def put(shard: PureShard, dates: set[date], *, number: int, now: datetime) -> None:
    """The list as it is from now on, and the look at every plan that follows a change."""
    data = command_data(f"p{number}", name="nl", dates=[day.isoformat() for day in sorted(dates)])
    shard.tick(incoming(event("calendar.put", data)), now=now)
    shard.sweep(now=now)


@given(st.sets(st.sampled_from(DAYS)), LISTS)
def test_a_day_fires_if_and_only_if_it_is_no_holiday_when_its_time_comes(first: set[date], changes: list[set[date] | None]) -> None:
    """Each change comes at noon; what skips holidays is due at nine, so a change concerns the days after its own."""
    shard = PureShard()
    put(shard, first, number=0, now=NOON)
    recurrence = {"type": "calendar", "hour": "9", "roll": "skip", "workdays": WEEK, "holiday_calendar": "nl"}
    shard.tick(a_create({"action": ACTION, "recurrence": recurrence}), now=NOON)
    in_force, fired, expected = first, [], []

    for number, (day, change) in enumerate(zip(DAYS, changes, strict=True), 1):
        nine = datetime.combine(day, time(9), NOON.tzinfo)
        fired += [action["scheduled_for"] for action in shard.tick(now=nine).actions]
        expected += [] if day in in_force else [format_instant(nine)]
        if change is not None:
            in_force = change
            put(shard, change, number=number, now=nine + timedelta(hours=3))

    assert fired == expected
