"""Whatever a rule asks for, it is compiled and answered within the budget of 100 ms, found or refused."""

from contextlib import suppress
from time import process_time
from typing import Final

from hypothesis import example, given, settings
from hypothesis import strategies as st

from planner.domain import civil_time
from planner.domain.definition import define
from planner.domain.errors import DefinitionInvalidError
from planner.domain.recurrence import rrule_steps
from support.schedules import instant

NOW: Final = instant("2026-03-01T10:00:30.25Z")
# CPU time of this process, so that a busy machine does not count; a slow one may take a multiple. A walk would take a hundredfold.
BUDGET_S: Final = 0.1 * 4
# Those that have the most changes of offset until 2200, and one that has none.
ZONES: Final = st.sampled_from(["Africa/Casablanca", "Asia/Gaza", "America/New_York", "UTC"])
STARTS: Final = st.sampled_from(["1970-01-01T00:00:00", "1971-03-03T01:30:07", "2020-02-29T12:00:00", "2150-01-01T00:00:00"])
INTERVALS: Final = st.one_of(
    st.sampled_from([1, 2, 3, 7, 59, 61, 168, 336, 3599, 10_080, 43_200, 86_399, 86_400, 86_401, 99_991, 100_000]), st.integers(1, 100_000)
)
COUNTS: Final = st.one_of(st.sampled_from([1000, 30_000, 99_999, 100_000]), st.integers(1, 100_000))


def numbers(low: int, high: int, most: int) -> st.SearchStrategy[str]:
    return st.one_of(st.just(1), st.just(most)).flatmap(
        lambda size: st.lists(
            st.integers(low, high).filter(bool if low < 0 else lambda _: True), min_size=1, max_size=size, unique=True
        ).map(lambda values: ",".join(map(str, values)))
    )


PARTS: Final = {
    "COUNT": COUNTS.map(str),
    "BYMONTH": numbers(1, 12, 6),
    "BYMONTHDAY": numbers(-31, 31, 10),
    "BYYEARDAY": numbers(-366, 366, 40),
    "BYDAY": st.lists(st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"]), min_size=1, max_size=6, unique=True).map(",".join),
    "BYHOUR": numbers(0, 23, 12),
    "BYMINUTE": numbers(0, 59, 40),
    "BYSECOND": numbers(0, 59, 40),
    "BYSETPOS": numbers(-366, 366, 10),
}
RULES: Final = st.builds(
    lambda frequency, interval, parts: ";".join(
        [f"FREQ={frequency}", f"INTERVAL={interval}", *(f"{name}={value}" for name, value in parts.items() if value is not None)]
    ),
    st.sampled_from(["SECONDLY", "SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
    INTERVALS,
    st.fixed_dictionaries({name: st.one_of(st.none(), values) for name, values in PARTS.items()}),
)


def forget() -> None:
    """As in a process that has not met the rule's zone nor its times."""
    civil_time._segments.cache_clear()
    rrule_steps._ring.cache_clear()
    rrule_steps.clock_table.cache_clear()


@settings(max_examples=max(200, settings().max_examples))
# Each once took up to 0.7 s: COUNT over days that stand alone, and the search for the first day that does not match, again and again.
@example(
    "FREQ=SECONDLY;INTERVAL=8773;COUNT=99999;BYDAY=MO,WE,FR,SA;BYHOUR=2,8,11;BYMINUTE=2,3,4,6,7", "Africa/Casablanca", "1971-03-03T01:30:07"
)
@example("FREQ=SECONDLY;INTERVAL=3599;COUNT=100000;BYHOUR=12", "America/New_York", "1971-03-03T01:30:07")
@example("FREQ=MINUTELY;INTERVAL=10080;BYDAY=MO;COUNT=8", "America/New_York", "1970-01-01T00:00:00")
@given(RULES, ZONES, STARTS)
def test_any_rule_is_compiled_and_answered_or_refused_within_the_budget(rule: str, timezone: str, dtstart: str) -> None:
    forget()
    recurrence = {"type": "rrule", "rule": rule, "dtstart": dtstart}
    before_s = process_time()
    with suppress(DefinitionInvalidError):
        define({"action": "a", "recurrence": recurrence, "timezone": timezone}, now=NOW)
    assert process_time() - before_s < BUDGET_S
