"""A plan's definition: what a caller gives, made whole (api.md, section 1; scheduling.md, sections 2 and 6)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from planner.domain.dates import parse_moment
from planner.domain.errors import Faults, Stage, pointer_step
from planner.domain.feasibility import Asked, compile_fields, judge_combinations, judge_rule, judge_times
from planner.domain.field_reader import FieldReader
from planner.domain.limits import FIRST_INSTANT, SPACING_MIN
from planner.domain.plan_fields import PLAN_FIELDS, READ_ONLY_FIELDS, RETRY_DEFAULT, read_plan, spelt_out
from planner.domain.recurrence.business_days import NO_CALENDARS, Calendars
from planner.domain.schedule import Schedule
from planner.domain.schedule_fields import MISFIRE_DEFAULT, SCHEDULE_FIELDS, TIMEZONE_DEFAULT, Every, ScheduleFields, read_schedule
from planner_contracts.errors import ErrorCode
from planner_contracts.ids import is_calendar_name
from planner_contracts.instants import format_instant
from planner_contracts.plan_event import FieldChange

# The document's fields in the order in which the API shows them; `organization_id` belongs to the plan, not to its definition.
_DEFAULTS: Final[Mapping[str, Any]] = {
    "name": None,
    "labels": {},
    "action": None,
    "payload": {},
    "ordering_key": None,
    "execute_at": None,
    "recurrence": None,
    "timezone": TIMEZONE_DEFAULT,
    "starts_at": None,
    "ends_at": None,
    "max_runs": None,
    "dst": None,
    "jitter_seconds": 0,
    "misfire": MISFIRE_DEFAULT,
    "overlap": {"policy": "allow"},
    "retry": RETRY_DEFAULT,
    "run_timeout_seconds": None,
    "heartbeat_timeout_seconds": None,
    "pause_after_failures": None,
    "active": True,
}
_KNOWN_FIELDS: Final = frozenset((*SCHEDULE_FIELDS, *PLAN_FIELDS))
# A null member means absent, except that no limit is a value of `max_lateness_seconds`.
_NULLABLE: Final = "max_lateness_seconds"


@dataclass(frozen=True, slots=True)
class Definition:
    """`document`: every field a caller may give, defaults filled in, dates as given. `schedule`: its when-part, compiled."""

    document: dict[str, Any]
    schedule: Schedule


def define(
    given: Mapping[str, Any],
    *,
    now: datetime | None,
    plan_id: str | None = None,
    spacing_min: timedelta = SPACING_MIN,
    calendars: Calendars = NO_CALENDARS,
) -> Definition:
    """The definition that a caller asks for. Raises DefinitionInvalidError with every fault, in the order of scheduling.md, section 6.

    `now` is the moment U of a create or an update; a missing interval anchor is filled in from it. Null: what has no occurrence
    after U is taken too, as in a preview. `plan_id` gives the jitter by which a past `execute_at` is judged; without it the
    longest is taken. `calendars` are the tenant's holiday lists by name. `organization_id` is accepted and not kept.
    """
    faults = Faults()
    fields = read_fields(given, faults, calendars)
    faults.refuse()
    document = _filled(given)
    anchor = FIRST_INSTANT if now is None else now.replace(microsecond=0)
    if now is not None and isinstance(fields.recurrence, Every) and fields.recurrence.anchor is None and fields.starts_at is None:
        document["recurrence"]["anchor"] = format_instant(anchor)
    schedule = compile_fields(fields, calendars, anchor=anchor)
    judge_rule(schedule, faults)
    faults.refuse()
    if now is not None:
        judge_times(schedule, faults, Asked(now, plan_id, spacing_min))
        faults.refuse()
    return Definition(document, schedule)


def read_fields(given: Mapping[str, Any], faults: Faults, calendars: Calendars = NO_CALENDARS) -> ScheduleFields:
    """The schedule of a definition as given; what is wrong with any of the definition's fields goes to `faults`."""
    reader = FieldReader(given, faults)
    fields = read_schedule(reader)
    read_plan(reader)
    _refuse_foreign(given, reader)
    judge_combinations(reader, fields, calendars)
    return fields


def load(document: Mapping[str, Any], calendars: Calendars = NO_CALENDARS) -> Definition:
    """The definition of a document that `define` has made. It is not judged again: what was accepted stays accepted.

    `calendars` has the list that the document names, one that new plans no longer see included.
    """
    faults = Faults()
    fields = read_schedule(FieldReader(document, faults))
    faults.refuse()
    return Definition(dict(document), compile_fields(fields, calendars, anchor=FIRST_INSTANT))


