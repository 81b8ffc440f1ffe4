"""Compiled schedules of the plans that fire again and again, by plan and revision."""

from collections import OrderedDict
from typing import Final

from planner.domain.definition import load
from planner.domain.plan import PlanRevision
from planner.domain.schedule import Schedule

SCHEDULES_KEPT_MAX: Final = 10_000


class Schedules:
    """A bounded cache: the least recently used schedule goes first."""

    def __init__(self, limit: int = SCHEDULES_KEPT_MAX) -> None:
        self._limit = limit
        self._kept: OrderedDict[tuple[str, int], Schedule] = OrderedDict()

    def of(self, revision: PlanRevision) -> Schedule:
        """The revision's schedule, compiled at its first use."""
        if revision.document["recurrence"] is None:
            return load(revision.document).schedule  # fires once: keeping it would only push out others
        key = (revision.plan_id, revision.number)
        kept = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = load(revision.document).schedule
            if len(self._kept) > self._limit:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return kept
