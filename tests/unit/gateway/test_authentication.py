import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from starlette.requests import Request

from planner.gateway.api_keys import StoredKey
from planner.gateway.authentication import USE_NOTED_EVERY, Authentication, parse_token
from planner.gateway.caller import Scope
from planner.gateway.problems import ProblemError
from planner.runtime.failures import UnavailableError
from support.plans import NOON

SECRET = "s" * 43
KEY = StoredKey("k00000000001", "acme", ("eu", "us"), ("plans:read",), hashlib.sha256(SECRET.encode()).digest(), None, None, None)
TOKEN = f"pk_{KEY.id}_{SECRET}"


@dataclass
class Time:
    """A clock that stands until it is moved."""

    at: datetime = NOON

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()


@dataclass
class Keys:
    """Keys in memory."""

    stored: dict[str, StoredKey] = field(default_factory=lambda: {KEY.id: KEY})
    reads: int = 0
    uses: list[datetime] = field(default_factory=list)
    away: bool = False

    async def find(self, key_id: str) -> StoredKey | None:
        self.reads += 1
        return self.stored.get(key_id)

    async def note_use(self, key_id: str, *, at: datetime) -> None:
        if self.away:
            raise UnavailableError("away")
        self.uses.append(at)
        self.stored[key_id] = replace(self.stored[key_id], last_used_at=at)


def a_request(authorization: str) -> Request:
    return Request({"type": "http", "headers": [(b"authorization", authorization.encode("latin-1"))]})


REQUEST = a_request(f"Bearer {TOKEN}")


@pytest.mark.parametrize("header", [f"Bearer {TOKEN}", f"bearer  {TOKEN}", f"BEARER {TOKEN} "])
def test_a_token_is_read_from_its_header(header: str) -> None:
    assert (parse_token([header]).id, parse_token([header]).secret) == (KEY.id, SECRET)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [""],
        [TOKEN],
        [f"Basic {TOKEN}"],
        [f"Bearer{TOKEN}"],
        [f"Bearer {TOKEN}", f"Bearer {TOKEN}"],
        [f"Bearer {TOKEN} x"],
        ["Bearer pk_x_y"],
        [f"Bearer {TOKEN[:-12]}"],
        [f"Bearer {TOKEN}{'s' * 200}"],
        [f"Bearer {TOKEN}\xe9"],
    ],
)
def test_what_is_no_token_is_refused_with_a_challenge(headers: list[str]) -> None:
    with pytest.raises(ProblemError, match="UNAUTHENTICATED") as refused:
        parse_token(headers)
    assert refused.value.headers["WWW-Authenticate"].startswith('Bearer realm="planner"')


async def test_a_caller_is_what_its_key_allows() -> None:
    caller = await Authentication(Keys(), Time(), remembered_s=5).caller(REQUEST, Scope.PLANS_READ)
    assert (caller.visible.tenant_id, caller.visible.organizations, caller.actor) == ("acme", ("eu", "us"), f"key:{KEY.id}")
    assert caller.organization(None) == "eu"
    with pytest.raises(ProblemError, match=r"FORBIDDEN.*plans:write"):
        await Authentication(Keys(), Time(), remembered_s=5).caller(REQUEST, Scope.PLANS_WRITE)


@pytest.mark.parametrize(
    "stored",
    [
        replace(KEY, secret_sha256=bytes(32)),
        replace(KEY, expires_at=NOON),
        replace(KEY, revoked_at=NOON + timedelta(days=1)),
        replace(KEY, id="another00000"),
    ],
)
async def test_a_key_that_does_not_hold_lets_nobody_in(stored: StoredKey) -> None:
    keys = Keys({stored.id: stored})
    with pytest.raises(ProblemError, match="UNAUTHENTICATED"):
        await Authentication(keys, Time(), remembered_s=5).caller(REQUEST, Scope.PLANS_READ)
    assert keys.uses == []


async def test_a_key_is_remembered_for_a_while_and_so_is_an_unknown_one() -> None:
    keys, time = Keys(), Time()
    authentication = Authentication(keys, time, remembered_s=5)
    for _ in range(3):
        await authentication.caller(REQUEST, Scope.PLANS_READ)
        with pytest.raises(ProblemError):
            await authentication.caller(a_request(f"Bearer pk_{'0' * 12}_{SECRET}"), Scope.PLANS_READ)
    assert keys.reads == 2
    keys.stored[KEY.id] = replace(KEY, revoked_at=NOON)
    time.at += timedelta(seconds=5)
    with pytest.raises(ProblemError, match="UNAUTHENTICATED"):
        await authentication.caller(REQUEST, Scope.PLANS_READ)


async def test_a_remembered_key_expires_at_its_moment() -> None:
    keys, time = Keys({KEY.id: replace(KEY, expires_at=NOON + timedelta(seconds=1))}), Time()
    authentication = Authentication(keys, time, remembered_s=300)
    await authentication.caller(REQUEST, Scope.PLANS_READ)
    time.at += timedelta(seconds=1)
    with pytest.raises(ProblemError, match="UNAUTHENTICATED"):
        await authentication.caller(REQUEST, Scope.PLANS_READ)


async def test_a_use_is_noted_now_and_then_and_no_reason_to_refuse() -> None:
    keys, time = Keys(), Time()
    authentication = Authentication(keys, time, remembered_s=0)
    for _ in range(3):
        await authentication.caller(REQUEST, Scope.PLANS_READ)
    time.at += USE_NOTED_EVERY
    await authentication.caller(REQUEST, Scope.PLANS_READ)
    assert keys.uses == [NOON, NOON + USE_NOTED_EVERY]
    time.at += USE_NOTED_EVERY
    keys.away = True
    await authentication.caller(REQUEST, Scope.PLANS_READ)
