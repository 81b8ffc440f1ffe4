"""One tick over a state in memory: what is decided, what it leaves, and that a bad thing stops only itself."""

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from planner.domain.plan import StateKind
from planner.domain.run import KEPT_MAX
from planner.owner.due_plans import FIRES_PER_TIMER_MAX
from planner.owner.inbox import Misrouted
from planner.owner.index import StateKey
from planner.owner.outbox import Outbox
from planner.owner.read_records import ReadReport
from planner.owner.state import TickState
from planner.owner.tick import Tick
from planner.owner.tick_output import BYTES_PER_TICK_MAX, RECORDS_PER_TICK_MAX
from planner_contracts.ids import is_uuid
from planner_contracts.instants import format_instant
from planner_contracts.plan import PlanStatus
from planner_contracts.topics import REPORT_BYTES_MAX
from support.incoming import (
    REPORTS_TOPIC,
    TOKENS,
    a_cancel,
    a_create,
    a_report,
    an_update,
    command_data,
    event,
    incoming,
    plan_made_by,
)
from support.plans import ACTION, ACTIONS, MINUTELY, NOON, ONCE, ORGANIZATION, TENANT, command_id
from support.shards import PureShard

MINUTE = timedelta(minutes=1)
ONE = NOON + 60 * MINUTE
PLAN = plan_made_by("c1")
COUNTED = {"executing": 1, "repeated": 1, "failed": 1, "unknown": 2}


def a_shard(given: dict[str, Any], name: str = "c1") -> PureShard:
    shard = PureShard()
    shard.tick(a_create(given, name), now=NOON)
    return shard


def value_of(shard: PureShard, kind: StateKind, record_id: str) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(shard.values[StateKey(kind, TENANT, record_id)])
    return decoded


def break_definition(shard: PureShard, plan: str, **document: object) -> None:
    """The stored definition becomes one that cannot be used."""
    key = StateKey(StateKind.DEFINITION, TENANT, plan)
    definition = msgspec.json.decode(shard.values[key])
    definition["document"] |= document
    shard.values[key] = msgspec.json.encode(definition if document else definition | {"created_at": "?"})


def test_a_create_becomes_an_event_a_definition_a_cursor_and_a_receipt() -> None:
    shard = PureShard()
    ticked = shard.tick(a_create(ONCE), now=NOON)
    assert ticked.types == ["plan.created"]
    assert shard.kinds() == ["cursor", "definition", "receipt"]
    assert shard.wakes[StateKey(StateKind.CURSOR, TENANT, PLAN)] == ONE
    assert ticked.tick.counts == {("commands", "planner.plan.created"): 1}


def test_the_events_of_two_records_have_two_ids_and_those_of_one_record_the_same() -> None:
    first, second = (PureShard().tick(a_create(ONCE, offset=offset), now=NOON).published[0].record.value for offset in (7, 8))
    again = PureShard().tick(a_create(ONCE, offset=7), now=NOON).published[0].record.value
    assert first == again
    assert first != second


def test_a_due_plan_gives_action_and_event_and_one_that_ended_waits_for_its_run() -> None:
    shard = a_shard(ONCE)
    ticked = shard.tick(now=ONE)
    assert ticked.types == [f"action.{ACTION}", "run.pending", "plan.completed"]
    assert shard.kinds() == ["cursor", "definition", "receipt", "run"]
    assert value_of(shard, StateKind.CURSOR, PLAN)["status"] == PlanStatus.COMPLETED
    assert ticked.tick.lateness_s == [0.0]
    assert shard.tick(now=ONE + MINUTE).types == []


def test_the_pending_event_says_when_the_plan_is_due_next() -> None:
    shard = a_shard(MINUTELY)
    assert shard.tick(now=NOON + MINUTE).of("run.pending")[0]["next_run_at"] == format_instant(NOON + 2 * MINUTE)


