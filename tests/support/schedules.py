"""Schedules for tests: built the way callers build them, from a definition."""

from datetime import datetime, timedelta
from typing import Any

from planner.domain.definition import define
from planner.domain.errors import DefinitionInvalidError
from planner.domain.limits import SPACING_MIN
from planner.domain.recurrence.business_days import NO_CALENDARS, Calendars
from planner.domain.recurrence.window import occurrences
from planner.domain.schedule import Schedule
from planner_contracts.instants import format_instant
from planner_contracts.plan_event import FieldFault

PLAN_ID = "00000000-0000-4000-8000-000000000001"


def instant(text: str) -> datetime:
    """An instant written with `Z` or an offset."""
    moment = datetime.fromisoformat(text)
    assert moment.tzinfo is not None
    return moment


def a_definition(**fields: object) -> dict[str, Any]:
    """A definition with an action, and an interval of a minute where no other schedule is given."""
    when = {} if {"execute_at", "recurrence"} & fields.keys() else {"recurrence": {"type": "interval", "every_seconds": 60}}
    return {"action": "content.publish", **when, **fields}


def a_schedule(**fields: object) -> Schedule:
    return define(a_definition(**fields), now=None).schedule


def a_cron(expression: str, timezone: str = "UTC", **fields: object) -> Schedule:
    return a_schedule(recurrence={"type": "cron", "expression": expression}, timezone=timezone, **fields)


def a_rrule(
    rule: str, dtstart: str, timezone: str = "UTC", *, exdates: list[str] | None = None, rdates: list[str] | None = None, **fields: object
) -> Schedule:
    recurrence = {"type": "rrule", "rule": rule, "dtstart": dtstart, "exdates": exdates, "rdates": rdates}
    return a_schedule(recurrence=recurrence, timezone=timezone, **fields)


def an_interval(every_seconds: int, anchor: str = "2026-01-01T00:00:00Z", **fields: object) -> Schedule:
    return a_schedule(recurrence={"type": "interval", "every_seconds": every_seconds, "anchor": anchor}, **fields)


def fires(schedule: Schedule, after: str | None, *, until: str | None = None, limit: int = 10) -> list[str]:
    """The occurrences as the wire writes them."""
    window = occurrences(
        schedule, after=None if after is None else instant(after), until=None if until is None else instant(until), limit=limit
    )
    return [format_instant(found) for found in window.instants]


def a_calendar(
    timezone: str = "UTC", *, dst: dict[str, str] | None = None, calendars: Calendars = NO_CALENDARS, **members: object
) -> Schedule:
    """A calendar rule of these members, in a zone and under a policy."""
    given = a_definition(recurrence={"type": "calendar", **members}, timezone=timezone, dst=dst)
    return define(given, now=None, calendars=calendars).schedule


def faults_of(
    given: dict[str, Any],
    *,
    now: str | None = None,
    plan_id: str | None = None,
    spacing_min: timedelta = SPACING_MIN,
    calendars: Calendars = NO_CALENDARS,
) -> tuple[FieldFault, ...]:
    """Everything a definition is refused for; nothing where it is accepted."""
    try:
        define(given, now=None if now is None else instant(now), plan_id=plan_id, spacing_min=spacing_min, calendars=calendars)
    except DefinitionInvalidError as invalid:
        return invalid.faults
    return ()


def codes_of(
    given: dict[str, Any],
    *,
    now: str | None = None,
    plan_id: str | None = None,
    spacing_min: timedelta = SPACING_MIN,
    calendars: Calendars = NO_CALENDARS,
) -> list[tuple[str, str]]:
    """(pointer, code) of every fault, in order."""
    found = faults_of(given, now=now, plan_id=plan_id, spacing_min=spacing_min, calendars=calendars)
    return [(fault.pointer, fault.code) for fault in found]
