"""The fields of a definition that say what is done, not when (api.md, section 1)."""

import json
from collections.abc import Mapping
from typing import Any, Final

from planner.domain.errors import Stage, excerpt, pointer_step
from planner.domain.field_reader import FieldReader
from planner.domain.limits import OVERLAP_HELD_DEFAULT, OVERLAP_HELD_MAX
from planner.domain.overlap import OverlapPolicy
from planner_contracts.errors import ErrorCode
from planner_contracts.ids import ACTION_CHARACTERS_MAX, is_action
from planner_contracts.plan import (
    LABEL_CHARACTERS_MAX,
    LABELS_MAX,
    NAME_CHARACTERS_MAX,
    PAYLOAD_BYTES_MAX,
    PAYLOAD_DEPTH_MAX,
    TIMEOUT_SECONDS_MAX,
)
from planner_contracts.strict_json import depth, text_is_storable

RETRY_DEFAULT: Final[Mapping[str, Any]] = {
    "max_attempts": 1,
    "initial_seconds": 10,
    "multiplier": 2,
    "max_seconds": 3600,
    "retry_on": ["failure", "timeout"],
}
PLAN_FIELDS: Final = (
    "organization_id",
    "name",
    "labels",
    "action",
    "payload",
    "ordering_key",
    "overlap",
    "retry",
    "run_timeout_seconds",
    "heartbeat_timeout_seconds",
    "pause_after_failures",
    "active",
)
READ_ONLY_FIELDS: Final = (
    "id",
    "tenant_id",
    "status",
    "revision",
    "next_run_at",
    "last_run",
    "tzdata",
    "created_at",
    "created_by",
    "updated_at",
    "updated_by",
)
_ATTEMPTS_MAX: Final = 20
_RETRY_SECONDS_MAX: Final = 604_800
_MULTIPLIER_MAX: Final = 10
_FAILURES_MAX: Final = 1000
_UNSTORABLE: Final = "U+0000 and unpaired surrogates cannot be stored"
_RETRY_ON: Final = ("failure", "timeout")


def read_plan(given: FieldReader) -> None:
    """Find the faults of these fields. What a later version supports is refused, never accepted and ignored."""
    _overlap(given)
    given.boolean("active")
    _text(given, "organization_id")
    _text(given, "name")
    _labels(given)
    _action(given)
    _payload(given)
    _text(given, "ordering_key", shortest=1)
    _retry(given)
    for name, high in (
        ("run_timeout_seconds", TIMEOUT_SECONDS_MAX),
        ("heartbeat_timeout_seconds", TIMEOUT_SECONDS_MAX),
        ("pause_after_failures", _FAILURES_MAX),
    ):
        if given.integer(name, 1, high) is not None:
            given.unsupported(name)


def spelt_out(overlap: object) -> object:
    """The overlap policy as an object, whichever way it was given."""
    if isinstance(overlap, str):
        overlap = {"policy": overlap}
    if not isinstance(overlap, Mapping):
        return overlap
    members = {name: member for name, member in overlap.items() if member is not None}
    members.setdefault("policy", OverlapPolicy.ALLOW.value)
    if members["policy"] == OverlapPolicy.QUEUE_ALL:
        members.setdefault("limit", OVERLAP_HELD_DEFAULT)
    return members


def _overlap(given: FieldReader) -> None:
    if isinstance(given.raw("overlap"), str):
        policy = given.choice("overlap", tuple(OverlapPolicy))
    else:
        fields = given.child("overlap")
        if fields is None:
            return
        policy = fields.choice("policy", tuple(OverlapPolicy))
        limit = fields.integer("limit", 1, OVERLAP_HELD_MAX)
        if limit is not None and policy != OverlapPolicy.QUEUE_ALL:
            fields.fault("limit", ErrorCode.FIELD_NOT_APPLICABLE, Stage.APPLICABILITY, f"only {OverlapPolicy.QUEUE_ALL} has a limit")
        fields.refuse_unknown(("policy", "limit"))


def _text(given: FieldReader, name: str, *, shortest: int = 0, longest: int = NAME_CHARACTERS_MAX) -> None:
    text = given.string(name)
    if text is None:
        return
    if not shortest <= len(text) <= longest:
        given.fault(name, ErrorCode.FIELD_OUT_OF_RANGE, Stage.LENGTH, f"{shortest} to {longest} characters")
    elif not text_is_storable(text):
        given.fault(name, ErrorCode.FIELD_INVALID, Stage.CHARACTERS, _UNSTORABLE)