def test_the_last_run_of_a_plan_that_ended_leaves_only_what_late_commands_are_answered_from() -> None:
    shard = a_shard(ONCE)
    run = shard.tick(now=ONE).actions[0]["run_id"]
    ticked = shard.tick(a_report(run, PLAN, "completed"), now=ONE + MINUTE)
    assert ticked.types == ["run.completed"]
    assert shard.kinds() == ["receipt", "retired"]
    late = shard.tick(an_update(PLAN, {"name": "b"}, "late"), now=ONE + MINUTE)
    assert late.of("command.rejected")[0]["code"] == "PLAN_COMPLETED"


def test_what_was_remembered_goes_when_its_time_is_over() -> None:
    shard = a_shard(ONCE)
    shard.tick(a_cancel(PLAN, "c2"), now=NOON)
    assert shard.kinds() == ["receipt", "receipt", "retired"]
    shard.tick(now=NOON + timedelta(days=3))
    assert shard.kinds() == ["retired"]
    shard.tick(now=NOON + timedelta(days=30))
    assert shard.kinds() == []


def test_a_run_that_nobody_reports_on_ends_when_it_is_not_kept_longer() -> None:
    shard = a_shard(ONCE)
    shard.tick(now=ONE)
    assert shard.tick(now=ONE + KEPT_MAX - timedelta(microseconds=1)).of("run.failed") == []
    ended = shard.tick(now=ONE + KEPT_MAX)
    assert [(data["reason"], data["sequence"]) for data in ended.of("run.failed")] == [("NOT_REPORTED", 2)]
    assert shard.kinds() == ["retired"]


def test_the_commands_of_a_tick_see_each_other() -> None:
    shard = PureShard()
    records = [a_create(ONCE, "c1"), a_create(ONCE, "c1"), an_update(PLAN, {"name": "b"}, "c2"), a_cancel(PLAN, "c3"), a_cancel(PLAN, "c4")]
    ticked = shard.tick(*records, now=NOON)
    assert ticked.types == ["plan.created", "plan.created", "plan.updated", "plan.cancelled", "plan.cancelled"]
    assert [data["replayed"] for data in ticked.of()] == [False, True, False, False, True]
    assert [data["revision"] for data in ticked.of()] == [1, 1, 2, 3, 3]


@pytest.mark.parametrize("given", [ONCE, MINUTELY])
def test_a_cancel_in_the_tick_in_which_the_plan_is_due_wins_quietly(given: dict[str, Any]) -> None:
    shard = a_shard(given)
    ticked = shard.tick(a_cancel(PLAN, "c2"), now=ONE)
    assert (ticked.actions, ticked.tick.failures) == ([], [])
    assert shard.kinds() == ["receipt", "receipt", "retired"]


def test_an_update_in_the_tick_in_which_the_plan_is_due_comes_first() -> None:
    shard = a_shard(ONCE)
    ticked = shard.tick(an_update(PLAN, {"payload": {"content_id": 8}}, "c2"), now=ONE)
    assert ticked.types == ["plan.updated", f"action.{ACTION}", "run.pending", "plan.completed"]
    assert (ticked.actions[0]["payload"], ticked.actions[0]["plan_revision"]) == ({"content_id": 8}, 2)


def test_a_report_in_the_tick_in_which_its_run_expires_comes_first() -> None:
    shard = a_shard(ONCE)
    run = shard.tick(now=ONE).actions[0]["run_id"]
    ticked = shard.tick(a_report(run, PLAN, "completed"), now=ONE + KEPT_MAX)
    assert ticked.types == ["run.completed"]
    assert ticked.tick.failures == []


def test_reports_move_a_run_and_repeats_are_counted_only() -> None:
    shard = a_shard(MINUTELY)
    run = shard.tick(now=NOON + MINUTE).actions[0]["run_id"]
    said = [a_report(run, PLAN, state) for state in ("executing", "executing", "failed", "completed", "executing")]
    ticked = shard.tick(*said, now=NOON + 1.5 * MINUTE)
    assert ticked.types == ["run.executing", "run.failed"]
    assert ticked.tick.counts == {
        ("reports", "executing"): 1,
        ("reports", "repeated"): 1,
        ("reports", "failed"): 1,
        ("reports", "unknown"): 2,
    }
    assert value_of(shard, StateKind.CURSOR, PLAN)["open_runs"] == 0


