import json
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from planner_contracts.envelope import ATTRIBUTE_CHARACTERS_MAX, Envelope, EnvelopeInvalidError, decode, encode

LEAST: Final[dict[str, Any]] = {"specversion": "1.0", "id": "1", "source": "/crm", "type": "planner.plan.cancel", "data": {"a": "é"}}


def value(document: object) -> bytes:
    return json.dumps(document).encode()


def test_what_is_written_is_read_again() -> None:
    event = Envelope("1", "/s", "t", datetime(2027, 2, 1, 9, tzinfo=UTC), "plan", "acme", None, {"a": ["é", 1.5, None]}, traceparent="00-1")
    assert decode(encode(event), []) == event


def test_what_is_absent_is_left_out() -> None:
    assert json.loads(encode(decode(value(LEAST), []))) == LEAST | {"datacontenttype": "application/json"}


def test_an_attribute_that_nobody_knows_is_passed_over() -> None:
    assert decode(value(LEAST | {"region": "eu", "dataschema": 7}), []) == decode(value(LEAST), [])


def test_in_binary_mode_the_headers_are_the_attributes_and_the_value_is_the_data() -> None:
    headers = [(f"ce_{name}", text.encode()) for name, text in LEAST.items() if name != "data"]
    assert decode(value(LEAST["data"]), [*headers, ("other", b"\xff")]) == decode(value(LEAST), [])


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (None, "no value"),
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"a": 1, "a": 2}', "duplicate key"),
        (b"[]", "not a JSON object"),
        (value(LEAST | {"specversion": "0.3"}), "specversion"),
        (value(LEAST | {"data": []}), "data is not"),
        (value(LEAST | {"id": ""}), "required"),
        (value(LEAST | {"source": None}), "required"),
        (value(LEAST | {"type": 1}), "type is not"),
        (value(LEAST | {"time": 1764072000}), "time is not"),
        (value(LEAST | {"time": "2027-02-01"}), "time is not an RFC 3339"),
        (value(LEAST | {"time": "2027-02-30T00:00:00Z"}), "time is not an RFC 3339"),
        (value(LEAST | {"tenantid": "a\x00b"}), "tenantid is not"),
        (value(LEAST | {"data": {"a": "\ud800"}}), "lone surrogate"),
    ],
)
def test_a_record_that_is_no_event_is_refused_with_its_reason(record: bytes | None, why: str) -> None:
    with pytest.raises(EnvelopeInvalidError, match=why):
        decode(record, [])


def test_an_attribute_has_a_largest_size() -> None:
    assert decode(value(LEAST | {"subject": "s" * ATTRIBUTE_CHARACTERS_MAX}), []).subject == "s" * ATTRIBUTE_CHARACTERS_MAX
    with pytest.raises(EnvelopeInvalidError, match="subject"):
        decode(value(LEAST | {"subject": "s" * (ATTRIBUTE_CHARACTERS_MAX + 1)}), [])


def test_a_header_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(EnvelopeInvalidError, match="UTF-8"):
        decode(b"{}", [("ce_specversion", b"1.0"), ("ce_id", b"\xff")])


def test_surrogates_pass_for_a_caller_that_mends_them() -> None:
    assert decode(value(LEAST | {"data": {"a": "\ud800"}}), [], surrogates=True).data == {"a": "\ud800"}
