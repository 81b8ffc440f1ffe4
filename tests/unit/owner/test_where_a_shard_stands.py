"""What a shard's ticks leave on log and index, how long it may wait, and how it looks at every plan after a change that concerns all."""

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from planner.domain.civil_time import TZDATA_VERSION
from planner.domain.plan import StateKind
from planner.owner.changelog import POSITION_KEY, Inputs
from planner.owner.inbox import Incoming
from planner.owner.tenure import NAP_MAX_S, READS_PER_TICK_MAX, TIMERS_PER_READ_MAX
from support.incoming import a_create, command_data, event, incoming
from support.memory_index import PAGE_PLANS
from support.plans import ACTION, NOON, ONCE
from support.tenures import EMPTY, HeldShard, data_of, types

HOUR = timedelta(hours=1)
MANY = PAGE_PLANS + 20
AT_TWO = {"action": ACTION, "recurrence": {"type": "cron", "expression": "0 14 * * *"}, "timezone": "Europe/Amsterdam"}


@pytest.fixture
async def shard() -> HeldShard:
    return await HeldShard().begin()


def a_list(command: str, *dates: str) -> Incoming:
    return incoming(event("calendar.put", command_data(command, name="nl", dates=list(dates))))


def on_workdays(name: str) -> Incoming:
    recurrence = {"type": "calendar", "hour": "9", "roll": "skip", "holiday_calendar": "nl"}
    return a_create({"action": ACTION, "recurrence": recurrence}, name)


def computed_by_another_database(shard: HeldShard) -> None:
    """Every plan's next occurrence was computed with another version of the zone database."""
    for key, record in shard.store.records.items():
        if key.kind is StateKind.CURSOR:
            shard.store.records[key] = record.replace(TZDATA_VERSION.encode(), b"1999a")
    shard.store.found = replace(shard.store.found, inputs=msgspec.json.encode(replace(shard.inputs, tzdata="1999a")))


async def test_a_tick_with_nothing_to_decide_commits_nothing(shard: HeldShard) -> None:
    before = len(shard.log.transactions)
    assert await shard.tick() == []
    await shard.tick(a_create(ONCE))
    await shard.tick(later=HOUR / 2)
    assert len(shard.log.transactions) == before + 1


async def test_a_transaction_ends_with_the_position_and_the_index_stands_where_that_lies(shard: HeldShard) -> None:
    await shard.tick(a_create(ONCE), after=Inputs(commands=7, reports=3))
    transaction = shard.log.transactions[-1]
    state = [record for record in transaction if record.topic == "t.owner.changelog"]
    assert transaction[-1].key == POSITION_KEY
    assert {(record.key or b"").split(b"/")[0] for record in state} == {b"definition", b"cursor", b"receipt", POSITION_KEY}
    assert (shard.store.found.marker.rpartition("/")[2], shard.store.found.part) == (str(shard.log.offset), 0)
    assert (shard.inputs.commands, shard.inputs.reports) == (7, 3)


async def test_positions_that_only_markers_have_moved_are_kept_beside_what_else_is_known(shard: HeldShard) -> None:
    await shard.tenure.note_inputs(Inputs(commands=90, reports=80))
    assert shard.inputs == Inputs(90, 80, TZDATA_VERSION, replans=False)


async def test_what_another_tenure_has_written_is_where_the_next_one_goes_on(shard: HeldShard) -> None:
    await shard.tick(a_create(ONCE))
    shard.take_over_again()
    assert types(await shard.tick(later=HOUR)) == [f"action.{ACTION}", "run.pending", "plan.completed"]


async def test_a_shard_waits_until_its_earliest_timer_and_never_longer_than_a_nap(shard: HeldShard) -> None:
    assert shard.tenure.wait_s() == NAP_MAX_S
    await shard.tick(a_create(ONCE))
    assert shard.tenure.wait_s() == NAP_MAX_S
    shard.time.at = NOON + HOUR - timedelta(seconds=0.25)
    assert shard.tenure.wait_s() == pytest.approx(0.25)
    shard.time.at = NOON + 2 * HOUR
    assert shard.tenure.wait_s() == 0


