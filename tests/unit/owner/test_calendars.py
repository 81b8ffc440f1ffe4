"""Holiday lists in a shard: commands, copies, and the plans that use them (scheduling.md, R11)."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from planner.domain.plan import StateKind
from planner.owner.inbox import Incoming
from planner.owner.index import StateKey
from planner_contracts.ids import calendar_id
from planner_contracts.partitioning import partition_for
from support.incoming import a_create, an_update, command_data, event, incoming, plan_made_by
from support.plans import ACTION, NOON, TENANT, command_id
from support.shards import PureShard, Ticked

# NOON is on Sunday, the 1st of March 2026.
MONDAY, TUESDAY = "2026-03-02", "2026-03-03"
PARTITIONS = 3
HOME = partition_for(calendar_id(TENANT, "nl").encode(), PARTITIONS)


def a_put(*dates: object, command: str = "p1", key: str | None = None, **content: Any) -> Incoming:  # noqa: ANN401 any field of a command
    return incoming(event("calendar.put", command_data(command, key=key, **{"name": "nl", "dates": list(dates)} | content)))


def a_delete(name: str, **content: Any) -> Incoming:  # noqa: ANN401 any field of a command
    return incoming(event("calendar.delete", command_data(name, **{"name": "nl"} | content)))


def nine_o_clock(**members: object) -> dict[str, Any]:
    recurrence = {"type": "calendar", "hour": "9", "roll": "skip", "holiday_calendar": "nl"} | members
    return {"action": ACTION, "recurrence": recurrence}


def shard(partition: int = 0, partitions: int = 1) -> PureShard:
    return PureShard(partition=partition, partitions=partitions)


def with_a_plan(*dates: str) -> PureShard:
    """A shard that knows the list, and a plan that uses it."""
    found = shard()
    found.tick(a_put(*dates), a_create(nine_o_clock()), now=NOON)
    return found


def next_run(ticked: Ticked) -> str | None:
    (event,) = ticked.of("plan.created", "plan.updated", "plan.rescheduled")
    moved: str | None = event["plan"]["next_run_at"]
    return moved


def codes(ticked: Ticked) -> list[str]:
    return [rejected["code"] for rejected in ticked.of("command.rejected")]


def test_a_list_is_told_of_and_copied_to_every_other_partition() -> None:
    home = shard(HOME, PARTITIONS)

    ticked = home.tick(a_put(MONDAY), now=NOON)

    (changed,) = ticked.of("calendar.changed")
    assert {name: changed[name] for name in ("command_id", "name", "version", "dates", "created", "actor", "replayed")} == {
        "command_id": command_id("p1"),
        "name": "nl",
        "version": 1,
        "dates": [MONDAY],
        "created": True,
        "actor": "key:1",
        "replayed": False,
    }
    copies = [record for record in ticked.tick.records if record.topic.endswith("commands")]
    assert sorted(record.partition for record in copies) == sorted({0, 1, 2} - {HOME})
    assert StateKey(StateKind.CALENDAR, TENANT, "nl") in home.values
    assert ticked.tick.replans


def test_a_copy_makes_the_same_list_and_the_same_event_elsewhere() -> None:
    home = shard(HOME, PARTITIONS)
    told = home.tick(a_put(MONDAY), now=NOON)
    copy = next(record for record in told.tick.records if record.topic.endswith("commands"))
    other = shard(copy.partition, PARTITIONS)

    ticked = other.tick(incoming(copy.value), now=NOON + timedelta(seconds=1))

    assert ticked.of() == told.of("calendar.changed")
    assert other.values[StateKey(StateKind.CALENDAR, TENANT, "nl")] == home.values[StateKey(StateKind.CALENDAR, TENANT, "nl")]
    assert [key.kind for key in other.values] == [StateKind.CALENDAR]


def test_everything_that_follows_from_a_change_is_in_the_trace_of_its_command() -> None:
    # Who followed a change of a list from the caller on lost it at the partition that took it in: the copies were of no trace.
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    put = incoming(event("calendar.put", command_data("p1", name="nl", dates=[MONDAY]), traceparent=trace))
    told = shard(HOME, PARTITIONS).tick(put, now=NOON).tick.records
    copy = next(record for record in told if record.topic.endswith("commands"))
    taken = shard(copy.partition, PARTITIONS).tick(incoming(copy.value), now=NOON).tick.records
    assert [json.loads(record.value or b"")["traceparent"] for record in (*told, *taken)] == [trace] * (PARTITIONS + 1)


def test_a_copy_of_an_older_version_gets_its_event_and_changes_nothing() -> None:
    home = shard(HOME, PARTITIONS)
    first, second = (
        next(record for record in home.tick(put, now=NOON).tick.records if record.topic.endswith("commands"))
        for put in (a_put(MONDAY), a_put(TUESDAY, command="p2"))
    )
    other = shard(first.partition, PARTITIONS)
    other.tick(incoming(second.value), now=NOON)
    newest = dict(other.values)

    ticked = other.tick(incoming(first.value), now=NOON)

    assert [changed["version"] for changed in ticked.of("calendar.changed")] == [1]
    assert other.values == newest
    assert not ticked.tick.replans


def test_each_change_makes_the_next_version_and_the_same_dates_none() -> None:
    home = shard()
    told = [home.tick(put, now=NOON) for put in (a_put(MONDAY), a_put(MONDAY, command="p2"), a_put(TUESDAY, command="p3"))]

    versions = [changed["version"] for ticked in told for changed in ticked.of("calendar.changed")]

    assert versions == [1, 1, 2]
    assert [ticked.tick.replans for ticked in told] == [True, False, True]


def test_a_deleted_list_is_not_there_until_it_is_made_again() -> None:
    home = shard()
    home.tick(a_put(MONDAY), now=NOON)

    (deleted,) = home.tick(a_delete("d1"), now=NOON).of("calendar.deleted")
    again = home.tick(a_delete("d2"), now=NOON)
    (made,) = home.tick(a_put(MONDAY, command="p2"), now=NOON).of("calendar.changed")

    assert (deleted["version"], deleted["dates"]) == (2, [MONDAY])
    assert codes(again) == ["CALENDAR_NOT_FOUND"]
    assert (made["version"], made["created"]) == (3, True)


@pytest.mark.parametrize(
    ("content", "pointer", "code"),
    [
        ({"dates": None}, "/dates", "FIELD_REQUIRED"),
        ({"dates": "2026-12-25"}, "/dates", "FIELD_BAD_TYPE"),
        ({"dates": [MONDAY, "2026-02-30"]}, "/dates/1", "DATETIME_INVALID"),
        ({"dates": [20261225]}, "/dates/0", "DATETIME_INVALID"),
        ({"dates": ["2201-01-01"]}, "/dates/0", "SCHEDULE_DATE_OUT_OF_RANGE"),
        ({"dates": [MONDAY] * 1001}, "/dates", "FIELD_OUT_OF_RANGE"),
    ],
)
def test_dates_that_are_none_are_refused(content: dict[str, Any], pointer: str, code: str) -> None:
    home = shard()

    (rejected,) = home.tick(a_put(**content), now=NOON).of("command.rejected")

    assert (rejected["code"], rejected["plan_id"]) == ("VALIDATION_FAILED", None)
    assert [(fault["pointer"], fault["code"]) for fault in rejected["errors"]] == [(pointer, code)]
    assert StateKey(StateKind.CALENDAR, TENANT, "nl") not in home.values


def test_a_repeated_command_gets_its_outcome_again_and_sends_no_copies() -> None:
    home = shard(HOME, PARTITIONS)
    home.tick(a_put(MONDAY, key="k"), now=NOON)

    same = home.tick(a_put(MONDAY, key="k"), now=NOON)
    by_key = home.tick(a_put(MONDAY, command="p2", key="k"), now=NOON)
    other = home.tick(a_put(TUESDAY, command="p3", key="k"), now=NOON)

    for ticked, original in ((same, None), (by_key, command_id("p1"))):
        (changed,) = ticked.of("calendar.changed")
        assert (changed["replayed"], changed["dates"], changed["version"], changed["original_command_id"]) == (True, None, 1, original)
        assert changed["created"]
        assert [record.topic for record in ticked.tick.records] == ["t.plan.events"]
    assert codes(other) == ["IDEMPOTENCY_KEY_REUSED"]


def test_another_command_under_the_same_id_is_refused_and_the_first_stays_remembered() -> None:
    home = shard()
    home.tick(a_put(MONDAY), now=NOON)

    other, same = (home.tick(put, now=NOON) for put in (a_put(TUESDAY), a_put(MONDAY)))

    assert codes(other) == ["IDEMPOTENCY_KEY_REUSED"]
    assert [changed["replayed"] for changed in same.of("calendar.changed")] == [True]


def test_a_list_may_have_a_thousand_dates() -> None:
    assert codes(shard().tick(a_put(*[MONDAY] * 1000), now=NOON)) == []


def test_a_change_may_expect_a_version() -> None:
    home = shard()
    home.tick(a_put(MONDAY), now=NOON)

    assert codes(home.tick(a_put(TUESDAY, command="p2", expected_revision=2), now=NOON)) == ["REVISION_MISMATCH"]
    assert codes(home.tick(a_put(TUESDAY, command="p3", expected_revision=1), now=NOON)) == []


def test_a_plan_fires_on_no_day_of_its_list() -> None:
    assert next_run(shard().tick(a_put(), a_create(nine_o_clock()), now=NOON)) == f"{MONDAY}T09:00:00Z"
    assert next_run(shard().tick(a_put(MONDAY), a_create(nine_o_clock()), now=NOON)) == f"{TUESDAY}T09:00:00Z"


def test_a_list_that_there_is_not_is_refused_and_so_is_a_deleted_or_another_tenants_one() -> None:
    other_tenant = a_put(MONDAY, tenant_id="other")
    for known in ((), (a_put(MONDAY), a_delete("d1")), (other_tenant,)):
        (rejected,) = shard().tick(*known, a_create(nine_o_clock()), now=NOON).of("command.rejected")
        assert [fault["code"] for fault in rejected["errors"]] == ["HOLIDAY_CALENDAR_UNKNOWN"]


@pytest.mark.parametrize("name", ["\x00", "a/b", "x" * 5000])
def test_what_is_no_name_of_a_list_is_an_unknown_one(name: str) -> None:
    (rejected,) = shard().tick(a_create(nine_o_clock(holiday_calendar=name)), now=NOON).of("command.rejected")

    assert rejected["code"] == "VALIDATION_FAILED"


def test_a_changed_list_moves_the_plans_that_use_it_later_and_earlier() -> None:
    found = with_a_plan()

    later = found.tick(a_put(MONDAY, command="p2"), now=NOON)
    swept = found.sweep(now=NOON)
    earlier = (found.tick(a_put(command="p3"), now=NOON), found.sweep(now=NOON))[1]

    assert later.types == ["calendar.changed"]
    assert next_run(swept) == f"{TUESDAY}T09:00:00Z"
    (moved,) = swept.of("plan.rescheduled")
    assert (moved["revision"], moved["actor"]) == (2, "owner")
    assert moved["changes"] == [{"path": "/next_run_at", "old": f"{MONDAY}T09:00:00Z", "new": f"{TUESDAY}T09:00:00Z"}]
    assert next_run(earlier) == f"{MONDAY}T09:00:00Z"


def test_a_change_that_does_not_concern_a_plan_yet_tells_nothing_of_it() -> None:
    found = with_a_plan()
    found.tick(a_put("2026-12-25", command="p2"), now=NOON)

    assert found.sweep(now=NOON).published == []
    assert found.sweep(now=NOON).tick.changes == []


def test_plans_without_the_list_are_left_alone() -> None:
    found = with_a_plan()
    found.tick(a_create({"action": ACTION, "recurrence": {"type": "cron", "expression": "0 9 * * *"}}, "c2"), now=NOON)
    found.tick(a_put(MONDAY, command="p2"), now=NOON)

    assert [changed["plan_id"] for changed in found.sweep(now=NOON).of("plan.rescheduled")] == [plan_made_by("c1")]


def test_what_falls_due_before_its_plan_was_looked_at_goes_by_the_new_list() -> None:
    found = with_a_plan()
    found.tick(a_put(MONDAY, command="p2"), now=NOON)

    due = found.tick(now=datetime(2026, 3, 2, 9, tzinfo=UTC))

    assert due.types == ["plan.rescheduled"]
    assert next_run(due) == f"{TUESDAY}T09:00:00Z"


def test_a_plan_keeps_a_deleted_list_through_its_changes_and_no_other_may_take_it() -> None:
    found = with_a_plan(MONDAY)
    found.tick(a_delete("d1"), now=NOON)
    swept = found.sweep(now=NOON)

    changed = found.tick(an_update(plan_made_by("c1"), {"recurrence": {"hour": "10"}}, "u1"), now=NOON)
    refused = found.tick(a_create(nine_o_clock(), "c2"), now=NOON)

    assert swept.published == []
    assert next_run(changed) == f"{TUESDAY}T10:00:00Z"
    assert codes(refused) == ["VALIDATION_FAILED"]


def test_a_plan_can_be_moved_to_another_list() -> None:
    found = with_a_plan()
    found.tick(a_put(MONDAY, command="p2", name="be"), now=NOON)

    changed = found.tick(an_update(plan_made_by("c1"), {"recurrence": {"holiday_calendar": "be"}}, "u1"), now=NOON)
    unknown = found.tick(an_update(plan_made_by("c1"), {"recurrence": {"holiday_calendar": "de"}}, "u2"), now=NOON)

    assert next_run(changed) == f"{TUESDAY}T09:00:00Z"
    assert codes(unknown) == ["VALIDATION_FAILED"]
