from contextlib import ExitStack
from typing import Any

import pytest

from planner.gateway.outcomes import WAITING_MAX, Acceptance, CalendarAcceptance, Outcomes, Rejection
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


def a_list(**more: Any) -> Envelope:  # noqa: ANN401 (any field of the event)
    data = {"command_id": "c", "name": "nl", "version": 2, "dates": [], "created": False, "actor": "a", "at": "2026-01-01T00:00:00Z"}
    return an_event("planner.calendar.changed", data | more)


async def test_a_holiday_list_has_come_when_every_partition_has_told_of_it() -> None:
    outcomes = Outcomes(partitions=3)
    places = [Position("plan.events", number, 7) for number in range(3)]
    with outcomes.expecting("c") as expected:
        for place in (places[2], places[0], places[0]):
            assert outcomes.tell(a_list(), place)
            assert not expected.done()
        assert outcomes.tell(a_list(), places[1])
        told = await expected
        assert isinstance(told, CalendarAcceptance)
        assert (told.name, told.version, told.created, told.replayed) == ("nl", 2, False, False)
        assert sorted(told.positions, key=lambda place: place.partition) == places


async def test_of_a_repeated_change_of_a_list_one_partition_tells() -> None:
    outcomes = Outcomes(partitions=3)
    with outcomes.expecting("c") as expected:
        assert outcomes.tell(a_list(dates=None, created=True, replayed=True), PLACE)
        assert await expected == CalendarAcceptance("nl", 2, created=True, replayed=True, positions=(PLACE,))


async def test_a_rejected_change_of_a_list_is_told_by_one_partition() -> None:
    outcomes = Outcomes(partitions=3)
    with outcomes.expecting("c") as expected:
        outcomes.tell(an_event("planner.command.rejected", REJECTED | {"plan_id": None}), PLACE)
        assert isinstance(await expected, Rejection)


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
