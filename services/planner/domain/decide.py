"""What becomes of a command: decide(command, known, now) -> Decision, all of it data."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, assert_never
from uuid import UUID, uuid5

from msgspec import structs

from planner.domain.advance import Place, advanced
from planner.domain.civil_time import TZDATA_VERSION
from planner.domain.command import Cancel, Command, Create, Pause, Resume, Unsupported, Update
from planner.domain.definition import Definition, changes, define, load, merge_patch
from planner.domain.errors import CommandRefusedError, DefinitionInvalidError
from planner.domain.missed import Skip
from planner.domain.overlap import overlap_of
from planner.domain.plan import Cursor, PlanRevision, Receipt, Retired
from planner.domain.receipts import key_fingerprint, receipts_of, refusal_receipt, same_request
from planner.domain.recurrence.business_days import Calendars
from planner.domain.reschedule import cancelled_occurrences, first_occurrence, reschedule, same_times
from planner.domain.resume import ResumeBacklog, resume
from planner_contracts.errors import CATALOGUE, ErrorCode
from planner_contracts.ids import CommandId
from planner_contracts.instants import format_instant
from planner_contracts.plan import Plan, PlanStatus
from planner_contracts.plan_event import CommandRejected, FieldChange, FieldFault, PlanChanged, PlanEventType

FIRST_REVISION: Final = 1
OWNER_ACTOR: Final = "owner"
_FINAL_CODES: Final = {PlanStatus.COMPLETED: ErrorCode.PLAN_COMPLETED, PlanStatus.CANCELLED: ErrorCode.PLAN_CANCELLED}


@dataclass(frozen=True, slots=True)
class Known:
    """What a shard knows that bears on a command; each None where there is nothing.

    `calendars`: the tenant's holiday lists that the plan uses or is to use; of deleted ones only that which it uses.
    """

    revision: PlanRevision | None = None
    cursor: Cursor | None = None
    retired: Retired | None = None
    by_command: Receipt | None = None
    by_key: Receipt | None = None
    calendars: Calendars = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """The one event that a command record gets, and what changes with it. `revision` and `cursor` are null where they stay.

    `skips`: occurrences that end with this command. `receipts`: outcomes to remember.
    """

    type: PlanEventType
    event: PlanChanged | CommandRejected
    revision: PlanRevision | None = None
    cursor: Cursor | None = None
    skips: tuple[Skip, ...] = ()
    receipts: tuple[Receipt, ...] = ()


def decide(command: Command, known: Known, *, actions: Container[str], now: datetime) -> Decision:
    """The outcome of one command record; a repeated one gets its first outcome again (api.md, section 3, "Plan events").

    `actions`: those that a plan may name because their topics exist.
    """
    header = command.header
    try:
        if known.by_command is not None:
            return _replayed(command, same_request(known.by_command, header.fingerprint, "command_id"), now=now)
        if (first := _first_of_key(command, known, now)) is not None:
            replay = _replayed(command, first, now=now)
            return replace(
                replay, receipts=receipts_of(command, first.event_type, revision=first.revision, now=now, first=first.command_id)
            )
        decision = _carried_out(command, known, now=now)
        _refuse_unknown(_action_named(command, decision), actions)
    except DefinitionInvalidError as invalid:
        refused = CommandRefusedError(ErrorCode.VALIDATION_FAILED, invalid.faults[0].detail, invalid.faults)
    except CommandRefusedError as error:
        refused = error
    else:
        return decision
    event = rejection(header.command_id, header.plan_id, refused.code, detail=str(refused), faults=refused.faults, now=now)
    remembered = () if known.by_command is not None else (refusal_receipt(command, refused.code, now=now),)
    return Decision(PlanEventType.COMMAND_REJECTED, event, receipts=remembered)


def rejection(
    command_id: str, plan_id: str | None, code: ErrorCode, *, detail: str, now: datetime, faults: tuple[FieldFault, ...] = ()
) -> CommandRejected:
    """The event of a refused command."""
    status = CATALOGUE[code].status
    return CommandRejected(command_id=command_id, plan_id=plan_id, code=code, status=status, detail=detail, errors=list(faults), at=now)


@dataclass(frozen=True, slots=True)
class OwnChange:
    """What the owner does to a plan by itself, as if it had commanded it: the event, and what changes with it.

    `revision` is null where the event makes no new one. No command causes it, so its `command_id` is derived: a repeat of the
    decision carries the same one.
    """

    type: PlanEventType
    event: PlanChanged
    revision: PlanRevision | None
    cursor: Cursor


def given_up(revision: PlanRevision, cursor: Cursor, *, now: datetime) -> OwnChange:
    """The pause of a plan whose next time cannot be computed."""
    newer, paused, changed = _stopped(revision, cursor, actor=OWNER_ACTOR, now=now)
    event = _own_event(newer, paused, f"paused\n{newer.number}", changed=changed, now=now)
    return OwnChange(PlanEventType.PAUSED, event.model_copy(update={"reason": "its next time cannot be computed"}), newer, paused)


def recomputed_plan(revision: PlanRevision, cursor: Cursor, moved: Cursor, *, now: datetime) -> OwnChange:
    """The plan on another version of the zone database, or of its holiday list: a new revision if its next occurrence is another one,
    else the same.
    """
    made = f"rescheduled\n{cursor.tzdata}\n{moved.tzdata}\n{revision.number}"
    if cursor.calendar != moved.calendar:
        made += f"\n{moved.calendar}"
    if (moved.next_nominal, moved.status) == (cursor.next_nominal, cursor.status):
        return OwnChange(PlanEventType.RESCHEDULED, _own_event(revision, moved, made, changed=[], now=now), None, moved)
    newer = structs.replace(revision, number=revision.number + 1, updated_at=now, updated_by=OWNER_ACTOR)
    moved = structs.replace(moved, revision=newer.number)
    changed = [FieldChange(path="/tzdata", old=cursor.tzdata, new=moved.tzdata)] if moved.tzdata != cursor.tzdata else []
    if moved.next_due != cursor.next_due:
        old, new = (None if due is None else format_instant(due) for due in (cursor.next_due, moved.next_due))
        changed.append(FieldChange(path="/next_run_at", old=old, new=new))
    return OwnChange(PlanEventType.RESCHEDULED, _own_event(newer, moved, made, changed=changed, now=now), newer, moved)


def plan_of(revision: PlanRevision, cursor: Cursor) -> Plan:
    """The public plan. `last_run` is the run store's to know."""
    return Plan(
        **revision.document,
        id=revision.plan_id,
        tenant_id=revision.tenant_id,
        organization_id=revision.organization_id,
        status=cursor.status,
        revision=revision.number,
        next_run_at=cursor.next_due if cursor.status is PlanStatus.ACTIVE else None,
        tzdata=cursor.tzdata,
        created_at=revision.created_at,
        created_by=revision.created_by,
        updated_at=revision.updated_at,
        updated_by=revision.updated_by,
    )


