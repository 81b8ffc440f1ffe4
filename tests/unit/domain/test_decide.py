"""What becomes of each command: api.md, section 3, and scheduling.md, section 5.3."""

from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec import structs

from planner.domain.plan import RECEIPT_KEPT
from planner_contracts.errors import ErrorCode
from planner_contracts.ids import OrganizationId, PlanId
from planner_contracts.plan import PlanStatus
from planner_contracts.plan_event import PlanEventType
from planner_contracts.run_event import SkipReason
from support.plans import ACTION, MINUTELY, NOON, ONCE, ORGANIZATION, TENANT, Book, Caller, accepted, codes, command_id, rejected

MINUTE = timedelta(minutes=1)
NOWHERE = PlanId("00000000-0000-4000-8000-000000000009")


def test_a_create_makes_the_first_revision_and_an_event_with_the_whole_plan() -> None:
    made = accepted(Book().ask(Caller().create(ONCE)))
    assert made.decision.type is PlanEventType.CREATED
    plan = made.event.plan
    assert plan is not None
    assert (plan.id, plan.tenant_id, plan.organization_id) == (made.event.plan_id, TENANT, ORGANIZATION)
    assert (plan.revision, plan.status, plan.next_run_at) == (1, PlanStatus.ACTIVE, NOON + timedelta(hours=1))
    assert (plan.created_at, plan.created_by, plan.updated_at, plan.updated_by) == (NOON, "key:1", NOON, "key:1")
    assert (plan.payload, plan.execute_at, plan.misfire.coalesce) == ({"content_id": 7}, "2026-03-01T13:00:00Z", "latest")
    assert (made.event.command_id, made.event.replayed, made.event.changes) == (command_id("c1"), False, [])


def test_a_create_begins_after_its_moment_and_fills_an_open_anchor_from_it() -> None:
    made = accepted(Book().ask(Caller().create(MINUTELY), now=NOON + timedelta(seconds=0.5)))
    assert made.revision.document["recurrence"]["anchor"] == "2026-03-01T12:00:00Z"
    assert made.cursor.next_nominal == NOON + MINUTE


def test_an_execute_at_in_the_past_is_taken_while_its_window_lasts() -> None:
    made = accepted(Book().ask(Caller().create(ONCE), now=NOON + timedelta(minutes=61)))
    assert made.cursor.next_due == NOON + timedelta(minutes=60)


def test_an_execute_at_whose_window_is_over_is_in_the_past() -> None:
    event = rejected(Book().ask(Caller().create(ONCE), now=NOON + timedelta(minutes=121)))
    assert codes(event) == ["/execute_at SCHEDULE_IN_PAST"]


def test_the_window_of_a_past_execute_at_counts_the_real_jitter_of_the_plan() -> None:
    caller = Caller()
    late = ONCE | {"jitter_seconds": 86_400}
    delayed = accepted(Book().ask(caller.create(late))).cursor.next_due
    assert delayed is not None
    over = delayed + timedelta(hours=1, microseconds=1)
    assert accepted(Book().ask(caller.create(late), now=over - timedelta(microseconds=1))).cursor.next_due == delayed
    assert codes(rejected(Book().ask(caller.create(late), now=over))) == ["/execute_at SCHEDULE_IN_PAST"]


def test_a_definition_with_faults_is_rejected_with_all_of_them_and_status_422() -> None:
    event = rejected(Book().ask(Caller().create({"action": "No", "execute_at": "tomorrow"})))
    assert (event.code, event.status) == (ErrorCode.VALIDATION_FAILED, 422)
    assert codes(event) == ["/execute_at DATETIME_INVALID", "/action ACTION_INVALID"]
    assert event.detail == event.errors[0].detail


def test_an_action_without_topics_is_unknown() -> None:
    event = rejected(Book().ask(Caller().create(ONCE | {"action": "no.such"})))
    assert (event.code, event.status) == (ErrorCode.ACTION_UNKNOWN, 422)


def test_a_create_may_name_its_own_organization_and_no_other() -> None:
    named = accepted(Book().ask(Caller().create(ONCE | {"organization_id": ORGANIZATION})))
    assert "organization_id" not in named.revision.document
    assert codes(rejected(Book().ask(Caller().create(ONCE | {"organization_id": "other"})))) == ["/organization_id FIELD_INVALID"]


def test_a_repeated_command_gets_its_first_outcome_again_without_the_plan() -> None:
    book = Book()
    first = accepted(book.ask(Caller().create(ONCE)))
    again = accepted(book.ask(Caller().create(ONCE), now=NOON + MINUTE))
    assert (again.event.replayed, again.event.plan, again.event.revision) == (True, None, 1)
    assert (again.event.plan_id, again.event.original_command_id) == (first.event.plan_id, None)
    assert (again.decision.revision, again.decision.cursor, again.decision.receipts) == (None, None, ())


