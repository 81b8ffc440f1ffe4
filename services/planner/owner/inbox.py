"""Records -> commands and reports; what cannot become one is rejected, forwarded or dead-lettered, and never stops the partition."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from planner.domain.command import (
    Ask,
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
from planner.domain.plan import CalendarState
from planner.domain.resume import ResumeBacklog
from planner_contracts import ids
from planner_contracts.calendar import CALENDAR_COPIED_TYPE, CalendarCopied
from planner_contracts.envelope import Envelope, EnvelopeInvalidError, decode
from planner_contracts.errors import ErrorCode
from planner_contracts.faults import fault_detail
from planner_contracts.ids import CommandId, OrganizationId, PlanId, TenantId
from planner_contracts.partitioning import partition_for
from planner_contracts.plan import PlanDefinition
from planner_contracts.plan_command import COMMANDS, CommandType, CreatePlan
from planner_contracts.plan_command import Command as CommandMessage
from planner_contracts.plan_command import DeleteCalendar as DeleteCalendarMessage
from planner_contracts.plan_command import PutCalendar as PutCalendarMessage
from planner_contracts.plan_event import FieldFault
from planner_contracts.run_report import (
    ERROR_MESSAGE_BYTES_MAX,
    PROGRESS_BYTES_MAX,
    REPORT_TYPE,
    RESULT_BYTES_MAX,
    WORKER_CHARACTERS_MAX,
    RunReport,
)
from planner_contracts.strict_json import text_is_storable

Read = TypeVar("Read")

_COPIED_OF_COMMAND: Final = ("command_id", "tenant_id", "organization_id", "actor", "name")
_SOUND_PLAN: Final = PlanDefinition(action="placeholder", execute_at="placeholder")


@dataclass(frozen=True, slots=True)
class Incoming:
    """A record as it lies in its topic. `timestamp_ms`: its append time."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Report:
    """What a worker says of a run. `tenant_id` is the record's claim: the report token proves it."""

    tenant_id: str
    said: RunReport


@dataclass(frozen=True, slots=True)
class CalendarCopy:
    """A holiday list as the partition that took in its command sends it to the others. `command_id` and `created` are that command's."""

    state: CalendarState
    tenant_id: str
    organization_id: str
    command_id: str
    created: bool
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that is no command or report at all: a dead letter."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Misrouted:
    """A record whose plan belongs to another partition."""

    plan_id: str
    partition: int


@dataclass(frozen=True, slots=True)
class Invalid:
    """A command that can be answered but not carried out: it has an id, its form is wrong."""

    command_id: str
    plan_id: str | None
    tenant_id: str
    organization_id: str
    code: ErrorCode
    faults: tuple[FieldFault, ...]
    traceparent: str | None


def contained(read: Callable[[], Read]) -> Read | Unreadable:
    """What `read` finds in a record; whatever it fails on, that record alone is a dead letter."""
    try:
        return read()
    except Exception as error:  # noqa: BLE001  a mistake of ours about one record must not stop its partition
        return Unreadable("READING_FAILED", type(error).__name__)


def read_command(
    record: Incoming, *, partition: int, partitions: int
) -> Command | CalendarCommand | CalendarCopy | Invalid | Misrouted | Unreadable:
    """What a record on the command topic asks for."""
    try:
        event = decode(record.value, record.headers)
    except EnvelopeInvalidError as error:
        return Unreadable("NOT_AN_EVENT", str(error))
    if event.type == CALENDAR_COPIED_TYPE:
        return _copy(event)
    if event.type not in set(CommandType):
        return Unreadable("UNKNOWN_TYPE", f"{event.type[:100]!r} is no command")
    command_id = event.data.get("command_id")
    if not isinstance(command_id, str) or not ids.is_uuid(command_id):
        return Unreadable("NO_COMMAND_ID", "data.command_id is not a lowercase UUID")
    command = _command(event, command_id)
    plan_id = command.plan_id if isinstance(command, Invalid) else command.header.plan_id
    if plan_id is not None:
        right = partition_for(plan_id.encode(), partitions)
        if right != partition:
            return Misrouted(plan_id, right)
    return command