async def test_what_is_due_at_once_fires_in_one_tick_up_to_its_reads_and_the_rest_in_the_next(shard: HeldShard) -> None:
    most = READS_PER_TICK_MAX * TIMERS_PER_READ_MAX
    await shard.tick(*(a_create(ONCE, f"c{number}") for number in range(most + 1)))
    first, second = await shard.tick(later=HOUR), await shard.tick()
    assert [len(data_of(told, f"action.{ACTION}")) for told in (first, second)] == [most, 1]
    assert await shard.tick() == []


async def test_a_new_shard_says_which_zone_database_computed_its_plans_when_it_has_looked_at_them_all() -> None:
    shard = HeldShard()
    await shard.begin()
    assert shard.positions() == [Inputs(tzdata=TZDATA_VERSION)]
    assert shard.log.offset > EMPTY.offset


async def test_after_a_change_of_the_zone_database_every_plan_is_looked_at_before_the_shard_says_so(shard: HeldShard) -> None:
    await shard.tick(*(a_create(AT_TWO, f"c{number}") for number in range(MANY)))
    computed_by_another_database(shard)
    shard.take_over_again()
    before = len(shard.positions())

    told = await shard.settle()

    assert [position.tzdata for position in shard.positions()[before:]] == ["1999a", TZDATA_VERSION]
    assert types(told) == MANY * ["plan.rescheduled"]
    assert all(
        f'"tzdata":"{TZDATA_VERSION}"'.encode() in record for key, record in shard.store.records.items() if key.kind is StateKind.CURSOR
    )


async def test_a_look_at_every_plan_that_was_cut_short_begins_anew_in_the_next_tenure(shard: HeldShard) -> None:
    await shard.tick(*(a_create(AT_TWO, f"c{number}") for number in range(MANY)))
    computed_by_another_database(shard)
    shard.take_over_again()
    first = await shard.tick()
    shard.take_over_again()
    rest = await shard.settle()
    assert (len(first), len(rest)) == (PAGE_PLANS, MANY - PAGE_PLANS)
    assert shard.inputs.tzdata == TZDATA_VERSION


async def test_a_changed_list_moves_every_plan_that_uses_it_though_none_of_them_is_due(shard: HeldShard) -> None:
    await shard.tick(a_list("p1"))
    await shard.settle()
    await shard.tick(*(on_workdays(f"c{number}") for number in range(MANY)), a_create(ONCE, "other"))

    before = len(shard.positions())
    told = await shard.tick(a_list("p2", "2026-03-02")) + await shard.settle()

    moved = data_of(told, "plan.rescheduled")
    assert {event["plan"]["next_run_at"] for event in moved} == {"2026-03-03T09:00:00Z"}
    assert len({event["plan_id"] for event in moved}) == len(moved) == MANY
    assert [position.replans for position in shard.positions()[before:]] == [True, True, False]


async def test_a_changed_list_is_not_forgotten_by_a_tenure_that_follows(shard: HeldShard) -> None:
    await shard.tick(a_list("p1"))
    await shard.settle()
    await shard.tick(on_workdays("c1"))
    await shard.tick(a_list("p2", "2026-03-02"))
    shard.take_over_again()
    assert types(await shard.settle()) == ["plan.rescheduled"]
    shard.take_over_again()
    assert shard.tenure.wait_s() == NAP_MAX_S


async def test_commands_fires_and_failures_of_a_tick_are_counted_when_it_is_committed(shard: HeldShard) -> None:
    await shard.tick(a_create(ONCE), a_create({"action": "?"}, "c2"), incoming(b"no event"))
    await shard.tick(later=HOUR + timedelta(seconds=2))

    def value(name: str, **labels: str) -> float | None:
        return shard.registry.get_sample_value(name, labels)

    assert value("planner_commands_total", event="planner.plan.created") == 1
    assert value("planner_commands_total", event="planner.command.rejected") == 1
    assert value("planner_dead_letters_total", reason="NOT_AN_EVENT") == 1
    assert (value("planner_occurrences_fired_total"), value("planner_lateness_seconds_sum")) == (1, 2)
    assert value("planner_shard_position", partition="0") == shard.log.offset
    assert value("planner_transactions_total", outcome="committed") == len(shard.log.transactions)
