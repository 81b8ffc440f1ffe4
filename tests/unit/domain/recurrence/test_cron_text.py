"""The cron dialect: what is accepted, in which canonical form; what is refused, with which code and where."""

import pytest

from planner.domain.errors import ScheduleError
from planner.domain.recurrence.cron import Cron
from planner.domain.recurrence.cron_text import parse_cron


def values(mask: int) -> list[int]:
    return [value for value in range(mask.bit_length()) if mask >> value & 1]


def refusal(text: str) -> ScheduleError:
    with pytest.raises(ScheduleError) as refused:
        parse_cron(text)
    return refused.value


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("5 * * * *", [5]),
        ("1,3,3,1 * * * *", [1, 3]),
        ("10-12 * * * *", [10, 11, 12]),
        ("5-5 * * * *", [5]),
        ("*/20 * * * *", [0, 20, 40]),
        ("*/60 * * * *", [0]),
        ("50/5 * * * *", [50, 55]),
        ("10-20/5 * * * *", [10, 15, 20]),
        ("0007 * * * *", [7]),
        ("*/5,7 * * * *", [0, 5, 7, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55]),
    ],
)
def test_a_field_is_a_list_of_numbers_ranges_and_steps(text: str, minutes: list[int]) -> None:
    assert values(parse_cron(text).minutes) == minutes


@pytest.mark.parametrize(
    ("day_of_week", "days_of_week"),
    [
        ("0", [0]),
        ("7", [0]),
        ("sun", [0]),
        ("MON-fri", [1, 2, 3, 4, 5]),
        ("FRI-SUN", [0, 5, 6]),
        ("5-7", [0, 5, 6]),
        ("SUN-SUN", [0]),
        ("7-7", [0]),
        ("0-7", [0, 1, 2, 3, 4, 5, 6]),
        ("0-SUN", [0, 1, 2, 3, 4, 5, 6]),
        ("SUN-MON", [0, 1]),
        ("1/2", [1, 3, 5]),
        ("7/2", [0]),
        ("*/2", [0, 2, 4, 6]),
    ],
)
def test_sunday_is_0_and_7_and_closes_a_range(day_of_week: str, days_of_week: list[int]) -> None:
    rule = parse_cron(f"0 0 * * {day_of_week}")

    # A month of 28 days that begins on a Monday: day n is weekday n mod 7, Sunday being 0.
    assert sorted({day % 7 for day in values(rule.days[0])}) == days_of_week


def test_a_sixth_field_in_front_is_seconds() -> None:
    rule = parse_cron("*/20 1 2 3 4 5")

    assert (values(rule.seconds), values(rule.minutes), values(rule.hours), values(rule.months)) == ([0, 20, 40], [1], [2], [4])
    assert values(parse_cron("1 2 3 4 5").seconds) == [0]


@pytest.mark.parametrize(
    ("text", "wildcard"),
    [
        ("* * * * *", True),
        ("*/15 2 * * *", True),
        ("*/15,7 2 * * *", True),
        ("0 * * * *", True),
        ("0 */2 * * *", True),
        ("@hourly", True),
        ("0-59 2 * * *", False),
        ("7,*/15 2 * * *", False),
        ("0 0-23/2 * * *", False),
        ("* 0 0 * * *", False),
        ("0 0 * * *", False),
    ],
)
def test_a_rule_is_wildcard_if_minute_or_hour_begins_with_a_star(text: str, wildcard: bool) -> None:
    assert parse_cron(text).wildcard is wildcard


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("@Daily", "0 0 * * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"),
        ("@midnight", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
        (" \t0  9\t* * 1-5 ", "0 9 * * 1-5"),
        ("00 09 ? jan-MAR mon,fri,MON", "0 9 * 1-3 1,5"),
        ("0 0 lw,015w,l * *", "0 0 LW,15W,L * *"),
        ("0 0 * * frIL,mon#02,SUN#1,7L", "0 0 * * 5L,1#2,0#1,0L"),
        ("0 0 * * FRI-SUN", "0 0 * * 5-7"),
        ("0 0 ? * ?", "0 0 * * *"),
        ("*/05 10-20/02 3/04 * *", "*/5 10-20/2 3/4 * *"),
        ("5,* * * * *", "5,* * * * *"),
    ],
)
def test_the_canonical_text_is_its_own(text: str, canonical: str) -> None:
    assert parse_cron(text).canonical == canonical
    assert parse_cron(canonical) == parse_cron(text)


