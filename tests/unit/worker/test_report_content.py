from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import pytest
from pydantic import BaseModel, JsonValue
from pydantic_core import to_json

from planner.worker import report_content
from planner_contracts.run_report import ERROR_MESSAGE_BYTES_MAX, PROGRESS_BYTES_MAX, RESULT_BYTES_MAX


class Published(BaseModel):
    url: str
    at: datetime


@dataclass
class Counted:
    id: UUID
    count: int


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        (None, None),
        ({"a": [1, 2.5, True]}, {"a": [1, 2.5, True]}),
        (Published(url="u", at=datetime(2026, 1, 1, tzinfo=UTC)), {"url": "u", "at": "2026-01-01T00:00:00Z"}),
        (Counted(UUID(int=1), 2), {"id": "00000000-0000-0000-0000-000000000001", "count": 2}),
        (float("nan"), None),
        ("a\x00b\ud800c", "a\ufffdb\ufffdc"),
    ],
)
def test_a_result_is_sent_as_json(returned: object, expected: JsonValue) -> None:
    assert report_content.result(returned) == expected


def test_a_result_of_exactly_the_limit_fits_and_one_byte_more_does_not() -> None:
    assert report_content.result("x" * (RESULT_BYTES_MAX - 2)) is not None
    with pytest.raises(report_content.ResultUnfitError, match=f"{RESULT_BYTES_MAX + 1} bytes"):
        report_content.result("x" * (RESULT_BYTES_MAX - 1))


@pytest.mark.parametrize("returned", [object(), {1, object()}, lambda: None])
def test_a_result_that_is_no_json_is_unfit(returned: object) -> None:
    with pytest.raises(report_content.ResultUnfitError, match="not JSON"):
        report_content.result(returned)


def test_a_result_that_holds_itself_is_unfit() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(report_content.ResultUnfitError):
        report_content.result(endless)


def test_progress_of_exactly_the_limit_is_kept_and_longer_is_cut_to_fit() -> None:
    fits = {"log": "x" * (PROGRESS_BYTES_MAX - len('{"log":""}'))}
    assert report_content.progress(fits) == fits
    cut = report_content.progress({"log": "x" * PROGRESS_BYTES_MAX})
    assert isinstance(cut, str)
    assert cut.startswith('{"log":"xxx')
    assert PROGRESS_BYTES_MAX * 0.9 < len(to_json(cut)) <= PROGRESS_BYTES_MAX


@pytest.mark.parametrize("text", ["é" * 2000, '"' * 2000, "x" * 1023])
def test_a_long_text_as_progress_keeps_its_beginning(text: str) -> None:
    cut = report_content.progress(text)
    assert isinstance(cut, str)
    assert text.startswith(cut)
    assert len(to_json(cut)) <= PROGRESS_BYTES_MAX


def test_an_error_message_is_cut_between_characters() -> None:
    error = report_content.error("DISK_FULL", "é" * ERROR_MESSAGE_BYTES_MAX, retryable=True)
    assert error.message == "é" * (ERROR_MESSAGE_BYTES_MAX // 2)


def test_an_error_message_of_the_limit_is_whole_and_unsendable_characters_are_replaced() -> None:
    assert report_content.error("C", "x" * ERROR_MESSAGE_BYTES_MAX, retryable=False).message == "x" * ERROR_MESSAGE_BYTES_MAX
    assert report_content.error("C\x00", "\udfff", retryable=False).message == "\ufffd"
