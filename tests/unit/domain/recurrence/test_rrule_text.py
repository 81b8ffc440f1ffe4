import pytest

from planner.domain.errors import ScheduleError
from planner.domain.recurrence.rrule_text import Frequency, parse_rrule


def refusal(text: str) -> tuple[str, int | None]:
    with pytest.raises(ScheduleError) as refused:
        parse_rrule(text)
    return refused.value.code, refused.value.position


@pytest.mark.parametrize(
    ("text", "code", "position"),
    [
        ("FREQ=DAILY;" + "X" * 1014, "RRULE_TOO_LONG", None),
        ("RRULE:FREQ=DAILY", "RRULE_BAD_CHARACTER", 5),
        ("FREQ=DAILY\nFREQ=WEEKLY", "RRULE_BAD_CHARACTER", 10),
        ("FREQ=DA\u0131LY", "RRULE_BAD_CHARACTER", 7),
        ("FREQ=DAILY; INTERVAL=2", "RRULE_BAD_CHARACTER", 11),
        ("FREQ=DAILY;INTERVAL=\uff12", "RRULE_BAD_CHARACTER", 20),
        ("", "RRULE_SYNTAX", 0),
        (";", "RRULE_SYNTAX", 0),
        ("FREQ=DAILY;;", "RRULE_SYNTAX", 11),
        ("FREQ=DAILY;;COUNT=1", "RRULE_SYNTAX", 11),
        ("FREQ=DAILY;COUNT", "RRULE_SYNTAX", 11),
        ("FREQ=DAILY;=1", "RRULE_SYNTAX", 11),
        ("FREQ=DAILY;COUNT=1;count=1", "RRULE_SYNTAX", 19),
        ("FREQ=DAILY;FOO=1", "RRULE_UNSUPPORTED_PART", 11),
        ("FREQ=YEARLY;BYEASTER=0", "RRULE_UNSUPPORTED_PART", 12),
        ("RSCALE=HEBREW;FREQ=YEARLY", "RRULE_UNSUPPORTED_PART", 0),
        ("FREQ=DAILY;X-NOTE=1", "RRULE_UNSUPPORTED_PART", 11),
        ("DTSTART=20240101T000000;FREQ=DAILY", "RRULE_UNSUPPORTED_PART", 0),
        # Names come before FREQ, FREQ before values, values before combinations.
        ("INTERVAL=0;FOO=1", "RRULE_UNSUPPORTED_PART", 11),
        ("INTERVAL=0", "RRULE_SYNTAX", None),
        ("INTERVAL=0;FREQ=HOURLY2", "RRULE_SYNTAX", 16),
        ("FREQ=", "RRULE_SYNTAX", 5),
        ("FREQ=DAILY=1", "RRULE_SYNTAX", 5),
        ("INTERVAL=0;FREQ=DAILY;COUNT=x", "RRULE_OUT_OF_RANGE", 9),
        ("FREQ=DAILY;INTERVAL=-1", "RRULE_SYNTAX", 20),
        ("FREQ=DAILY;INTERVAL=+1", "RRULE_SYNTAX", 20),
        ("FREQ=DAILY;INTERVAL=1,2", "RRULE_SYNTAX", 20),
        ("FREQ=DAILY;INTERVAL=100001", "RRULE_OUT_OF_RANGE", 20),
        ("FREQ=DAILY;COUNT=0", "RRULE_OUT_OF_RANGE", 17),
        ("FREQ=DAILY;COUNT=" + "9" * 900, "RRULE_OUT_OF_RANGE", 17),
        ("FREQ=DAILY;WKST=MON", "RRULE_SYNTAX", 16),
        ("FREQ=DAILY;UNTIL=notadate", "RRULE_SYNTAX", 17),
        ("FREQ=DAILY;UNTIL=2024-01-01", "RRULE_SYNTAX", 17),
        ("FREQ=DAILY;UNTIL=20240101Z", "RRULE_SYNTAX", 17),
        ("FREQ=DAILY;UNTIL=20240230", "RRULE_OUT_OF_RANGE", 17),
        ("FREQ=DAILY;UNTIL=20241301", "RRULE_OUT_OF_RANGE", 17),
        ("FREQ=DAILY;UNTIL=20240101T240000", "RRULE_OUT_OF_RANGE", 17),
        ("FREQ=DAILY;UNTIL=99991231", "SCHEDULE_DATE_OUT_OF_RANGE", 17),
        ("FREQ=DAILY;UNTIL=00000101", "SCHEDULE_DATE_OUT_OF_RANGE", 17),
        ("FREQ=YEARLY;BYMONTH=1,13", "RRULE_OUT_OF_RANGE", 22),
        ("FREQ=YEARLY;BYMONTH=-1", "RRULE_OUT_OF_RANGE", 20),
        ("FREQ=MONTHLY;BYMONTHDAY=1,0", "RRULE_OUT_OF_RANGE", 26),
        ("FREQ=MONTHLY;BYMONTHDAY=-32", "RRULE_OUT_OF_RANGE", 24),
        ("FREQ=YEARLY;BYYEARDAY=367", "RRULE_OUT_OF_RANGE", 22),
        ("FREQ=YEARLY;BYWEEKNO=54", "RRULE_OUT_OF_RANGE", 21),
        ("FREQ=YEARLY;BYDAY=", "RRULE_SYNTAX", 18),
        ("FREQ=YEARLY;BYDAY=MO,,TU", "RRULE_SYNTAX", 21),
        ("FREQ=YEARLY;BYDAY=0MO", "RRULE_OUT_OF_RANGE", 18),
        ("FREQ=YEARLY;BYDAY=MO,54MO", "RRULE_OUT_OF_RANGE", 21),
        ("FREQ=YEARLY;BYDAY=1 MO", "RRULE_BAD_CHARACTER", 19),
        ("FREQ=DAILY;BYHOUR=24", "RRULE_OUT_OF_RANGE", 18),
        ("FREQ=DAILY;BYSECOND=60", "RRULE_OUT_OF_RANGE", 20),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=367", "RRULE_OUT_OF_RANGE", 31),
        ("FREQ=DAILY;UNTIL=20240101;COUNT=1", "RRULE_UNTIL_AND_COUNT", 17),
        ("FREQ=HOURLY;BYWEEKNO=1", "RRULE_PART_NOT_ALLOWED", 21),
        ("FREQ=WEEKLY;BYDAY=1MO", "RRULE_PART_NOT_ALLOWED", 18),
        ("FREQ=SECONDLY;BYDAY=-1MO", "RRULE_PART_NOT_ALLOWED", 20),
        ("FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO", "RRULE_PART_NOT_ALLOWED", 29),
        ("FREQ=MONTHLY;BYSETPOS=1", "RRULE_PART_NOT_ALLOWED", 22),
        ("FREQ=HOURLY;BYMINUTE=1;BYSETPOS=1", "RRULE_PART_NOT_ALLOWED", 32),
    ],
)
def test_a_refused_rule_has_its_code_and_place(text: str, code: str, position: int | None) -> None:
    assert refusal(text) == (code, position)


