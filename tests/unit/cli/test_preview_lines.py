import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from planner.cli.preview_lines import LINE_BYTES_MAX, answer_line, answer_lines

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
MINUTELY = {"recurrence": {"type": "cron", "expression": "* * * * *"}}


def answered(line: str | bytes) -> dict[str, Any]:
    return answer_line(line if isinstance(line, bytes) else line.encode(), now=lambda: NOW)


def asked(schedule: object = MINUTELY, **members: object) -> dict[str, Any]:
    return answered(json.dumps({"id": "a", "schedule": schedule, **members}))


def told(requests: bytes) -> list[dict[str, Any]]:
    answers = io.StringIO()
    answer_lines(io.BytesIO(requests), answers, now=lambda: NOW)
    return [json.loads(line) for line in answers.getvalue().splitlines()]


@pytest.mark.parametrize("given", ["text", 7, 1.5, None, True, ["a", {"b": None}]], ids=str)
def test_an_id_is_echoed_whatever_it_is(given: object) -> None:
    assert answered(json.dumps({"id": given, "schedule": MINUTELY}))["id"] == given
    assert answered(json.dumps({"id": given, "schedule": {}}))["id"] == given


def test_a_request_without_id_is_answered_without_one() -> None:
    assert answered(json.dumps({"schedule": MINUTELY}))["id"] is None


def test_ten_occurrences_after_now_are_shown_if_nothing_else_is_asked() -> None:
    found = asked()["occurrences"]

    assert (found[0]["scheduled_for"], len(found)) == ("2026-03-01T12:01:00Z", 10)


def test_null_is_the_beginning_and_not_now() -> None:
    assert asked(after=None, limit=1)["occurrences"][0]["scheduled_for"] == "1970-01-01T00:00:00Z"


def test_the_clock_does_not_matter_where_a_beginning_is_given() -> None:
    line = json.dumps({"id": 1, "schedule": {"recurrence": {"type": "interval", "every": "P1D"}}, "after": "2024-01-01T06:00:00Z"}).encode()
    later = answer_line(line, now=lambda: datetime(2031, 1, 1, tzinfo=UTC))

    assert later == answer_line(line, now=lambda: NOW)
    assert later["occurrences"][0]["scheduled_for"] == "2024-01-02T06:00:00Z"


@pytest.mark.parametrize("limit", [1, 1000])
def test_a_limit_within_its_range_is_taken(limit: int) -> None:
    assert len(asked(limit=limit)["occurrences"]) == limit


@pytest.mark.parametrize("limit", [0, 1001, -1, True, "10", 10.0, [1]], ids=repr)
def test_another_limit_is_refused(limit: object) -> None:
    assert asked(limit=limit)["error"]["code"] == "INVALID_PARAMETER"


@pytest.mark.parametrize("plan_id", ["x", "00000000-0000-4000-8000-00000000000A", 7], ids=repr)
def test_a_plan_id_that_is_none_is_refused(plan_id: object) -> None:
    assert asked(plan_id=plan_id)["error"]["code"] == "INVALID_PARAMETER"


def test_a_plan_id_tells_when_a_jittered_occurrence_is_due() -> None:
    schedule = {**MINUTELY, "jitter_seconds": 600}
    found = asked(schedule, plan_id="00000000-0000-4000-8000-000000000001", after="2026-01-01T09:59:00Z", limit=1)

    assert found["occurrences"][0]["due_at"] == "2026-01-01T10:00:41.945000Z"


def test_an_unknown_member_is_refused() -> None:
    assert asked(afterwards=None)["error"]["code"] == "INVALID_PARAMETER"


