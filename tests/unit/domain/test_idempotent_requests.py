"""When two commands of one key are the same request, and for how long that is known (api.md, "Idempotency")."""

from dataclasses import replace
from datetime import timedelta
from itertools import combinations

import pytest

from planner.domain.command import Ask, CalendarCommand, Cancel, Command, Create, DeleteCalendar, Pause, PutCalendar, Resume, Update
from planner.domain.plan import RETIRED_KEPT
from planner.domain.receipts import key_fingerprint, key_receipt_id, receipts_of, refusal_receipt
from planner.domain.resume import ResumeBacklog
from planner_contracts.errors import ErrorCode
from planner_contracts.ids import PlanId
from planner_contracts.plan_event import PlanEventType
from support.plans import MINUTELY, NOON, ONCE, Caller, command_id

PLAN = PlanId("00000000-0000-4000-8000-000000000001")
HEADER = Caller(key="k").cancel(PLAN).header


def asked(ask: Ask) -> Command:
    return Command(HEADER, ask)


def about_a_list(ask: PutCalendar | DeleteCalendar) -> CalendarCommand:
    return CalendarCommand(HEADER, ask)


REQUESTS: dict[str, Command | CalendarCommand] = {
    "create": asked(Create(ONCE)),
    "create another": asked(Create(MINUTELY)),
    "update": asked(Update({"name": "a"})),
    "update otherwise": asked(Update({"name": "b"})),
    "update of nothing": asked(Update({})),
    "update to null": asked(Update({"name": None})),
    "cancel": asked(Cancel()),
    "pause": asked(Pause(None)),
    "pause for a reason": asked(Pause("a fair")),
    "pause for another reason": asked(Pause("null")),
    "resume": asked(Resume(ResumeBacklog.SKIP)),
    "resume with the latest": asked(Resume(ResumeBacklog.LATEST)),
    "resume with all": asked(Resume(ResumeBacklog.ALL)),
    "put": about_a_list(PutCalendar("nl", {"dates": ["2026-12-25"]})),
    "put other dates": about_a_list(PutCalendar("nl", {"dates": ["2026-12-26"]})),
    "put no dates": about_a_list(PutCalendar("nl", {"dates": []})),
    "delete": about_a_list(DeleteCalendar("nl")),
}


@pytest.mark.parametrize(("one", "other"), list(combinations(REQUESTS, 2)))
def test_two_requests_that_ask_for_anything_else_are_told_apart(one: str, other: str) -> None:
    assert key_fingerprint(REQUESTS[one]) != key_fingerprint(REQUESTS[other])


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_the_same_whoever_repeats_it_under_whichever_command(name: str) -> None:
    first = REQUESTS[name]
    header = replace(HEADER, command_id=command_id("again"), actor="somebody else", fingerprint="of another record")
    assert key_fingerprint(replace(first, header=header)) == key_fingerprint(first)


@pytest.mark.parametrize("name", REQUESTS)
def test_the_revision_that_is_expected_is_part_of_the_request(name: str) -> None:
    first = REQUESTS[name]
    prints = {key_fingerprint(replace(first, header=replace(HEADER, expected_revision=number))) for number in (None, 1, 2)}
    assert len(prints) == 3


def test_the_order_of_members_is_no_part_of_a_request() -> None:
    one, other = {"dates": ["2026-12-25"], "extra": 1}, {"extra": 1, "dates": ["2026-12-25"]}
    assert key_fingerprint(about_a_list(PutCalendar("nl", one))) == key_fingerprint(about_a_list(PutCalendar("nl", other)))
    patch, turned = {"a": {"b": 1, "c": 2}, "d": 3}, {"d": 3, "a": {"c": 2, "b": 1}}
    assert key_fingerprint(asked(Update(patch))) == key_fingerprint(asked(Update(turned)))
    assert key_fingerprint(asked(Update({"list": [1, 2]}))) != key_fingerprint(asked(Update({"list": [2, 1]})))


def test_defaults_and_nulls_of_a_create_are_no_part_of_it_and_those_of_a_patch_are() -> None:
    assert key_fingerprint(asked(Create(ONCE | {"name": None, "timezone": "UTC"}))) == key_fingerprint(asked(Create(ONCE)))
    assert key_fingerprint(asked(Update({"timezone": "UTC"}))) != key_fingerprint(asked(Update({})))


def test_what_is_stored_of_a_key_and_a_request_is_the_same_in_every_version() -> None:
    # Receipts outlive an upgrade: another text for the same key would carry a repeated command out again.
    assert key_receipt_id(HEADER, creates=False) == "key:92658bc0958ddc4e63cf989b4000090f"
    assert key_receipt_id(HEADER, creates=True) == "key:fd5df5be55d71187dea1bbb523876eb1"
    assert key_fingerprint(REQUESTS["cancel"]) == "fb65afd2ca481530193717b4f710ad71"
    assert key_fingerprint(REQUESTS["create"]) == "d1b298ce3b873c13bc6da21adfea2fcc"


def test_what_became_of_a_command_is_known_for_three_days_be_it_accepted_or_refused() -> None:
    command = Caller(key="k").cancel(PLAN)
    accepted = receipts_of(command, PlanEventType.CANCELLED, revision=2, now=NOON)
    refused = refusal_receipt(command, ErrorCode.PLAN_NOT_FOUND, now=NOON)
    assert {receipt.expires_at for receipt in (*accepted, refused)} == {NOON + timedelta(days=3)}


def test_a_refusal_tells_of_no_revision_and_is_of_the_command_that_was_refused() -> None:
    command = Caller("c7", key="k").cancel(PLAN)
    refused = refusal_receipt(command, ErrorCode.PLAN_NOT_FOUND, now=NOON)
    assert (refused.revision, refused.plan_id, refused.command_id) == (0, PLAN, command_id("c7"))
    assert refused.fingerprint == command.header.fingerprint


def test_an_ended_plan_is_remembered_for_thirty_days() -> None:
    assert timedelta(days=30) == RETIRED_KEPT
