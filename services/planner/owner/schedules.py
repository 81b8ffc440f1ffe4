"""Compiled schedules of plans that fire again and again, by plan and revision; and of one-shots, by what they have in common."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, Final

from msgspec import structs

from planner.domain.calendars import calendars_of
from planner.domain.definition import load
from planner.domain.plan import CalendarState, Cursor, PlanRevision
from planner.domain.recurrence.once import Once
from planner.domain.schedule import Schedule

SCHEDULES_KEPT_MAX: Final = 10_000


class Schedules:
    """A bounded cache: the least recently used schedule goes first."""

    def __init__(self, limit: int = SCHEDULES_KEPT_MAX) -> None:
        self._limit = limit
        self._kept: OrderedDict[Hashable, Schedule] = OrderedDict()

    def of(self, revision: PlanRevision, cursor: Cursor, holidays: CalendarState | None = None) -> Schedule:
        """The revision's schedule, compiled at its first use. `holidays`: the tenant's list that it names.

        One-shots differ in their instant alone, and that stands in the cursor: what else they say is compiled once for all that
        say the same.
        """
        document = revision.document
        if document["recurrence"] is not None or cursor.next_nominal is None:
            version = None if holidays is None else holidays.version
            # With its time: a tick that was not committed may be decided anew, and make the same revision another one.
            return self._compiled((revision.plan_id, revision.number, revision.updated_at, version), document, holidays)
        late = document["misfire"]
        same = (document["timezone"], document["jitter_seconds"], late["max_lateness_seconds"], late["coalesce"], late["max_catchup"])
        return structs.replace(self._compiled(same, document), rule=Once(cursor.next_nominal))

    def _compiled(self, key: Hashable, document: dict[str, Any], holidays: CalendarState | None = None) -> Schedule:
        kept = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = load(document, calendars_of(holidays)).schedule
            if len(self._kept) > self._limit:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return kept