@pytest.mark.parametrize(
    ("text", "code", "position"),
    [
        ("0" * 257, "CRON_TOO_LONG", None),
        ("TZ=UTC 0 0 * * *", "CRON_TZ_PREFIX", 0),
        ("  CRON_TZ=Europe/Amsterdam 0 0 * * *", "CRON_TZ_PREFIX", 2),
        ("tz=UTC 0 0 * * *", "CRON_BAD_CHARACTER", 2),
        ("1_0 * * * *", "CRON_BAD_CHARACTER", 1),
        ("+5 * * * *", "CRON_BAD_CHARACTER", 0),
        ("1.5 * * * *", "CRON_BAD_CHARACTER", 1),
        ("0 0 * * *\n", "CRON_BAD_CHARACTER", 9),
        ("0\u00a00 * * *", "CRON_BAD_CHARACTER", 1),
        ("٣ * * * *", "CRON_BAD_CHARACTER", 0),
        ("0 0 * * \u0131", "CRON_BAD_CHARACTER", 8),
        ("@reboot", "CRON_UNKNOWN_ALIAS", 0),
        (" @every 5m", "CRON_UNKNOWN_ALIAS", 1),
        ("@daily 0 0 * *", "CRON_UNKNOWN_ALIAS", 0),
        ("", "CRON_FIELD_COUNT", None),
        ("   ", "CRON_FIELD_COUNT", None),
        ("* * * *", "CRON_FIELD_COUNT", None),
        ("0 0 12 * * * 2026", "CRON_FIELD_COUNT", None),
        ("H * * * *", "CRON_UNSUPPORTED", 0),
        ("h/15 * * * *", "CRON_UNSUPPORTED", 0),
        ("H(0-29) 3 * * *", "CRON_UNSUPPORTED", 0),
        ("R * * * *", "CRON_UNSUPPORTED", 0),
        ("0 0 L-3 * *", "CRON_UNSUPPORTED", 4),
        ("99,H * * * *", "CRON_UNSUPPORTED", 3),
        ("1,,2 * * * *", "CRON_SYNTAX", 2),
        (",1 * * * *", "CRON_SYNTAX", 0),
        ("1, * * * *", "CRON_SYNTAX", 2),
        ("** * * * *", "CRON_SYNTAX", 0),
        ("*-5 * * * *", "CRON_SYNTAX", 0),
        ("-0 * * * *", "CRON_SYNTAX", 0),
        ("0x5 * * * *", "CRON_SYNTAX", 0),
        ("*/ * * * *", "CRON_SYNTAX", 0),
        ("*/x * * * *", "CRON_SYNTAX", 0),
        ("1-2-3 * * * *", "CRON_SYNTAX", 0),
        ("X * * * *", "CRON_SYNTAX", 0),
        ("L * * * *", "CRON_SYNTAX", 0),
        ("? * * * *", "CRON_SYNTAX", 0),
        ("0 ? * * *", "CRON_SYNTAX", 2),
        ("0 0 ?/2 * *", "CRON_SYNTAX", 4),
        ("0 0 1,? * *", "CRON_SYNTAX", 6),
        ("0 0 W15 * *", "CRON_SYNTAX", 4),
        ("0 0 1-15W * *", "CRON_SYNTAX", 4),
        ("0 0 * * L", "CRON_SYNTAX", 8),
        ("0 0 * * L5", "CRON_SYNTAX", 8),
        ("0 0 * * 5#L", "CRON_SYNTAX", 8),
        ("0 0 * * MON#1-3", "CRON_SYNTAX", 8),
        ("0 0 * * @", "CRON_SYNTAX", 8),
        ("*/0 * * * *", "CRON_BAD_STEP", 0),
        ("*/00 * * * *", "CRON_BAD_STEP", 0),
        ("*/61 * * * *", "CRON_BAD_STEP", 0),
        ("0 */25 * * *", "CRON_BAD_STEP", 2),
        ("0 0 */32 * *", "CRON_BAD_STEP", 4),
        ("0 0 * */13 *", "CRON_BAD_STEP", 6),
        ("0 0 * * */8", "CRON_BAD_STEP", 8),
        ("*/99999999999999999999 * * * *", "CRON_BAD_STEP", 0),
        ("99/0 * * * *", "CRON_BAD_STEP", 0),
        ("0 0 * JANUARY *", "CRON_BAD_NAME", 6),
        ("0 0 * * MON-FOO", "CRON_BAD_NAME", 12),
        ("MON * * * *", "CRON_BAD_NAME", 0),
        ("LW * * * *", "CRON_BAD_NAME", 0),
        ("0 0 * * LW", "CRON_BAD_NAME", 8),
        ("0 0 * * FOO#2", "CRON_BAD_NAME", 8),
        ("0 0 * * FOOL", "CRON_BAD_NAME", 8),
        ("60 * * * *", "CRON_OUT_OF_RANGE", 0),
        ("00005 * * * *", "CRON_OUT_OF_RANGE", 0),
        ("0 24 * * *", "CRON_OUT_OF_RANGE", 2),
        ("0 0 0 * *", "CRON_OUT_OF_RANGE", 4),
        ("0 0 32 * *", "CRON_OUT_OF_RANGE", 4),
        ("0 0 32W * *", "CRON_OUT_OF_RANGE", 4),
        ("0 0 * 0 *", "CRON_OUT_OF_RANGE", 6),
        ("0 0 * 13 *", "CRON_OUT_OF_RANGE", 6),
        ("0 0 * * 8", "CRON_OUT_OF_RANGE", 8),
        ("0 0 * * 1-8", "CRON_OUT_OF_RANGE", 10),
        ("0 0 * * MON#00005", "CRON_OUT_OF_RANGE", 8),
        ("0 0 * * 8L", "CRON_OUT_OF_RANGE", 8),
        ("0 0 * * MON#6", "CRON_OUT_OF_RANGE", 8),
        ("0 0 * * MON#0", "CRON_OUT_OF_RANGE", 8),
        ("0 22-2 * * *", "CRON_RANGE_REVERSED", 2),
        ("0 0 * NOV-FEB *", "CRON_RANGE_REVERSED", 6),
        ("0 0 * * 7-3", "CRON_RANGE_REVERSED", 8),
    ],
)
def test_what_the_dialect_lacks_is_refused_with_its_code_and_place(text: str, code: str, position: int | None) -> None:
    refused = refusal(text)

    assert (refused.code, refused.position) == (code, position)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("TZ=" + "x" * 300, "CRON_TOO_LONG"),
        ("TZ=é 0 0 * * *", "CRON_TZ_PREFIX"),
        ("@é", "CRON_BAD_CHARACTER"),
        ("@x x x x x x x x", "CRON_UNKNOWN_ALIAS"),
        ("H 99", "CRON_FIELD_COUNT"),
        ("61 H * * *", "CRON_OUT_OF_RANGE"),
        ("61,H * * * *", "CRON_UNSUPPORTED"),
        ("61-FOO/0 * * * *", "CRON_BAD_STEP"),
        ("FOO-61 * * * *", "CRON_BAD_NAME"),
        ("61,1,,2 * * * *", "CRON_OUT_OF_RANGE"),
        ("30-61 * * * *", "CRON_OUT_OF_RANGE"),
        ("30-20,61 * * * *", "CRON_RANGE_REVERSED"),
    ],
)
def test_of_several_faults_the_first_in_the_fixed_order_is_told(text: str, code: str) -> None:
    assert refusal(text).code == code


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("0 22-2 * * *", "write 22-23,0-2"),
        ("0 22-0 * * *", "write 22-23,0"),
        ("0 23-2 * * *", "write 23,0-2"),
        ("0 22-3/2 * * *", "write 22,0,2"),
        ("0 0 * NOV-FEB *", "write 11-12,1-2"),
        ("0 0 * * FRI-MON", "write 5-6,0-1"),
        ("0 0 * * 7-3", "write 0-3"),
        ("0 0 25-5/4 * *", "write 25,29,2"),
    ],
)
def test_a_reversed_range_gets_the_spelling_that_may_have_been_meant(text: str, hint: str) -> None:
    meant = hint.removeprefix("write ")
    field = next(piece for piece in text.split() if "-" in piece)

    assert refusal(text).hint == hint
    parse_cron(text.replace(field, meant))


