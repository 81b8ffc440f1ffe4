"""What becomes of a command about a tenant's list of holidays, and of its copies (api.md, section 3; scheduling.md, section 4.3)."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from planner.domain.calendars import CalendarDecision, KnownCalendar, calendars_of, copied, copy_of, decide_calendar, read_dates
from planner.domain.command import CalendarCommand, DeleteCalendar, Header, PutCalendar
from planner.domain.errors import DefinitionInvalidError
from planner.domain.plan import CalendarState
from planner.domain.receipts import key_receipt_id
from planner_contracts.calendar import CalendarChanged
from planner_contracts.plan_event import CommandRejected, PlanEventType
from support.plans import ACTOR, NOON, Caller, codes, command_id

CHRISTMAS, BOXING_DAY = "2026-12-25", "2026-12-26"
LATER = NOON + timedelta(hours=1)
NL = CalendarState("nl", 3, (CHRISTMAS,), deleted=False, updated_at=NOON, updated_by="key:0")
GONE = replace(NL, deleted=True)


def header(name: str, *, key: str | None = None, expected_revision: int | None = None) -> Header:
    caller = Caller(name, key=key, expected_revision=expected_revision)
    return caller.cancel(Caller().create({}).header.plan_id).header


def put(*dates: object, name: str = "c1", **more: Any) -> CalendarCommand:  # noqa: ANN401 any field of a header
    return CalendarCommand(header(name, **more), PutCalendar("nl", {"dates": list(dates)}))


def delete(name: str = "d1", **more: Any) -> CalendarCommand:  # noqa: ANN401 any field of a header
    return CalendarCommand(header(name, **more), DeleteCalendar("nl"))


def decided(command: CalendarCommand, state: CalendarState | None = None, **known: Any) -> CalendarDecision:  # noqa: ANN401 what is known
    return decide_calendar(command, KnownCalendar(state, **known), now=LATER)


def changed(decision: CalendarDecision) -> CalendarChanged:
    assert isinstance(decision.event, CalendarChanged), decision.event
    return decision.event


def rejected(decision: CalendarDecision) -> CommandRejected:
    assert isinstance(decision.event, CommandRejected), decision.event
    assert (decision.type, decision.state) == (PlanEventType.COMMAND_REJECTED, None)
    return decision.event


@pytest.mark.parametrize(
    ("command", "state", "version", "dates", "created"),
    [
        (put(CHRISTMAS), None, 1, (CHRISTMAS,), True),
        (put(), None, 1, (), True),
        (put(BOXING_DAY), NL, 4, (BOXING_DAY,), False),
        (put(CHRISTMAS, BOXING_DAY), NL, 4, (CHRISTMAS, BOXING_DAY), False),
        (put(CHRISTMAS), NL, 3, (CHRISTMAS,), False),  # the same dates: no new version
        (put(CHRISTMAS), GONE, 4, (CHRISTMAS,), True),  # made again
        (delete(), NL, 4, (CHRISTMAS,), False),  # plans that use it keep its dates
    ],
)
def test_each_change_is_the_next_version_and_its_event_tells_all_of_it(
    command: CalendarCommand, state: CalendarState | None, version: int, dates: tuple[str, ...], *, created: bool
) -> None:
    decision = decided(command, state)
    event, stored = changed(decision), decision.state
    deletes = isinstance(command.ask, DeleteCalendar)
    assert stored is not None
    assert (stored.name, stored.version, stored.dates, stored.deleted) == ("nl", version, dates, deletes)
    assert (event.name, event.version, event.dates) == ("nl", version, [date.fromisoformat(day) for day in dates])
    assert (event.created, event.replayed, event.original_command_id) == (created, False, None)
    assert decision.type == (PlanEventType.CALENDAR_DELETED if deletes else PlanEventType.CALENDAR_CHANGED)
    if stored != state:
        assert (stored.updated_at, stored.updated_by, event.at, event.actor) == (LATER, ACTOR, LATER, ACTOR)


@pytest.mark.parametrize("state", [None, GONE])
def test_a_list_that_is_not_there_cannot_be_deleted(state: CalendarState | None) -> None:
    assert rejected(decided(delete(), state)).code == "CALENDAR_NOT_FOUND"


@pytest.mark.parametrize(
    ("state", "expected", "refused"), [(NL, 3, False), (NL, 2, True), (NL, 4, True), (None, 0, False), (None, 1, True)]
)
@pytest.mark.parametrize("makes", [put, delete])
def test_a_change_that_expects_another_version_is_refused(state: CalendarState | None, expected: int, refused: object, makes: Any) -> None:  # noqa: ANN401 a maker
    command = makes(expected_revision=expected)
    event = decided(command, state).event
    assert (isinstance(event, CommandRejected) and event.code == "REVISION_MISMATCH") is refused


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        ({}, ["/dates FIELD_REQUIRED"]),
        ({"dates": None}, ["/dates FIELD_REQUIRED"]),
        ({"dates": CHRISTMAS}, ["/dates FIELD_BAD_TYPE"]),
        ({"dates": [CHRISTMAS, "2026-12-25T00:00:00"]}, ["/dates/1 DATETIME_INVALID"]),
        # What has the wrong type comes before what has a wrong value.
        ({"dates": [CHRISTMAS, "2026-02-30", 5]}, ["/dates/2 DATETIME_INVALID", "/dates/1 DATETIME_INVALID"]),
        ({"dates": [], "days": []}, ["/days UNKNOWN_FIELD"]),
        ({"dates": [CHRISTMAS] * 1001}, ["/dates FIELD_OUT_OF_RANGE"]),
    ],
)
def test_dates_that_are_none_are_refused_with_their_places(given: dict[str, Any], faults: list[str]) -> None:
    with pytest.raises(DefinitionInvalidError):
        read_dates(given)
    event = rejected(decided(CalendarCommand(header("c1"), PutCalendar("nl", given)), NL))
    assert codes(event) == faults
    assert (event.code, event.status, event.detail) == ("VALIDATION_FAILED", 422, event.errors[0].detail)


def test_a_thousand_dates_are_a_list() -> None:
    assert read_dates({"dates": [CHRISTMAS] * 1000}) == (CHRISTMAS,) * 1000


def test_a_repeated_command_gets_its_outcome_again_and_sends_nothing_to_other_partitions() -> None:
    first = decided(put(BOXING_DAY, key="k"), NL)
    by_command, by_key = first.receipts
    again = decided(put(BOXING_DAY, key="k"), first.state, by_command=by_command)
    assert (again.type, again.state, again.receipts) == (first.type, None, ())
    assert changed(again).model_dump() == changed(first).model_dump() | {"dates": None, "replayed": True}
    other = decided(put(BOXING_DAY, name="c2", key="k"), first.state, by_key=by_key)
    assert (changed(other).original_command_id, changed(other).version) == (command_id("c1"), 4)
    assert [receipt.id for receipt in other.receipts] == [command_id("c2")]


def test_the_first_version_of_a_list_is_told_as_created_in_a_repeat_too() -> None:
    first = decided(put(CHRISTMAS))
    assert changed(decided(put(CHRISTMAS), first.state, by_command=first.receipts[0])).created
    second = decided(put(BOXING_DAY, name="c2"), first.state)
    assert not changed(decided(put(BOXING_DAY, name="c2"), second.state, by_command=second.receipts[0])).created


def test_a_refusal_is_remembered_under_its_command_and_repeated_as_one() -> None:
    first = decided(delete(key="k"))
    (receipt,) = first.receipts
    assert receipt.id == command_id("d1")
    again = decided(delete(key="k"), NL, by_command=receipt)
    assert (rejected(again).code, rejected(again).replayed, again.receipts) == ("CALENDAR_NOT_FOUND", True, ())


def test_another_request_under_the_same_command_or_key_is_refused_and_the_first_stays_remembered() -> None:
    first = decided(put(CHRISTMAS, key="k"))
    by_command, by_key = first.receipts
    assert by_key.id == key_receipt_id(put(CHRISTMAS, key="k").header, creates=False)
    same_command = decided(put(BOXING_DAY, key="k"), first.state, by_command=replace(by_command, fingerprint="another"))
    assert (rejected(same_command).code, same_command.receipts) == ("IDEMPOTENCY_KEY_REUSED", ())
    same_key = decided(put(BOXING_DAY, name="c2", key="k"), first.state, by_key=by_key)
    assert rejected(same_key).code == "IDEMPOTENCY_KEY_REUSED"
    assert [receipt.id for receipt in same_key.receipts] == [command_id("c2")]


def test_the_newer_of_a_record_and_a_copy_is_kept_and_of_two_alike_the_own() -> None:
    newer, older, alike = replace(NL, version=4), replace(NL, version=2), replace(NL, updated_by="copy")
    assert copied(None, older) is older
    assert copied(NL, newer) is newer
    assert copied(NL, older) is NL
    assert copied(NL, alike) is NL


@pytest.mark.parametrize(("command", "state"), [(put(BOXING_DAY), NL), (delete(), NL), (put(CHRISTMAS), None)])
def test_a_copy_tells_other_partitions_all_that_the_event_tells_and_whose_list_it_is(
    command: CalendarCommand, state: CalendarState | None
) -> None:
    decision = decided(command, state)
    copy = copy_of(decision, command.header, origin=7)
    assert copy.model_dump() == changed(decision).model_dump() | {
        "tenant_id": command.header.tenant_id,
        "organization_id": command.header.organization_id,
        "deleted": isinstance(command.ask, DeleteCalendar),
        "origin": 7,
    }


def test_schedules_get_the_days_of_the_lists_that_there_are_by_name_deleted_or_not() -> None:
    be = replace(NL, name="be", version=9, dates=("1970-01-02", "1970-01-01"))
    lists = calendars_of(GONE, None, be)
    assert [(name, known.version) for name, known in lists.items()] == [("nl", 3), ("be", 9)]
    assert lists["be"].days == {0, 1}
    assert calendars_of(None) == {}
