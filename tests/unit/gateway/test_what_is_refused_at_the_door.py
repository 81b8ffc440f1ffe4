"""Bodies, tags and cursors that cannot be read, at the size and depth at which reading ends."""

import base64
import json
from typing import Any

import pytest
from starlette.requests import Request

from planner.gateway.body import JSON_TYPES, PATCH_TYPES, read_object, read_optional_object
from planner.gateway.etags import expected_revision, is_unchanged
from planner.gateway.pagination import Place, decode_cursor, encode_cursor
from planner.gateway.plan_patch import refuse_patch
from planner.gateway.problems import ProblemError

ID = "00000000-0000-4000-8000-000000000001"


def a_request(body: bytes = b"{}", /, **headers: str) -> Request:
    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({"type": "http", "method": "POST", "headers": given}, receive)


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON", "application/json; charset=utf-8", 'application/json;charset="UTF8"', "application/json; v=1"],
)
async def test_json_in_utf_8_is_read_however_its_type_is_written(content_type: str) -> None:
    assert await read_object(a_request(content_type=content_type), JSON_TYPES) == {}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content_type": "text/plain"},
        {"content_type": "application/merge-patch+json"},
        {"content_type": "application/json; charset=latin-1"},
        {"content_type": "application/json", "content_encoding": "gzip"},
    ],
)
async def test_a_body_of_another_type_or_encoding_is_refused_with_the_type_that_a_patch_takes(headers: dict[str, str]) -> None:
    with pytest.raises(ProblemError, match="UNSUPPORTED_MEDIA_TYPE") as refused:
        await read_object(a_request(b"{}", **headers), JSON_TYPES)
    assert refused.value.headers == {"Accept-Patch": "application/merge-patch+json"}


async def test_a_patch_may_be_a_merge_patch_or_plain_json() -> None:
    for content_type in PATCH_TYPES:
        assert await read_object(a_request(b'{"name":null}', content_type=content_type), PATCH_TYPES) == {"name": None}


async def test_an_optional_body_is_none_where_none_was_announced_and_else_is_read() -> None:
    assert await read_optional_object(a_request(b"", content_type="text/plain")) == {}
    assert await read_optional_object(a_request(b"", content_length="0")) == {}
    assert await read_optional_object(a_request(b'{"a":1}', content_length="7", content_type="application/json")) == {"a": 1}
    chunked = a_request(b'{"a":1}', transfer_encoding="chunked", content_type="application/json")
    assert await read_optional_object(chunked) == {"a": 1}


@pytest.mark.parametrize("header", ['"3-abc", 4', '"3-abc", W/', '*, "'])
def test_a_list_of_tags_with_one_that_is_none_is_no_list_of_tags(header: str) -> None:
    with pytest.raises(ProblemError, match="INVALID_PARAMETER"):
        expected_revision([header])
    assert not is_unchanged([header], '"3-abc"')


def test_a_cursor_that_is_longer_than_any_of_ours_or_deeper_than_json_may_be_is_refused() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 1400).decode()
    long = encode_cursor(Place("x" * 1500, ID), "digest")
    assert len(deep) < 2000 < len(long)
    for cursor in (deep, long):
        with pytest.raises(ProblemError, match="INVALID_CURSOR"):
            decode_cursor(cursor, "digest")


def test_a_cursor_of_any_length_that_a_list_can_give_is_read() -> None:
    place = Place("é" * 200, ID)
    assert decode_cursor(encode_cursor(place, "digest"), "digest") == place


@pytest.mark.parametrize(
    "document", [["digest", "k"], ["digest", "k", "no id"], ["digest", 7, ID], ["other", "k", ID], {}, ["digest", "\x00", ID]]
)
def test_a_cursor_that_names_no_place_of_the_list_is_refused(document: object) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(document).encode()).decode()
    with pytest.raises(ProblemError, match="INVALID_CURSOR"):
        decode_cursor(cursor, "digest")


@pytest.mark.parametrize(
    "patch",
    [
        {"max_runs": 5},
        {"execute_at": "2100-02-01T00:00:00", "timezone": "Europe/Amsterdam"},
        {"dst": {"gap": "skip"}},
        {"recurrence": {"expression": "0 10 * * *"}},
        {"recurrence": {"every_seconds": 30}},
        {"recurrence": {"type": "rrule", "rule": "FREQ=DAILY", "dtstart": "2026-01-01T00:00:00"}, "execute_at": None},
    ],
)
def test_a_patch_that_suits_any_kind_of_plan_is_left_to_the_owner(patch: dict[str, Any]) -> None:
    refuse_patch(patch)


def test_a_patch_that_suits_no_plan_is_refused_with_its_first_fault() -> None:
    with pytest.raises(ProblemError, match="VALIDATION_FAILED") as refused:
        refuse_patch({"jitter_seconds": -1, "action": 7})
    assert {fault.pointer for fault in refused.value.faults} == {"/jitter_seconds", "/action"}
    assert refused.value.detail == refused.value.faults[0].detail
