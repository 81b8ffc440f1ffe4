import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import URL

from planner.gateway.pagination import Place, decode_cursor, encode_cursor, list_digest, next_link
from planner.gateway.problems import ProblemError

ROW = "0f3c1111-0000-4000-8000-000000000000"
DIGEST = list_digest({"sort": "name"})
STORABLE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200)


@given(key=st.none() | STORABLE)
def test_a_cursor_leads_back_to_its_place(key: str | None) -> None:
    assert decode_cursor(encode_cursor(Place(key, ROW), DIGEST), DIGEST) == Place(key, ROW)


@given(cursor=st.text(max_size=300))
def test_nothing_but_a_cursor_is_read_as_one(cursor: str) -> None:
    with pytest.raises(ProblemError, match="INVALID_CURSOR"):
        decode_cursor(cursor, DIGEST)


@pytest.mark.parametrize(
    "document",
    [None, [], [DIGEST, "a", "x"], [DIGEST, "a\0", ROW], [DIGEST, "\ud800", ROW], [DIGEST, 1, ROW], ["other", "a", ROW], {"a": 1}],
)
def test_what_a_caller_made_up_is_no_cursor(document: object) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(document).encode()).decode()
    with pytest.raises(ProblemError, match="INVALID_CURSOR"):
        decode_cursor(cursor, DIGEST)


def test_a_cursor_is_bounded_before_it_is_read() -> None:
    with pytest.raises(ProblemError, match="INVALID_CURSOR"):
        decode_cursor(base64.urlsafe_b64encode(b"[" * 1_000_000).decode(), DIGEST)


def test_a_list_digest_is_of_what_is_asked_for_in_any_order() -> None:
    assert list_digest({"a": 1, "b": 2}) == list_digest({"b": 2, "a": 1}) != list_digest({"a": 1, "b": 3})


def test_the_next_page_is_linked_with_the_same_filters() -> None:
    url = URL("http://host/api/v1/plans?label=a%3Ab&label=c%3Ad&cursor=old")
    assert next_link(url, "new") == '</api/v1/plans?label=a%3Ab&label=c%3Ad&cursor=new>; rel="next"'
