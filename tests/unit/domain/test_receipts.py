"""What identifies a repeated command."""

from dataclasses import replace

import pytest

from planner.domain.command import Command
from planner.domain.plan import RECEIPT_KEPT
from planner.domain.receipts import key_fingerprint, key_receipt_id, receipts_of, refusal_receipt
from planner_contracts.errors import ErrorCode
from planner_contracts.ids import OrganizationId, PlanId
from planner_contracts.plan_event import PlanEventType
from support.plans import NOON, ONCE, Caller, command_id

PLAN = PlanId("00000000-0000-4000-8000-000000000001")
OTHER = PlanId("00000000-0000-4000-8000-000000000002")


def test_a_command_without_a_key_has_no_receipt_under_one() -> None:
    assert key_receipt_id(Caller().create(ONCE).header, creates=True) is None
    assert [receipt.id for receipt in receipts_of(Caller().create(ONCE), PlanEventType.CREATED, revision=1, now=NOON)] == [command_id("c1")]


def test_the_scope_of_a_key_is_organization_and_target() -> None:
    caller = Caller(key="k")
    scopes = {
        key_receipt_id(caller.create(ONCE).header, creates=True),
        key_receipt_id(Caller(key="k", organization_id=OrganizationId("o2")).create(ONCE).header, creates=True),
        key_receipt_id(caller.cancel(PLAN).header, creates=False),
        key_receipt_id(caller.cancel(OTHER).header, creates=False),
        key_receipt_id(Caller(key="k2").cancel(PLAN).header, creates=False),
    }
    assert len(scopes) == 5
    assert key_receipt_id(caller.cancel(PLAN).header, creates=False) == key_receipt_id(
        Caller("other", key="k", actor="x").update(PLAN, name="b").header, creates=False
    )


def test_a_key_of_any_length_makes_a_short_id() -> None:
    receipt_id = key_receipt_id(Caller(key="k" * 255).create(ONCE).header, creates=True)
    assert receipt_id is not None
    assert len(receipt_id) < 64
    assert "/" not in receipt_id


@pytest.mark.parametrize(
    "other",
    [
        Caller().create(ONCE | {"name": "b"}),
        Caller(expected_revision=2).create(ONCE),
        Caller().cancel(PLAN),
        Caller().update(PLAN, **ONCE),
        Caller().other("planner.plan.pause", PLAN),
    ],
)
def test_another_request_has_another_fingerprint(other: Command) -> None:
    assert key_fingerprint(other) != key_fingerprint(Caller().create(ONCE))


def test_who_asks_and_as_which_command_is_no_part_of_the_request() -> None:
    assert key_fingerprint(Caller().create(ONCE)) == key_fingerprint(Caller("c9", actor="x").create(ONCE | {"organization_id": "acme-eu"}))
    assert key_fingerprint(Caller().update(PLAN, a=1, b=2)) == key_fingerprint(Caller().update(PLAN, b=2, a=1))


def test_an_accepted_command_is_remembered_under_its_id_and_its_key_for_three_days() -> None:
    command = Caller(key="k").cancel(PLAN)
    under_id, under_key = receipts_of(command, PlanEventType.CANCELLED, revision=4, now=NOON)
    assert (under_id.id, under_id.fingerprint) == (command.header.command_id, command.header.fingerprint)
    assert under_key == replace(under_id, id=under_key.id, fingerprint=key_fingerprint(command))
    assert {under_id.expires_at, under_key.expires_at} == {NOON + RECEIPT_KEPT}
    assert (under_id.revision, under_id.event_type, under_id.code) == (4, PlanEventType.CANCELLED, None)


def test_a_repeat_points_at_the_first_command_and_leaves_the_receipt_of_the_key_alone() -> None:
    (receipt,) = receipts_of(Caller("c2", key="k").cancel(PLAN), PlanEventType.CANCELLED, revision=4, now=NOON, first=command_id("c1"))
    assert (receipt.id, receipt.command_id) == (command_id("c2"), command_id("c1"))


def test_a_refusal_is_remembered_under_the_command_only() -> None:
    receipt = refusal_receipt(Caller(key="k").cancel(PLAN), ErrorCode.PLAN_NOT_FOUND, now=NOON)
    assert (receipt.id, receipt.code, receipt.event_type) == (command_id("c1"), "PLAN_NOT_FOUND", PlanEventType.COMMAND_REJECTED)
