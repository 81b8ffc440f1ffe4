"""Random recurrences and instants for the laws: cron texts of the whole dialect, zones and days that have broken schedulers."""

from datetime import UTC, datetime, timedelta
from typing import Final

from hypothesis import strategies as st

from planner.domain.civil_time import ZONE_NAMES

MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
TRYING_ZONES: Final = (
    "UTC",
    "Europe/Amsterdam",
    "America/New_York",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Europe/Dublin",
    "Africa/Casablanca",
    "Africa/Cairo",
    "America/Havana",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Asia/Tehran",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
)
# Days around which one of these zones changes its offset.
TRYING_DAYS: Final = tuple(
    datetime(*day, tzinfo=UTC)
    for day in (
        (2024, 3, 9),
        (2024, 3, 31),
        (2024, 4, 6),
        (2024, 4, 14),
        (2024, 4, 26),
        (2024, 10, 5),
        (2024, 10, 27),
        (2024, 11, 1),
        (2024, 11, 3),
        (2011, 12, 30),
        (2018, 2, 17),
        (2018, 11, 4),
        (2022, 3, 21),
        (2022, 9, 21),
        (1994, 12, 31),
        (2099, 12, 31),
        (2199, 12, 31),
    )
)
ZONES: Final = st.one_of(st.sampled_from(TRYING_ZONES), st.sampled_from(sorted(ZONE_NAMES)))
INSTANTS: Final = st.one_of(
    st.builds(
        lambda day, seconds, odd: day + timedelta(seconds=seconds, microseconds=odd),
        st.sampled_from(TRYING_DAYS),
        st.integers(-86_400, 2 * 86_400),
        st.sampled_from([0, 0, 1, 999_999]),
    ),
    st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2199, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001 a strategy adds the zone
)


@st.composite
def plain_members(draw: st.DrawFn, low: int, high: int) -> str:
    """One member of a numeric field: a number, a range, a step."""
    first = draw(st.integers(low, high))
    match draw(st.sampled_from(["number", "number", "range", "range-step", "star-step", "open-step"])):
        case "number":
            return str(first)
        case "range":
            return f"{first}-{draw(st.integers(first, high))}"
        case "range-step":
            return f"{first}-{draw(st.integers(first, high))}/{draw(st.integers(1, high - low + 1))}"
        case "star-step":
            return f"*/{draw(st.integers(1, high - low + 1))}"
        case _:
            return f"{first}/{draw(st.integers(1, high - low + 1))}"


def listed(members: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """A field of one to three members; often none is chosen, and it is a star."""
    return st.one_of(st.just("*"), st.lists(members, min_size=1, max_size=3).map(",".join))


SPECIAL_DAYS: Final = st.one_of(st.sampled_from(["L", "LW", "l", "lw"]), st.integers(1, 31).map(lambda day: f"{day}W"))
WEEKDAY_NAMES: Final = st.one_of(st.sampled_from(WEEKDAYS), st.integers(0, 7).map(str))
SPECIAL_WEEKDAYS: Final = st.one_of(
    st.builds(lambda day, nth: f"{day}#{nth}", WEEKDAY_NAMES, st.integers(1, 5)),
    WEEKDAY_NAMES.map(lambda day: f"{day}L"),
    st.sampled_from(WEEKDAYS),
    st.sampled_from(["MON-FRI", "FRI-SUN", "SUN-SUN", "5-7", "0-7", "tue-Thu", "TUE-SAT/2"]),
)
MINUTES: Final = listed(plain_members(0, 59))
HOURS: Final = listed(plain_members(0, 23))
DAYS: Final = st.one_of(st.just("*"), listed(plain_members(1, 31)), listed(st.one_of(plain_members(1, 31), SPECIAL_DAYS)))
MONTH_FIELDS: Final = st.one_of(st.just("*"), listed(st.one_of(plain_members(1, 12), st.sampled_from(MONTHS))))
WEEKDAY_FIELDS: Final = st.one_of(st.just("*"), listed(plain_members(0, 6)), listed(st.one_of(plain_members(0, 6), SPECIAL_WEEKDAYS)))
FIVE_FIELDS: Final = st.tuples(MINUTES, HOURS, DAYS, MONTH_FIELDS, WEEKDAY_FIELDS).map(" ".join)
CRON_TEXTS: Final = st.one_of(FIVE_FIELDS, FIVE_FIELDS, st.builds(lambda second, rest: f"{second} {rest}", MINUTES, FIVE_FIELDS))