@pytest.mark.parametrize("forged", ["k1.x", "k2." + TOKENS.sign("x", TENANT), "", "ü"])
def test_a_forged_report_is_a_dead_letter_and_changes_nothing(forged: str) -> None:
    shard = a_shard(MINUTELY)
    run = shard.tick(now=NOON + MINUTE).actions[0]["run_id"]
    before = dict(shard.values)
    ticked = shard.tick(a_report(run, PLAN, "completed", report_token=forged), now=NOON + 1.5 * MINUTE)
    assert [dict(record.headers)["reason"] for record in ticked.dead_letters] == [b"FORGED"]
    assert shard.values == before


def test_a_report_in_the_name_of_another_tenant_is_forged() -> None:
    shard = a_shard(MINUTELY)
    run = shard.tick(now=NOON + MINUTE).actions[0]["run_id"]
    record = a_report(run, PLAN, "completed")
    assert record.value is not None
    stolen = incoming(record.value.replace(b'"tenantid": "acme"', b'"tenantid": "evil"'), topic=REPORTS_TOPIC)
    assert [dict(letter.headers)["reason"] for letter in shard.tick(stolen, now=NOON + MINUTE).dead_letters] == [b"FORGED"]


def test_what_is_unreadable_becomes_a_dead_letter_and_the_others_of_its_tick_go_on() -> None:
    shard = PureShard()
    ticked = shard.tick(incoming(b"garbage", offset=1), a_create(ONCE, offset=2), incoming(None, topic=REPORTS_TOPIC), now=NOON)
    assert [record.value for record in ticked.dead_letters] == [b"garbage", None]
    assert "plan.created" in ticked.types


def test_an_invalid_command_is_answered_about_its_plan_or_itself() -> None:
    named, unnamed = event("plan.update", command_data("c1", plan_id=PLAN, patch=1)), event("plan.update", command_data("c2", patch=1))
    ticked = PureShard().tick(incoming(named), incoming(unnamed), now=NOON)
    first, second = ticked.of("command.rejected")
    assert (first["plan_id"], first["command_id"], first["code"], first["status"]) == (PLAN, command_id("c1"), "VALIDATION_FAILED", 422)
    assert (second["plan_id"], second["command_id"]) == (None, command_id("c2"))
    assert [fault["pointer"] for fault in second["errors"]] == ["/plan_id", "/patch"]
    assert [record.record.key for record in ticked.published] == [PLAN.encode(), command_id("c2").encode()]


def test_a_command_on_a_definition_that_is_broken_is_a_dead_letter_and_rejected_and_the_others_go_on() -> None:
    shard = a_shard(ONCE)
    shard.tick(a_create(ONCE, "c2"), now=NOON)
    break_definition(shard, PLAN)
    before = dict(shard.values)
    ticked = shard.tick(an_update(PLAN, {"name": "b"}, "u1"), an_update(plan_made_by("c2"), {"name": "b"}, "u2"), now=NOON)
    assert [dict(record.headers)["reason"] for record in ticked.dead_letters] == [b"DECISION_FAILED"]
    assert [data["code"] for data in ticked.of("command.rejected")] == ["INTERNAL"]
    assert [data["command_id"] for data in ticked.of("plan.updated")] == [command_id("u2")]
    assert [failure.what for failure in ticked.tick.failures] == [f"command {command_id('u1')}"]
    assert {key for key in shard.values if shard.values[key] != before.get(key)} == {
        key for key in shard.values if key.id in (plan_made_by("c2"), command_id("u2"))
    }


def test_an_occurrence_that_cannot_be_published_is_undeliverable_and_its_plan_goes_on() -> None:
    shard = a_shard(MINUTELY)
    shard.tick(a_create(MINUTELY, "c2"), now=NOON)
    break_definition(shard, PLAN, payload="gone", ordering_key=7)
    ticked = shard.tick(now=NOON + MINUTE)
    (skip,) = ticked.of("occurrence.skipped")
    assert (skip["plan_id"], skip["reason"], skip["scheduled_for"]) == (PLAN, "undeliverable", format_instant(NOON + MINUTE))
    assert [action["plan_id"] for action in ticked.actions] == [plan_made_by("c2")]
    assert shard.wakes[StateKey(StateKind.CURSOR, TENANT, PLAN)] == NOON + 2 * MINUTE
    assert not any(key.id == PLAN for key in shard.values if key.kind is StateKind.RUN)


