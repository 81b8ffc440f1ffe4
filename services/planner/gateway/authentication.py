"""`Authorization: Bearer pk_<id>_<secret>` -> the caller."""

import hashlib
import hmac
import re
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from starlette.requests import Request

from planner.gateway.api_keys import ApiKeys, StoredKey
from planner.gateway.caller import Caller, Scope, Visible
from planner.gateway.problems import ProblemError
from planner.runtime.clock import Clock
from planner.runtime.failures import UnavailableError
from planner.runtime.log import get_logger
from planner_contracts.errors import ErrorCode

# A header that is longer than any token is not worth a hash.
_TOKEN: Final = re.compile(r"pk_([0-9a-z]{12})_([A-Za-z0-9_-]{32,200})\Z", re.ASCII)
_SCHEME: Final = re.compile(r"bearer +", re.IGNORECASE)
_CHALLENGE: Final = 'Bearer realm="planner"'
_NO_DIGEST: Final = bytes(32)
KEYS_REMEMBERED_MAX: Final = 10_000
USE_NOTED_EVERY: Final = timedelta(minutes=1)

_log = get_logger("gateway")


@dataclass(frozen=True, slots=True)
class Token:
    """An API key as it came: not yet believed."""

    id: str
    secret: str


def parse_token(headers: list[str]) -> Token:
    """The token of the request's Authorization headers. Raises ProblemError, UNAUTHENTICATED."""
    if not headers:
        raise ProblemError(ErrorCode.UNAUTHENTICATED, "a token is required", headers={"WWW-Authenticate": _CHALLENGE})
    scheme = _SCHEME.match(headers[0])
    found = None if scheme is None or len(headers) > 1 else _TOKEN.match(headers[0][scheme.end() :].strip())
    if found is None:
        raise _refused("the token is not an API key")
    return Token(found[1], found[2])


class Authentication:
    """Believes tokens. A key that was looked up is remembered for a short while, an unknown one too."""

    def __init__(self, keys: ApiKeys, clock: Clock, *, remembered_s: float) -> None:
        self._keys = keys
        self._clock = clock
        self._remembered_s = remembered_s
        self._remembered: OrderedDict[str, tuple[float, StoredKey | None]] = OrderedDict()

    async def caller(self, request: Request, scope: Scope) -> Caller:
        """Who calls. Raises ProblemError, UNAUTHENTICATED or FORBIDDEN, and UnavailableError."""
        token = parse_token(request.headers.getlist("authorization"))
        now = self._clock.now()
        key, fresh = await self._find(token.id)
        digest = hashlib.sha256(token.secret.encode()).digest()
        # Compared even where there is no key, so that the time taken does not tell which ids exist.
        matches = hmac.compare_digest(digest, _NO_DIGEST if key is None else key.secret_sha256)
        if key is None or not matches or not _holds(key, now):
            raise _refused("the token is unknown, expired or revoked")
        if fresh:
            await self._note_use(key, now)
        caller = Caller(
            visible=Visible(key.tenant_id, key.organizations),
            scopes=None if key.scopes is None else frozenset(key.scopes),
            actor=f"key:{key.id}",
        )
        caller.require(scope)
        return caller

    async def _find(self, key_id: str) -> tuple[StoredKey | None, bool]:
        """The key, and whether it was just read."""
        moment = self._clock.monotonic()
        known = self._remembered.get(key_id)
        if known is not None and moment < known[0]:
            return known[1], False
        key = await self._keys.find(key_id)
        self._remembered[key_id] = (moment + self._remembered_s, key)
        self._remembered.move_to_end(key_id)
        if len(self._remembered) > KEYS_REMEMBERED_MAX:
            self._remembered.popitem(last=False)
        return key, True

    async def _note_use(self, key: StoredKey, now: datetime) -> None:
        if key.last_used_at is not None and now - key.last_used_at < USE_NOTED_EVERY:
            return
        try:
            await self._keys.note_use(key.id, at=now)
        except UnavailableError as error:
            _log.warning("gateway.key_use.not_noted", cause=str(error))


def _holds(key: StoredKey, now: datetime) -> bool:
    return key.revoked_at is None and (key.expires_at is None or now < key.expires_at)


def _refused(detail: str) -> ProblemError:
    return ProblemError(ErrorCode.UNAUTHENTICATED, detail, headers={"WWW-Authenticate": f'{_CHALLENGE}, error="invalid_token"'})
