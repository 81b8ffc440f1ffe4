"""A command's way, with whoever decides and records it in memory."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from planner.gateway.caller import Visible
from planner.gateway.command_publisher import PlanCommand, Trace
from planner.gateway.metrics import GatewayMetrics
from planner.gateway.outcomes import Outcomes, Rejection
from planner.gateway.positions import Position
from planner.gateway.run_queries import RunQueries, StoredCommand
from planner.gateway.submission import Carried, Late, Spread, Submission
from planner.gateway.watermark import Watermark
from planner.runtime.failures import Backoff, IndefiniteError, UnavailableError
from planner_contracts.envelope import Envelope
from planner_contracts.plan_command import CommandType
from support.plans import NOON

EVENTS = "plan.events"
PLAN = {"id": "p", "revision": 1}
COMMAND = PlanCommand(
    type=CommandType.CANCEL,
    command_id="c",
    plan_id="p",
    tenant_id="t",
    organization_id="o",
    actor="key:k",
    issued_at=NOON,
)


@dataclass
class World:
    """Publisher, owner and run store in one. `answers`: the data of the event that a command causes; None = nobody decides."""

    outcomes: Outcomes = field(default_factory=Outcomes)
    answers: dict[str, Any] | None = None
    refuses: Exception | None = None
    recorded: int = 0
    stored: StoredCommand | None = None
    store_away: bool = False
    published: int = 0

    async def publish(self, command: PlanCommand, trace: Trace) -> Position:
        del trace
        if self.refuses is not None:
            raise self.refuses
        self.published += 1
        if self.answers is not None:
            kind = "planner.command.rejected" if "code" in self.answers else self.answers.get("kind", "planner.plan.cancelled")
            data = {"command_id": command.command_id, "plan_id": "p", "at": "2026-01-01T00:00:00Z", **self.answers}
            event = Envelope("e", "/owner", kind, NOON, "p", "t", "o", data)
            self.outcomes.tell(event, Position(EVENTS, 0, 5))
        return Position("plan.commands", 0, 3)

    async def watermarks(self, topics: Collection[str]) -> Mapping[tuple[str, int], int]:
        return {(topic, 0): self.recorded for topic in topics}

    async def command(self, visible: Visible, command_id: str) -> StoredCommand | None:
        assert (visible, command_id) == (Visible("t", None), "c")
        if self.store_away:
            raise UnavailableError("away")
        return self.stored

    async def plan_at(self, plan_id: str, revision: int, *, until_offset: int) -> Mapping[str, Any] | None:
        return PLAN | {"of": [plan_id, revision, until_offset]}


@asynccontextmanager
async def submission(world: World) -> AsyncIterator[Submission]:
    watermark = Watermark(world)
    keeper = asyncio.create_task(watermark.run(Backoff(0.001, 0.01, lambda: 0.5)))
    try:
        yield Submission(
            world,
            outcomes=world.outcomes,
            watermark=watermark,
            # Of the port only what a submission asks for.
            queries=cast(RunQueries, world),
            metrics=GatewayMetrics(CollectorRegistry()),
        )
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)


async def submitted(world: World, *, wait_s: float = 5) -> Carried | Rejection | Late:
    async with submission(world) as way:
        return await way.submit(COMMAND, Trace("r", "00"), wait_s=wait_s)


def changed(**more: Any) -> dict[str, Any]:  # noqa: ANN401 (any field of the event)
    return {"revision": 1, "changes": [], "actor": "a", "replayed": False, "plan": None, **more}


async def test_a_repeat_is_answered_with_the_plan_as_its_revision_made_it() -> None:
    world = World(answers=changed(replayed=True), recorded=6)
    assert await submitted(world) == Carried(PLAN | {"of": ["p", 1, 5]}, replayed=True)


async def test_an_outcome_is_not_told_before_the_run_store_shows_it() -> None:
    world = World(answers=changed(), recorded=5)
    assert await submitted(world, wait_s=0.05) == Late()


async def test_a_rejection_needs_no_run_store() -> None:
    refusal = {"code": "PLAN_NOT_FOUND", "status": 404, "detail": "d", "errors": []}
    assert await submitted(World(answers=dict(refusal), store_away=True)) == Rejection(refusal)


async def test_an_event_that_was_missed_is_found_in_the_run_store() -> None:
    known = StoredCommand("c", "accepted", "p", 2, False, None, 9, NOON)
    assert await submitted(World(stored=known), wait_s=0.01) == Carried(PLAN | {"of": ["p", 2, 9]}, replayed=False)


async def test_a_published_command_is_late_rather_than_failed_if_nothing_is_known_of_it() -> None:
    pending = StoredCommand("c", "pending", None, None, False, None, None, NOON)
    for world in (World(), World(store_away=True), World(stored=pending)):
        assert await submitted(world, wait_s=0.01) == Late()
        assert (world.published, world.outcomes.count) == (1, 0)


async def test_who_does_not_wait_is_answered_when_the_command_is_recorded() -> None:
    assert await submitted(World(answers=changed(), recorded=4), wait_s=0) == Late()


PUT = replace(COMMAND, type=CommandType.CALENDAR_PUT, content={"name": "nl", "dates": []})


async def spread(world: World, *, wait_s: float = 5) -> Spread | Rejection | Late:
    async with submission(world) as way:
        return await way.spread(PUT, Trace("r", "00"), wait_s=wait_s)


def told(**more: Any) -> dict[str, Any]:  # noqa: ANN401 (any field of the event)
    return {"kind": "planner.calendar.changed", "name": "nl", "version": 1, "dates": [], "created": True, "actor": "a", **more}


async def test_a_holiday_list_is_there_when_the_run_store_shows_what_every_partition_told() -> None:
    assert await spread(World(answers=told(), recorded=6)) == Spread(created=True, replayed=False)
    assert await spread(World(answers=told(), recorded=5), wait_s=0.05) == Late()
    assert await spread(World(outcomes=Outcomes(2), answers=told(), recorded=6), wait_s=0.05) == Late()


async def test_a_holiday_list_that_not_every_partition_has_told_of_is_late_whatever_the_run_store_shows() -> None:
    known = StoredCommand("c", "accepted", None, 2, False, None, 9, NOON)
    assert await spread(World(stored=known), wait_s=0.01) == Late()


@pytest.mark.parametrize("failure", [UnavailableError("away"), IndefiniteError("no answer")])
async def test_a_command_that_may_not_be_published_is_an_error_and_nobody_waits_for_it(failure: Exception) -> None:
    world = World(refuses=failure)
    with pytest.raises(type(failure)):
        await submitted(world)
    assert world.outcomes.count == 0