def merge_patch(document: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """RFC 7396, for `define`. A `recurrence` of another `type` replaces the stored one, and an anchor that came from the old
    `starts_at` stays. What a default filled in and the patch contradicts does not count as given.
    """
    merged = _merged(document, patch)
    stored, asked = document["recurrence"], patch.get("recurrence")
    if isinstance(asked, Mapping):
        if stored is not None and asked.get("type", stored["type"]) != stored["type"]:
            merged["recurrence"] = _merged({}, asked)
        elif "starts_at" in patch and "anchor" not in asked and _anchored_at_start(document):
            merged["recurrence"]["anchor"] = document["starts_at"]
    elif "starts_at" in patch and "recurrence" not in patch and _anchored_at_start(document):
        merged["recurrence"] = {**stored, "anchor": document["starts_at"]}
    late = patch.get("misfire")
    if isinstance(late, Mapping) and _NULLABLE in late and late[_NULLABLE] is None:
        merged["misfire"][_NULLABLE] = None
    held, policy = patch.get("overlap"), document["overlap"]["policy"]
    if isinstance(held, Mapping) and "limit" not in held and held.get("policy", policy) != policy:
        merged["overlap"].pop("limit", None)
    if "timezone" not in patch and _zone_is_defaulted(document):
        del merged["timezone"]
    return merged


def named_calendar(given: Mapping[str, Any]) -> str | None:
    """The tenant's holiday list that a definition, or a patch of one, names; null too for what is no name of a list."""
    recurrence = given.get("recurrence")
    name = recurrence.get("holiday_calendar") if isinstance(recurrence, dict) else None
    return name if isinstance(name, str) and is_calendar_name(name) else None


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[FieldChange]:
    """The fields in which two documents differ, by their JSON pointers. A missing member counts as null; lists are compared whole."""
    found: list[FieldChange] = []
    _compare(old, new, "", found)
    return found


def fingerprint(given: Mapping[str, Any]) -> str:
    """SHA-256 of what was asked for, valid or not: the same for definitions that differ only in order, nulls and spelt-out defaults."""
    canonical = json.dumps(_filled(given), sort_keys=True, separators=(",", ":"))
    return sha256(canonical.encode()).hexdigest()


def _refuse_foreign(given: Mapping[str, Any], reader: FieldReader) -> None:
    for name in READ_ONLY_FIELDS:
        if name in given:
            reader.fault(name, ErrorCode.READ_ONLY_FIELD, Stage.STRUCTURE, "the server sets this field")
    # Those of the server have their fault already, and are never what somebody meant.
    reader.refuse_unknown(_KNOWN_FIELDS)


def _filled(given: Mapping[str, Any]) -> dict[str, Any]:
    """The document of what was given. Sound in each field that is; what is no field of a definition stays as it is."""
    document: dict[str, Any] = {name: default if given.get(name) is None else given[name] for name, default in _DEFAULTS.items()}
    for name in ("recurrence", "dst"):
        document[name] = _without_nulls(document[name])
    document["overlap"] = spelt_out(document["overlap"])
    document["retry"] = _over(RETRY_DEFAULT, _without_nulls(document["retry"]))
    document["misfire"] = _over(MISFIRE_DEFAULT, _without_nulls(document["misfire"], but=_NULLABLE))
    return document | {name: value for name, value in given.items() if name not in _KNOWN_FIELDS}


def _over(defaults: Mapping[str, Any], members: object) -> object:
    return {**defaults, **members} if isinstance(members, Mapping) else members


def _without_nulls(value: object, *, but: str | None = None) -> object:
    if not isinstance(value, Mapping):
        return value
    return {name: member for name, member in value.items() if member is not None or name == but}


def _merged(target: object, patch: Mapping[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value) if isinstance(value, Mapping) else value
    return merged


def _anchored_at_start(document: Mapping[str, Any]) -> bool:
    recurrence = document["recurrence"]
    return recurrence is not None and recurrence["type"] == "interval" and "anchor" not in recurrence and document["starts_at"] is not None


def _zone_is_defaulted(document: Mapping[str, Any]) -> bool:
    """Whether the zone cannot have been given: with `execute_at` it would have been refused."""
    if document["execute_at"] is None or document["timezone"] != TIMEZONE_DEFAULT:
        return False
    return bool(parse_moment(document["execute_at"]).offset)


def _compare(old: object, new: object, path: str, found: list[FieldChange]) -> None:
    if isinstance(old, Mapping) and isinstance(new, Mapping) and old.get("type") == new.get("type"):
        for name in dict.fromkeys((*old, *new)):
            _compare(old.get(name), new.get(name), path + pointer_step(name), found)
    elif not _same(old, new):
        found.append(FieldChange(path=path, old=old, new=new))


def _same(one: object, other: object) -> bool:
    """Equality of JSON values: unlike Python's, it tells `true` from 1."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_same(*pair) for pair in zip(one, other, strict=True))
    return isinstance(one, bool) == isinstance(other, bool) and one == other