def test_a_one_shot_that_cannot_be_published_completes_its_plan() -> None:
    shard = a_shard(ONCE)
    break_definition(shard, PLAN, ordering_key=7)
    assert shard.tick(now=ONE).types == ["occurrence.skipped", "plan.completed"]
    assert shard.kinds() == ["receipt", "retired"]


def test_a_plan_whose_next_time_cannot_be_computed_is_paused_with_an_event_and_the_others_go_on() -> None:
    shard = a_shard(MINUTELY)
    shard.tick(a_create(MINUTELY, "c2"), now=NOON)
    break_definition(shard, PLAN, timezone="Gone/Away")
    shard.schedules = PureShard().schedules
    ticked = shard.tick(now=NOON + MINUTE)
    assert [action["plan_id"] for action in ticked.actions] == [plan_made_by("c2")]
    (paused,) = ticked.of("plan.paused")
    assert (paused["plan_id"], paused["revision"], paused["actor"], paused["replayed"]) == (PLAN, 2, "owner", False)
    assert (paused["plan"]["status"], paused["plan"]["revision"], paused["plan"]["next_run_at"]) == ("paused", 2, None)
    assert paused["changes"] == [
        {"path": "/active", "old": True, "new": False},
        {"path": "/status", "old": "active", "new": "paused"},
    ]
    assert paused["reason"] == "its next time cannot be computed"
    assert is_uuid(paused["command_id"])
    assert [value_of(shard, StateKind.CURSOR, PLAN)[name] for name in ("status", "revision")] == ["paused", 2]
    assert value_of(shard, StateKind.DEFINITION, PLAN)["number"] == 2
    assert StateKey(StateKind.CURSOR, TENANT, PLAN) not in shard.wakes
    assert shard.tick(now=NOON + 1.5 * MINUTE).types == []


def test_the_pause_of_a_plan_has_the_same_id_whoever_decides_on_it() -> None:
    shard = a_shard(MINUTELY)
    break_definition(shard, PLAN, timezone="Gone/Away")
    first, again = (
        PureShard(dict(shard.values), dict(shard.wakes)).tick(now=NOON + MINUTE).of("plan.paused")[0]["command_id"] for _ in range(2)
    )
    assert first == again


def test_a_patch_of_a_paused_plan_gives_it_no_timer() -> None:
    shard = a_shard(MINUTELY)
    break_definition(shard, PLAN, timezone="Gone/Away")
    shard.schedules = PureShard().schedules
    shard.tick(now=NOON + MINUTE)
    break_definition(shard, PLAN, timezone="UTC")
    ticked = shard.tick(an_update(PLAN, {"recurrence": {"every_seconds": 30}}, "c2"), now=NOON + 1.2 * MINUTE)
    assert ticked.of("plan.updated")[0]["plan"]["status"] == "paused"
    assert StateKey(StateKind.CURSOR, TENANT, PLAN) not in shard.wakes


def test_a_plan_whose_definition_cannot_be_read_is_stopped_and_fails_no_second_tick() -> None:
    shard = a_shard(MINUTELY)
    break_definition(shard, PLAN)
    ticked = shard.tick(now=NOON + MINUTE)
    (letter,) = ticked.dead_letters
    assert (letter.key, dict(letter.headers)["reason"]) == (f"cursor/{TENANT}/{PLAN}".encode(), b"STATE_UNUSABLE")
    assert value_of(shard, StateKind.CURSOR, PLAN)["status"] == PlanStatus.PAUSED
    assert shard.tick(now=NOON + 2 * MINUTE).tick.records == []


