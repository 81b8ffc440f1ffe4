"""Idempotency: what identifies a repeated command, and what is remembered of the first one (api.md, "Idempotency")."""

import hashlib
import json
from datetime import datetime
from typing import Final

from planner.domain.command import (
    CalendarCommand,
    Cancel,
    Command,
    Create,
    DeleteCalendar,
    Header,
    Pause,
    PutCalendar,
    Resume,
    Unsupported,
    Update,
)
from planner.domain.definition import fingerprint
from planner.domain.errors import CommandRefusedError
from planner.domain.plan import RECEIPT_KEPT, Receipt
from planner_contracts.errors import ErrorCode
from planner_contracts.ids import CommandId
from planner_contracts.plan_event import PlanEventType

_DIGEST_CHARACTERS: Final = 32
_COLLECTION: Final = "plans"


def key_receipt_id(header: Header, *, creates: bool) -> str | None:
    """The id of the receipt under the command's idempotency key, None without a key.

    A key's scope is tenant (part of the record's key), organization and target: the collection, or one plan.
    """
    if header.idempotency_key is None:
        return None
    target = _COLLECTION if creates else header.plan_id
    return "key:" + _digest(f"{header.organization_id}\n{target}\n{header.idempotency_key}")


def key_fingerprint(command: Command | CalendarCommand) -> str:
    """What must be equal for two commands of one key to be the same request: kind, expected revision and content, not who asks."""
    match command.ask:
        case Create(given):
            content = fingerprint({name: value for name, value in given.items() if name != "organization_id"})
        case Update(patch):
            content = json.dumps(patch, sort_keys=True, separators=(",", ":"))
        case Cancel():
            content = "cancel"
        case Pause(reason):
            content = json.dumps(reason)
        case Resume(backlog):
            content = backlog
        case PutCalendar(_, given):
            content = json.dumps(given, sort_keys=True, separators=(",", ":"))
        case DeleteCalendar():
            content = "delete"
        case Unsupported(kind):
            content = kind
    return _digest(f"{type(command.ask).__name__}\n{command.header.expected_revision}\n{content}")


def receipts_of(
    command: Command | CalendarCommand, event_type: PlanEventType, *, revision: int, now: datetime, first: CommandId | None = None
) -> tuple[Receipt, ...]:
    """What is remembered of an accepted command: under its id, and under its key. `first`: the command whose outcome it repeats."""
    under_command = Receipt(
        id=command.header.command_id,
        fingerprint=command.header.fingerprint,
        command_id=first or command.header.command_id,
        plan_id=command.header.plan_id,
        event_type=event_type,
        revision=revision,
        code=None,
        expires_at=now + RECEIPT_KEPT,
    )
    key_id = key_receipt_id(command.header, creates=isinstance(command.ask, Create))
    if key_id is None or first is not None:
        return (under_command,)
    return (under_command, _under_key(under_command, key_id, key_fingerprint(command)))


def same_request(first: Receipt, asked: str, what: str) -> Receipt:
    """The first outcome under a command id or an idempotency key. Raises CommandRefusedError if that was another request."""
    if first.fingerprint != asked:
        raise CommandRefusedError(ErrorCode.IDEMPOTENCY_KEY_REUSED, f"this {what} was used for another request")
    return first


def refusal_receipt(command: Command | CalendarCommand, code: ErrorCode, *, now: datetime) -> Receipt:
    """What is remembered of a rejected command: under its id only, so that the caller may mend it and use the key again."""
    return Receipt(
        id=command.header.command_id,
        fingerprint=command.header.fingerprint,
        command_id=command.header.command_id,
        plan_id=command.header.plan_id,
        event_type=PlanEventType.COMMAND_REJECTED,
        revision=0,
        code=code,
        expires_at=now + RECEIPT_KEPT,
    )


def _under_key(receipt: Receipt, key_id: str, print_of_ask: str) -> Receipt:
    return Receipt(
        id=key_id,
        fingerprint=print_of_ask,
        command_id=receipt.command_id,
        plan_id=receipt.plan_id,
        event_type=receipt.event_type,
        revision=receipt.revision,
        code=None,
        expires_at=receipt.expires_at,
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARACTERS]