def test_a_command_id_with_other_content_is_refused_and_the_first_outcome_stays_remembered() -> None:
    book = Book()
    book.ask(Caller().create(ONCE))
    event = rejected(book.ask(Caller().create(MINUTELY)))
    assert event.code == ErrorCode.IDEMPOTENCY_KEY_REUSED
    assert accepted(book.ask(Caller().create(ONCE))).event.replayed


@pytest.mark.parametrize("actor", ["key:1", "key:2"])
def test_a_repeated_key_gets_the_first_outcome_under_the_new_command_id_whoever_asks(actor: str) -> None:
    book = Book()
    first = accepted(book.ask(Caller("c1", key="k").create(ONCE)))
    again = accepted(book.ask(Caller("c2", key="k", actor=actor).create(ONCE)))
    assert (again.event.command_id, again.event.original_command_id) == (command_id("c2"), command_id("c1"))
    assert (again.event.replayed, again.event.plan, again.event.plan_id) == (True, None, first.event.plan_id)
    third = accepted(book.ask(Caller("c2", key="k", actor=actor).create(ONCE)))
    assert (third.event.command_id, third.event.original_command_id) == (command_id("c2"), command_id("c1"))


def test_a_key_means_the_same_request_however_its_defaults_are_spelt() -> None:
    book = Book()
    book.ask(Caller("c1", key="k").create(ONCE))
    spelt = ONCE | {"overlap": "allow", "name": None, "misfire": {"coalesce": "latest"}, "organization_id": ORGANIZATION}
    assert accepted(book.ask(Caller("c2", key="k").create(spelt))).event.replayed


def test_a_key_with_another_request_is_refused() -> None:
    book = Book()
    book.ask(Caller("c1", key="k").create(ONCE))
    event = rejected(book.ask(Caller("c2", key="k").create(ONCE | {"name": "other"})))
    assert (event.code, event.status) == (ErrorCode.IDEMPOTENCY_KEY_REUSED, 422)


def test_a_key_belongs_to_its_target_so_a_plan_and_the_collection_may_share_one() -> None:
    book = Book()
    plan = accepted(book.ask(Caller("c1", key="k").create(ONCE))).plan_id_made
    assert accepted(book.ask(Caller("c2", key="k").update(plan, name="b"))).event.revision == 2
    event = rejected(book.ask(Caller("c3", key="k").cancel(plan)))
    assert event.code == ErrorCode.IDEMPOTENCY_KEY_REUSED


@pytest.mark.parametrize("active", [True, False])
def test_a_cancelled_plan_keeps_the_active_that_its_caller_gave(*, active: bool) -> None:
    book = Book()
    plan = book.made(ONCE | {"active": active})
    ended = accepted(book.ask(Caller().cancel(plan)))
    assert ended.event.plan is not None
    assert (ended.event.plan.status, ended.event.plan.active) == ("cancelled", active)
    assert [change.path for change in ended.event.changes] == ["/status"]


@pytest.mark.parametrize("retired", [False, True])
@pytest.mark.parametrize("key", [None, "k"])
def test_a_create_that_comes_again_when_its_receipt_has_expired_makes_no_second_plan(key: str | None, *, retired: bool) -> None:
    book = Book()
    plan = accepted(book.ask(Caller("c1", key=key).create(ONCE))).plan_id_made
    if retired:
        book.ask(Caller("c2").cancel(plan))
        book.retire(plan)
    book.receipts.clear()
    later = NOON + RECEIPT_KEPT
    again = accepted(book.ask(Caller("c1", key=key).create(ONCE), now=later))
    assert (again.event.replayed, again.event.plan, again.decision.revision) == (True, None, None)
    assert [receipt.id for receipt in again.decision.receipts] == [command_id("c1")]


def test_another_create_of_a_known_plan_is_refused_when_the_receipt_has_expired() -> None:
    book = Book()
    book.ask(Caller("c1", key="k").create(ONCE))
    book.receipts.clear()
    assert rejected(book.ask(Caller("c2", key="k").create(MINUTELY))).code == ErrorCode.IDEMPOTENCY_KEY_REUSED


def test_a_rejection_is_remembered_under_its_command_id_and_not_under_its_key() -> None:
    book = Book()
    bad = ONCE | {"timezone": "Mars/Olympus"}
    first = rejected(book.ask(Caller("c1", key="k").create(bad)))
    again = rejected(book.ask(Caller("c1", key="k").create(bad)))
    assert (first.code, first.replayed, again.code, again.replayed) == ("VALIDATION_FAILED", False, "VALIDATION_FAILED", True)
    assert accepted(book.ask(Caller("c2", key="k").create(ONCE))).event.replayed is False