def test_a_cursor_that_cannot_be_read_keeps_its_place_without_a_timer() -> None:
    shard = a_shard(MINUTELY)
    shard.tick(a_create(MINUTELY, "c2"), now=NOON)
    key = StateKey(StateKind.CURSOR, TENANT, PLAN)
    shard.values[key] = b'{"plan_id":7}'
    ticked = shard.tick(now=NOON + MINUTE)
    assert [action["plan_id"] for action in ticked.actions] == [plan_made_by("c2")]
    assert [(letter.key, letter.value) for letter in ticked.dead_letters] == [(f"cursor/{TENANT}/{PLAN}".encode(), b'{"plan_id":7}')]
    assert shard.values[key] == b'{"plan_id":7}'
    assert key not in shard.wakes
    assert shard.tick(now=NOON + 1.5 * MINUTE).tick.records == []


def test_a_run_that_cannot_be_read_is_a_dead_letter_when_its_time_is_over() -> None:
    shard = a_shard(ONCE)
    run = shard.tick(now=ONE).actions[0]["run_id"]
    key = StateKey(StateKind.RUN, TENANT, run)
    shard.values[key] = b"{"
    ticked = shard.tick(now=ONE + KEPT_MAX)
    assert [(letter.key, letter.value) for letter in ticked.dead_letters] == [(f"run/{TENANT}/{run}".encode(), b"{")]
    assert key not in shard.values
    assert shard.tick(now=ONE + KEPT_MAX).tick.records == []


def test_nothing_of_a_failed_decision_is_published() -> None:
    shard = a_shard(MINUTELY | {"misfire": {"coalesce": "none"}})
    break_definition(shard, PLAN, ordering_key=7)
    ticked = shard.tick(now=NOON + 5 * MINUTE)
    assert ticked.types == ["occurrence.skipped"]
    assert ticked.tick.lateness_s == []
    assert ticked.tick.counts == {("skipped", "undeliverable"): 1}


def test_a_cancel_of_a_plan_with_open_runs_keeps_it_until_they_end() -> None:
    shard = a_shard(MINUTELY)
    run = shard.tick(now=NOON + MINUTE).actions[0]["run_id"]
    shard.tick(a_cancel(PLAN, "c2"), now=NOON + 1.5 * MINUTE)
    assert shard.kinds().count("cursor") == 1
    assert StateKey(StateKind.CURSOR, TENANT, PLAN) not in shard.wakes
    shard.tick(a_report(run, PLAN, "failed"), now=NOON + 2 * MINUTE)
    assert shard.kinds().count("retired") == 1


def test_an_update_that_ends_the_plan_leaves_nothing_to_fire() -> None:
    shard = a_shard(MINUTELY)
    run = shard.tick(now=NOON + MINUTE).actions[0]["run_id"]
    shard.tick(a_report(run, PLAN, "completed"), now=NOON + MINUTE)
    ticked = shard.tick(an_update(PLAN, {"max_runs": 1}, "c2"), now=NOON + MINUTE)
    assert ticked.of("plan.updated")[0]["plan"]["status"] == "completed"
    assert shard.kinds() == ["receipt", "receipt", "retired"]


def test_a_payload_of_any_number_is_published_as_it_was_given() -> None:
    given = ONCE | {"payload": {"big": 10**30, "small": -(2**63) - 1, "real": 1e-7}}
    shard = a_shard(given)
    assert shard.tick(now=ONE).actions[0]["payload"] == given["payload"]


def test_everything_of_a_tenant_is_kept_and_published_under_its_own_name() -> None:
    shard = PureShard()
    theirs = incoming(event("plan.create", command_data("c1", plan=ONCE, tenant_id="other")))
    ticked = shard.tick(a_create(ONCE), theirs, now=NOON)
    first, second = ticked.of("plan.created")
    assert first["plan_id"] != second["plan_id"]
    assert {key.tenant_id for key in shard.values} == {TENANT, "other"}
    fired = shard.tick(now=ONE).actions
    assert sorted((data["tenant_id"], data["organization_id"]) for data in fired) == [(TENANT, ORGANIZATION), ("other", ORGANIZATION)]


