from contextlib import ExitStack
from typing import Any

import pytest

from planner.gateway.outcomes import WAITING_MAX, Acceptance, Outcomes, Rejection
from planner.gateway.positions import Position
from planner.runtime.failures import UnavailableError
from planner_contracts.envelope import Envelope
from support.plans import NOON

PLACE = Position("plan.events", 1, 7)
CHANGED = {"command_id": "c", "plan_id": "p", "revision": 2, "changes": [], "actor": "a", "at": "2026-01-01T00:00:00Z", "replayed": True}
REJECTED = {
    "command_id": "c",
    "plan_id": "p",
    "code": "PLAN_NOT_FOUND",
    "status": 404,
    "detail": "d",
    "errors": [],
    "at": "2026-01-01T00:00:00Z",
}


def an_event(kind: str, data: dict[str, Any]) -> Envelope:
    return Envelope(id="e", source="/planner/owner", type=kind, time=NOON, subject="p", tenant_id="t", organization_id="o", data=data)


async def test_whoever_waits_for_a_command_is_told_its_outcome_once() -> None:
    outcomes = Outcomes()
    with outcomes.expecting("c") as expected:
        assert not outcomes.tell(an_event("planner.plan.updated", CHANGED | {"command_id": "another"}), PLACE)
        assert outcomes.tell(an_event("planner.plan.updated", CHANGED | {"plan": None}), PLACE)
        assert not outcomes.tell(an_event("planner.command.rejected", REJECTED), PLACE)
        assert await expected == Acceptance("p", 2, None, replayed=True, position=PLACE)
    assert outcomes.count == 0


async def test_a_rejection_carries_the_problem_and_nothing_else() -> None:
    outcomes = Outcomes()
    with outcomes.expecting("c") as expected:
        outcomes.tell(an_event("planner.command.rejected", REJECTED), PLACE)
        assert await expected == Rejection({name: REJECTED[name] for name in ("code", "status", "detail", "errors")})


async def test_an_event_that_this_version_cannot_read_is_no_outcome() -> None:
    outcomes = Outcomes()
    with outcomes.expecting("c") as expected:
        assert not outcomes.tell(an_event("planner.plan.melted", {"command_id": "c", "revision": "x"}), PLACE)
        assert not expected.done()


async def test_a_gateway_that_stops_ends_every_wait_as_if_its_time_had_passed() -> None:
    outcomes = Outcomes()
    with outcomes.expecting("c") as expected, outcomes.expecting("d") as other:
        outcomes.give_up()
        for wait in (expected, other):
            with pytest.raises(TimeoutError):
                await wait


async def test_no_more_wait_than_can_be_held() -> None:
    outcomes = Outcomes()
    with ExitStack() as waits:
        for number in range(WAITING_MAX):
            waits.enter_context(outcomes.expecting(str(number)))
        with pytest.raises(UnavailableError), outcomes.expecting("one more"):
            pytest.fail("it waits")
