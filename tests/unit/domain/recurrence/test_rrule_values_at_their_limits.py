"""Each part of an RRULE at its smallest and its largest value, and one beyond them (scheduling.md, section 4.2)."""

from itertools import product

import pytest

from planner.domain.errors import ScheduleError
from planner.domain.recurrence.rrule_text import parse_rrule
from planner_contracts.errors import ErrorCode

# Of each part: a rule to which it may be added, its smallest and largest value, and whether it has negative ones too.
PARTS = {
    "INTERVAL": ("FREQ=DAILY", 1, 100_000, False),
    "COUNT": ("FREQ=DAILY", 1, 100_000, False),
    "BYMONTH": ("FREQ=YEARLY", 1, 12, False),
    "BYMONTHDAY": ("FREQ=MONTHLY", 1, 31, True),
    "BYYEARDAY": ("FREQ=YEARLY", 1, 366, True),
    "BYWEEKNO": ("FREQ=YEARLY", 1, 53, True),
    "BYHOUR": ("FREQ=DAILY", 0, 23, False),
    "BYMINUTE": ("FREQ=DAILY", 0, 59, False),
    "BYSECOND": ("FREQ=DAILY", 0, 59, False),
    "BYSETPOS": ("FREQ=MONTHLY;BYDAY=MO,TU", 1, 366, True),
}


def refusal(text: str) -> tuple[ErrorCode, int | None] | None:
    try:
        parse_rrule(text)
    except ScheduleError as error:
        return error.code, error.position
    return None


@pytest.mark.parametrize("name", PARTS)
def test_the_smallest_and_the_largest_value_of_a_part_are_taken_and_no_other_beyond(name: str) -> None:
    rule, low, high, signed = PARTS[name]
    for value in (low, high, *((-low, -high) if signed else ())):
        assert refusal(f"{rule};{name}={value}") is None, value
        assert refusal(f"{name}={value};{rule}") is None, value
    place = len(rule) + len(name) + 2
    for value in (high + 1, *([low - 1] if low else []), *((-high - 1, 0) if signed else ())):
        assert refusal(f"{rule};{name}={value}") == (ErrorCode.RRULE_OUT_OF_RANGE, place), value


@pytest.mark.parametrize("name", [name for name, (_, _, _, signed) in PARTS.items() if not signed and name not in ("INTERVAL", "COUNT")])
def test_a_part_without_negative_values_refuses_them(name: str) -> None:
    rule, *_ = PARTS[name]
    assert refusal(f"{rule};{name}=-1") == (ErrorCode.RRULE_OUT_OF_RANGE, len(rule) + len(name) + 2)


@pytest.mark.parametrize(
    ("ordinal", "code"), [(1, None), (53, None), (-53, None), (0, ErrorCode.RRULE_OUT_OF_RANGE), (54, ErrorCode.RRULE_OUT_OF_RANGE)]
)
def test_a_weekday_is_numbered_from_1_to_53_from_either_end(ordinal: int, code: ErrorCode | None) -> None:
    found = refusal(f"FREQ=YEARLY;BYDAY={ordinal}MO")
    assert (None if found is None else found[0]) == code