def test_a_record_that_is_too_large_for_its_right_partition_is_a_dead_letter() -> None:
    # With the plan's id for a key it is larger than it came; the broker's refusal failed every tick anew.
    outbox = Outbox(namespace="t", partition=0, partitions=2, tokens=TOKENS)
    tick = Tick(TickState({}), outbox, actions=ACTIONS, tokens=TOKENS, schedules=PureShard().schedules, now=NOON)
    large, small = incoming(b"x" * (REPORT_BYTES_MAX - 80), topic=REPORTS_TOPIC), incoming(b"x", topic=REPORTS_TOPIC)
    for source in (large, small):
        tick.report(ReadReport(source, Misrouted(PLAN, 1)))
    assert [(record.topic, record.partition) for record in tick.records] == [("t.dead-letters", 0), (REPORTS_TOPIC, 1)]
    assert tick.counts == {("dead_letters", "TOO_LARGE"): 1, ("forwarded", ""): 1}


def test_a_report_that_names_another_plan_ends_nothing() -> None:
    # The run was gone with it, and its own plan, whose records nobody had gathered, waited for the run's end for ever.
    shard = a_shard(MINUTELY | {"overlap": "skip"})
    (action,) = shard.tick(now=NOON + MINUTE).actions
    ticked = shard.tick(a_report(action["run_id"], plan_made_by("c2"), "completed"), now=NOON + MINUTE)
    assert [dict(record.headers)["reason"] for record in ticked.dead_letters] == [b"FORGED"]
    assert StateKey(StateKind.RUN, TENANT, action["run_id"]) in shard.values


@pytest.mark.parametrize("data", [command_data("c1", plan={"action": ACTION, "execute_at": "2026-03-01T13:00:00Z"}), command_data("c1")])
def test_the_outcome_of_a_command_is_in_its_trace(data: dict[str, Any]) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    ticked = PureShard().tick(incoming(event("plan.create", data, traceparent=trace)), now=NOON)
    assert [json.loads(record.value or b"")["traceparent"] for record in ticked.tick.records] == [trace]


def test_an_outage_of_many_plans_is_worked_off_in_ticks_of_bounded_size_and_tenants_take_turns() -> None:
    # A thousand plans with a hundred outcomes each made a transaction that outgrew its deadline, and the same one came after it for ever.
    shard = PureShard()
    given = MINUTELY | {"misfire": {"coalesce": "none", "max_lateness_seconds": None}}
    shard.tick(*(a_create(given, f"c{number}") for number in range(60)), now=NOON)
    late = NOON + timedelta(days=5)
    shard.tick(incoming(event("plan.create", command_data("theirs", plan=given, tenant_id="zeta"))), now=late - 1.5 * MINUTE, keep=True)
    shard.wakes = {key: wake for key, wake in shard.wakes.items() if key.kind is StateKind.CURSOR}
    ticks = []
    while any(wake <= late for wake in shard.wakes.values()):
        ticks.append(shard.tick(now=late))
    assert all(len(ticked.tick.records) < RECORDS_PER_TICK_MAX + 3 * FIRES_PER_TIMER_MAX for ticked in ticks)
    assert len(ticks) > 1
    assert "zeta" in {action["tenant_id"] for action in ticks[0].actions}
    assert sum(len(ticked.actions) for ticked in ticks) > 60 * FIRES_PER_TIMER_MAX / 2


def test_large_payloads_fill_a_tick_sooner() -> None:
    shard = PureShard()
    given = MINUTELY | {"payload": {"text": "x" * 60_000}, "misfire": {"coalesce": "none", "max_lateness_seconds": None}}
    shard.tick(*(a_create(given, f"c{number}") for number in range(3)), now=NOON)
    ticks = [shard.tick(now=NOON + 200 * MINUTE) for _ in range(3)]
    sizes = [sum(len(record.value or b"") for record in ticked.tick.records) for ticked in ticks]
    assert all(0 < size < BYTES_PER_TICK_MAX + 200_000 for size in sizes)
    assert sum(len(ticked.actions) for ticked in ticks) == 300


