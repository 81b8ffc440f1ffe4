"""Plans, runs and commands as they are shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from planner.domain.dates import parse_instant
from planner.domain.definition import load
from planner.domain.preview import Asked, preview
from planner.domain.recurrence.business_days import Calendars
from planner.gateway.run_queries import StoredCommand
from planner_contracts.instants import format_instant

API: Final = "/api/v1"
"""Where the resources are."""

_LATENESS_DIGITS: Final = 3


@dataclass(frozen=True, slots=True)
class Progress:
    """What run events move in a plan between two of its revisions."""

    status: str
    next_run_at: datetime | None
    last_run: Mapping[str, Any] | None


def plan_now(document: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """The plan of its newest event, with what has moved since."""
    moved = {"status": progress.status, "next_run_at": instant(progress.next_run_at), "last_run": progress.last_run}
    return _without_warnings(document) | moved


def plan_answer(document: Mapping[str, Any], *, last_run: object = None) -> dict[str, Any]:
    """The plan as a command left it. Its event knows nothing of runs: those are the run store's to know."""
    return _without_warnings(document) | {"last_run": last_run}


def created_plan(document: Mapping[str, Any], calendars: Calendars) -> dict[str, Any]:
    """The plan as the create that made it answers: with warnings, as of its creation."""
    schedule = load(document, calendars).schedule
    created = Asked(parse_instant(document["created_at"]), limit=1)
    found = preview(schedule, created, runs_left=schedule.max_runs)
    return plan_answer(document) | {"warnings": [warning.model_dump() for warning in found.warnings]}


def last_run(run_id: object, state: str | None, scheduled_for: datetime | None, finished_at: datetime | None) -> dict[str, Any] | None:
    """The newest occurrence's run; None before the first."""
    if run_id is None:
        return None
    return {"id": str(run_id), "state": state, "scheduled_for": instant(scheduled_for), "finished_at": instant(finished_at)}


def lateness(milliseconds: float) -> float:
    """With the three decimals that it is shown with."""
    return round(milliseconds, _LATENESS_DIGITS)


def command_shown(command: StoredCommand, error: Mapping[str, Any] | None) -> dict[str, Any]:
    """The command. `error`: the problem object of a rejected one."""
    return {"id": command.id, "state": command.state, "plan_id": command.plan_id, "error": error, "at": format_instant(command.at)}


def instant(moment: datetime | None) -> str | None:
    """The wire's form, where there is one."""
    return None if moment is None else format_instant(moment)


def _without_warnings(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "warnings"}
