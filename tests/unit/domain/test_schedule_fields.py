"""The codes and pointers of scheduling.md, section 6, for the fields of the schedule."""

from typing import Any

import pytest

from support.schedules import a_definition, codes_of, faults_of

ONCE = "2026-03-02T09:00:00Z"
CRON = {"type": "cron", "expression": "0 9 * * *"}
RRULE = {"type": "rrule", "rule": "FREQ=DAILY", "dtstart": "2026-01-01T00:00:00"}
ROLLED = {"type": "calendar", "hour": "9", "roll": "next"}
WILDCARD = {"type": "cron", "expression": "*/5 * * * *"}


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        # execute_at
        ({"execute_at": 5}, "/execute_at", "DATETIME_INVALID"),
        ({"execute_at": "tomorrow"}, "/execute_at", "DATETIME_INVALID"),
        ({"execute_at": "2201-01-01T00:00:00Z"}, "/execute_at", "SCHEDULE_DATE_OUT_OF_RANGE"),
        ({"execute_at": None}, "/execute_at", "FIELD_REQUIRED"),
        # recurrence
        ({"execute_at": ONCE, "recurrence": CRON}, "/recurrence", "FIELD_CONFLICT"),
        ({"recurrence": "daily"}, "/recurrence", "FIELD_BAD_TYPE"),
        ({"recurrence": {}}, "/recurrence/type", "FIELD_REQUIRED"),
        ({"recurrence": {"type": 5}}, "/recurrence/type", "FIELD_BAD_TYPE"),
        ({"recurrence": {"type": "hourly"}}, "/recurrence/type", "RECURRENCE_TYPE_UNKNOWN"),
        ({"recurrence": {"type": "Cron"}}, "/recurrence/type", "RECURRENCE_TYPE_UNKNOWN"),
        ({"recurrence": {"type": "rrule", "rule": "FREQ=DAILY"}}, "/recurrence/dtstart", "FIELD_REQUIRED"),
        ({"recurrence": {"type": "rrule", "dtstart": "2026-01-01T00:00:00"}}, "/recurrence/rule", "FIELD_REQUIRED"),
        ({"recurrence": RRULE | {"rule": 5}}, "/recurrence/rule", "FIELD_BAD_TYPE"),
        ({"recurrence": RRULE | {"rule": "FREQ=DAILY;COUNT=0"}}, "/recurrence/rule", "RRULE_OUT_OF_RANGE"),
        ({"recurrence": RRULE | {"dtstart": 5}}, "/recurrence/dtstart", "DATETIME_INVALID"),
        ({"recurrence": RRULE | {"dtstart": "2026-01-01"}}, "/recurrence/dtstart", "DATETIME_INVALID"),
        ({"recurrence": RRULE | {"dtstart": "2026-01-01T00:00:00+00:00"}}, "/recurrence/dtstart", "DATETIME_INVALID"),
        ({"recurrence": RRULE | {"dtstart": "2026-01-01T00:00:00.5Z"}}, "/recurrence/dtstart", "DATETIME_INVALID"),
        (
            {"recurrence": RRULE | {"dtstart": "2026-01-01T00:00:00Z"}, "timezone": "Europe/London"},
            "/recurrence/dtstart",
            "DATETIME_INVALID",
        ),
        ({"recurrence": RRULE | {"dtstart": "1969-01-01T00:00:00"}}, "/recurrence/dtstart", "SCHEDULE_DATE_OUT_OF_RANGE"),
        ({"recurrence": RRULE | {"exdates": "2026-01-01T00:00:00"}}, "/recurrence/exdates", "FIELD_BAD_TYPE"),
        ({"recurrence": RRULE | {"exdates": ["2026-01-01T00:00:00", "x"]}}, "/recurrence/exdates/1", "DATETIME_INVALID"),
        ({"recurrence": RRULE | {"rdates": [None]}}, "/recurrence/rdates/0", "DATETIME_INVALID"),
        ({"recurrence": RRULE | {"rdates": ["2026-01-01T00:00:00Z"] * 1001}}, "/recurrence/exdates", "RRULE_TOO_MANY_DATES"),
        ({"recurrence": RRULE | {"every": "PT1M"}}, "/recurrence/every", "UNKNOWN_FIELD"),
        ({"recurrence": RRULE, "dst": {"gap": "reject"}}, "/dst/gap", "DST_POLICY_INVALID"),
        ({"recurrence": RRULE | {"rule": "FREQ=HOURLY"}, "dst": {"gap": "shift"}}, "/dst", "DST_POLICY_NOT_APPLICABLE"),
        # cron
        ({"recurrence": {"type": "cron"}}, "/recurrence/expression", "FIELD_REQUIRED"),
        ({"recurrence": {"type": "cron", "expression": 5}}, "/recurrence/expression", "FIELD_BAD_TYPE"),
        ({"recurrence": {"type": "cron", "expression": "61 * * * *"}}, "/recurrence/expression", "CRON_OUT_OF_RANGE"),
        ({"recurrence": {**CRON, "tz": "UTC"}}, "/recurrence/tz", "UNKNOWN_FIELD"),
        ({"recurrence": {**CRON, "anchor": ONCE}}, "/recurrence/anchor", "UNKNOWN_FIELD"),
        # interval
        ({"recurrence": {"type": "interval"}}, "/recurrence/every_seconds", "FIELD_REQUIRED"),
        ({"recurrence": {"type": "interval", "every_seconds": 60, "every": "PT1M"}}, "/recurrence/every", "FIELD_CONFLICT"),
        ({"recurrence": {"type": "interval", "every_seconds": "60"}}, "/recurrence/every_seconds", "INTERVAL_BAD_TYPE"),
        ({"recurrence": {"type": "interval", "every_seconds": 0}}, "/recurrence/every_seconds", "INTERVAL_OUT_OF_RANGE"),
        ({"recurrence": {"type": "interval", "every": 60}}, "/recurrence/every", "INTERVAL_BAD_TYPE"),
        ({"recurrence": {"type": "interval", "every": "1m"}}, "/recurrence/every", "INTERVAL_SYNTAX"),
        (
            {"recurrence": {"type": "interval", "every_seconds": 60, "anchor": "2026-03-02T09:00:00"}},
            "/recurrence/anchor",
            "DATETIME_INVALID",
        ),
        # timezone
        ({"timezone": 5}, "/timezone", "TZ_BAD_TYPE"),
        ({"timezone": ""}, "/timezone", "TZ_UNKNOWN"),
        ({"timezone": "Factory"}, "/timezone", "TZ_UNKNOWN"),
        ({"timezone": "europe/amsterdam"}, "/timezone", "TZ_UNKNOWN"),
        ({"timezone": "../../etc/passwd"}, "/timezone", "TZ_UNKNOWN"),
        ({"timezone": "A" * 5000}, "/timezone", "TZ_UNKNOWN"),
        ({"timezone": "Europe/Amsterdam\x00"}, "/timezone", "TZ_UNKNOWN"),
        # bounds
        ({"starts_at": "2026-03-02T09:00:00"}, "/starts_at", "DATETIME_INVALID"),
        ({"ends_at": "1969-03-02T09:00:00Z"}, "/ends_at", "SCHEDULE_DATE_OUT_OF_RANGE"),
        ({"max_runs": 0}, "/max_runs", "FIELD_OUT_OF_RANGE"),
        ({"max_runs": 10**9 + 1}, "/max_runs", "FIELD_OUT_OF_RANGE"),
        ({"max_runs": True}, "/max_runs", "FIELD_BAD_TYPE"),
        ({"max_runs": 1.0}, "/max_runs", "FIELD_BAD_TYPE"),
        # dst
        ({"recurrence": CRON, "dst": "shift"}, "/dst", "FIELD_BAD_TYPE"),
        ({"recurrence": CRON, "dst": {"gap": 5}}, "/dst/gap", "FIELD_BAD_TYPE"),
        ({"recurrence": CRON, "dst": {"gap": "reject"}}, "/dst/gap", "DST_POLICY_INVALID"),
        ({"recurrence": CRON, "dst": {"fold": "reject"}}, "/dst/fold", "DST_POLICY_INVALID"),
        ({"recurrence": CRON, "dst": {"folds": "first"}}, "/dst/folds", "UNKNOWN_FIELD"),
        ({"execute_at": "2026-03-02T09:00:00", "timezone": "UTC", "dst": {"gap": "skip"}}, "/dst/gap", "DST_POLICY_INVALID"),
        ({"execute_at": "2026-03-02T09:00:00", "timezone": "UTC", "dst": {"fold": "both"}}, "/dst/fold", "DST_POLICY_INVALID"),
        # jitter, misfire
        ({"jitter_seconds": -1}, "/jitter_seconds", "FIELD_OUT_OF_RANGE"),
        ({"jitter_seconds": 86_401}, "/jitter_seconds", "FIELD_OUT_OF_RANGE"),
        ({"jitter_seconds": "5"}, "/jitter_seconds", "FIELD_BAD_TYPE"),
        ({"misfire": []}, "/misfire", "FIELD_BAD_TYPE"),
        ({"misfire": {"max_lateness_seconds": 0}}, "/misfire/max_lateness_seconds", "FIELD_OUT_OF_RANGE"),
        ({"misfire": {"max_lateness_seconds": 31_536_001}}, "/misfire/max_lateness_seconds", "FIELD_OUT_OF_RANGE"),
        ({"misfire": {"coalesce": "all"}}, "/misfire/coalesce", "FIELD_INVALID"),
        ({"misfire": {"max_catchup": 0}}, "/misfire/max_catchup", "FIELD_OUT_OF_RANGE"),
        ({"misfire": {"max_catchup": 1001}}, "/misfire/max_catchup", "FIELD_OUT_OF_RANGE"),
        ({"misfire": {"late": 1}}, "/misfire/late", "UNKNOWN_FIELD"),
    ],
)
def test_one_fault_has_one_code_at_its_field(fields: dict[str, Any], pointer: str, code: str) -> None:
    assert codes_of(a_definition(**fields)) == [(pointer, code)]


