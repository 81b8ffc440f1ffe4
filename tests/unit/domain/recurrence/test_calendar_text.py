"""The fields of a calendar rule: what each refusal is called, and where it points (scheduling.md, sections 2, 4.1 and 6)."""

from typing import Any

import pytest

from planner.domain.recurrence.business_days import HolidayList
from support.schedules import a_definition, codes_of, faults_of

ROLL = {"hour": "9", "roll": "next"}


def given(**members: object) -> dict[str, Any]:
    return a_definition(recurrence={"type": "calendar", **members})


@pytest.mark.parametrize(
    ("members", "field", "code"),
    [
        # which fields
        ({}, "second", "FIELD_REQUIRED"),
        ({"hour": None}, "second", "FIELD_REQUIRED"),
        ({"roll": "next"}, "second", "FIELD_REQUIRED"),
        ({"hour": "9", "year": "2026"}, "year", "UNKNOWN_FIELD"),
        ({"hour": "9", "expression": "* * * * *"}, "expression", "UNKNOWN_FIELD"),
        # a field as text
        ({"hour": 9}, "hour", "FIELD_BAD_TYPE"),
        ({"hour": {"from": 9}}, "hour", "FIELD_BAD_TYPE"),
        ({"minute": True}, "minute", "FIELD_BAD_TYPE"),
        ({"second": "1" * 257}, "second", "CRON_TOO_LONG"),
        ({"hour": "TZ=UTC 9"}, "hour", "CRON_TZ_PREFIX"),
        ({"hour": "9h_"}, "hour", "CRON_BAD_CHARACTER"),
        ({"hour": "@daily"}, "hour", "CRON_UNKNOWN_ALIAS"),
        ({"hour": " @daily 5"}, "hour", "CRON_UNKNOWN_ALIAS"),
        ({"hour": ""}, "hour", "CRON_FIELD_COUNT"),
        ({"hour": " \t "}, "hour", "CRON_FIELD_COUNT"),
        ({"hour": "9 10"}, "hour", "CRON_FIELD_COUNT"),
        ({"hour": "H"}, "hour", "CRON_UNSUPPORTED"),
        ({"day_of_month": "L-3"}, "day_of_month", "CRON_UNSUPPORTED"),
        ({"hour": "9,,10"}, "hour", "CRON_SYNTAX"),
        ({"hour": "?"}, "hour", "CRON_SYNTAX"),
        ({"day_of_month": "-1"}, "day_of_month", "CRON_SYNTAX"),
        ({"minute": "*/61"}, "minute", "CRON_BAD_STEP"),
        ({"month": "MAI"}, "month", "CRON_BAD_NAME"),
        ({"second": "60"}, "second", "CRON_OUT_OF_RANGE"),
        ({"hour": "24"}, "hour", "CRON_OUT_OF_RANGE"),
        ({"day_of_month": "0"}, "day_of_month", "CRON_OUT_OF_RANGE"),
        ({"month": "13"}, "month", "CRON_OUT_OF_RANGE"),
        ({"day_of_week": "8"}, "day_of_week", "CRON_OUT_OF_RANGE"),
        ({"hour": "22-2"}, "hour", "CRON_RANGE_REVERSED"),
        # a field as a list
        ({"hour": []}, "hour", "CRON_FIELD_COUNT"),
        ({"hour": [9.0]}, "hour", "FIELD_BAD_TYPE"),
        ({"hour": [True]}, "hour", "FIELD_BAD_TYPE"),
        ({"hour": [None]}, "hour", "FIELD_BAD_TYPE"),
        ({"hour": [[9]]}, "hour", "FIELD_BAD_TYPE"),
        ({"hour": [9] * 101}, "hour", "FIELD_OUT_OF_RANGE"),
        ({"hour": ["1" * 257]}, "hour", "CRON_TOO_LONG"),
        ({"hour": ["TZ=UTC", 9]}, "hour", "CRON_TZ_PREFIX"),
        ({"hour": [9, "_"]}, "hour", "CRON_BAD_CHARACTER"),
        ({"hour": ["9,10"]}, "hour", "CRON_SYNTAX"),
        ({"hour": [9, ""]}, "hour", "CRON_SYNTAX"),
        ({"hour": [9, " 10"]}, "hour", "CRON_FIELD_COUNT"),
        ({"hour": [61, "H"]}, "hour", "CRON_UNSUPPORTED"),
        ({"hour": [24]}, "hour", "CRON_OUT_OF_RANGE"),
        ({"hour": [10**4000]}, "hour", "CRON_OUT_OF_RANGE"),
        ({"day_of_month": [-(10**10)]}, "day_of_month", "CRON_OUT_OF_RANGE"),
        ({"day_of_month": [0]}, "day_of_month", "CRON_OUT_OF_RANGE"),
        ({"day_of_month": [-32]}, "day_of_month", "CRON_OUT_OF_RANGE"),
        ({"day_of_week": [-1]}, "day_of_week", "CRON_SYNTAX"),
        ({"hour": [-1]}, "hour", "CRON_SYNTAX"),
        # the roll and its companions
        (ROLL | {"roll": 5}, "roll", "FIELD_BAD_TYPE"),
        (ROLL | {"roll": "following"}, "roll", "FIELD_INVALID"),
        (ROLL | {"workdays": "MON"}, "workdays", "FIELD_BAD_TYPE"),
        (ROLL | {"workdays": ["MON", 2]}, "workdays", "FIELD_BAD_TYPE"),
        (ROLL | {"workdays": ["MON"] * 8}, "workdays", "FIELD_OUT_OF_RANGE"),
        (ROLL | {"workdays": ["mon"]}, "workdays", "FIELD_INVALID"),
        (ROLL | {"holidays": "2026-12-25"}, "holidays", "FIELD_BAD_TYPE"),
        (ROLL | {"holidays": ["2026-12-25"] * 1001}, "holidays", "FIELD_OUT_OF_RANGE"),
        (ROLL | {"holidays": ["2026-12-25", "2026-12-26T00:00:00"]}, "holidays/1", "DATETIME_INVALID"),
        (ROLL | {"holidays": [20261225]}, "holidays/0", "DATETIME_INVALID"),
        (ROLL | {"holidays": ["2026-02-29"]}, "holidays/0", "DATETIME_INVALID"),
        (ROLL | {"holidays": ["2026-12-25\n"]}, "holidays/0", "DATETIME_INVALID"),
        (ROLL | {"holidays": ["1969-12-31"]}, "holidays/0", "SCHEDULE_DATE_OUT_OF_RANGE"),
        (ROLL | {"holidays": ["2201-01-01"]}, "holidays/0", "SCHEDULE_DATE_OUT_OF_RANGE"),
        (ROLL | {"holiday_calendar": 5}, "holiday_calendar", "FIELD_BAD_TYPE"),
        (ROLL | {"holiday_calendar": "nl"}, "holiday_calendar", "HOLIDAY_CALENDAR_UNKNOWN"),
        (ROLL | {"holiday_calendar": ""}, "holiday_calendar", "HOLIDAY_CALENDAR_UNKNOWN"),
        ({"hour": "9", "workdays": ["MON"]}, "workdays", "FIELD_NOT_APPLICABLE"),
        ({"hour": "9", "roll": "none", "holidays": []}, "holidays", "FIELD_NOT_APPLICABLE"),
        ({"hour": "*", "roll": "next"}, "roll", "FIELD_NOT_APPLICABLE"),
        ({"minute": "*/15,7", "hour": "9", "roll": "previous"}, "roll", "FIELD_NOT_APPLICABLE"),
        ({"minute": ["*", 7], "roll": "nearest"}, "roll", "FIELD_NOT_APPLICABLE"),
    ],
)
def test_one_fault_has_one_code_at_its_field(members: dict[str, Any], field: str, code: str) -> None:
    assert codes_of(given(**members)) == [(f"/recurrence/{field}", code)]


