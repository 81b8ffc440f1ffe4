"""A decision that fails on a record which cannot be used stays alone with that: nothing of it is kept, and nobody waits for it."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from planner.domain.plan import StateKind
from planner.domain.run import OPEN_MAX
from planner.owner.index import StateKey
from planner_contracts.instants import format_instant
from support.incoming import a_create, a_report, an_update, command_data, event, incoming, plan_made_by
from support.plans import ACTION, MINUTELY, NOON, ONCE, TENANT, command_id
from support.shards import PureShard, Ticked
from support.tenures import HeldShard, data_of, types

MINUTE = timedelta(minutes=1)
PLAN = plan_made_by("c1")
CURSOR = StateKey(StateKind.CURSOR, TENANT, PLAN)
DEFINITION = StateKey(StateKind.DEFINITION, TENANT, PLAN)
LIST = StateKey(StateKind.CALENDAR, TENANT, "nl")


def reasons(ticked: Ticked) -> list[bytes]:
    return [dict(letter.headers)["reason"] for letter in ticked.dead_letters]


def without_payload(shard: PureShard) -> None:
    """The plan's definition is one of which no action can be made."""
    definition = msgspec.json.decode(shard.values[DEFINITION])
    del definition["document"]["payload"]
    shard.values[DEFINITION] = msgspec.json.encode(definition)


def of_cursor(shard: PureShard, name: str) -> Any:  # noqa: ANN401  any field of a cursor
    return msgspec.json.decode(shard.values[CURSOR])[name]


def fired(overlap: str) -> tuple[PureShard, str]:
    """A minutely plan with this policy that has just fired for the first time, and its run."""
    shard = PureShard()
    shard.tick(a_create(MINUTELY | {"overlap": overlap}), now=NOON)
    run: str = shard.tick(now=NOON + MINUTE).actions[0]["run_id"]
    return shard, run


@pytest.mark.parametrize("kind", ["calendar.put", "calendar.delete"])
def test_a_command_on_a_list_that_cannot_be_read_is_a_dead_letter_and_rejected_and_the_others_go_on(kind: str) -> None:
    shard = PureShard()
    shard.values[LIST] = b'{"name":7}'
    asked: dict[str, Any] = {"name": "nl"} | ({"dates": []} if kind == "calendar.put" else {})
    ticked = shard.tick(incoming(event(kind, command_data("p1", **asked))), a_create(ONCE), now=NOON)
    assert reasons(ticked) == [b"DECISION_FAILED"]
    (rejected,) = ticked.of("command.rejected")
    assert (rejected["command_id"], rejected["code"], rejected["status"]) == (command_id("p1"), "INTERNAL", 500)
    assert "plan.created" in ticked.types
    assert shard.values[LIST] == b'{"name":7}'


def test_a_copy_of_a_list_that_cannot_be_read_is_a_dead_letter_and_the_list_stays_for_a_version_that_can() -> None:
    shard = PureShard()
    shard.values[LIST] = b'{"name":7}'
    head = {"command_id": command_id("p1"), "tenant_id": TENANT, "organization_id": "acme-eu", "name": "nl", "actor": "key:1", "origin": 1}
    copy = head | {"at": format_instant(NOON), "version": 2, "dates": [], "deleted": False, "created": False}
    ticked = shard.tick(incoming(event("calendar.copied", copy)), now=NOON)
    assert (reasons(ticked), ticked.of("calendar.changed")) == ([b"DECISION_FAILED"], [])
    assert shard.values[LIST] == b'{"name":7}'


def test_a_report_on_a_run_that_cannot_be_read_is_a_dead_letter_and_the_others_go_on() -> None:
    shard, run = fired("allow")
    other = shard.tick(now=NOON + 2 * MINUTE).actions[0]["run_id"]
    shard.values[StateKey(StateKind.RUN, TENANT, run)] = b"{"
    ticked = shard.tick(a_report(run, PLAN, "completed"), a_report(other, PLAN, "completed"), now=NOON + 2 * MINUTE)
    assert (reasons(ticked), [ended["id"] for ended in ticked.of("run.completed")]) == ([b"DECISION_FAILED"], [other])


def test_a_fire_that_fails_ends_none_of_the_runs_that_it_would_have_ended() -> None:
    # The run's record was gone with the failed decision's other changes: it never ended, and no report on it counted.
    shard, run = fired("cancel_previous")
    without_payload(shard)
    ticked = shard.tick(now=NOON + 2 * MINUTE)
    assert (ticked.types, [skip["reason"] for skip in ticked.of()]) == (["occurrence.skipped"], ["undeliverable"])
    assert of_cursor(shard, "open_runs") == 1
    assert shard.tick(a_report(run, PLAN, "completed"), now=NOON + 2.5 * MINUTE).types == ["run.completed"]
    assert of_cursor(shard, "open_runs") == 0


