"""What one tenant does never makes another wait without end."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from planner.domain.plan import Receipt, StateKind
from planner.domain.run import OPEN_MAX
from planner.owner.changelog import Inputs, put
from planner.owner.due_plans import CANCELLED_PER_TICK_MAX
from planner.owner.index import Position
from planner.owner.inputs import Gathered
from planner.owner.tenure import (
    COMMAND_OUTPUT_BYTES_MAX,
    COMMAND_OUTPUT_RECORDS_MAX,
    READS_PER_TICK_MAX,
    TENANTS_MAX,
    TIMERS_PER_READ_MAX,
)
from planner_contracts.ids import CommandId, PlanId, calendar_id, run_id
from planner_contracts.partitioning import partition_for
from planner_contracts.plan_event import PlanEventType
from support.incoming import a_create, a_report, an_update, command_data, event, incoming, plan_made_by
from support.memory_index import PAGE_PLANS, MemoryIndex
from support.plans import ACTION, NOON, TENANT
from support.tenures import EMPTY, HeldShard, data_of

SECOND = timedelta(seconds=1)
SERVED = READS_PER_TICK_MAX * TIMERS_PER_READ_MAX


async def test_of_more_tenants_than_a_tick_serves_chance_says_who_is_first() -> None:
    """Always beginning with those whose timers have waited longest, it served them alone as long as they had such timers."""
    shard = await HeldShard(random=lambda: 1200 / TENANTS_MAX).begin()
    tenants = [f"t{number:04}" for number in range(SERVED + 500)]
    expired = [put(tenant, receipt(name)) for tenant in tenants for name in ("a", "b")]
    shard.log.offset += 1
    position = Position(EMPTY.incarnation, shard.log.offset, NOON, shard.store.found.inputs)
    await MemoryIndex(shard.store).build(shard.store.found, expired, position)
    shard.take_over_again()

    await shard.tick(later=SECOND)

    left = Counter(key.tenant_id for key in shard.store.records if key.kind is StateKind.RECEIPT)
    passed_by = [tenant for tenant in tenants if left[tenant] == 2]
    assert passed_by == tenants[1200 + SERVED - len(tenants) : 1200]


def receipt(name: str) -> Receipt:
    return Receipt(name, "", CommandId(name), PlanId(name), PlanEventType.CREATED, 1, None, expires_at=NOON)


async def test_plans_are_looked_at_though_somebody_changes_a_list_in_every_tick() -> None:
    """The look at all plans began anew at each change, so those beyond its first page kept the dates of a list long changed."""
    shard = await HeldShard().begin()
    await shard.tick(a_list("p0", "nl"))
    await shard.settle()
    many = 3 * PAGE_PLANS
    recurrence = {"type": "calendar", "hour": "9", "roll": "skip", "holiday_calendar": "nl"}
    await shard.tick(*(a_create({"action": ACTION, "recurrence": recurrence}, f"c{number}") for number in range(many)))

    told = await shard.tick(a_list("p1", "nl", "2026-03-02"))
    for number in range(4):
        told += await shard.tick(a_list(f"q{number}", "other", f"2026-12-1{number}"))

    assert len(data_of(told, "plan.rescheduled")) == many
    assert shard.inputs.replans
    await shard.settle()
    assert not shard.inputs.replans


@pytest.mark.parametrize("is_of_copies", [False, True])
async def test_commands_wait_for_the_next_tick_where_what_they_publish_fills_this_one(is_of_copies: bool) -> None:
    """Hundreds of small updates of plans with large payloads made a transaction that could not be committed in time, again and again."""
    shard = await HeldShard(partitions=16 if is_of_copies else 1).begin()
    if is_of_copies:
        names = [f"list{number}" for number in range(3500)]
        ours = [name for name in names if partition_for(calendar_id(TENANT, name).encode(), shard.partitions) == 0]
        asked = [a_list(f"p {name}", name) for name in ours]
    else:
        await shard.tick(a_create({"action": ACTION, "execute_at": "2026-03-01T13:00:00Z", "payload": {"text": "x" * 60_000}}))
        asked = [an_update(plan_made_by("c1"), {"name": f"n{number}"}, f"u{number}") for number in range(200)]
    commands = [replace(command, offset=number) for number, command in enumerate(asked)]

    taken, sizes = 0, []
    while taken < len(commands):
        before = len(shard.log.transactions)
        taken = (await shard.tenure.tick(Gathered(commands[taken:], [], Inputs(len(commands))))).commands
        (transaction,) = shard.log.transactions[before:]
        sizes.append((len(transaction), sum(len(record.value or b"") for record in transaction)))
        assert shard.inputs.commands == taken

    outcomes = [record for batch in shard.log.transactions for record in batch if record.topic.endswith("plan.events")]
    assert len(outcomes) == len(commands) + (not is_of_copies)
    assert len(sizes) > 1
    assert max(records for records, _ in sizes) < 2 * COMMAND_OUTPUT_RECORDS_MAX
    assert max(size for _, size in sizes) < 3 * COMMAND_OUTPUT_BYTES_MAX


async def test_a_tick_decides_for_a_short_time_only_where_schedules_are_hard_to_compute() -> None:
    """Hundreds of creates, each of thirty milliseconds, took longer than a tick may last and than the group waits for a member: the
    next owner of the partition met the same ones.
    """
    shard = await HeldShard().begin()
    await shard.tick(a_list("p0", "nl"))
    await shard.settle()
    recurrence = {"type": "calendar", "hour": "9", "roll": "skip", "holiday_calendar": "nl"}
    asked = [a_create({"action": ACTION, "recurrence": recurrence}, f"c{number}") for number in range(30)]
    commands = [replace(command, offset=number) for number, command in enumerate(asked)]
    shard.time.look_s = 0.03

    taken = [0]
    while taken[-1] < len(commands):
        taken.append((await shard.tenure.tick(Gathered(commands[taken[-1] :], [], Inputs(len(commands))))).commands)
    fired = await ticks_until_settled(shard, "action." + ACTION, later=timedelta(hours=21))
    shard.time.look_s = 0
    await shard.tick(a_list("p1", "nl", "2026-03-03"))
    shard.time.look_s = 0.03
    moved = await ticks_until_settled(shard, "plan.rescheduled")

    for counts in ([later - earlier for earlier, later in pairwise(taken)], fired, moved):
        assert sum(counts) == len(commands)
        assert 1 <= min(counts) <= max(counts) < 15


async def test_one_of_each_kind_is_decided_on_however_long_it_takes() -> None:
    shard = await HeldShard().begin()
    await shard.tick(a_create({"action": ACTION, "execute_at": "2026-03-01T13:00:00Z"}))
    shard.time.look_s = 10
    told = await shard.tick(a_create({"action": ACTION, "execute_at": "2026-03-01T15:00:00Z"}, "c2"), later=timedelta(hours=1))
    assert [kind.type for kind in told] == ["plan.created", f"action.{ACTION}", "run.pending", "plan.completed"]


async def ticks_until_settled(shard: HeldShard, kind: str, *, later: timedelta = timedelta(0)) -> list[int]:
    """How many of a kind each tick published, until nothing is left to do."""
    counts = [len(data_of(await shard.tick(later=later), kind))]
    while shard.tenure.wait_s() == 0:
        counts.append(len(data_of(await shard.tick(), kind)))
    return [count for count in counts if count]


def a_list(command: str, name: str, *dates: str) -> Any:  # noqa: ANN401  a record
    return incoming(event("calendar.put", command_data(command, name=name, dates=list(dates))))


async def test_of_more_open_runs_than_one_look_finds_all_are_cancelled_though_some_of_those_found_have_just_ended() -> None:
    """What was left of those found seemed to be all: the others stayed open, and their ends were counted below zero."""
    shard = await HeldShard().begin()
    plan = plan_made_by("c1")
    every_second = {"type": "interval", "every_seconds": 1, "anchor": "2026-03-01T12:00:00Z"}
    misfire = {"coalesce": "none", "max_catchup": 1000}
    opened = CANCELLED_PER_TICK_MAX + 100
    await shard.tick(a_create({"action": ACTION, "recurrence": every_second, "misfire": misfire}))
    await shard.tick(later=opened * SECOND)
    await shard.settle()
    await shard.tick(an_update(plan, {"overlap": "cancel_previous"}, "c2"))
    ended = [run_id(plan, "schedule", NOON + number * SECOND, 1) for number in range(1, 51)]

    told = await shard.tick(*(a_report(run, plan, "completed") for run in ended), later=SECOND)
    told += await shard.settle()

    reasons = Counter(run["reason"] for run in data_of(told, "run.failed"))
    assert (reasons, len(data_of(told, "run.completed"))) == ({"CANCELLED": opened - 50}, 50)
    assert sum(key.kind is StateKind.RUN for key in shard.store.records) == 1
    told = await shard.tick(a_report(run_id(plan, "schedule", shard.time.at, 1), plan, "completed"))
    assert b'"open_runs":0' in next(record for key, record in shard.store.records.items() if key.kind is StateKind.CURSOR)
    assert shard.time.at < NOON + OPEN_MAX