@pytest.mark.parametrize(
    "members",
    [
        {"second": "0-59/7"},
        {"hour": " 9\t"},
        {"hour": [9]},
        {"hour": [9] * 100},
        {"hour": ["0009-0017/0002", 20]},
        {"day_of_month": [1, 15, -1]},
        {"day_of_month": ["-1", "L", "LW", "15W", -31]},
        {"day_of_week": ["MON#2", "FRIL", 7]},
        {"day_of_week": "?", "day_of_month": "?"},
        {"month": "JAN-MAR,nov"},
        {"minute": "*", "roll": "none"},
        {"minute": "*", "roll": "skip", "workdays": ["SAT", "SUN"]},
        {"minute": [7, "*/15"], "roll": "next"},
        {"minute": "0-59", "hour": "0-23", "roll": "nearest", "workdays": ["MON", "MON"]},
        {"hour": "9", "roll": "skip", "holidays": ["1970-01-01", "2200-12-31"]},
        {"hour": "9", "roll": None, "workdays": None},
    ],
)
def test_what_is_written_like_this_is_accepted(members: dict[str, Any]) -> None:
    assert codes_of(given(**members)) == []


def test_a_fault_in_a_list_has_its_position_in_the_joined_members() -> None:
    positions = [fault.position for fault in faults_of(given(hour=[9, "10-12", "22-2"], minute=[0, "1,2"]))]

    assert positions == [2, 8]


