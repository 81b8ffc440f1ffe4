"""What a key is granted is what it carries, and every scope that a route asks for can be granted."""

from datetime import timedelta

import pytest

from planner.gateway.authentication import parse_token
from planner.gateway.caller import Scope
from planner.recorder.api_keys import SCOPES, Grant, make_key
from planner.runtime.clock import secret
from support.records import NOON


@pytest.mark.parametrize("scope", [*Scope, "webhooks:read", "webhooks:write"])
def test_every_scope_can_be_granted(scope: str) -> None:
    assert make_key(Grant("acme", scopes=[scope]), now=NOON, randomness=secret).key.scopes == (scope,)
    assert len(SCOPES) == len(Scope) + 2


def test_a_key_carries_the_organizations_and_the_end_that_it_was_granted() -> None:
    ends = NOON + timedelta(microseconds=1)
    key = make_key(Grant("acme", organizations=["eu", "us"], expires_at=ends), now=NOON, randomness=secret).key
    assert (key.tenant_id, key.organizations, key.expires_at, key.created_at) == ("acme", ("eu", "us"), ends, NOON)
    assert (key.revoked_at, key.last_used_at) == (None, None)


def test_the_token_of_a_new_key_is_one_that_a_gateway_reads() -> None:
    new = make_key(Grant("acme"), now=NOON, randomness=secret)
    token = parse_token([f"Bearer {new.token}"])
    assert (token.id, f"pk_{token.id}_{token.secret}") == (new.key.id, new.token)