@pytest.mark.parametrize(
    "fields",
    [
        {"max_runs": 1},
        {"max_runs": 10**9},
        {"jitter_seconds": 86_400},
        {"misfire": {"max_lateness_seconds": 31_536_000, "coalesce": "earliest", "max_catchup": 1000}},
        {"misfire": {"max_lateness_seconds": 1, "max_catchup": 1}},
        {"timezone": "US/Eastern"},
        {"recurrence": CRON, "dst": {"gap": "skip", "fold": "both"}},
        {"execute_at": "2026-03-02T09:00:00", "timezone": "UTC", "dst": {"gap": "shift", "fold": "last"}},
        {"execute_at": "2026-03-02T09:00:00", "timezone": "UTC", "dst": {"gap": "reject", "fold": "reject"}},
        {"recurrence": {"type": "cron", "expression": "*/10 0 9 LW * *"}},
        {"recurrence": RRULE | {"dtstart": "2026-01-01T00:00:00Z"}},
        {"recurrence": RRULE | {"dtstart": "2026-01-01T00:00:00Z"}, "timezone": "Etc/UTC"},
        {"recurrence": RRULE | {"exdates": ["2026-01-01T00:00:00Z"] * 500, "rdates": ["2026-01-01T00:00:00"] * 500}},
    ],
)
def test_what_lies_on_the_limit_is_accepted(fields: dict[str, Any]) -> None:
    assert codes_of(a_definition(**fields)) == []