@pytest.mark.parametrize(
    ("kind", "asked"),
    [("plan.update", {"patch": {"name": "b"}}), ("plan.update", {"patch": {"active": False}}), ("plan.pause", {}), ("plan.cancel", {})],
)
def test_a_command_on_a_plan_of_another_zone_database_finds_it_computed_anew(kind: str, asked: dict[str, Any]) -> None:
    shard = a_shard({"action": ACTION, "recurrence": {"type": "cron", "expression": "0 14 * * *"}, "timezone": "Europe/Amsterdam"})
    # Two o'clock was at noon, and fired; in the version in force it is at one.
    key = StateKey(StateKind.CURSOR, TENANT, PLAN)
    shard.values[key] = msgspec.json.encode(
        value_of(shard, StateKind.CURSOR, PLAN) | {"tzdata": "1999a", "label_offset_s": 7200, "next_nominal": "2026-03-02T12:00:00Z"}
    )
    ticked = shard.tick(incoming(event(kind, command_data("c2", plan_id=PLAN, **asked))), now=NOON + MINUTE)
    assert ticked.types[0] == "plan.rescheduled"
    assert shard.tick(now=ONE + MINUTE).actions == []


def test_what_another_zone_database_makes_wait_is_told() -> None:
    # 02:45 on March 29th was 0:45 in UTC, and fired; in the version in force it would come to 1:45, after 03:00.
    two = {"type": "rrule", "rule": "FREQ=DAILY;BYHOUR=2,3;BYMINUTE=0,45;BYSETPOS=2,3", "dtstart": "2026-03-01T00:00:00"}
    shard = a_shard({"action": ACTION, "recurrence": two, "timezone": "Europe/Amsterdam"})
    fired = {"tzdata": "1999a", "label_offset_s": 7200, "resolved_until": "2026-03-29T00:45:00Z", "next_nominal": "2026-03-29T01:00:00Z"}
    shard.values[StateKey(StateKind.CURSOR, TENANT, PLAN)] = msgspec.json.encode(value_of(shard, StateKind.CURSOR, PLAN) | fired)
    ticked = shard.tick(an_update(PLAN, {"name": "b"}, "u"), now=NOON + timedelta(days=27, hours=12, minutes=50))
    assert ticked.types == ["plan.rescheduled", "occurrence.held", "plan.updated"]
    assert ticked.of("occurrence.held")[0]["scheduled_for"] == "2026-03-29T01:00:00Z"


def test_a_schedule_that_was_compiled_in_a_tick_that_failed_is_not_used_for_what_the_next_one_decides() -> None:
    # An interval without anchor begins when its plan is made: in the second tick that is another time than in the first.
    shard = PureShard()
    asked = (a_create(MINUTELY), incoming(event("plan.pause", command_data("c2", plan_id=PLAN)), offset=1))
    shard.tick(*asked, now=NOON, keep=False)
    shard.tick(*asked[:1], now=NOON + MINUTE / 2)
    (action,) = shard.tick(now=NOON + 1.5 * MINUTE).actions
    (later,) = shard.tick(now=NOON + 2.5 * MINUTE).actions
    assert (action["scheduled_for"], later["scheduled_for"]) == ("2026-03-01T12:01:30Z", "2026-03-01T12:02:30Z")


def test_what_an_update_keeps_through_a_pause_is_told_and_not_told_again() -> None:
    every = {"type": "interval", "every_seconds": 60, "anchor": format_instant(NOON + MINUTE)}
    shard = a_shard({"action": ACTION, "recurrence": every, "active": False})
    ticked = shard.tick(an_update(PLAN, {"recurrence": {"every_seconds": 120}}, "u"), now=NOON + 5 * MINUTE)

    assert ticked.types == 2 * ["occurrence.skipped"] + 3 * ["occurrence.held"] + ["plan.updated"]
    told = ticked.of("occurrence.held")
    assert [held["scheduled_for"] for held in told] == [format_instant(NOON + minute * MINUTE) for minute in (1, 3, 5)]
    assert {held["plan_revision"] for held in told} == {2}
    assert shard.tick(an_update(PLAN, {"payload": {}}, "v"), now=NOON + 6 * MINUTE).types == ["plan.updated"]
