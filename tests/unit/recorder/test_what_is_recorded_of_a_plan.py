"""Which rows an event becomes at its edges, and which of a batch's rows is written where several are about the same thing."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from planner.recorder.batch import Batch, gather
from planner.recorder.projection import RecordInvalidError, project
from planner.recorder.rows import CommandRow, HeldRow, PlanRow, ProgressRow, RevisionRow, Row, RunRow, SkipRow, TransitionRow
from planner_contracts.ids import plan_id
from planner_contracts.instants import format_instant
from planner_contracts.topics import TopicRole
from support.records import NOON, ORGANIZATION, TENANT, Message, Story, an_id, without

R = TypeVar("R")
STORY = Story()
LATER = NOON + timedelta(hours=1)


def rows(message: Message, offset: int = 7) -> tuple[Row, ...]:
    return project(message.at(offset, partition=2))


def only(kind: type[R], found: tuple[Row, ...]) -> R:
    (row,) = [row for row in found if isinstance(row, kind)]
    return row


def batch(*messages: Message) -> Batch:
    return gather(row for offset, message in enumerate(messages) for row in project(message.at(offset)))


def changed(message: Message, **data: Any) -> Message:  # noqa: ANN401  any field of an event's data
    """The message with these members of its data replaced."""
    document = json.loads(message.value)
    document["data"] |= data
    return replace(message, value=json.dumps(document).encode())


@pytest.mark.parametrize("kind", ["created", "updated", "cancelled", "paused", "resumed", "triggered", "backfilled", "rescheduled"])
def test_every_event_that_carries_a_plan_makes_it_what_the_event_says(kind: str) -> None:
    found = rows(STORY.changed(kind, "c1", revision=3, status="paused", name=None))
    plan = only(PlanRow, found)
    assert (plan.revision, plan.status, plan.name, plan.organization_id) == (3, "paused", None, ORGANIZATION)
    revision = only(RevisionRow, found)
    assert (revision.kind, revision.revision, revision.command_id, revision.actor) == (kind, 3, an_id("c1"), "key:1")
    assert (revision.event_offset, revision.changes, revision.plan) == (7, "[]", plan.plan)
    command = only(CommandRow, found)
    assert (command.revision, command.plan_id, command.event_partition, command.event_offset) == (3, STORY.plan_id, 2, 7)


def test_an_outcome_without_its_plan_touches_its_command_only() -> None:
    (row,) = rows(changed(STORY.changed("updated", "c1"), plan=None))
    assert isinstance(row, CommandRow)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (changed(STORY.changed("created", "c1"), command_id="c1"), "command_id is not a UUID"),
        (changed(STORY.changed("created", "c1"), plan_id="p"), "plan_id is not a UUID"),
        (changed(STORY.replayed("c2"), original_command_id="c1"), "original_command_id is not a UUID"),
        (changed(STORY.completed(), plan_id="p"), "plan_id is not a UUID"),
        (changed(STORY.rejected("c1"), plan_id="p"), "plan_id is not a UUID"),
        (changed(STORY.skipped(scheduled_for=format_instant(NOON)), plan_id="p"), "plan_id is not a UUID"),
        (changed(STORY.held(1), plan_id="p"), "plan_id is not a UUID"),
        (without(STORY.changed("created", "c1"), b'"organizationid":"acme-eu",', b""), "no organizationid"),
        (without(STORY.calendar("c1", 1, []), b'"tenantid":"acme",', b""), "no tenantid"),
        (STORY.skipped(**{"from": format_instant(NOON), "count": 2}), "neither scheduled_for nor from and to"),
        (STORY.skipped(to=format_instant(NOON), count=2), "neither scheduled_for nor from and to"),
    ],
)
def test_an_event_whose_ids_are_none_belongs_to_the_dead_letters(message: Message, reason: str) -> None:
    with pytest.raises(RecordInvalidError, match=reason):
        rows(message)


def test_a_reason_is_cut_before_it_fills_a_log() -> None:
    with pytest.raises(RecordInvalidError) as invalid:
        rows(changed(STORY.changed("updated", "c1"), changes=[7] * 200))
    assert len(str(invalid.value)) == 500


def test_a_rejection_of_a_repeat_about_no_plan_says_both() -> None:
    (row,) = rows(changed(STORY.rejected("c1"), plan_id=None, replayed=True))
    assert isinstance(row, CommandRow)
    assert (row.plan_id, row.replayed, row.revision, row.at) == (None, True, None, NOON)


@pytest.mark.parametrize(("key", "of"), [("k", "k"), (None, an_id("c1"))])
def test_a_create_that_waits_is_of_the_plan_that_its_key_or_its_id_will_make(key: str | None, of: str) -> None:
    asked = {} if key is None else {"idempotency_key": key}
    (row,) = rows(STORY.command("create", "c1", plan={}, **asked))
    assert isinstance(row, CommandRow)
    assert (row.plan_id, row.at, row.event_offset) == (plan_id(TENANT, ORGANIZATION, of), NOON, None)


def test_a_change_of_a_list_that_waits_is_of_no_plan() -> None:
    data = {"command_id": an_id("c1"), "tenant_id": TENANT, "organization_id": ORGANIZATION, "name": "nl", "dates": []}
    (row,) = rows(STORY.message(TopicRole.PLAN_COMMANDS, "planner.calendar.put", data))
    assert isinstance(row, CommandRow)
    assert (row.state, row.plan_id) == ("pending", None)


@pytest.mark.parametrize(
    ("given", "by"),
    [
        ({"state": "completed", "worker": "w1"}, "w1"),
        ({"state": "completed"}, "owner"),
        ({"state": "failed", "worker": "w1", "reason": "CANCELLED"}, "owner"),
        ({"state": "pending", "worker": "w1"}, "owner"),
    ],
)
def test_a_transition_is_the_workers_unless_the_owner_decided_it(given: dict[str, str], by: str) -> None:
    assert only(TransitionRow, rows(STORY.run(1, sequence=2, **given))).by == by


def test_a_transition_without_a_moment_of_its_own_has_that_of_its_event_and_else_of_its_record() -> None:
    ended = STORY.run(1, "completed", 2)
    assert only(TransitionRow, rows(ended)).at == NOON
    stamped = without(ended, f'"time":"{format_instant(NOON)}"'.encode(), f'"time":"{format_instant(LATER)}"'.encode())
    assert only(TransitionRow, rows(stamped)).at == LATER
    unstamped = without(ended, f'"time":"{format_instant(NOON)}",'.encode(), b"")
    record = replace(unstamped.at(0), timestamp=LATER)
    assert only(TransitionRow, project(record)).at == LATER


def test_a_run_that_says_nothing_of_the_plans_next_time_leaves_it_as_it_is() -> None:
    assert {type(row) for row in rows(STORY.run(1))} == {RunRow, TransitionRow}
    run = only(RunRow, rows(STORY.run(1)))
    assert (run.progress, run.result, run.error, run.reason, run.worker) == (None, None, None, None, None)


def test_a_list_whose_dates_an_event_leaves_out_stays_as_it_is() -> None:
    (row,) = rows(STORY.calendar("c1", 2, None))
    assert isinstance(row, CommandRow)


def test_an_occurrence_that_waits_is_held_and_moves_the_plans_next_time_where_there_is_one() -> None:
    assert rows(STORY.held(3)) == (HeldRow(STORY.plan_id, NOON + timedelta(minutes=3), 1, 7),)
    held, progress = rows(STORY.held(3, format_instant(LATER)))
    assert isinstance(held, HeldRow)
    assert progress == ProgressRow(STORY.plan_id, 1, 7, LATER)


def test_a_skip_says_into_what_and_moves_the_plans_next_time_where_there_is_one() -> None:
    nominal = format_instant(NOON)
    alone = rows(STORY.skipped(scheduled_for=nominal, reason="coalesced", into=format_instant(LATER)))
    assert only(SkipRow, alone).into_scheduled_for == LATER
    assert len(alone) == 1
    assert only(ProgressRow, rows(STORY.skipped(scheduled_for=nominal, next_run_at=format_instant(LATER)))).next_run_at == LATER


def test_a_range_of_skips_has_the_count_that_was_given() -> None:
    skip = only(SkipRow, rows(STORY.skipped(**{"from": format_instant(NOON), "to": format_instant(LATER), "count": 61})))
    assert (skip.first_scheduled_for, skip.last_scheduled_for, skip.count, skip.reason) == (NOON, LATER, 61, "missed")


def test_of_a_batch_the_last_word_on_a_plans_next_time_counts() -> None:
    soon = format_instant(NOON + timedelta(minutes=2))
    found = batch(STORY.run(1, next_run_at=soon), STORY.held(2, format_instant(LATER)))
    assert [row.next_run_at for row in found.progress.values()] == [LATER]


def test_of_a_batch_an_occurrence_is_held_once_and_each_skip_stays() -> None:
    nominal = format_instant(NOON + timedelta(minutes=2))
    found = batch(STORY.held(1), STORY.held(1), STORY.held(2), STORY.skipped(scheduled_for=nominal), STORY.skipped(scheduled_for=nominal))
    assert [(row.scheduled_for, row.event_offset) for row in found.held.values()] == [
        (NOON + timedelta(minutes=1), 0),
        (NOON + timedelta(minutes=2), 2),
    ]
    assert [row.event_offset for row in found.skips.values()] == [3, 4]


def test_of_a_batch_the_first_word_on_a_transition_counts() -> None:
    found = batch(STORY.run(1, "executing", 2, worker="w1"), STORY.run(1, "executing", 2, worker="w2"))
    assert [row.by for row in found.transitions.values()] == ["w1"]


def test_a_batch_touches_the_plans_of_its_runs_and_of_times_that_moved() -> None:
    other, third = Story(an_id("other")), Story(an_id("third"))
    found = batch(STORY.run(1, "completed", 2), other.held(1, format_instant(LATER)), third.held(1))
    assert found.touched_plans() == sorted([STORY.plan_id, other.plan_id])


def test_a_command_that_waited_has_its_outcome_when_both_are_in_one_batch() -> None:
    waiting = STORY.command("update", "c1", plan_id=STORY.plan_id, patch={})
    assert batch(waiting, STORY.rejected("c1")).commands[TENANT, an_id("c1")].state == "rejected"
    assert batch(STORY.rejected("c1"), waiting).commands[TENANT, an_id("c1")].state == "rejected"