def _labels(given: FieldReader) -> None:
    labels = given.child("labels")
    if labels is None:
        return
    pairs = given.raw("labels")
    if len(pairs) > LABELS_MAX:
        given.fault("labels", ErrorCode.FIELD_OUT_OF_RANGE, Stage.LENGTH, f"at most {LABELS_MAX} pairs")
        return
    # A fault of a key is one of the labels: what cannot be stored is not quoted in a pointer either.
    if any(len(key) > LABEL_CHARACTERS_MAX for key in pairs):
        given.fault("labels", ErrorCode.FIELD_OUT_OF_RANGE, Stage.LENGTH, f"a key has at most {LABEL_CHARACTERS_MAX} characters")
    elif not all(text_is_storable(key) for key in pairs):
        given.fault("labels", ErrorCode.FIELD_INVALID, Stage.CHARACTERS, _UNSTORABLE)
    else:
        for key in pairs:
            labels.require(key, code=ErrorCode.FIELD_BAD_TYPE)
            _text(labels, key, longest=LABEL_CHARACTERS_MAX)


def _action(given: FieldReader) -> None:
    given.require("action")
    action = given.string("action")
    if action is None:
        return
    if len(action) > ACTION_CHARACTERS_MAX:
        given.fault("action", ErrorCode.FIELD_OUT_OF_RANGE, Stage.LENGTH, f"at most {ACTION_CHARACTERS_MAX} characters")
    elif not is_action(action):
        given.fault(
            "action",
            ErrorCode.ACTION_INVALID,
            Stage.STRUCTURE,
            f"{excerpt(action)} is no action name",
            hint="lower-case letters and digits, parts joined by single dots or hyphens, like content.publish",
        )


def _payload(given: FieldReader) -> None:
    payload = given.mapping("payload")
    if payload is None:
        return
    if depth(payload) > PAYLOAD_DEPTH_MAX:
        given.fault("payload", ErrorCode.FIELD_OUT_OF_RANGE, Stage.LENGTH, f"at most {PAYLOAD_DEPTH_MAX} levels")
        return
    # Lone surrogates, which UTF-8 cannot encode, are found below.
    encoded = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    if len(encoded) > PAYLOAD_BYTES_MAX:
        given.fault("payload", ErrorCode.FIELD_OUT_OF_RANGE, Stage.LENGTH, f"at most {PAYLOAD_BYTES_MAX} bytes as JSON")
        return
    unstorable = _unstorable_within(payload)
    if unstorable is not None:
        given.faults.add(given.pointer("payload") + unstorable, ErrorCode.FIELD_INVALID, Stage.CHARACTERS, f"payload: {_UNSTORABLE}")


def _unstorable_within(document: Any) -> str | None:  # noqa: ANN401  JSON has no narrower type
    """The pointer of the first text that cannot be stored. The depth has been bounded before."""
    if isinstance(document, str):
        return None if text_is_storable(document) else ""
    if isinstance(document, Mapping):
        for name, value in document.items():
            if not text_is_storable(name):
                return ""
            inside = _unstorable_within(value)
            if inside is not None:
                return pointer_step(name) + inside
    elif isinstance(document, list):
        for index, value in enumerate(document):
            inside = _unstorable_within(value)
            if inside is not None:
                return f"/{index}{inside}"
    return None


def _retry(given: FieldReader) -> None:
    fields = given.child("retry")
    if fields is None:
        return
    attempts = fields.integer("max_attempts", 1, _ATTEMPTS_MAX)
    fields.number("initial_seconds", 1, _RETRY_SECONDS_MAX)
    fields.number("multiplier", 1, _MULTIPLIER_MAX)
    fields.number("max_seconds", 1, _RETRY_SECONDS_MAX)
    _retry_on(fields)
    fields.refuse_unknown(tuple(RETRY_DEFAULT))
    if attempts is not None and attempts > 1:
        fields.unsupported("max_attempts", hint="only 1 in this version")


def _retry_on(fields: FieldReader) -> None:
    causes = fields.raw("retry_on")
    if causes is None:
        return
    if not isinstance(causes, list) or not all(isinstance(cause, str) for cause in causes):
        fields.fault("retry_on", ErrorCode.FIELD_BAD_TYPE, Stage.TYPE, "a list of strings is expected")
    elif not set(causes) <= set(_RETRY_ON) or len(set(causes)) != len(causes):
        fields.fault("retry_on", ErrorCode.FIELD_INVALID, Stage.VALUES, f"each of {', '.join(_RETRY_ON)} at most once")