def test_an_update_makes_a_revision_that_says_what_changed() -> None:
    book = Book()
    plan = book.made(ONCE)
    changed = accepted(book.ask(Caller(actor="key:2").update(plan, payload={"content_id": 8}, name="b"), now=NOON + MINUTE))
    assert changed.decision.type is PlanEventType.UPDATED
    assert {(c.path, c.old, c.new) for c in changed.event.changes} == {("/payload/content_id", 7, 8), ("/name", None, "b")}
    assert (changed.revision.number, changed.cursor.revision, changed.event.revision) == (2, 2, 2)
    assert (changed.revision.created_by, changed.revision.updated_by) == ("key:1", "key:2")
    assert changed.revision.updated_at == NOON + MINUTE
    assert changed.cursor.next_due == NOON + timedelta(hours=1)


def test_an_update_that_changes_nothing_makes_no_revision_but_an_answer() -> None:
    book = Book()
    plan = book.made(ONCE)
    same = accepted(book.ask(Caller().update(plan, payload={"content_id": 7}, ends_at=None)))
    assert (same.decision.revision, same.decision.cursor, same.event.revision, same.event.changes) == (None, None, 1, [])
    assert same.event.plan is not None
    assert same.event.replayed is False
    assert same.decision.receipts


def test_an_update_keeps_what_it_leaves_out_and_removes_what_is_null() -> None:
    book = Book()
    plan = book.made(ONCE | {"name": "a", "labels": {"team": "x"}})
    changed = accepted(book.ask(Caller().update(plan, execute_at=None, recurrence={"type": "cron", "expression": "0 9 * * *"})))
    document = changed.revision.document
    assert (document["execute_at"], document["name"], document["labels"]) == (None, "a", {"team": "x"})
    assert changed.cursor.next_nominal == NOON + timedelta(hours=21)


def test_an_update_may_not_move_a_plan_to_another_organization() -> None:
    book = Book()
    plan = book.made(ONCE)
    assert codes(rejected(book.ask(Caller().update(plan, organization_id="other")))) == ["/organization_id READ_ONLY_FIELD"]


def test_an_update_names_a_known_action_or_is_refused() -> None:
    book = Book()
    plan = book.made(ONCE)
    assert accepted(book.ask(Caller("c1").update(plan, action="content.remove"))).event.revision == 2
    assert rejected(book.ask(Caller("c2").update(plan, action="no.such"))).code == ErrorCode.ACTION_UNKNOWN
    assert book.revisions[plan].document["action"] == "content.remove"


def test_an_update_that_does_not_name_the_action_asks_for_no_topic() -> None:
    book = Book()
    plan = book.made(ONCE)
    revision = book.revisions[plan]
    book.revisions[plan] = structs.replace(revision, document=revision.document | {"action": "gone"})
    assert accepted(book.ask(Caller().update(plan, name="b"))).revision.document["action"] == "gone"


def test_a_patch_of_the_payload_is_no_judgement_of_a_schedule_whose_last_occurrence_still_waits() -> None:
    book = Book()
    daily = {"type": "cron", "expression": "0 9 * * *"}
    plan = book.made(
        {"action": ACTION, "recurrence": daily, "jitter_seconds": 86_400, "ends_at": "2026-03-01T10:00:00Z"}, now=NOON - 4 * 60 * MINUTE
    )
    waiting = book.cursors[plan].next_due
    assert waiting is not None
    changed = accepted(book.ask(Caller().update(plan, payload={"a": 1}), now=waiting - timedelta(microseconds=1)))
    assert (changed.cursor.next_due, changed.cursor.revision) == (waiting, 2)


@pytest.mark.parametrize(("expected", "code"), [(1, None), (2, ErrorCode.REVISION_MISMATCH)])
def test_an_expected_revision_is_that_of_the_plan(expected: int, code: ErrorCode | None) -> None:
    for patch in (True, False):
        book = Book()
        plan = book.made(ONCE)
        caller = Caller(expected_revision=expected)
        decision = book.ask(caller.update(plan, name="b") if patch else caller.cancel(plan))
        assert (rejected(decision).code if code else accepted(decision).decision.event.replayed) == (code or False)


def test_a_cancel_ends_the_plan_and_gives_what_waits_its_outcome() -> None:
    book = Book()
    plan = book.made(MINUTELY)
    ended = accepted(book.ask(Caller().cancel(plan), now=NOON + 2 * MINUTE))
    assert ended.decision.type is PlanEventType.CANCELLED
    assert (ended.cursor.status, ended.cursor.next_due, ended.cursor.resolved_until) == (PlanStatus.CANCELLED, None, NOON + 2 * MINUTE)
    assert [(skip.reason, skip.first) for skip in ended.decision.skips] == [
        (SkipReason.CANCELLED, NOON + MINUTE),
        (SkipReason.CANCELLED, NOON + 2 * MINUTE),
    ]
    assert ended.event.plan is not None
    assert (ended.event.plan.status, ended.event.plan.next_run_at, ended.event.revision) == (PlanStatus.CANCELLED, None, 2)
    assert [(change.path, change.old, change.new) for change in ended.event.changes] == [("/status", "active", "cancelled")]


