"""The holiday list that a definition names, as the gateway judges and shows it."""

from collections.abc import Mapping
from typing import Any

from planner.domain.definition import named_calendar
from planner.domain.recurrence.business_days import Calendars, HolidayList
from planner.gateway.run_queries import RunQueries


def perhaps_there(given: Mapping[str, Any]) -> Calendars:
    """The list, as if it were there and empty: what it forbids is for the plan's owner to judge, who knows it first."""
    name = named_calendar(given)
    return {} if name is None else {name: HolidayList(0, frozenset())}


async def list_named(given: Mapping[str, Any], tenant_id: str, queries: RunQueries) -> Calendars:
    """The list as the run store has it, if it is there."""
    name = named_calendar(given)
    found = None if name is None else await queries.calendar(tenant_id, name)
    return {} if name is None or found is None else {name: found.holidays}
