"""A tenant's named lists of holidays: the resource, the events, and the copy that each shard gets (api.md, sections 2 and 3)."""

from datetime import date
from typing import Annotated, Final

from pydantic import Field

from planner_contracts.instants import Instant
from planner_contracts.message import Message

CALENDAR_DATES_MAX: Final = 1000
# Of a tenant. Every shard keeps each list that ever was, for its version goes on counting.
CALENDARS_MAX: Final = 1000
CALENDAR_COPIED_TYPE: Final = "planner.calendar.copied"

CalendarDates = Annotated[list[date], Field(max_length=CALENDAR_DATES_MAX)]


class Calendar(Message):
    """A list as it is shown. `dates` as they were given; each change makes the next `version`."""

    name: str
    dates: list[date]
    version: int
    updated_at: Instant
    updated_by: str


class CalendarChanged(Message):
    """`data` of `planner.calendar.changed` and `planner.calendar.deleted`: one from each partition that the list has come to.

    A deleted list keeps its `dates` for plans that use it. `created`: there was no such list before. A replayed event, of one
    partition only, tells without `dates` that the command was carried out earlier, or as `original_command_id` says that another of
    the same idempotency key was.
    """

    command_id: str
    name: str
    version: int
    dates: CalendarDates | None
    created: bool
    actor: str
    at: Instant
    replayed: bool = False
    original_command_id: str | None = None


class CalendarCopied(CalendarChanged):
    """`data` of the copy that the partition which took in the command, the `origin`, writes to every other command partition."""

    tenant_id: str
    organization_id: str
    deleted: bool
    origin: int