def _carried_out(command: Command, known: Known, *, now: datetime) -> Decision:
    match command.ask:
        case Create(given):
            return _create(command, given, known.calendars, now=now)
        case Update(patch):
            return _update(command, patch, *_changeable(command, known), known.calendars, now=now)
        case Cancel():
            return _cancel(command, known, now=now)
        case Pause(reason):
            return _pause(command, reason, *_changeable(command, known), now=now)
        case Resume(backlog):
            return _resume(command, backlog, *_changeable(command, known), known.calendars, now=now)
        case Unsupported(kind):
            detail = f"{kind} is not supported by this version"
            raise DefinitionInvalidError((FieldFault(pointer="", code=ErrorCode.FIELD_INVALID, detail=detail),))
        case _ as unreachable:
            assert_never(unreachable)


def _refuse_unknown(action: str | None, actions: Container[str]) -> None:
    if action is not None and action not in actions:
        raise CommandRefusedError(ErrorCode.ACTION_UNKNOWN, f"the action {action!r} is not registered")


def _action_named(command: Command, decision: Decision) -> str | None:
    """The action that this command gives to its plan; None where it gives none."""
    names_one = isinstance(command.ask, Create) or (isinstance(command.ask, Update) and "action" in command.ask.patch)
    return str(decision.revision.document["action"]) if names_one and decision.revision is not None else None


