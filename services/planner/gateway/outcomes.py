"""What became of commands: requests wait here, whoever reads the plan events tells."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pydantic import ValidationError

from planner.gateway.positions import Position
from planner.runtime.failures import UnavailableError
from planner_contracts.calendar import CalendarChanged
from planner_contracts.envelope import Envelope
from planner_contracts.plan_event import CommandRejected, PlanChanged, PlanEventType

WAITING_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The command was carried out, now or before. `plan` None: the run store's revisions have it."""

    plan_id: str
    revision: int
    plan: Mapping[str, Any] | None
    replayed: bool
    position: Position


@dataclass(frozen=True, slots=True)
class CalendarAcceptance:
    """A holiday list has come to every partition, or did so before. `created`: there was none before."""

    name: str
    version: int
    created: bool
    replayed: bool
    positions: tuple[Position, ...]


@dataclass(frozen=True, slots=True)
class Rejection:
    """Nothing was changed. `problem`: code, status, detail, errors."""

    problem: Mapping[str, Any]


Outcome = Acceptance | CalendarAcceptance | Rejection


@dataclass(frozen=True, slots=True)
class _Wait:
    """`heard`: which partitions a holiday list has come to so far."""

    outcome: asyncio.Future[Outcome]
    heard: dict[int, Position] = field(default_factory=dict)


class Outcomes:
    """The commands whose outcome somebody waits for. Of a holiday list each of the `partitions` tells."""

    def __init__(self, partitions: int = 1) -> None:
        self._partitions = partitions
        self._waiting: dict[str, _Wait] = {}

    @contextmanager
    def expecting(self, command_id: str) -> Iterator[asyncio.Future[Outcome]]:
        """The command's outcome, from now until the block ends. To be entered before the command is published.

        Raises UnavailableError if too many wait already.
        """
        if len(self._waiting) >= WAITING_MAX:
            raise UnavailableError(f"{WAITING_MAX} requests wait already")
        expected: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting[command_id] = _Wait(expected)
        try:
            yield expected
        finally:
            del self._waiting[command_id]
            expected.cancel()

    def give_up(self) -> None:
        """End every wait, as if its time had passed: the process stops, and what is decided meanwhile is in the run store."""
        for wait in self._waiting.values():
            if not wait.outcome.done():
                wait.outcome.set_exception(TimeoutError("the gateway stops"))

    @property
    def count(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def tell(self, event: Envelope, position: Position) -> bool:
        """Whether somebody waited for this event's command. What is no outcome of a command is let pass."""
        wait = self._waiting.get(str(event.data.get("command_id")))
        if wait is None or wait.outcome.done():
            return False
        outcome = outcome_of(event, position)
        if outcome is None:
            return False
        if isinstance(outcome, CalendarAcceptance) and not outcome.replayed:
            wait.heard[position.partition] = position
            if len(wait.heard) < self._partitions:
                return True
            outcome = replace(outcome, positions=tuple(wait.heard.values()))
        wait.outcome.set_result(outcome)
        return True


def outcome_of(event: Envelope, position: Position) -> Outcome | None:
    """The outcome that a plan event tells of; None if of none, or not in a form that this version reads."""
    try:
        if event.type == PlanEventType.COMMAND_REJECTED:
            rejected = CommandRejected.model_validate(event.data)
            return Rejection(rejected.model_dump(include={"code", "status", "detail", "errors"}))
        if event.type in (PlanEventType.CALENDAR_CHANGED, PlanEventType.CALENDAR_DELETED):
            calendar = CalendarChanged.model_validate(event.data)
            return CalendarAcceptance(calendar.name, calendar.version, calendar.created, calendar.replayed, (position,))
        changed = PlanChanged.model_validate(event.data)
    except ValidationError:
        return None
    # The plan as it was written: its dates, its numbers and their order are echoed.
    plan = None if changed.plan is None else event.data["plan"]
    return Acceptance(changed.plan_id, changed.revision, plan, changed.replayed, position)