@pytest.mark.parametrize(
    ("until", "code"),
    [
        ("19700101", None),
        ("22001231", None),
        ("20240229", None),
        ("20260101T000000", None),
        ("20260101T235959Z", None),
        ("19691231", ErrorCode.SCHEDULE_DATE_OUT_OF_RANGE),
        ("22010101", ErrorCode.SCHEDULE_DATE_OUT_OF_RANGE),
        ("00000101", ErrorCode.SCHEDULE_DATE_OUT_OF_RANGE),
        ("20260001", ErrorCode.RRULE_OUT_OF_RANGE),
        ("20261301", ErrorCode.RRULE_OUT_OF_RANGE),
        ("20260100", ErrorCode.RRULE_OUT_OF_RANGE),
        ("20260132", ErrorCode.RRULE_OUT_OF_RANGE),
        ("20260229", ErrorCode.RRULE_OUT_OF_RANGE),
        ("21000229", ErrorCode.RRULE_OUT_OF_RANGE),
        ("20260101T240000", ErrorCode.RRULE_OUT_OF_RANGE),
        ("20260101T006000", ErrorCode.RRULE_OUT_OF_RANGE),
        ("20260101T000060", ErrorCode.RRULE_OUT_OF_RANGE),
        ("20260101T235960Z", ErrorCode.RRULE_OUT_OF_RANGE),
    ],
)
def test_until_is_a_moment_that_a_calendar_and_a_clock_have_within_the_years_of_schedules(until: str, code: ErrorCode | None) -> None:
    assert refusal(f"FREQ=DAILY;UNTIL={until}") == (None if code is None else (code, 17))


def listed(count: int) -> str:
    return ",".join(str(number) for number in range(count))


@pytest.mark.parametrize(("hours", "minutes", "seconds"), [(24, 60, 0), (24, 0, 60), (0, 24, 60), (12, 12, 10), (1, 24, 60), (0, 0, 60)])
def test_a_rule_that_picks_may_have_1440_times_a_day_and_no_more(hours: int, minutes: int, seconds: int) -> None:
    parts = {"BYHOUR": hours, "BYMINUTE": minutes, "BYSECOND": seconds}
    text = "FREQ=MONTHLY" + "".join(f";{name}={listed(count)}" for name, count in parts.items() if count)
    assert refusal(f"{text};BYSETPOS=1") is None
    assert refusal(text) is None


@pytest.mark.parametrize(("hours", "minutes", "seconds"), [(0, 25, 60), (24, 60, 2), (24, 1, 60), (11, 11, 12)])
def test_one_with_more_times_a_day_is_refused_only_if_it_picks(hours: int, minutes: int, seconds: int) -> None:
    parts = {"BYHOUR": hours, "BYMINUTE": minutes, "BYSECOND": seconds}
    text = "FREQ=MONTHLY" + "".join(f";{name}={listed(count)}" for name, count in parts.items() if count)
    times = max(1, hours) * max(1, minutes) * max(1, seconds)
    expected = (ErrorCode.RRULE_OUT_OF_RANGE, len(text) + 10) if times > 1440 else None
    assert refusal(f"{text};BYSETPOS=1") == expected
    assert refusal(text) is None


FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")


@pytest.mark.parametrize(
    ("frequency", "part"), list(product(FREQUENCIES, ["BYWEEKNO=5", "BYDAY=2MO", "BYDAY=MO;BYSETPOS=1", "BYSETPOS=1"]))
)
def test_what_a_frequency_does_not_allow_is_refused(frequency: str, part: str) -> None:
    fine = {"BYWEEKNO=5": FREQUENCIES[:4], "BYDAY=2MO": FREQUENCIES[:2], "BYDAY=MO;BYSETPOS=1": FREQUENCIES[:4], "BYSETPOS=1": ()}[part]
    found = refusal(f"FREQ={frequency};{part}")
    assert (None if found is None else found[0]) == (None if frequency in fine else ErrorCode.RRULE_PART_NOT_ALLOWED)


@pytest.mark.parametrize(
    ("text", "hinted"),
    [("RRULE:FREQ=DAILY", True), ("FREQ=DAILY\nCOUNT=1", True), ("FREQ=DAILY;COUNT=½", False), ("FREQ=DAILY COUNT=1", False)],
)
def test_only_a_text_of_several_lines_or_with_a_prefix_is_told_where_the_rest_belongs(text: str, hinted: object) -> None:
    with pytest.raises(ScheduleError) as refused:
        parse_rrule(text)
    assert refused.value.code is ErrorCode.RRULE_BAD_CHARACTER
    assert (refused.value.hint == "begin with FREQ=; dtstart, exdates and rdates are fields of their own") is hinted
