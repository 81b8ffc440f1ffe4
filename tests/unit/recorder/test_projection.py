import json
from datetime import timedelta
from typing import TypeVar

import pytest

from planner.recorder.projection import RecordInvalidError, project
from planner.recorder.rows import (
    CalendarRow,
    CommandRow,
    CompletionRow,
    PlanRow,
    ProgressRow,
    RevisionRow,
    Row,
    RunRow,
    SkipRow,
    TransitionRow,
)
from planner_contracts.ids import plan_id
from planner_contracts.instants import format_instant
from planner_contracts.topics import TopicRole
from support.records import NOON, ORGANIZATION, TENANT, Message, Story, an_id, without

R = TypeVar("R")
STORY = Story()


def rows(message: Message, offset: int = 7) -> tuple[Row, ...]:
    return project(message.at(offset, partition=2))


def only(kind: type[R], found: tuple[Row, ...]) -> R:
    (row,) = [row for row in found if isinstance(row, kind)]
    return row


def test_a_created_plan_becomes_a_plan_a_revision_and_an_accepted_command() -> None:
    found = rows(STORY.changed("created", "c1"))
    assert {type(row) for row in found} == {PlanRow, RevisionRow, CommandRow}
    plan = only(PlanRow, found)
    assert (plan.id, plan.tenant_id, plan.status, plan.event_partition, plan.event_offset) == (STORY.plan_id, TENANT, "active", 2, 7)
    assert plan.next_run_at == NOON + timedelta(minutes=1)
    assert only(RevisionRow, found).kind == "created"
    assert only(CommandRow, found).state == "accepted"


def test_a_plan_document_keeps_the_order_the_numbers_and_the_unknown_fields_of_its_event() -> None:
    message = without(STORY.changed("created", "c1"), b'"tzdata"', b'"from_a_newer_owner":[1.0],"tzdata"')
    document = only(PlanRow, rows(message)).plan
    assert '"payload":{"content_id":1.0,"a":"é"}' in document
    assert '"from_a_newer_owner":[1.0]' in document


def test_a_replayed_outcome_touches_its_command_only() -> None:
    (row,) = rows(STORY.replayed("c2", original="c1"))
    assert isinstance(row, CommandRow)
    assert (row.id, row.original_command_id, row.replayed, row.state) == (an_id("c2"), an_id("c1"), True, "accepted")


def test_a_completed_plan_is_told_apart_from_a_command_of_its_own() -> None:
    assert rows(STORY.completed()) == (CompletionRow(STORY.plan_id, 7),)


def test_a_rejection_keeps_its_problem() -> None:
    (row,) = rows(STORY.rejected("c1"))
    assert isinstance(row, CommandRow)
    assert row.state == "rejected"
    assert json.loads(row.problem or "") == {"code": "PLAN_NOT_FOUND", "status": 404, "detail": "There is no such plan.", "errors": []}


def test_a_changed_calendar_becomes_a_list_and_an_accepted_command() -> None:
    found = rows(STORY.calendar("c1", 3, ["2026-12-25"]))
    assert only(CalendarRow, found) == CalendarRow(TENANT, "nl", 3, '["2026-12-25"]', False, NOON, "key:1")
    accepted = only(CommandRow, found)
    assert (accepted.state, accepted.plan_id, accepted.revision) == ("accepted", None, 3)


def test_a_deleted_calendar_is_hidden_with_its_dates() -> None:
    deleted = only(CalendarRow, rows(STORY.calendar("c1", 4, ["2026-12-25"], kind="deleted")))
    assert (deleted.deleted, deleted.dates) == (True, '["2026-12-25"]')


def test_a_replayed_change_of_a_calendar_touches_its_command_only() -> None:
    (replayed,) = rows(STORY.calendar("c2", 1, None, replayed=True, original_command_id=an_id("c1")))
    assert isinstance(replayed, CommandRow)
    assert (replayed.replayed, replayed.original_command_id) == (True, an_id("c1"))


def test_a_copy_of_a_calendar_waits_for_nothing() -> None:
    data = {"command_id": an_id("c1"), "tenant_id": TENANT, "organization_id": ORGANIZATION}
    assert rows(STORY.message(TopicRole.PLAN_COMMANDS, "planner.calendar.copied", data)) == ()
    assert rows(STORY.message(TopicRole.PLAN_COMMANDS, "planner.calendar.put", data)) != ()