def test_a_position_is_picked_from_at_most_1440_times_a_day() -> None:
    def rule(minutes: int) -> str:
        listed = ",".join(map(str, range(60)))
        return f"FREQ=DAILY;BYHOUR={','.join(map(str, range(24)))};BYMINUTE={listed};BYSECOND={'0,1'[: minutes * 2 - 1]};BYSETPOS=-1"

    assert parse_rrule(rule(1)).positions == (-1,)
    assert refusal(rule(2))[0] == "RRULE_OUT_OF_RANGE"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("freq=daily;", "FREQ=DAILY"),
        ("COUNT=007;INTERVAL=1;FREQ=WEEKLY", "FREQ=WEEKLY;INTERVAL=1;COUNT=7"),
        ("byday=mo,+2tu,MO,-01fr;freq=monthly", "FREQ=MONTHLY;BYDAY=MO,2TU,-1FR"),
        ("FREQ=YEARLY;BYSETPOS=+1,-01;BYHOUR=09,9;BYMONTH=12,01", "FREQ=YEARLY;BYMONTH=12,1;BYHOUR=9;BYSETPOS=1,-1"),
        ("UNTIL=20240101t000000z;WKST=su;FREQ=DAILY", "FREQ=DAILY;WKST=SU;UNTIL=20240101T000000Z"),
        ("FREQ=DAILY;COUNT=100000;INTERVAL=100000", "FREQ=DAILY;INTERVAL=100000;COUNT=100000"),
    ],
)
def test_a_rule_has_one_canonical_text(text: str, canonical: str) -> None:
    rule = parse_rrule(text)

    assert rule.canonical == canonical
    assert parse_rrule(canonical) == rule


def test_a_bare_date_ends_with_its_day() -> None:
    until = parse_rrule("FREQ=DAILY;UNTIL=20240229").until

    assert until is not None
    assert (until.label.isoformat(), until.utc) == ("2024-02-29T23:59:59", False)


def test_what_is_left_out_has_its_default() -> None:
    rule = parse_rrule("FREQ=SECONDLY")

    assert (rule.frequency, rule.interval, rule.count, rule.until, rule.week_start) == (Frequency.SECONDLY, 1, None, None, 0)


def test_a_refusal_quotes_and_advises() -> None:
    with pytest.raises(ScheduleError) as refused:
        parse_rrule("FREQ=DAILY;BYHOUR=9,24")

    assert refused.value.detail == "BYHOUR: '24': 0 to 23"
    with pytest.raises(ScheduleError) as advised:
        parse_rrule("FREQ=FORTNIGHTLY")
    assert advised.value.hint == "write one of YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY, MINUTELY, SECONDLY"