def read_report(record: Incoming, *, partition: int, partitions: int) -> Report | Misrouted | Unreadable:
    """What a record on the report topic says, cut to its limits."""
    try:
        event = decode(record.value, record.headers, surrogates=True)
        if event.type != REPORT_TYPE:
            return Unreadable("UNKNOWN_TYPE", f"{event.type[:100]!r} is no report")
        report = RunReport.model_validate(_within_limits(event.data))
    except EnvelopeInvalidError as error:
        return Unreadable("NOT_AN_EVENT", str(error))
    except ValidationError as error:
        return Unreadable("REPORT_INVALID", _first_fault(error))
    if event.tenant_id is None:
        return Unreadable("REPORT_INVALID", "the envelope has no tenantid")
    for name, given in (("plan_id", report.plan_id), ("run_id", report.run_id)):
        if not ids.is_uuid(given):
            return Unreadable("REPORT_INVALID", f"data.{name} is not a lowercase UUID")
    right = partition_for(report.plan_id.encode(), partitions)
    return Report(event.tenant_id, report) if right == partition else Misrouted(report.plan_id, right)


def _copy(event: Envelope) -> CalendarCopy | Unreadable:
    try:
        copy = CalendarCopied.model_validate(event.data)
        # What no command may say, no copy may: a slash in a name would make it the key of another record.
        PutCalendarMessage.model_validate({name: event.data.get(name) for name in _COPIED_OF_COMMAND} | {"dates": []})
    except ValidationError as error:
        return Unreadable("COPY_INVALID", _first_fault(error))
    if not text_is_storable(copy.actor):
        return Unreadable("COPY_INVALID", "/actor: U+0000 cannot be stored")
    state = CalendarState(
        name=copy.name,
        version=copy.version,
        dates=tuple(day.isoformat() for day in copy.dates or ()),
        deleted=copy.deleted,
        updated_at=copy.at,
        updated_by=copy.actor,
    )
    return CalendarCopy(state, copy.tenant_id, copy.organization_id, copy.command_id, copy.created, event.traceparent)


def _command(event: Envelope, command_id: str) -> Command | CalendarCommand | Invalid:
    kind = CommandType(event.type)
    data = event.data
    framed = _framed(kind, data)
    try:
        message = COMMANDS[kind].model_validate(framed)
    except ValidationError as error:
        return _invalid(event, command_id, ErrorCode.VALIDATION_FAILED, _faults(error))
    if not text_is_storable(message.actor):
        fault = FieldFault(pointer="/actor", code=ErrorCode.FIELD_INVALID, detail="U+0000 cannot be stored")
        return _invalid(event, command_id, ErrorCode.VALIDATION_FAILED, (fault,))
    if event.tenant_id is not None and event.tenant_id != message.tenant_id:
        return _invalid(event, command_id, ErrorCode.TENANT_MISMATCH, ())
    header = Header(
        command_id=CommandId(command_id),
        tenant_id=TenantId(message.tenant_id),
        organization_id=OrganizationId(message.organization_id),
        plan_id=_plan_id(message),
        actor=message.actor,
        idempotency_key=message.idempotency_key,
        expected_revision=message.expected_revision,
        fingerprint=_fingerprint(event.type, data),
        traceparent=event.traceparent,
    )
    match kind:
        case CommandType.CALENDAR_PUT:
            return CalendarCommand(header, PutCalendar(data["name"], {name: data[name] for name in ("dates",) if name in data}))
        case CommandType.CALENDAR_DELETE:
            return CalendarCommand(header, DeleteCalendar(data["name"]))
        case _:
            return Command(header, _ask(kind, data))


def _framed(kind: CommandType, data: dict[str, Any]) -> dict[str, Any]:
    """The content without what the domain judges with its own codes: a definition, dates. In their place stands what is always sound."""
    if kind is CommandType.CREATE and isinstance(data.get("plan"), dict):
        return data | {"plan": _SOUND_PLAN}
    return data | {"dates": []} if kind is CommandType.CALENDAR_PUT else data


def _ask(kind: CommandType, data: Mapping[str, Any]) -> Ask:
    match kind:
        case CommandType.CREATE:
            return Create(data["plan"])
        case CommandType.UPDATE:
            return Update(data["patch"])
        case CommandType.CANCEL:
            return Cancel()
        case CommandType.PAUSE:
            return Pause(data.get("reason"))
        case CommandType.RESUME:
            return Resume(ResumeBacklog(data.get("backlog", ResumeBacklog.SKIP)))
        case _:
            return Unsupported(kind)


