"""A command, published and waited for: until its owner has decided, and the run store shows what was decided."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from planner.gateway.caller import Visible
from planner.gateway.command_publisher import CommandPublisher, PlanCommand, Trace
from planner.gateway.metrics import GatewayMetrics
from planner.gateway.outcomes import Acceptance, CalendarAcceptance, Outcome, Outcomes, Rejection
from planner.gateway.positions import Position
from planner.gateway.run_queries import RunQueries
from planner.gateway.watermark import Watermark
from planner.runtime.failures import IndefiniteError, UnavailableError
from planner.runtime.log import get_logger

# So that the Location of an answer that did not wait can be followed: the recorder is behind by less than this in ordinary operation.
RECORDED_WITHIN_S: Final = 1.0

_log = get_logger("gateway")


@dataclass(frozen=True, slots=True)
class Carried:
    """The run store shows it. `plan`: as this command, or the first one of its key, left it."""

    plan: Mapping[str, Any]
    replayed: bool


@dataclass(frozen=True, slots=True)
class Spread:
    """A holiday list has come to every shard, and the run store shows it."""

    created: bool
    replayed: bool


@dataclass(frozen=True, slots=True)
class Late:
    """It is published, and what became of it cannot be shown yet."""


class Submission:
    """Sends commands on their way."""

    def __init__(
        self, publisher: CommandPublisher, *, outcomes: Outcomes, watermark: Watermark, queries: RunQueries, metrics: GatewayMetrics
    ) -> None:
        self._publisher = publisher
        self._outcomes = outcomes
        self._watermark = watermark
        self._queries = queries
        self._metrics = metrics

    async def submit(self, command: PlanCommand, trace: Trace, *, wait_s: float) -> Carried | Rejection | Late:
        """What became of the command within `wait_s` after it was published.

        Raises ProblemError, BODY_TOO_LARGE; UnavailableError and IndefiniteError if it may not be published at all.
        """
        shown = await self._submitted(command, trace, wait_s)
        assert not isinstance(shown, Spread)
        return shown

    async def spread(self, command: PlanCommand, trace: Trace, *, wait_s: float) -> Spread | Rejection | Late:
        """The same of a command about a holiday list."""
        shown = await self._submitted(command, trace, wait_s)
        assert not isinstance(shown, Carried)
        return shown

    async def _submitted(self, command: PlanCommand, trace: Trace, wait_s: float) -> Carried | Spread | Rejection | Late:
        with self._outcomes.expecting(command.command_id) as expected, self._metrics.waiting.track_inprogress():
            try:
                published = await self._publisher.publish(command, trace)
            except (UnavailableError, IndefiniteError):
                self._metrics.commands.labels("unavailable").inc()
                raise
            shown = await self._wait(command, expected, published, wait_s)
        self._metrics.commands.labels(_NAMES[type(shown)]).inc()
        return shown

    async def _wait(
        self, command: PlanCommand, expected: asyncio.Future[Outcome], published: Position, wait_s: float
    ) -> Carried | Spread | Rejection | Late:
        if not wait_s:
            await self._recorded(published)
            return Late()
        try:
            async with asyncio.timeout(wait_s):
                outcome = await expected
                await asyncio.gather(*map(self._watermark.passed, _positions(outcome)))
        except TimeoutError:
            outcome = None
        try:
            return await self._shown(outcome or await self._asked(command))
        except UnavailableError as error:
            # Not an error of the request: its command is published, and whoever repeats it would do it twice.
            _log.warning("gateway.outcome.not_shown", command_id=command.command_id, cause=str(error))
            return Late()

    async def _recorded(self, published: Position) -> None:
        try:
            async with asyncio.timeout(RECORDED_WITHIN_S):
                await self._watermark.passed(published)
        except TimeoutError:
            _log.warning("gateway.command.not_recorded", topic=published.topic, partition=published.partition, offset=published.offset)

    async def _asked(self, command: PlanCommand) -> Outcome | None:
        """The outcome as the run store has it: we may have missed the event."""
        row = await self._queries.command(Visible(command.tenant_id, None), command.command_id)
        if row is None or row.event_offset is None:
            return None
        if row.problem is not None:
            return Rejection(row.problem)
        if row.plan_id is None or row.revision is None:
            return None  # of a holiday list the run store does not know which partitions it has come to
        return Acceptance(row.plan_id, row.revision, None, row.replayed, Position("", 0, row.event_offset))

    async def _shown(self, outcome: Outcome | None) -> Carried | Spread | Rejection | Late:
        if outcome is None or isinstance(outcome, Rejection):
            return outcome or Late()
        if isinstance(outcome, CalendarAcceptance):
            return Spread(outcome.created, outcome.replayed)
        plan = outcome.plan
        if plan is None:
            plan = await self._queries.plan_at(outcome.plan_id, outcome.revision, until_offset=outcome.position.offset)
        return Late() if plan is None else Carried(plan, outcome.replayed)


def _positions(outcome: Outcome) -> tuple[Position, ...]:
    match outcome:
        case Acceptance(position=position):
            return (position,)
        case CalendarAcceptance(positions=positions):
            return positions
        case Rejection():
            return ()


_NAMES: Final[Mapping[type, str]] = {Carried: "accepted", Spread: "accepted", Rejection: "rejected", Late: "late"}
