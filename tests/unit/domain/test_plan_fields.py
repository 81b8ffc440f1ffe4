"""The fields of api.md, section 1, that say what is done: their limits at n and n + 1, and what a later version brings."""

from typing import Any

import pytest

from planner.domain.plan_fields import READ_ONLY_FIELDS
from support.schedules import a_definition, codes_of, faults_of


def nested(levels: int) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for _ in range(levels - 1):
        document = {"a": document}
    return document


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"action": None}, "/action", "FIELD_REQUIRED"),
        ({"action": 5}, "/action", "FIELD_BAD_TYPE"),
        ({"action": ""}, "/action", "ACTION_INVALID"),
        ({"action": "Content.Publish"}, "/action", "ACTION_INVALID"),
        ({"action": "content..publish"}, "/action", "ACTION_INVALID"),
        ({"action": "content_publish"}, "/action", "ACTION_INVALID"),
        ({"action": "content.publish\n"}, "/action", "ACTION_INVALID"),
        ({"action": "a" * 121}, "/action", "FIELD_OUT_OF_RANGE"),
        ({"name": 5}, "/name", "FIELD_BAD_TYPE"),
        ({"name": "n" * 201}, "/name", "FIELD_OUT_OF_RANGE"),
        ({"name": "a\x00b"}, "/name", "FIELD_INVALID"),
        ({"name": "a\ud800b"}, "/name", "FIELD_INVALID"),
        ({"organization_id": 5}, "/organization_id", "FIELD_BAD_TYPE"),
        ({"organization_id": "o" * 201}, "/organization_id", "FIELD_OUT_OF_RANGE"),
        ({"ordering_key": ""}, "/ordering_key", "FIELD_OUT_OF_RANGE"),
        ({"ordering_key": "k" * 201}, "/ordering_key", "FIELD_OUT_OF_RANGE"),
        ({"labels": []}, "/labels", "FIELD_BAD_TYPE"),
        ({"labels": {f"k{n}": "v" for n in range(33)}}, "/labels", "FIELD_OUT_OF_RANGE"),
        ({"labels": {"k" * 64: "v"}}, "/labels", "FIELD_OUT_OF_RANGE"),
        ({"labels": {"k\x00": "v"}}, "/labels", "FIELD_INVALID"),
        ({"labels": {"team/a": 5}}, "/labels/team~1a", "FIELD_BAD_TYPE"),
        ({"labels": {"team": None}}, "/labels/team", "FIELD_BAD_TYPE"),
        ({"labels": {"team": "v" * 64}}, "/labels/team", "FIELD_OUT_OF_RANGE"),
        ({"labels": {"team": "\udfff"}}, "/labels/team", "FIELD_INVALID"),
        ({"payload": [1]}, "/payload", "FIELD_BAD_TYPE"),
        ({"payload": nested(33)}, "/payload", "FIELD_OUT_OF_RANGE"),
        ({"payload": {"a": "x" * (64 * 1024 - 7)}}, "/payload", "FIELD_OUT_OF_RANGE"),
        ({"payload": {"a": "é" * (32 * 1024)}}, "/payload", "FIELD_OUT_OF_RANGE"),
        ({"payload": {"a": [1, {"b": "\x00"}]}}, "/payload/a/1/b", "FIELD_INVALID"),
        ({"payload": {"a": {"b\x00": 1}}}, "/payload/a", "FIELD_INVALID"),
        ({"payload": {"a": "\ud800"}}, "/payload/a", "FIELD_INVALID"),
        ({"active": "yes"}, "/active", "FIELD_BAD_TYPE"),
        ({"active": 1}, "/active", "FIELD_BAD_TYPE"),
        ({"retry": 3}, "/retry", "FIELD_BAD_TYPE"),
        ({"retry": {"max_attempts": 0}}, "/retry/max_attempts", "FIELD_OUT_OF_RANGE"),
        ({"retry": {"max_attempts": 21}}, "/retry/max_attempts", "FIELD_OUT_OF_RANGE"),
        ({"retry": {"initial_seconds": 0.5}}, "/retry/initial_seconds", "FIELD_OUT_OF_RANGE"),
        ({"retry": {"initial_seconds": "1"}}, "/retry/initial_seconds", "FIELD_BAD_TYPE"),
        ({"retry": {"multiplier": True}}, "/retry/multiplier", "FIELD_BAD_TYPE"),
        ({"retry": {"multiplier": 10.5}}, "/retry/multiplier", "FIELD_OUT_OF_RANGE"),
        ({"retry": {"max_seconds": 604_801}}, "/retry/max_seconds", "FIELD_OUT_OF_RANGE"),
        ({"retry": {"retry_on": "failure"}}, "/retry/retry_on", "FIELD_BAD_TYPE"),
        ({"retry": {"retry_on": [5]}}, "/retry/retry_on", "FIELD_BAD_TYPE"),
        ({"retry": {"retry_on": ["crash"]}}, "/retry/retry_on", "FIELD_INVALID"),
        ({"retry": {"retry_on": ["failure", "failure"]}}, "/retry/retry_on", "FIELD_INVALID"),
        ({"retry": {"attempts": 1}}, "/retry/attempts", "UNKNOWN_FIELD"),
        ({"run_timeout_seconds": 0}, "/run_timeout_seconds", "FIELD_OUT_OF_RANGE"),
        ({"heartbeat_timeout_seconds": 2_592_001}, "/heartbeat_timeout_seconds", "FIELD_OUT_OF_RANGE"),
        ({"overlap": 5}, "/overlap", "FIELD_BAD_TYPE"),
        ({"overlap": "never"}, "/overlap", "FIELD_INVALID"),
        ({"overlap": {"policy": "never"}}, "/overlap/policy", "FIELD_INVALID"),
        ({"overlap": {"policy": "queue_all", "limit": 1001}}, "/overlap/limit", "FIELD_OUT_OF_RANGE"),
        ({"overlap": {"policy": "allow", "limit": 5}}, "/overlap/limit", "FIELD_NOT_APPLICABLE"),
        ({"overlap": {"mode": "allow"}}, "/overlap/mode", "UNKNOWN_FIELD"),
        ({"nonsense": None}, "/nonsense", "UNKNOWN_FIELD"),
        ({"bad\x00name": 1}, "", "FIELD_INVALID"),
    ],
)
def test_one_fault_has_one_code_at_its_field(fields: dict[str, Any], pointer: str, code: str) -> None:
    found = [found for found in codes_of(a_definition(**fields)) if found != ("/overlap", "FIELD_INVALID") or pointer == "/overlap"]

    assert found == [(pointer, code)]


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "a" * 120},
        {"action": "billing.invoice-send.v2"},
        {"name": "n" * 200},
        {"organization_id": "acme-eu"},
        {"ordering_key": "k" * 200},
        {"labels": {f"k{n}": "v" * 63 for n in range(32)}},
        {"labels": {"k" * 63: ""}},
        {"payload": nested(32)},
        {"payload": {"a": "x" * (64 * 1024 - 8)}},
        {"payload": {"a": [None, True, 1.5, "é"]}},
        {"retry": {"max_attempts": 1, "initial_seconds": 1, "multiplier": 1, "max_seconds": 604_800, "retry_on": []}},
        {"retry": {"initial_seconds": 1.5, "multiplier": 10, "retry_on": ["timeout"]}},
        {"overlap": {"policy": "allow"}},
        {"active": True},
    ],
)
def test_what_lies_on_the_limit_is_accepted(fields: dict[str, Any]) -> None:
    assert codes_of(a_definition(**fields)) == []


@pytest.mark.parametrize("name", READ_ONLY_FIELDS)
def test_what_the_server_sets_cannot_be_given(name: str) -> None:
    assert codes_of(a_definition(**{name: None})) == [(f"/{name}", "READ_ONLY_FIELD")]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"retry": {"max_attempts": 2}}, "/retry/max_attempts"),
        ({"run_timeout_seconds": 60}, "/run_timeout_seconds"),
        ({"heartbeat_timeout_seconds": 60}, "/heartbeat_timeout_seconds"),
        ({"pause_after_failures": 3}, "/pause_after_failures"),
    ],
)
def test_what_a_later_version_brings_is_refused_not_ignored(fields: dict[str, Any], pointer: str) -> None:
    (fault,) = faults_of(a_definition(**fields))

    assert (fault.pointer, fault.code) == (pointer, "FIELD_INVALID")
    assert "not supported by this version" in fault.detail