def _plan_id(message: CommandMessage) -> PlanId:
    if isinstance(message, CreatePlan):
        return ids.plan_id(message.tenant_id, message.organization_id, message.idempotency_key or message.command_id)
    if isinstance(message, PutCalendarMessage | DeleteCalendarMessage):
        return PlanId(ids.calendar_id(message.tenant_id, message.name))
    # Commands on tenants name no plan; their own id routes them.
    return PlanId(getattr(message, "plan_id", message.command_id))


def _invalid(event: Envelope, command_id: str, code: ErrorCode, faults: tuple[FieldFault, ...]) -> Invalid:
    plan_id, tenant_id, organization_id = (_text(event.data.get(name)) for name in ("plan_id", "tenant_id", "organization_id"))
    known = plan_id if plan_id is not None and ids.is_uuid(plan_id) else None
    return Invalid(command_id, known, tenant_id or "", organization_id or "", code, faults, event.traceparent)


def _text(value: object) -> str | None:
    return str(_storable(value)) if isinstance(value, str) else None


def _fingerprint(kind: str, data: Mapping[str, Any]) -> str:
    content = {name: value for name, value in data.items() if name != "issued_at"}
    return hashlib.sha256(f"{kind}\n{json.dumps(content, sort_keys=True)}".encode()).hexdigest()[:32]


def _faults(error: ValidationError) -> tuple[FieldFault, ...]:
    return tuple(
        FieldFault(pointer=_storable("".join(f"/{part}" for part in item["loc"])), code=_code(item["type"]), detail=fault_detail(item))
        for item in error.errors(include_url=False, include_input=False)
    )


def _code(pydantic_type: str) -> ErrorCode:
    if pydantic_type == "missing":
        return ErrorCode.FIELD_REQUIRED
    if pydantic_type == "extra_forbidden":
        return ErrorCode.UNKNOWN_FIELD
    return ErrorCode.FIELD_BAD_TYPE if pydantic_type.endswith("_type") else ErrorCode.FIELD_INVALID


def _first_fault(error: ValidationError) -> str:
    fault = _faults(error)[0]
    return f"{fault.pointer}: {fault.detail}"


def _within_limits(data: Mapping[str, Any]) -> dict[str, Any]:
    cut = dict(_storable(data))
    if isinstance(cut.get("worker"), str):
        cut["worker"] = cut["worker"][:WORKER_CHARACTERS_MAX]
    error = cut.get("error")
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        cut["error"] = error | {"message": _cut_bytes(error["message"], ERROR_MESSAGE_BYTES_MAX)}
    for name, limit in (("progress", PROGRESS_BYTES_MAX), ("result", RESULT_BYTES_MAX)):
        if cut.get(name) is not None and _encoded_bytes(cut[name]) > limit:
            cut[name] = _cut_json(cut[name], limit)
    return cut


def _cut_json(value: object, limit: int) -> str:
    """The beginning of the value's JSON, as a text that is itself at most `limit` bytes of JSON."""
    whole = json.dumps(value, ensure_ascii=False)
    room = limit
    while (over := _encoded_bytes(cut := _cut_bytes(whole, room)) - limit) > 0:
        room -= (over + 1) // 2  # what is cut away counts at least once, and twice where it is escaped
    return cut


def _encoded_bytes(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())


def _cut_bytes(text: str, limit: int) -> str:
    return text.encode()[:limit].decode(errors="ignore")


def _storable(value: Any) -> Any:  # noqa: ANN401  JSON has no narrower type
    """The document with U+0000 and lone surrogates replaced by U+FFFD: PostgreSQL can hold neither."""
    match value:
        case str():
            return value if text_is_storable(value) else "".join("�" if _unstorable(character) else character for character in value)
        case dict():
            return {_storable(name): _storable(item) for name, item in value.items()}
        case list():
            return [_storable(item) for item in value]
        case _:
            return value


def _unstorable(character: str) -> bool:
    return character == "\x00" or "\ud800" <= character <= "\udfff"
