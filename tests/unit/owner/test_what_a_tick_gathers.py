"""A decision finds every record that it is about: each story is told in several ticks, which share nothing but index and log."""

from datetime import timedelta
from typing import Any

import pytest

from planner.domain.plan import StateKind
from planner.domain.run import OPEN_MAX
from planner.owner.inbox import Incoming, read_command
from planner.owner.read_records import ReadCommand
from planner_contracts.ids import run_id
from support.incoming import a_cancel, a_create, a_report, an_update, command_data, event, incoming, plan_made_by
from support.plans import ACTION, MINUTELY, NOON, ONCE, TENANT, command_id
from support.tenures import HeldShard, data_of, types

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
PLAN = plan_made_by("c1")
MONDAY = "2026-03-02"  # NOON is on the Sunday before


@pytest.fixture
async def shard() -> HeldShard:
    return await HeldShard().begin()


def a_list(kind: str, command: str, **content: Any) -> Incoming:  # noqa: ANN401 any field of a command
    return incoming(event(f"calendar.{kind}", command_data(command, name="nl", **content)))


def nine_o_clock(**members: object) -> dict[str, Any]:
    return {"action": ACTION, "recurrence": {"type": "calendar", "hour": "9", "roll": "skip", "holiday_calendar": "nl"} | members}


async def fired(shard: HeldShard, overlap: str) -> str:
    """The run of a minutely plan with this policy, which has just fired for the first time."""
    await shard.tick(a_create(MINUTELY | {"overlap": overlap}))
    (action,) = data_of(await shard.tick(later=MINUTE), f"action.{ACTION}")
    run: str = action["run_id"]
    return run


async def test_a_command_finds_the_plan_that_it_changes(shard: HeldShard) -> None:
    await shard.tick(a_create(ONCE))
    (updated,) = data_of(await shard.tick(an_update(PLAN, {"name": "b"}, "c2")), "plan.updated")
    assert (updated["revision"], updated["plan"]["name"], updated["plan"]["next_run_at"]) == (2, "b", "2026-03-01T13:00:00Z")


async def test_a_command_that_comes_again_finds_its_first_outcome(shard: HeldShard) -> None:
    await shard.tick(a_create(ONCE))
    (again,) = data_of(await shard.tick(a_create(ONCE)), "plan.created")
    assert (again["replayed"], again["plan_id"]) == (True, PLAN)


async def test_a_command_with_the_key_of_an_earlier_one_finds_its_outcome(shard: HeldShard) -> None:
    # A key of a create names the plan; that of another command does not, and is remembered by itself.
    plan = plan_made_by("c1", key="k")
    await shard.tick(a_create(ONCE, "c1", key="k"))
    (again,) = data_of(await shard.tick(a_create(ONCE, "c2", key="k")), "plan.created")
    assert (again["replayed"], again["original_command_id"]) == (True, command_id("c1"))

    def keyed(command: str) -> Incoming:
        return incoming(event("plan.update", command_data(command, key="u", plan_id=plan, patch={"name": "b"})))

    first = await shard.tick(keyed("c3"))
    (repeat,) = data_of(await shard.tick(keyed("c4")), "plan.updated")
    assert data_of(first, "plan.updated")[0]["replayed"] is False
    assert (repeat["replayed"], repeat["original_command_id"], repeat["revision"]) == (True, command_id("c3"), 2)


async def test_a_command_on_a_plan_that_ended_finds_how_it_ended(shard: HeldShard) -> None:
    await shard.tick(a_create(ONCE))
    await shard.tick(a_cancel(PLAN, "c2"))
    (rejected,) = data_of(await shard.tick(an_update(PLAN, {"name": "b"}, "c3")), "command.rejected")
    assert rejected["code"] == "PLAN_CANCELLED"
    (again,) = data_of(await shard.tick(a_cancel(PLAN, "c4")), "plan.cancelled")
    assert again["replayed"] is True


async def test_a_change_of_a_list_finds_the_list(shard: HeldShard) -> None:
    await shard.tick(a_list("put", "p1", dates=[MONDAY]))
    (changed,) = data_of(await shard.tick(a_list("put", "p2", dates=[])), "calendar.changed")
    assert (changed["version"], changed["created"]) == (2, False)
    (deleted,) = data_of(await shard.tick(a_list("delete", "p3")), "calendar.deleted")
    assert deleted["version"] == 3
    (rejected,) = data_of(await shard.tick(a_list("delete", "p4")), "command.rejected")
    assert rejected["code"] == "CALENDAR_NOT_FOUND"


async def test_a_change_of_a_list_that_comes_again_finds_its_first_outcome(shard: HeldShard) -> None:
    await shard.tick(a_list("put", "p1", key="k", dates=[MONDAY]))
    await shard.tick(a_list("put", "p2", dates=[]))
    (same_command,) = data_of(await shard.tick(a_list("put", "p1", key="k", dates=[MONDAY])), "calendar.changed")
    (same_key,) = data_of(await shard.tick(a_list("put", "p3", key="k", dates=[MONDAY])), "calendar.changed")
    assert [(told["replayed"], told["version"]) for told in (same_command, same_key)] == [(True, 1), (True, 1)]


