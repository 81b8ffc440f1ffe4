import asyncio
from collections.abc import Sequence

import pytest
from starlette.requests import Request
from starlette.types import Message

from planner.gateway.body import BODY_BYTES_MAX, JSON_TYPES, read_object, read_optional_object
from planner.gateway.problems import ProblemError


def a_request(*chunks: bytes, ends: bool = True, headers: Sequence[tuple[bytes, bytes]] = ()) -> Request:
    """A request whose body comes in these pieces. Not `ends`: the caller then says nothing more."""
    messages: list[Message] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    if ends:
        messages.append({"type": "http.request", "body": b"", "more_body": False})
    coming = iter(messages)

    async def receive() -> Message:
        for message in coming:
            return message
        await asyncio.Event().wait()
        raise AssertionError

    return Request({"type": "http", "headers": [(b"content-type", b"application/json"), *headers]}, receive)


async def test_a_body_is_one_object_in_any_number_of_pieces() -> None:
    assert await read_object(a_request(b'{"a"', b":", b"1}"), JSON_TYPES) == {"a": 1}


async def test_a_caller_that_falls_silent_is_not_waited_for_without_end() -> None:
    with pytest.raises(ProblemError, match=r"MALFORMED_JSON.*within") as refused:
        await read_object(a_request(b"{", ends=False), JSON_TYPES, within_s=0.01)
    assert refused.value.headers == {"Connection": "close"}


@pytest.mark.parametrize("announced", [str(BODY_BYTES_MAX + 1), "9" * 30])
async def test_an_announced_length_beyond_the_limit_is_not_read_at_all(announced: str) -> None:
    request = a_request(ends=False, headers=[(b"content-length", announced.encode())])
    with pytest.raises(ProblemError, match="BODY_TOO_LARGE"):
        await read_object(request, JSON_TYPES)


async def test_what_comes_is_counted_whatever_was_announced() -> None:
    pieces = [b" " * 65_536] * (BODY_BYTES_MAX // 65_536)
    assert await read_object(a_request(b"{}", *pieces[1:], b" " * 65_534), JSON_TYPES) == {}
    with pytest.raises(ProblemError, match="BODY_TOO_LARGE"):
        await read_object(a_request(b"{}", *pieces, ends=False), JSON_TYPES)


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"0")]])
async def test_a_body_that_may_be_left_out_may_be_empty_although_its_type_is_json(headers: list[tuple[bytes, bytes]]) -> None:
    """`curl -X POST -H "Content-Type: application/json" …/pause`, the README's way to call, was told that its JSON is malformed."""
    assert await read_optional_object(a_request(headers=headers)) == {}


async def test_a_body_that_may_be_left_out_is_read_where_there_is_one() -> None:
    for announced in ((b"content-length", b"7"), (b"transfer-encoding", b"chunked")):
        assert await read_optional_object(a_request(b'{"a":1}', headers=[announced])) == {"a": 1}