def test_a_fault_of_the_roll_does_not_hide_those_of_the_fields() -> None:
    assert codes_of(given(hour="24", minute="x", roll="never", workdays=["MO"], holidays=["x"], holiday_calendar="nl")) == [
        ("/recurrence/minute", "CRON_SYNTAX"),
        ("/recurrence/holidays/0", "DATETIME_INVALID"),
        ("/recurrence/hour", "CRON_OUT_OF_RANGE"),
        ("/recurrence/roll", "FIELD_INVALID"),
        ("/recurrence/workdays", "FIELD_INVALID"),
    ]


def test_companions_without_a_roll_are_told_one_by_one_and_before_the_list_is_looked_for() -> None:
    refused = given(hour="9", workdays=["MON"], holidays=["2026-12-25"], holiday_calendar="nl")

    assert codes_of(refused) == [(f"/recurrence/{name}", "FIELD_NOT_APPLICABLE") for name in ("workdays", "holidays", "holiday_calendar")]


def test_a_wildcard_calendar_takes_no_dst_policy_and_a_fixed_one_does() -> None:
    assert codes_of(given(minute="*") | {"dst": {"gap": "skip"}}) == [("/dst", "DST_POLICY_NOT_APPLICABLE")]
    assert codes_of(given(minute="*", hour="9") | {"dst": {"gap": "skip"}}) == [("/dst", "DST_POLICY_NOT_APPLICABLE")]
    assert codes_of(given(second="*", minute="0-59") | {"dst": {"gap": "skip", "fold": "both"}}) == []
    assert codes_of(given(hour="9") | {"dst": {"gap": "reject"}}) == [("/dst/gap", "DST_POLICY_INVALID")]


@pytest.mark.parametrize(
    "members",
    [
        {"day_of_month": "30", "month": "2"},
        {"day_of_month": [-31], "month": "4"},
        {"day_of_month": "1-7", "day_of_week": "MON#2"},
        {"hour": "9", "roll": "next", "workdays": []},
        {"hour": "9", "roll": "skip", "workdays": []},
        {"minute": "*", "roll": "skip", "workdays": []},
        {"day_of_week": "SAT", "roll": "skip"},
        {"day_of_week": "MON#2", "month": "2", "day_of_month": "29", "roll": "next"},
    ],
)
def test_a_rule_without_a_date_is_refused_even_in_a_preview(members: dict[str, Any]) -> None:
    assert codes_of(given(**members)) == [("/recurrence", "SCHEDULE_NEVER_FIRES")]


def test_a_rule_is_not_called_dateless_for_a_faulty_list_of_workdays() -> None:
    assert codes_of(given(hour="9", roll="next", workdays=["MONDAY"])) == [("/recurrence/workdays", "FIELD_INVALID")]


def test_a_list_that_the_tenant_has_is_taken_with_the_case_it_has() -> None:
    lists = {"nl": HolidayList(1, frozenset())}

    assert codes_of(given(**ROLL, holiday_calendar="nl"), calendars=lists) == []
    assert codes_of(given(**ROLL, holiday_calendar="NL"), calendars=lists) == [("/recurrence/holiday_calendar", "HOLIDAY_CALENDAR_UNKNOWN")]


@pytest.mark.parametrize(
    ("members", "hint"),
    [
        ({"day_of_month": -1}, "write [-1]"),
        ({"hour": 9}, "write [9]"),
        ({"hour": -1}, None),
        ({"day_of_month": 32}, None),
        ({"minute": True}, None),
        ({"day_of_month": "-1"}, "write L for the month's last day; a calendar also takes a list, [-1]"),
    ],
)
def test_a_number_that_stands_alone_is_hinted_as_a_list(members: dict[str, Any], hint: str | None) -> None:
    assert [fault.hint for fault in faults_of(given(**members))] == [hint]