def _first_of_key(command: Command, known: Known, now: datetime) -> Receipt | None:
    """The outcome to repeat: that of the same idempotency key, or of the create that made this plan while it is known."""
    if known.by_key is not None:
        return same_request(known.by_key, key_fingerprint(command), "idempotency key")
    made = known.revision or known.retired
    if not isinstance(command.ask, Create) or made is None:
        return None
    first = receipts_of(command, PlanEventType.CREATED, revision=FIRST_REVISION, now=now)[0]
    return same_request(replace(first, fingerprint=made.fingerprint), key_fingerprint(command), "idempotency key")


def _create(command: Command, given: Mapping[str, Any], calendars: Calendars, *, now: datetime) -> Decision:
    header = command.header
    if given.get("organization_id") not in (None, header.organization_id):
        raise _field(ErrorCode.FIELD_INVALID, "organization_id", f"the command is for {header.organization_id!r}")
    definition = define(given, now=now, plan_id=header.plan_id, calendars=calendars)
    revision = PlanRevision(
        plan_id=header.plan_id,
        tenant_id=header.tenant_id,
        organization_id=header.organization_id,
        number=FIRST_REVISION,
        document=definition.document,
        fingerprint=key_fingerprint(command),
        created_at=now,
        created_by=header.actor,
        updated_at=now,
        updated_by=header.actor,
    )
    blank = Cursor(
        plan_id=header.plan_id,
        status=_status_of(definition),
        revision=FIRST_REVISION,
        resolved_until=now,
        next_nominal=None,
        next_due=None,
        fired=0,
        open_runs=0,
        tzdata=TZDATA_VERSION,
        calendar=None,
    )
    start = first_occurrence(definition.schedule, plan_id=header.plan_id, now=now)
    return _accepted(command, PlanEventType.CREATED, revision, advanced(blank, start, revision, definition.schedule), now=now)


def _update(
    command: Command, patch: Mapping[str, Any], revision: PlanRevision, cursor: Cursor, calendars: Calendars, *, now: datetime
) -> Decision:
    definition = _patched(revision, patch, calendars, now=now)
    changed = changes(revision.document, definition.document)
    if not changed:
        return _unchanged(command, PlanEventType.UPDATED, revision, cursor, now=now)
    newer = structs.replace(
        revision, number=revision.number + 1, document=definition.document, updated_at=now, updated_by=command.header.actor
    )
    schedule = definition.schedule
    paused = PlanStatus.PAUSED in (cursor.status, _status_of(definition))
    move = reschedule(load(revision.document, calendars).schedule, schedule, cursor=cursor, now=now, paused=paused)
    spent = schedule.max_runs is not None and cursor.fired >= schedule.max_runs
    if move.place.following is None and not move.place.held and not spent:
        at = "execute_at" if definition.document["recurrence"] is None else "recurrence"
        raise _field(ErrorCode.SCHEDULE_IN_PAST, at, "what it names has its outcome already")
    place = Place(move.place.resolved_until, None) if spent else move.place
    skips = move.skips
    if cursor.status is PlanStatus.PAUSED and definition.document["active"] and not spent:
        waiting = structs.replace(cursor, resolved_until=place.resolved_until, held=place.held)
        resumption = resume(schedule, waiting, ResumeBacklog.SKIP, overlap_of(newer.document), now=now)
        place, skips = resumption.place, skips + resumption.skips
    begun = structs.replace(cursor, status=_status_of(definition), revision=newer.number)
    moved = advanced(begun, place, newer, schedule)
    return replace(_accepted(command, PlanEventType.UPDATED, newer, moved, now=now, changed=changed), skips=skips)


