"""Every error that a request itself can cause, over a real socket."""

import http.client
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from planner.domain.limits import FAULTS_MAX
from planner.gateway.body import BODY_BYTES_MAX
from support.gateways import ACTION, HOURLY, Gateway, created, problem_code

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def client(gateway: Gateway, tenant: str) -> Iterator[httpx.Client]:
    with gateway.client(gateway.key(tenant)) as client:
        yield client


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nul",
        b'{"a":NaN}',
        b'{"a":1e999}',
        b'{"a":1,"a":2}',
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b"[" * 65 + b"]" * 65,
        b"\xef\xbb\xbf{}",
    ],
)
def test_a_body_that_is_not_json_is_malformed(client: httpx.Client, body: bytes) -> None:
    assert problem_code(client.post("/plans", content=body, headers=JSON)) == (400, "MALFORMED_JSON")
    assert problem_code(client.patch("/plans/x", content=body, headers=JSON)) == (400, "MALFORMED_JSON")


@pytest.mark.parametrize("body", [b"[]", b"1", b'"x"', b"null", b"true"])
def test_a_body_that_is_no_object_has_a_bad_type(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/plans", content=body, headers=JSON)
    assert problem_code(answer) == (422, "VALIDATION_FAILED")
    assert answer.json()["errors"][0]["pointer"] == ""


def test_another_media_type_is_not_supported(client: httpx.Client) -> None:
    for headers in (
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json; charset=latin-1"},
        JSON | {"Content-Encoding": "gzip"},
    ):
        assert problem_code(client.post("/plans", content=b"{}", headers=headers)) == (415, "UNSUPPORTED_MEDIA_TYPE")
    merge = {"Content-Type": "application/merge-patch+json"}
    assert problem_code(client.post("/plans", content=b"{}", headers=merge)) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert client.post("/plans", content=json.dumps(HOURLY), headers={"Content-Type": "Application/JSON; charset=UTF-8"}).status_code == 201


def test_a_body_of_the_largest_size_is_read_and_one_byte_more_is_not(client: httpx.Client) -> None:
    body = json.dumps(HOURLY).encode()
    fits = body + b" " * (BODY_BYTES_MAX - len(body))
    assert client.post("/plans", content=fits, headers=JSON).status_code == 201
    assert problem_code(client.post("/plans", content=fits + b" ", headers=JSON)) == (413, "BODY_TOO_LARGE")


def test_whoever_sends_too_much_sees_the_answer_and_can_go_on(client: httpx.Client) -> None:
    # The answer used to close the connection: what was still on its way then reset it, and callers now and then saw no answer at all.
    for _ in range(20):
        assert problem_code(client.post("/plans", content=b" " * (4 * BODY_BYTES_MAX), headers=JSON)) == (413, "BODY_TOO_LARGE")
        assert client.get("/plans").status_code == 200


def test_a_body_without_announced_length_is_bounded_too(client: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(BODY_BYTES_MAX // 4096 + 2):
            yield b" " * 4096

    assert problem_code(client.post("/plans", content=chunks(), headers=JSON)) == (413, "BODY_TOO_LARGE")


def test_a_command_that_grows_over_the_topics_limit_is_too_large(client: httpx.Client) -> None:
    # A number of four characters becomes one of eighteen: the body is within its limit, the record is not.
    path = f"/plans/{created(client)['id']}"
    body = b'{"payload":{"a":[' + b",".join([b"1e15"] * 40_000) + b"]}}"
    assert len(body) < BODY_BYTES_MAX
    answer = client.patch(path, content=body, headers=JSON)
    assert answer.status_code in (413, 422), answer.text
    problem_code(answer)


def test_unknown_and_invalid_parameters_are_errors(client: httpx.Client) -> None:
    for query in (
        "foo=1",
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=1&limit=2",
        "organization_id=a&organization_id=b",
        "status=done",
        "sort=size",
        "label=nocolon",
        "label=a:1&label=a:2",
        "label=%00:1",
        "name_prefix=%00",
        "action=" + "a" * 201,
        "organization_id=a%20b",
        "created_after=yesterday",
        "created_after=1700000000",
        "created_after=0001-01-01T00:00:00%2B14:00",
        "created_before=2026-01-01T00:00:00",
    ):
        assert problem_code(client.get(f"/plans?{query}")) == (400, "INVALID_PARAMETER"), query
    plan = created(client)["id"]
    assert problem_code(client.get(f"/plans/{plan}?expand=1")) == (400, "INVALID_PARAMETER")
    assert client.get(f"/plans/{plan}?expand=1").json()["detail"] == "expand: there is no such parameter"
    assert problem_code(client.get(f"/plans/{plan}/runs?state=gone")) == (400, "INVALID_PARAMETER")
    assert problem_code(client.post("/plans?dry=1", json=HOURLY)) == (400, "INVALID_PARAMETER")
    assert client.get("/plans?limit=200").status_code == 200


def test_a_cursor_of_another_list_is_invalid(client: httpx.Client) -> None:
    for _ in range(2):
        plan = created(client)["id"]
    cursor = client.get("/plans?limit=1").json()["next_cursor"]
    for query in (
        "cursor=x",
        "cursor=%00",
        f"cursor={cursor}x",
        f"cursor={cursor}&sort=name",
        f"cursor={cursor}&status=active",
        "cursor=" + "e" * 3000,
    ):
        assert problem_code(client.get(f"/plans?{query}")) == (400, "INVALID_CURSOR"), query
    assert problem_code(client.get(f"/plans/{plan}/runs?cursor={cursor}")) == (400, "INVALID_CURSOR")


@pytest.mark.parametrize("key", ["", '""', '"open', "k" * 256, "caf\xe9", '"a"b"'])
def test_a_bad_idempotency_key_is_refused(client: httpx.Client, key: str) -> None:
    answer = client.post("/plans", json=HOURLY, headers=[(b"Idempotency-Key", key.encode("latin-1"))])
    assert problem_code(answer) == (400, "INVALID_IDEMPOTENCY_KEY")


def test_the_longest_idempotency_key_is_taken(client: httpx.Client) -> None:
    answer = client.post("/plans", json=HOURLY, headers={"Idempotency-Key": "k" * 255})
    assert answer.status_code == 201


def test_unknown_routes_and_methods_are_problems_too(client: httpx.Client, gateway: Gateway) -> None:
    for path in ("/nothing", "/plans/", "/"):
        assert problem_code(client.get(path)) == (404, "NOT_FOUND")
    put = client.put("/plans")
    assert (problem_code(put), put.headers["allow"]) == ((405, "METHOD_NOT_ALLOWED"), "GET, POST")
    put = client.put("/plans/x")
    assert (problem_code(put), put.headers["allow"]) == ((405, "METHOD_NOT_ALLOWED"), "DELETE, GET, PATCH")
    assert problem_code(client.post(gateway.url + "/docs")) == (405, "METHOD_NOT_ALLOWED")


def test_who_takes_no_json_is_told_so(client: httpx.Client) -> None:
    assert problem_code(client.get("/plans", headers={"Accept": "text/html"})) == (406, "NOT_ACCEPTABLE")
    assert client.get("/plans", headers={"Accept": "text/html, */*;q=0.1"}).status_code == 200


def test_what_does_not_exist_is_named(client: httpx.Client) -> None:
    nobodys = "0f3c1111-0000-4000-8000-000000000000"
    for plan in (nobodys, "x", nobodys.upper(), "%00"):
        for method, suffix in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/runs"), ("GET", f"/runs/{nobodys}")):
            assert problem_code(client.request(method, f"/plans/{plan}{suffix}", json={})) == (404, "PLAN_NOT_FOUND")
    plan = created(client)["id"]
    for run in (nobodys, "x"):
        assert problem_code(client.get(f"/plans/{plan}/runs/{run}")) == (404, "RUN_NOT_FOUND")
        assert problem_code(client.get(f"/commands/{run}")) == (404, "COMMAND_NOT_FOUND")


def test_a_body_is_judged_before_its_plan_is_looked_up(client: httpx.Client) -> None:
    for patch in (
        {"labels": 5},
        {"id": "x"},
        {"nothing": 1},
        {"action": "A B"},
        {"recurrence": {"type": "cron", "expression": "99 * * * *"}},
    ):
        answer = client.patch("/plans/0f3c1111-0000-4000-8000-000000000000", json=patch)
        assert problem_code(answer) == (422, "VALIDATION_FAILED"), patch
        assert answer.json()["errors"][0]["pointer"].startswith("/" + next(iter(patch)))


def test_each_fault_of_a_definition_is_listed(client: httpx.Client) -> None:
    answer = client.post("/plans", json={"action": ACTION, "execute_at": "soon", "nme": 1, "timezone": "Mars/Base", "id": "x"})
    assert problem_code(answer) == (422, "VALIDATION_FAILED")
    assert {(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]} >= {
        ("/execute_at", "DATETIME_INVALID"),
        ("/nme", "UNKNOWN_FIELD"),
        ("/timezone", "TZ_UNKNOWN"),
        ("/id", "READ_ONLY_FIELD"),
    }


def test_however_much_is_wrong_the_first_faults_are_told_at_once(client: httpx.Client) -> None:
    """A patch with 15 000 unknown fields kept the gateway from everybody for a minute, and was answered with megabytes."""
    rule = {"type": "calendar", "hour": "9", "minute": "0", "second": "0"}
    plan = created(client, recurrence=rule)["id"]
    unknown = {f"x{number}": 1 for number in range(15_000)}
    # The gateway cannot refuse it for every kind of plan: its owner does, whose event must be one that a broker takes.
    patches: list[dict[str, Any]] = [unknown, {"recurrence": {"holidays": [f"x{number}" for number in range(15_000)]}}]
    for answer in (client.post("/plans", json=HOURLY | unknown), *(client.patch(f"/plans/{plan}", json=patch) for patch in patches)):
        assert problem_code(answer) == (422, "VALIDATION_FAILED")
        assert len(answer.json()["errors"]) <= FAULTS_MAX
        assert answer.elapsed.total_seconds() < 10
    assert client.patch(f"/plans/{plan}", json={"name": "as before"}).status_code == 200


def test_each_field_is_taken_at_its_limit_and_refused_beyond(client: httpx.Client) -> None:
    def nested(levels: int) -> dict[str, Any]:
        return {"a": nested(levels - 1) if levels > 1 else 1}

    for field, fits, too_much in (
        ("payload", {"a": "x" * (65_536 - len('{"a":""}'))}, {"a": "x" * (65_537 - len('{"a":""}'))}),
        ("payload", nested(32), nested(33)),
        ("labels", {f"k{number}": "v" for number in range(32)}, {f"k{number}": "v" for number in range(33)}),
        ("labels", {"k" * 63: "v" * 63}, {"k": "v" * 64}),
        ("name", "\U0001f600" * 200, "\U0001f600" * 201),
    ):
        plan = created(client, **{field: fits})
        assert client.get(f"/plans/{plan['id']}").json()[field] == fits
        path = f"/plans/{plan['id']}"
        for answer in (client.post("/plans", json=HOURLY | {field: too_much}), client.patch(path, json={field: too_much})):
            assert problem_code(answer) == (422, "VALIDATION_FAILED")
            assert [(f["pointer"].split("/")[1], f["code"]) for f in answer.json()["errors"]] == [(field, "FIELD_OUT_OF_RANGE")]


def test_what_nothing_can_store_is_an_invalid_field(client: httpx.Client) -> None:
    for field, value in (("name", "a\0"), ("payload", {"a": ["\0"]}), ("payload", {"\0": 1}), ("labels", {"k": "\0"})):
        answer = client.post("/plans", json=HOURLY | {field: value})
        assert problem_code(answer) == (422, "VALIDATION_FAILED")
        assert [(f["pointer"].split("/")[1], f["code"]) for f in answer.json()["errors"]] == [(field, "FIELD_INVALID")]


def test_numbers_come_back_as_they_were_given(client: httpx.Client) -> None:
    payload = {"largest": 10**308, "long": 2**63 + 1, "small": 5e-324, "precise": 0.1}
    plan = created(client, payload=payload)
    assert client.get(f"/plans/{plan['id']}").json()["payload"] == payload


def test_a_huge_announced_length_is_refused_without_reading(client: httpx.Client, gateway: Gateway) -> None:
    connection = http.client.HTTPConnection(urlsplit(gateway.url).netloc, timeout=10)
    try:
        connection.putrequest("POST", "/api/v1/plans")
        connection.putheader("Authorization", client.headers["authorization"])
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(10**12))
        connection.endheaders()
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["code"]) == (413, "BODY_TOO_LARGE")
    finally:
        connection.close()


def test_the_page_of_the_api_needs_nothing_from_elsewhere(gateway: Gateway) -> None:
    """Behind a firewall /docs was a blank page: its script and its style came from a CDN."""
    with httpx.Client(base_url=gateway.url, trust_env=False) as anyone:
        page = anyone.get("/docs")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert re.search(r"https?://", page.text) is None
        loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        answers = {path: anyone.get(path) for path in loaded}
        assert {answer.status_code for answer in answers.values()} == {200}
        script = next(answer for path, answer in answers.items() if path.endswith(".js"))
        assert script.headers["content-type"].endswith("javascript; charset=utf-8") and "SwaggerUIBundle" in script.text
        assert problem_code(anyone.get("/docs/assets/nothing.js")) == (404, "NOT_FOUND")
        assert problem_code(anyone.get("/docs/assets/%2e%2e/core.py")) == (404, "NOT_FOUND")
        assert problem_code(anyone.post(loaded[0])) == (405, "METHOD_NOT_ALLOWED")


def test_the_open_pages_describe_the_api_and_its_errors(gateway: Gateway) -> None:
    with httpx.Client(base_url=gateway.url, trust_env=False) as anyone:
        document = anyone.get("/openapi.json").json()
        assert document["info"]["x-plan-id-namespace"] == "63527d55-b7b5-5d6d-b46e-6f168de8d166"
        assert set(document["paths"]["/api/v1/plans"]) == {"get", "post"}
        assert "PlanDefinition" in document["components"]["schemas"]
        assert "There is no such plan" in anyone.get("/problems/PLAN_NOT_FOUND").text
        assert "write a name like Europe/Amsterdam" in anyone.get("/problems/TZ_UNKNOWN").text
        assert problem_code(anyone.get("/problems/NO_SUCH_CODE")) == (404, "NOT_FOUND")