async def test_a_copy_finds_the_list_that_it_may_be_older_than(shard: HeldShard) -> None:
    copied = {"command_id": command_id("p1"), "tenant_id": TENANT, "organization_id": "acme-eu", "name": "nl", "actor": "key:1"}
    told = copied | {"at": "2026-03-01T12:00:00Z", "deleted": False, "created": False, "dates": [MONDAY], "origin": 1}
    for version in (5, 4):
        await shard.tick(incoming(event("calendar.copied", told | {"version": version})))
    (changed,) = data_of(await shard.tick(a_list("put", "p2", dates=[])), "calendar.changed")
    assert changed["version"] == 6


async def test_a_plan_finds_the_list_that_its_create_or_an_update_names(shard: HeldShard) -> None:
    (unknown,) = data_of(await shard.tick(a_create(nine_o_clock(), "c0")), "command.rejected")
    assert [fault["code"] for fault in unknown["errors"]] == ["HOLIDAY_CALENDAR_UNKNOWN"]
    await shard.tick(a_list("put", "p1", dates=[MONDAY]))
    (created,) = data_of(await shard.tick(a_create(nine_o_clock())), "plan.created")
    assert created["plan"]["next_run_at"] == "2026-03-03T09:00:00Z"

    plain = {"action": ACTION, "recurrence": {"type": "calendar", "hour": "9", "roll": "skip"}}
    await shard.tick(a_create(plain, "c2"))
    (updated,) = data_of(await shard.tick(an_update(plan_made_by("c2"), {"recurrence": {"holiday_calendar": "nl"}}, "c3")), "plan.updated")
    assert updated["plan"]["next_run_at"] == "2026-03-03T09:00:00Z"


async def test_a_command_on_a_plan_finds_the_list_that_the_plan_uses(shard: HeldShard) -> None:
    await shard.tick(a_list("put", "p1", dates=[MONDAY]))
    await shard.tick(a_create(nine_o_clock()))
    (updated,) = data_of(await shard.tick(an_update(PLAN, {"recurrence": {"hour": "10"}}, "c2")), "plan.updated")
    assert updated["plan"]["next_run_at"] == "2026-03-03T10:00:00Z"


async def test_a_due_plan_finds_the_list_that_it_uses(shard: HeldShard) -> None:
    await shard.tick(a_list("put", "p1", dates=["2026-03-03"]))
    await shard.tick(a_create(nine_o_clock()))
    await shard.settle()
    told = await shard.tick(later=21 * HOUR)
    (pending,) = data_of(told, "run.pending")
    assert (pending["scheduled_for"], pending["next_run_at"]) == ("2026-03-02T09:00:00Z", "2026-03-04T09:00:00Z")


async def test_a_report_finds_its_run_and_the_plan_whose_next_one_waits_for_it(shard: HeldShard) -> None:
    run = await fired(shard, "queue_all")
    assert types(await shard.tick(later=MINUTE)) == ["occurrence.held"]
    told = await shard.tick(a_report(run, PLAN, "completed"))
    assert types(told) == ["run.completed"]
    (action,) = data_of(await shard.settle(), f"action.{ACTION}")
    assert action["scheduled_for"] == "2026-03-01T12:02:00Z"


async def test_the_last_report_of_a_plan_that_ended_finds_what_is_to_be_forgotten(shard: HeldShard) -> None:
    await shard.tick(a_create(ONCE))
    (action,) = data_of(await shard.tick(later=HOUR), f"action.{ACTION}")
    await shard.tick(a_report(action["run_id"], PLAN, "failed"))
    assert {key.kind for key in shard.store.records} == {StateKind.RETIRED, StateKind.RECEIPT}


async def test_a_run_that_is_open_no_longer_finds_the_plan_that_waits_for_it(shard: HeldShard) -> None:
    # The second and last occurrence waits; nothing but the first run's timer is due a day later.
    ends = {"ends_at": "2026-03-01T12:02:00Z", "misfire": {"max_lateness_seconds": None}}
    await shard.tick(a_create(MINUTELY | ends | {"overlap": "queue_all"}))
    await shard.tick(later=MINUTE)
    assert types(await shard.tick(later=MINUTE)) == ["occurrence.held"]
    assert await shard.tick(later=OPEN_MAX - MINUTE) == []
    (action,) = data_of(await shard.settle(), f"action.{ACTION}")
    assert action["scheduled_for"] == "2026-03-01T12:02:00Z"


async def test_a_due_plan_finds_the_runs_that_it_ends(shard: HeldShard) -> None:
    run = await fired(shard, "cancel_previous")
    told = await shard.tick(later=MINUTE)
    (ended,) = data_of(told, "run.failed")
    assert (ended["id"], ended["reason"]) == (run, "CANCELLED")
    (action,) = data_of(told, f"action.{ACTION}")
    assert action["run_id"] == run_id(PLAN, "schedule", NOON + 2 * MINUTE, 1)


@pytest.mark.parametrize("record", [incoming(b"garbage"), a_cancel("?", "c1")], ids=["no event", "an invalid command"])
def test_what_is_not_carried_out_looks_at_nothing(record: Incoming) -> None:
    read = ReadCommand(record, read_command(record, partition=0, partitions=1))
    assert [*read.needs(), *read.calendars()] == []