def test_nothing_that_a_failed_decision_counted_is_counted() -> None:
    # Only the records were taken back: a report that became a dead letter also counted as one that had moved its run, and metrics told of
    # missed occurrences of which no event did.
    shard, run = fired("allow")
    shard.values[CURSOR] = b"{"
    ticked = shard.tick(a_report(run, PLAN, "completed"), now=NOON + 1.5 * MINUTE)
    assert ticked.tick.counts == {("dead_letters", "DECISION_FAILED"): 1}


def test_a_fire_that_fails_counts_none_of_what_it_would_have_skipped() -> None:
    shard = PureShard()
    shard.tick(a_create(MINUTELY | {"misfire": {"max_lateness_seconds": 90}}), now=NOON)
    without_payload(shard)
    ticked = shard.tick(now=NOON + 5 * MINUTE)
    skips = ticked.of("occurrence.skipped")
    assert (len(skips), ticked.tick.counts) == (1, {("skipped", skips[0]["reason"]): 1})


def test_of_those_that_wait_the_first_is_undeliverable_alone() -> None:
    shard, run = fired("queue_all")
    for minute in (2, 3):
        shard.tick(now=NOON + minute * MINUTE)
    without_payload(shard)
    shard.tick(a_report(run, PLAN, "completed"), now=NOON + 3.5 * MINUTE)
    (skip,) = shard.tick(now=NOON + 3.5 * MINUTE).of("occurrence.skipped")
    assert (skip["reason"], skip["scheduled_for"]) == ("undeliverable", format_instant(NOON + 2 * MINUTE))
    assert (of_cursor(shard, "held"), of_cursor(shard, "next_nominal")) == (
        [format_instant(NOON + 3 * MINUTE)],
        format_instant(NOON + 4 * MINUTE),
    )


def test_a_run_whose_plan_is_gone_ends_all_the_same() -> None:
    shard, run = fired("allow")
    for key in (CURSOR, DEFINITION):
        del shard.values[key]
        shard.wakes.pop(key, None)
    ticked = shard.tick(a_report(run, PLAN, "completed"), now=NOON + 1.5 * MINUTE)
    assert (ticked.types, ticked.tick.failures) == (["run.completed"], [])


def test_a_run_that_ends_in_the_tick_that_would_have_ended_it_ends_once() -> None:
    shard, run = fired("cancel_previous")
    ticked = shard.tick(a_report(run, PLAN, "completed"), now=NOON + 2 * MINUTE)
    assert ticked.types == ["run.completed", f"action.{ACTION}", "run.pending"]
    assert of_cursor(shard, "open_runs") == 1


def test_a_run_that_is_open_no_longer_in_the_tick_that_would_have_ended_it_is_left_alone() -> None:
    shard = PureShard()
    every = {"type": "interval", "every_seconds": (OPEN_MAX + MINUTE) // timedelta(seconds=1), "anchor": format_instant(NOON + MINUTE)}
    shard.tick(a_create({"action": ACTION, "recurrence": every, "overlap": "cancel_previous"}), now=NOON)
    run = shard.tick(now=NOON + MINUTE).actions[0]["run_id"]
    ticked = shard.tick(now=NOON + OPEN_MAX + 2 * MINUTE)
    assert ticked.types == [f"action.{ACTION}", "run.pending"]
    assert StateKey(StateKind.RUN, TENANT, run) in shard.values


async def test_a_plan_whose_list_cannot_be_looked_for_stops_no_other() -> None:
    shard = await HeldShard().begin()
    await shard.tick(a_create(MINUTELY), a_create(MINUTELY, "c2"))
    shard.store.records[DEFINITION] = b'{"plan_id":7,"document":{"recurrence":{"holiday_calendar":"nl"}}}'
    told = await shard.tick(later=MINUTE)
    assert [action["plan_id"] for action in data_of(told, f"action.{ACTION}")] == [plan_made_by("c2")]
    assert shard.registry.get_sample_value("planner_dead_letters_total", {"reason": "STATE_UNUSABLE"}) == 1


async def test_a_command_on_a_plan_whose_definition_cannot_be_read_is_answered_through_a_whole_tick() -> None:
    shard = await HeldShard().begin()
    await shard.tick(a_create(ONCE))
    shard.store.records[DEFINITION] = b"{"
    told = await shard.tick(an_update(PLAN, {"name": "b"}, "c2"))
    assert types(told) == ["command.rejected"]
    assert told[0].data["code"] == "INTERNAL"