@pytest.mark.parametrize(
    ("line", "code", "pointer"),
    [
        ("[]", "FIELD_BAD_TYPE", ""),
        ("null", "FIELD_BAD_TYPE", ""),
        ('{"schedule": null}', "FIELD_REQUIRED", ""),
        ("{}", "FIELD_REQUIRED", ""),
        ('{"schedule": "* * * * *"}', "FIELD_BAD_TYPE", ""),
        ('{"schedule": {}}', "FIELD_REQUIRED", "/execute_at"),
        ('{"schedule": {"recurrence": {"type": "cron", "expression": "* * * * *"}, "soon": 1}}', "UNKNOWN_FIELD", "/soon"),
    ],
)
def test_a_request_of_another_shape_is_refused(line: str, code: str, pointer: str) -> None:
    error = answered(line)["error"]

    assert (error["code"], error["pointer"]) == (code, pointer)


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"nonsense",
        b'{"id": NaN}',
        b'{"id": 1, "id": 2}',
        b'{"id": "\\ud800"}',
        b'{"id": "\xff"}',
        b'{"id": 1e999}',
        b'\xef\xbb\xbf{"id": 1}',
        b"[" * 65 + b"]" * 65,
        b'{"id": 1}{"id": 2}',
    ],
    ids=repr,
)
def test_a_line_that_is_not_json_is_refused_without_an_id(line: bytes) -> None:
    answer = answered(line)

    assert (answer["id"], answer["error"]["code"]) == (None, "MALFORMED_JSON")


def test_the_first_error_is_shown_and_all_are_listed() -> None:
    answer = asked({"recurrence": {"type": "cron", "expression": "61 * * * *"}, "jitter_seconds": -1})

    assert answer["error"]["code"] == answer["errors"][0]["code"] == "CRON_OUT_OF_RANGE"
    assert (answer["error"]["pointer"], answer["error"]["position"]) == ("/recurrence/expression", 0)
    assert [error["code"] for error in answer["errors"]] == ["CRON_OUT_OF_RANGE", "FIELD_OUT_OF_RANGE"]


def test_a_request_that_breaks_us_does_not_end_those_that_follow(capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> datetime:
        raise ZeroDivisionError

    answer = answer_line(json.dumps({"id": "a", "schedule": MINUTELY}).encode(), now=broken)

    assert (answer["id"], answer["error"]["code"]) == ("a", "INTERNAL")
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_blank_lines_are_skipped_and_the_others_answered_in_order() -> None:
    lines = [b"", b" \t ", b'{"id": 1}', b"\r", b'{"id": 2}\r', b"", b'{"id": 3}']

    assert [answer["id"] for answer in told(b"\n".join(lines))] == [1, 2, 3]


def padded(size: int) -> bytes:
    line = json.dumps({"id": "long", "schedule": MINUTELY, "limit": 1}).encode()
    return line + b" " * (size - len(line))


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b""])
def test_a_line_of_the_greatest_length_is_answered(ending: bytes) -> None:
    assert [answer["id"] for answer in told(padded(LINE_BYTES_MAX) + ending)] == ["long"]


@pytest.mark.parametrize("more", [1, 2, 3, LINE_BYTES_MAX, 2 * LINE_BYTES_MAX + 1])
def test_a_longer_line_is_refused_and_the_next_is_answered(more: int) -> None:
    following = padded(200).replace(b"long", b"next")
    answers = told(padded(LINE_BYTES_MAX + more) + b"\n" + following + b"\n" + padded(LINE_BYTES_MAX + more))

    assert [(answer["id"], answer.get("error", {}).get("code")) for answer in answers] == [
        (None, "BODY_TOO_LARGE"),
        ("next", None),
        (None, "BODY_TOO_LARGE"),
    ]


def test_an_unknown_holiday_list_is_told_to_live_on_the_server() -> None:
    answer = asked({"recurrence": {"type": "calendar", "hour": "9", "roll": "next", "holiday_calendar": "nl"}})

    assert answer["error"]["code"] == "HOLIDAY_CALENDAR_UNKNOWN"
    assert answer["error"]["hint"] == "holiday lists live on the server: give the dates as holidays, or preview over HTTP"