def test_the_longest_text_is_accepted_and_one_more_is_not() -> None:
    text = "0" + ",0" * 123 + " * * * *"

    assert parse_cron(text + " ").canonical == "0 * * * *"
    assert len(text + " ") == 256
    assert refusal(text + "  ").code == "CRON_TOO_LONG"


@pytest.mark.parametrize(
    ("text", "can_match"),
    [
        ("0 0 30 2 *", False),
        ("0 0 31 4,6,9,11 *", False),
        ("0 0 30W 2 *", False),
        ("0 0 31W 2,4,6 *", False),
        ("0 0 29 2 *", True),
        ("0 0 31 2 MON", True),
        ("0 0 30 2 */1", False),
        ("0 0 * 2 1#5", True),
        ("0 0 29 2 1#5", True),
        ("0 0 */31 2 1#2", False),
    ],
)
def test_a_rule_without_a_day_in_any_year_is_known(text: str, can_match: bool) -> None:
    rule: Cron = parse_cron(text)

    assert rule.can_match is can_match


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("*/90 * * * *", 'for every PT90M take the recurrence {"type": "interval", "every": "PT90M"}'),
        ("0/90 * * * * *", 'for every PT90S take the recurrence {"type": "interval", "every": "PT90S"}'),
        ("0 */36 * * *", 'for every PT36H take the recurrence {"type": "interval", "every": "PT36H"}'),
        ("0 0 */40 * *", 'for every P40D take the recurrence {"type": "interval", "every": "P40D"}'),
        ("0 0 * */13 *", None),
        ("*/0 * * * *", None),
        ("*/99999999 * * * *", None),
        ("@every 5m", 'for every PT5M take the recurrence {"type": "interval", "every": "PT5M"}'),
        ("@EVERY 1h30m", 'for every PT1H30M take the recurrence {"type": "interval", "every": "PT1H30M"}'),
        ("@every", 'for every PT15M take the recurrence {"type": "interval", "every": "PT15M"}'),
        ("@reboot", "write one of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly"),
        ("0 9 -1 * *", "write L for the month's last day; a calendar also takes a list, [-1]"),
        ("0 -1 * * *", None),
        ("H 9 * * *", "write the minute itself; jitter_seconds spreads load"),
        ("0 H(0-7) * * *", "write the hour itself; jitter_seconds spreads load"),
        ("0 9 L-3 * *", "write L for the month's last day; a calendar also takes a list, [-1]"),
    ],
)
def test_what_another_kind_of_schedule_can_say_is_pointed_to(text: str, hint: str | None) -> None:
    assert refusal(text).hint == hint
