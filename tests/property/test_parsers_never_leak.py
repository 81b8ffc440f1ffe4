"""Whatever comes in, nothing but the domain's own errors comes out."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from planner.domain.dates import Moment, parse_moment
from planner.domain.definition import Definition, changes, define, fingerprint, load, merge_patch
from planner.domain.errors import DefinitionInvalidError, ScheduleError
from planner.domain.plan_fields import PLAN_FIELDS
from planner.domain.recurrence.calendar_text import CALENDAR_KINDS, parse_calendar_field
from planner.domain.recurrence.cron_text import Field
from planner.domain.recurrence.interval import parse_duration
from planner.domain.recurrence.rrule_text import RruleText, parse_rrule
from planner.domain.schedule_fields import SCHEDULE_FIELDS
from support.schedules import a_definition, instant

NOW = instant("2026-03-01T10:00:30.25Z")
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(
        [
            "cron",
            "interval",
            "rrule",
            "calendar",
            "next",
            "FRIL",
            "FREQ=DAILY",
            "UTC",
            "allow",
            "0 9 * * *",
            "PT1M",
            "2026-03-01T10:00:00Z",
            "2026-03-29T02:30:00",
            "\x00",
            "\ud800",
        ]
    ),
)
MEMBERS = st.sampled_from(
    [
        "type",
        "expression",
        "hour",
        "day_of_month",
        "roll",
        "workdays",
        "holidays",
        "holiday_calendar",
        "rule",
        "dtstart",
        "exdates",
        "rdates",
        "every",
        "every_seconds",
        "anchor",
        "gap",
        "fold",
        "policy",
        "limit",
        "coalesce",
        "max_catchup",
        "retry_on",
        "x~/",
    ]
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.one_of(MEMBERS, st.text(max_size=5)), inner, max_size=4)),
)
DOCUMENTS = st.dictionaries(st.one_of(st.sampled_from([*SCHEDULE_FIELDS, *PLAN_FIELDS]), st.text(max_size=8)), JSON, max_size=6)


def outcome(parse: Callable[[Any], object], value: object) -> object:
    """What a parser returns, or the domain's own error; any other is a failure."""
    try:
        return parse(value)
    except (ScheduleError, DefinitionInvalidError) as refused:
        return refused


@given(DOCUMENTS)
def test_any_json_is_a_definition_or_is_refused(given_document: dict[str, Any]) -> None:
    fingerprint(given_document)
    for candidate in (given_document, a_definition(**{name: value for name, value in given_document.items() if name != "execute_at"})):
        result = outcome(lambda asked: define(asked, now=NOW), candidate)
        if isinstance(result, DefinitionInvalidError):
            assert len({fault.pointer for fault in result.faults}) == len(result.faults)
            assert all(len(fault.detail) < 400 for fault in result.faults)
        else:
            assert isinstance(result, Definition)
            assert load(result.document) == result


@given(DOCUMENTS)
def test_any_json_is_a_patch_or_is_refused(patch: dict[str, Any]) -> None:
    stored = define(a_definition(starts_at="2026-03-01T10:00:10Z", payload={"a": 1}), now=NOW).document
    try:
        defined = define(merge_patch(stored, patch), now=NOW)
    except DefinitionInvalidError:
        return
    assert bool(changes(stored, defined.document)) is (stored != defined.document) or stored == defined.document
    assert define(merge_patch(defined.document, {}), now=NOW) == defined


DATES = st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{0,8})?(Z|[+-][0-9]{2}:[0-9]{2})?", fullmatch=True)


@given(st.one_of(DATES, st.text(max_size=40), JSON))
def test_any_value_is_a_date_or_is_refused(value: object) -> None:
    result = outcome(parse_moment, value)

    if isinstance(result, ScheduleError):
        assert result.code in {"DATETIME_INVALID", "SCHEDULE_DATE_OUT_OF_RANGE"}
    else:
        assert isinstance(result, Moment)
        assert str(value).startswith(result.label.isoformat()[:19])


@given(st.one_of(st.from_regex(r"P([0-9]{1,12}W|([0-9]{1,12}D)?(T([0-9]{1,12}[HMS]){0,3})?)", fullmatch=True), st.text(max_size=40), JSON))
def test_any_value_is_a_duration_or_is_refused(value: object) -> None:
    result = outcome(parse_duration, value)

    if isinstance(result, ScheduleError):
        assert result.code in {"INTERVAL_BAD_TYPE", "INTERVAL_SYNTAX", "INTERVAL_OUT_OF_RANGE"}
    else:
        assert isinstance(result, timedelta)
        assert timedelta(seconds=1) <= result <= timedelta(days=3650)


ITEMS = st.one_of(
    st.from_regex(r"[0-9*LW?]{1,3}([-/#,][0-9A-Z]{0,3}){0,3}", fullmatch=True),
    st.sampled_from(["MON", "fri", "FRIL", "MON#2", "15W", "LW", "L", "JAN-MAR", "@daily", "*/7", "0x5", "\u0663", "\u0131"]),
    st.integers(-400, 400),
    st.integers(),
)


@given(st.sampled_from(sorted(CALENDAR_KINDS)), st.one_of(ITEMS, st.lists(ITEMS, max_size=120), st.text(max_size=300), JSON))
def test_any_value_is_a_calendar_field_or_is_refused(name: str, value: object) -> None:
    result = outcome(lambda asked: parse_calendar_field(CALENDAR_KINDS[name], asked), value)

    if isinstance(result, ScheduleError):
        assert result.code.startswith("CRON_") or result.code in {"FIELD_BAD_TYPE", "FIELD_OUT_OF_RANGE"}
        assert len(result.detail) < 200
    else:
        assert isinstance(result, Field)
        # Only a list may count days from the month's end; its text is none that could be given.
        again = value if isinstance(value, list) else result.text
        assert parse_calendar_field(CALENDAR_KINDS[name], again).text == result.text


RULE_PARTS = st.from_regex(
    r"(FREQ|INTERVAL|COUNT|WKST|UNTIL|BY(MONTH|MONTHDAY|YEARDAY|WEEKNO|DAY|HOUR|MINUTE|SECOND|SETPOS)|X-A)"
    r"=([A-Z]{2,8}|[+-]?[0-9]{1,9}(MO|FR)?(,[+-]?[0-9]{0,3}){0,2}|[0-9]{8}(T[0-9]{6}Z?)?)",
    fullmatch=True,
)


@given(
    st.one_of(
        st.lists(RULE_PARTS, max_size=4).map(";".join),
        st.lists(RULE_PARTS, max_size=4).map(lambda parts: ";".join(["freq=yearly", *parts])),
        st.text(max_size=40),
    )
)
def test_any_text_is_a_rule_or_is_refused(text: str) -> None:
    result = outcome(parse_rrule, text)

    if isinstance(result, ScheduleError):
        assert result.code.startswith("RRULE_") or result.code == "SCHEDULE_DATE_OUT_OF_RANGE"
        assert result.position is None or 0 <= result.position <= len(text)
    else:
        assert isinstance(result, RruleText)
        assert parse_rrule(result.canonical) == result