def test_a_fault_in_a_text_says_where_and_what_to_write() -> None:
    (fault,) = faults_of(a_definition(recurrence={"type": "cron", "expression": "0 22-2 * * *"}))

    assert (fault.pointer, fault.code, fault.position, fault.hint) == (
        "/recurrence/expression",
        "CRON_RANGE_REVERSED",
        2,
        "write 22-23,0-2",
    )
    assert fault.detail == "hour: '22-2' runs backwards"


@pytest.mark.parametrize(
    ("fields", "hint"),
    [
        ({"recurrence": CRON, "time_zone": "UTC"}, "is timezone meant?"),
        ({"recurrence": CRON, "zone": "UTC"}, "is timezone meant?"),
        ({"recurrence": CRON, "cron": "0 9 * * *"}, None),
        ({"recurrence": CRON, "next_run": ONCE}, None),
        ({"recurrence": CRON, "t" * 65: 1}, None),
        ({"recurrence": {**CRON, "cron": "0 9 * * *"}}, "the fields are type, expression"),
        ({"recurrence": {**CRON, "expressions": "0 9 * * *"}}, "is expression meant? the fields are type, expression"),
        ({"recurrence": {"cron": "0 9 * * *"}}, "one of cron, interval, rrule, calendar"),
        ({"recurrence": "0 9 * * *"}, 'for a cron rule write {"type": "cron", "expression": "0 9 * * *"}'),
        ({"recurrence": CRON, "timezone": "Europe/Amsterdm"}, "is Europe/Amsterdam meant? Upper and lower case count"),
        ({"recurrence": CRON, "timezone": "EUROPE/AMSTERDAM"}, "is Europe/Amsterdam meant? Upper and lower case count"),
        ({"recurrence": CRON, "timezone": "PST"}, "write a name of the IANA list, like Europe/Amsterdam"),
        ({"recurrence": CRON, "timezone": "Europe/Amsterdam" * 5}, "write a name of the IANA list, like Europe/Amsterdam"),
        ({"recurrence": ROLLED | {"holiday_calendar": "nl"}}, "make it: PUT /api/v1/calendars/nl"),
        ({"recurrence": ROLLED | {"holiday_calendar": "n/l"}}, "a list's name has 1 to 100 letters, digits, dots, hyphens and underscores"),
        ({"recurrence": CRON, "retry": {"max_attempts": 3}}, "only 1 in this version"),
        ({"recurrence": CRON, "pause_after_failures": 3}, "leave it out"),
    ],
)
def test_what_may_have_been_meant_is_hinted(fields: dict[str, Any], hint: str | None) -> None:
    (fault,) = faults_of(a_definition(**fields))

    assert fault.hint == hint