def _status_of(definition: Definition) -> PlanStatus:
    return PlanStatus.ACTIVE if definition.document["active"] else PlanStatus.PAUSED


def _pause(command: Command, reason: str | None, revision: PlanRevision, cursor: Cursor, *, now: datetime) -> Decision:
    if cursor.status is PlanStatus.PAUSED:
        return _unchanged(command, PlanEventType.PAUSED, revision, cursor, now=now)
    newer, paused, changed = _stopped(revision, cursor, actor=command.header.actor, now=now)
    accepted = _accepted(command, PlanEventType.PAUSED, newer, paused, now=now, changed=changed)
    return replace(accepted, event=accepted.event.model_copy(update={"reason": reason}))


def _resume(
    command: Command, backlog: ResumeBacklog, revision: PlanRevision, cursor: Cursor, calendars: Calendars, *, now: datetime
) -> Decision:
    if cursor.status is PlanStatus.ACTIVE:
        return _unchanged(command, PlanEventType.RESUMED, revision, cursor, now=now)
    newer, changed = _switched(revision, active=True, actor=command.header.actor, now=now)
    schedule = load(newer.document, calendars).schedule
    resumption = resume(schedule, cursor, backlog, overlap_of(newer.document), now=now)
    begun = structs.replace(cursor, status=PlanStatus.ACTIVE, revision=newer.number)
    moved = advanced(begun, resumption.place, newer, schedule)
    changed.append(FieldChange(path="/status", old=cursor.status, new=moved.status))
    return replace(_accepted(command, PlanEventType.RESUMED, newer, moved, now=now, changed=changed), skips=resumption.skips)


def _stopped(revision: PlanRevision, cursor: Cursor, *, actor: str, now: datetime) -> tuple[PlanRevision, Cursor, list[FieldChange]]:
    """The plan paused: what is unresolved waits."""
    newer, changed = _switched(revision, active=False, actor=actor, now=now)
    paused = structs.replace(cursor, status=PlanStatus.PAUSED, revision=newer.number, next_due=None)
    return newer, paused, [*changed, FieldChange(path="/status", old=cursor.status, new=paused.status)]


def _switched(revision: PlanRevision, *, active: bool, actor: str, now: datetime) -> tuple[PlanRevision, list[FieldChange]]:
    document = revision.document | {"active": active}
    newer = structs.replace(revision, number=revision.number + 1, document=document, updated_at=now, updated_by=actor)
    return newer, changes(revision.document, document)


def _patched(revision: PlanRevision, patch: Mapping[str, Any], calendars: Calendars, *, now: datetime) -> Definition:
    """The definition after a merge patch. Raises DefinitionInvalidError. The organization is the plan's for life."""
    if "organization_id" in patch:
        raise _field(ErrorCode.READ_ONLY_FIELD, "organization_id", "a plan stays with its organization")
    stored = load(revision.document, calendars)
    merged = merge_patch(revision.document, patch)
    if merged == revision.document:
        return stored
    # Times that stay are not judged again: that they have come since is no fault of this patch.
    untimed = define(merged, now=None, calendars=calendars)
    if same_times(stored.schedule, untimed.schedule) and untimed.document["recurrence"] == revision.document["recurrence"]:
        return untimed
    return define(merged, now=now, plan_id=revision.plan_id, calendars=calendars)


def _cancel(command: Command, known: Known, *, now: datetime) -> Decision:
    ended = _ended_as(command, known)
    if ended is not None and ended[0] is PlanStatus.CANCELLED:
        # The same answer as the first time, whoever asks again (api.md, section 1).
        again = receipts_of(command, PlanEventType.CANCELLED, revision=ended[1], now=now)
        return replace(_replayed(command, again[0], now=now), receipts=again)
    revision, cursor = _changeable(command, known)
    newer = structs.replace(revision, number=revision.number + 1, updated_at=now, updated_by=command.header.actor)
    stopped = structs.replace(
        cursor,
        status=PlanStatus.CANCELLED,
        revision=newer.number,
        resolved_until=max(now, cursor.resolved_until),
        next_nominal=None,
        next_due=None,
        held=(),
        held_due=None,
        wait_for_run=False,
    )
    changed = [FieldChange(path="/status", old=cursor.status, new=stopped.status)]
    skips = cancelled_occurrences(load(revision.document, known.calendars).schedule, cursor=cursor, now=now)
    return replace(_accepted(command, PlanEventType.CANCELLED, newer, stopped, now=now, changed=changed), skips=skips)