@pytest.mark.parametrize("retired", [False, True])
def test_a_second_cancel_gets_the_answer_of_the_first(*, retired: bool) -> None:
    book = Book()
    plan = book.made(ONCE)
    book.ask(Caller("c1").cancel(plan))
    if retired:
        book.retire(plan)
    again = accepted(book.ask(Caller("c2", actor="key:2").cancel(plan)))
    assert (again.decision.type, again.event.replayed, again.event.revision) == (PlanEventType.CANCELLED, True, 2)
    assert (again.decision.revision, again.decision.cursor) == (None, None)
    assert accepted(book.ask(Caller("c2", actor="key:2").cancel(plan))).event.replayed


@pytest.mark.parametrize("retired", [False, True])
@pytest.mark.parametrize("status", [PlanStatus.COMPLETED, PlanStatus.CANCELLED])
def test_a_final_plan_answers_with_how_it_ended(status: PlanStatus, *, retired: bool) -> None:
    book = Book()
    plan = book.made(ONCE)
    if status is PlanStatus.CANCELLED:
        book.ask(Caller("end").cancel(plan))
    else:
        book.wake(plan, now=NOON + timedelta(hours=1))
    if retired:
        book.retire(plan)
    code = {PlanStatus.COMPLETED: ErrorCode.PLAN_COMPLETED, PlanStatus.CANCELLED: ErrorCode.PLAN_CANCELLED}[status]
    event = rejected(book.ask(Caller("late").update(plan, name="b")))
    assert (event.code, event.status) == (code, 409)
    if status is PlanStatus.COMPLETED:
        assert rejected(book.ask(Caller("later").cancel(plan))).code == code


@pytest.mark.parametrize("retired", [False, True])
def test_a_plan_of_another_organization_is_not_found(*, retired: bool) -> None:
    book = Book()
    plan = book.made(ONCE)
    if retired:
        book.ask(Caller("end").cancel(plan))
        book.retire(plan)
    stranger = OrganizationId("acme-us")
    for number, command in enumerate(
        (Caller(organization_id=stranger).update(plan, name="b"), Caller(organization_id=stranger).cancel(plan))
    ):
        event = rejected(book.ask(replace(command, header=replace(command.header, command_id=command_id(f"s{number}")))))
        assert (event.code, event.status, event.plan_id) == (ErrorCode.PLAN_NOT_FOUND, 404, plan)


def test_a_plan_that_never_was_is_not_found() -> None:
    assert rejected(Book().ask(Caller().update(NOWHERE, name="b"))).code == ErrorCode.PLAN_NOT_FOUND
    assert rejected(Book().ask(Caller().cancel(NOWHERE))).code == ErrorCode.PLAN_NOT_FOUND


@pytest.mark.parametrize("kind", ["planner.plan.pause", "planner.plan.trigger", "planner.calendar.put"])
def test_what_this_version_does_not_carry_out_is_refused_and_never_ignored(kind: str) -> None:
    event = rejected(Book().ask(Caller().other(kind, NOWHERE)))
    assert (event.code, event.status) == (ErrorCode.VALIDATION_FAILED, 422)
    assert "not supported by this version" in event.detail


def test_an_update_to_no_more_runs_than_were_made_completes_the_plan() -> None:
    book = Book()
    plan = book.made(MINUTELY)
    for minute in (1, 2, 3):
        book.wake(plan, now=NOON + minute * MINUTE)
    changed = accepted(book.ask(Caller().update(plan, max_runs=2), now=NOON + 3.5 * MINUTE))
    assert (changed.cursor.status, changed.cursor.next_due, changed.cursor.fired) == (PlanStatus.COMPLETED, None, 3)
    assert changed.event.plan is not None
    assert changed.event.plan.status is PlanStatus.COMPLETED


def test_an_update_never_fires_an_instant_again_that_has_its_outcome() -> None:
    book = Book()
    plan = book.made(MINUTELY)
    book.wake(plan, now=NOON + MINUTE)
    patch = {"recurrence": None, "execute_at": "2026-03-01T12:01:00Z"}
    event = rejected(book.ask(Caller("c1").update(plan, **patch), now=NOON + 1.5 * MINUTE))
    assert codes(event) == ["/execute_at SCHEDULE_IN_PAST"]
    moved = accepted(book.ask(Caller("c2").update(plan, recurrence=None, execute_at="2026-03-01T12:01:10Z"), now=NOON + 1.5 * MINUTE))
    assert moved.cursor.next_due == NOON + timedelta(seconds=70)