def test_faults_are_listed_by_stage_then_in_the_order_of_the_tables() -> None:
    given = {
        "nonsense": 1,
        "misfire": {"max_catchup": 0, "coalesce": "x"},
        "jitter_seconds": "x",
        "ends_at": "never",
        "timezone": 5,
        "recurrence": {"type": "cron", "expression": "61 * * * *"},
        "execute_at": 5,
    }

    assert codes_of(given) == [
        ("/execute_at", "DATETIME_INVALID"),
        ("/timezone", "TZ_BAD_TYPE"),
        ("/jitter_seconds", "FIELD_BAD_TYPE"),
        ("/ends_at", "DATETIME_INVALID"),
        ("/action", "FIELD_REQUIRED"),
        ("/nonsense", "UNKNOWN_FIELD"),
        ("/recurrence/expression", "CRON_OUT_OF_RANGE"),
        ("/misfire/coalesce", "FIELD_INVALID"),
        ("/misfire/max_catchup", "FIELD_OUT_OF_RANGE"),
        ("/recurrence", "FIELD_CONFLICT"),
    ]


def test_a_wildcard_rule_takes_no_policy() -> None:
    assert codes_of(a_definition(recurrence=WILDCARD, dst={"gap": "shift"})) == [("/dst", "DST_POLICY_NOT_APPLICABLE")]