def _ended_as(command: Command, known: Known) -> tuple[PlanStatus, int] | None:
    """How, and at which revision, the plan ended; None if it has not, or is not one of the caller's organization."""
    if known.retired is not None and known.retired.organization_id == command.header.organization_id:
        return known.retired.status, known.retired.revision
    if known.revision is None or known.cursor is None or known.revision.organization_id != command.header.organization_id:
        return None
    return (known.cursor.status, known.cursor.revision) if known.cursor.status in _FINAL_CODES else None


def _changeable(command: Command, known: Known) -> tuple[PlanRevision, Cursor]:
    ended = _ended_as(command, known)
    if ended is not None:
        raise CommandRefusedError(_FINAL_CODES[ended[0]], f"the plan is {ended[0]}")
    if known.revision is None or known.cursor is None or known.revision.organization_id != command.header.organization_id:
        raise CommandRefusedError(ErrorCode.PLAN_NOT_FOUND, "there is no such plan")
    expected = command.header.expected_revision
    if expected is not None and expected != known.revision.number:
        raise CommandRefusedError(ErrorCode.REVISION_MISMATCH, f"the plan is at revision {known.revision.number}, not {expected}")
    return known.revision, known.cursor


def _unchanged(command: Command, event_type: PlanEventType, revision: PlanRevision, cursor: Cursor, *, now: datetime) -> Decision:
    """What was asked for is so already: no new revision."""
    return replace(_accepted(command, event_type, revision, cursor, now=now), revision=None, cursor=None)


def _own_event(revision: PlanRevision, cursor: Cursor, what: str, *, changed: list[FieldChange], now: datetime) -> PlanChanged:
    return PlanChanged(
        command_id=CommandId(str(uuid5(UUID(revision.plan_id), what))),
        plan_id=revision.plan_id,
        plan=plan_of(revision, cursor),
        revision=revision.number,
        changes=changed,
        actor=OWNER_ACTOR,
        at=now,
    )


def _accepted(
    command: Command,
    event_type: PlanEventType,
    revision: PlanRevision,
    cursor: Cursor,
    *,
    now: datetime,
    changed: list[FieldChange] | None = None,
) -> Decision:
    event = PlanChanged(
        command_id=command.header.command_id,
        plan_id=revision.plan_id,
        plan=plan_of(revision, cursor),
        revision=revision.number,
        changes=changed or [],
        actor=command.header.actor,
        at=now,
    )
    receipts = receipts_of(command, event_type, revision=revision.number, now=now)
    return Decision(event_type, event, revision, cursor, receipts=receipts)


def _replayed(command: Command, first: Receipt, *, now: datetime) -> Decision:
    header = command.header
    if first.code is not None:
        code = ErrorCode(first.code)
        event = rejection(header.command_id, first.plan_id, code, detail=CATALOGUE[code].title, now=now)
        return Decision(PlanEventType.COMMAND_REJECTED, event.model_copy(update={"replayed": True}))
    return Decision(
        first.event_type,
        PlanChanged(
            command_id=header.command_id,
            plan_id=first.plan_id,
            plan=None,
            revision=first.revision,
            changes=[],
            actor=header.actor,
            at=now,
            replayed=True,
            original_command_id=None if first.command_id == header.command_id else first.command_id,
        ),
    )


def _field(code: ErrorCode, name: str, detail: str) -> DefinitionInvalidError:
    return DefinitionInvalidError((FieldFault(pointer=f"/{name}", code=code, detail=detail),))
