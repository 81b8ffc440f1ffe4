"""A tenant's named holiday lists: what becomes of a command about one, and of the copy that another shard sends."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from planner.domain.command import CalendarCommand, DeleteCalendar, Header, PutCalendar
from planner.domain.dates import parse_date
from planner.domain.errors import CommandRefusedError, DefinitionInvalidError, Faults, Stage
from planner.domain.field_reader import FieldReader
from planner.domain.limits import HOLIDAYS_MAX
from planner.domain.plan import CalendarState, Receipt
from planner.domain.receipts import key_fingerprint, receipts_of, refusal_receipt, same_request
from planner.domain.recurrence.business_days import Calendars, holiday_list
from planner_contracts.calendar import CalendarChanged, CalendarCopied
from planner_contracts.errors import CATALOGUE, ErrorCode
from planner_contracts.plan_event import CommandRejected, FieldFault, PlanEventType


@dataclass(frozen=True, slots=True)
class KnownCalendar:
    """What a shard knows that bears on the command; each None where there is nothing."""

    state: CalendarState | None = None
    by_command: Receipt | None = None
    by_key: Receipt | None = None


@dataclass(frozen=True, slots=True)
class CalendarDecision:
    """The event that the command gets here, and what changes with it. `state` is null where nothing is to be told to other shards:
    a rejection, a repeat.
    """

    type: PlanEventType
    event: CalendarChanged | CommandRejected
    state: CalendarState | None = None
    receipts: tuple[Receipt, ...] = ()


def read_dates(given: Mapping[str, Any]) -> tuple[str, ...]:
    """The `dates` of a list, as they are written. Raises DefinitionInvalidError."""
    faults = Faults()
    reader = FieldReader(given, faults)
    reader.require("dates")
    dates = reader.array("dates")
    if len(dates) > HOLIDAYS_MAX:
        reader.fault("dates", ErrorCode.FIELD_OUT_OF_RANGE, Stage.LENGTH, f"at most {HOLIDAYS_MAX} dates")
    else:
        reader.each("dates", parse_date)
    reader.refuse_unknown(("dates",))
    faults.refuse()
    return tuple(dates)


def calendars_of(*states: CalendarState | None) -> Calendars:
    """Lists by name, as schedules use them."""
    return {state.name: holiday_list(state.version, state.dates) for state in states if state is not None}


def decide_calendar(command: CalendarCommand, known: KnownCalendar, *, now: datetime) -> CalendarDecision:
    """The outcome of one command record about a list; a repeated one gets its first outcome again."""
    header = command.header
    try:
        if known.by_command is not None:
            return _replayed(command, same_request(known.by_command, header.fingerprint, "command_id"), now=now)
        if known.by_key is not None:
            first = same_request(known.by_key, key_fingerprint(command), "idempotency key")
            again = receipts_of(command, first.event_type, revision=first.revision, now=now, first=first.command_id)
            return replace(_replayed(command, first, now=now), receipts=again)
        return _carried_out(command, known.state, now=now)
    except DefinitionInvalidError as invalid:
        refused = CommandRefusedError(ErrorCode.VALIDATION_FAILED, invalid.faults[0].detail, invalid.faults)
    except CommandRefusedError as error:
        refused = error
    remembered = () if known.by_command is not None else (refusal_receipt(command, refused.code, now=now),)
    return _rejected(command, refused.code, str(refused), now=now, faults=refused.faults, receipts=remembered)


def copied(mine: CalendarState | None, copy: CalendarState) -> CalendarState:
    """The newer of a shard's own record and the copy that has come."""
    return copy if mine is None or mine.version < copy.version else mine


def copy_of(decision: CalendarDecision, header: Header, *, origin: int) -> CalendarCopied:
    """What the partition that took in the command tells the others."""
    assert decision.state is not None
    assert isinstance(decision.event, CalendarChanged)
    _, event = copied_event(decision.state, header.command_id, created=decision.event.created)
    return CalendarCopied(
        **dict(event),
        tenant_id=header.tenant_id,
        organization_id=header.organization_id,
        deleted=decision.state.deleted,
        origin=origin,
    )


def copied_event(state: CalendarState, command_id: str, *, created: bool) -> tuple[PlanEventType, CalendarChanged]:
    """The event of a list that has come to a partition: the same from each."""
    event = CalendarChanged(
        command_id=command_id,
        name=state.name,
        version=state.version,
        dates=[date.fromisoformat(day) for day in state.dates],
        created=created,
        actor=state.updated_by,
        at=state.updated_at,
    )
    return PlanEventType.CALENDAR_DELETED if state.deleted else PlanEventType.CALENDAR_CHANGED, event


def _carried_out(command: CalendarCommand, state: CalendarState | None, *, now: datetime) -> CalendarDecision:
    header = command.header
    version = 0 if state is None else state.version
    if header.expected_revision is not None and header.expected_revision != version:
        raise CommandRefusedError(ErrorCode.REVISION_MISMATCH, f"the list is at version {version}, not {header.expected_revision}")
    absent = state is None or state.deleted
    match command.ask:
        case PutCalendar(name, given):
            dates = read_dates(given)
            newer = CalendarState(name, version + 1, dates, deleted=False, updated_at=now, updated_by=header.actor)
            if state is not None and not absent and state.dates == dates:
                newer = state
        case DeleteCalendar(name):
            if state is None or absent:
                raise CommandRefusedError(ErrorCode.CALENDAR_NOT_FOUND, f"there is no list {name!r}")
            newer = replace(state, version=version + 1, deleted=True, updated_at=now, updated_by=header.actor)
    event_type, event = copied_event(newer, header.command_id, created=absent)
    receipts = receipts_of(command, event_type, revision=newer.version, now=now)
    return CalendarDecision(event_type, event, newer, receipts)


def _replayed(command: CalendarCommand, first: Receipt, *, now: datetime) -> CalendarDecision:
    header = command.header
    if first.code is not None:
        code = ErrorCode(first.code)
        again = _rejected(command, code, CATALOGUE[code].title, now=now)
        return replace(again, event=again.event.model_copy(update={"replayed": True}))
    event = CalendarChanged(
        command_id=header.command_id,
        name=command.ask.name,
        version=first.revision,
        dates=None,
        created=first.revision == 1,
        actor=header.actor,
        at=now,
        replayed=True,
        original_command_id=None if first.command_id == header.command_id else first.command_id,
    )
    return CalendarDecision(first.event_type, event)


def _rejected(
    command: CalendarCommand,
    code: ErrorCode,
    detail: str,
    *,
    now: datetime,
    faults: tuple[FieldFault, ...] = (),
    receipts: tuple[Receipt, ...] = (),
) -> CalendarDecision:
    event = CommandRejected(
        command_id=command.header.command_id,
        plan_id=None,
        code=code,
        status=CATALOGUE[code].status,
        detail=detail,
        errors=list(faults),
        at=now,
    )
    return CalendarDecision(PlanEventType.COMMAND_REJECTED, event, receipts=receipts)