def test_a_create_that_waits_shows_the_plan_that_it_will_make() -> None:
    (row,) = rows(STORY.command("create", "c1", idempotency_key="k", plan={"action": "a"}))
    assert isinstance(row, CommandRow)
    assert (row.state, row.plan_id) == ("pending", plan_id(TENANT, ORGANIZATION, "k"))


def test_an_update_that_waits_shows_the_plan_that_it_names() -> None:
    (row,) = rows(STORY.command("update", "c1", plan_id=STORY.plan_id, patch={}))
    assert isinstance(row, CommandRow)
    assert (row.state, row.plan_id) == ("pending", STORY.plan_id)


@pytest.mark.parametrize("value", [b"", b"not json", b'{"specversion":"1.0","id":"1","source":"s","type":"t","data":{"command_id":"x"}}'])
def test_a_command_that_cannot_be_read_is_left_to_the_owner(value: bytes) -> None:
    assert rows(Message(TopicRole.PLAN_COMMANDS, "k", value)) == ()


def test_a_pending_run_says_when_its_plan_is_due_next() -> None:
    found = rows(STORY.run(1, next_run_at=format_instant(NOON + timedelta(minutes=2))))
    assert only(RunRow, found).state == "pending"
    assert only(TransitionRow, found).by == "owner"
    assert only(ProgressRow, found) == ProgressRow(STORY.plan_id, 1, 7, NOON + timedelta(minutes=2))


@pytest.mark.parametrize(
    ("state", "given", "at", "by"),
    [
        ("pending", {}, NOON + timedelta(minutes=1, milliseconds=5), "owner"),
        ("executing", {"started_at": format_instant(NOON), "worker": "w1"}, NOON, "w1"),
        ("completed", {"finished_at": format_instant(NOON + timedelta(hours=1)), "worker": "w1"}, NOON + timedelta(hours=1), "w1"),
        ("failed", {"finished_at": format_instant(NOON), "worker": "w1", "reason": "TIMED_OUT"}, NOON, "owner"),
    ],
)
def test_a_transition_says_when_and_by_whom(state: str, given: dict[str, str], at: object, by: str) -> None:
    transition = only(TransitionRow, rows(STORY.run(1, state, 2, **given)))
    assert (transition.state, transition.at, transition.by) == (state, at, by)


def test_what_a_worker_sent_is_kept_as_it_was_sent() -> None:
    run = only(RunRow, rows(STORY.run(1, "failed", 3, result=[1.0], progress=0, error={"code": "X", "message": "m", "more": 1})))
    assert (run.result, run.progress, run.error) == ("[1.0]", "0", '{"code":"X","message":"m","more":1}')


def test_a_single_skip_and_a_range_are_both_ranges() -> None:
    first, last = format_instant(NOON), format_instant(NOON + timedelta(hours=1))
    single = only(SkipRow, rows(STORY.skipped(scheduled_for=first)))
    assert (single.first_scheduled_for, single.last_scheduled_for, single.count) == (NOON, NOON, 1)
    many = only(SkipRow, rows(STORY.skipped(**{"from": first, "to": last, "count": None})))
    assert (many.last_scheduled_for, many.count) == (NOON + timedelta(hours=1), None)


def test_a_type_that_this_version_does_not_know_is_passed_over() -> None:
    assert rows(STORY.message(TopicRole.PLAN_EVENTS, "planner.plan.renamed", {})) == ()


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (Message(TopicRole.RUN_EVENTS, "k", b"{"), "not JSON"),
        (STORY.run(1, "lost"), None),
        (without(STORY.run(1, "pending"), b'"sequence":1', b'"sequence":null'), "sequence"),
        (without(STORY.run(1, "pending"), STORY.run_id(1).encode(), b"not-a-uuid"), "id is not a UUID"),
        (STORY.skipped(), "neither scheduled_for nor from and to"),
        (without(STORY.rejected("c1"), b'"tenantid":"acme",', b""), "no tenantid"),
    ],
)
def test_an_event_that_says_too_little_is_invalid(message: Message, reason: str | None) -> None:
    if reason is None:
        assert rows(message) == ()
        return
    with pytest.raises(RecordInvalidError, match=reason):
        rows(message)


def test_the_reason_of_an_invalid_event_quotes_nothing_of_a_tenants() -> None:
    """It is logged, and named the value beside the field: a tenant's payload stood in the operators' log."""
    with pytest.raises(RecordInvalidError) as invalid:
        rows(without(STORY.run(1, "pending"), b'"sequence":1', b'"sequence":"secret of acme"'))
    assert "sequence" in str(invalid.value)
    assert "secret" not in str(invalid.value)
