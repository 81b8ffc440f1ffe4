import hashlib
from datetime import timedelta

import pytest

from planner.recorder.api_keys import ApiKeyInvalidError, Grant, make_key
from support.records import NOON


def counted(size: int) -> bytes:
    return bytes(range(size))


def test_a_token_names_its_key_and_carries_a_secret_of_which_only_the_digest_is_kept() -> None:
    new = make_key(Grant("acme"), now=NOON, randomness=counted)
    head, key_id, secret = new.token.split("_", 2)
    assert (head, key_id, len(key_id)) == ("pk", new.key.id, 12)
    assert new.secret_sha256 == hashlib.sha256(secret.encode()).digest()
    assert secret not in repr(new.key)


def test_a_secret_has_as_many_random_bytes_as_were_promised() -> None:
    asked: list[int] = []

    def remembered(size: int) -> bytes:
        asked.append(size)
        return bytes(size)

    make_key(Grant("acme"), now=NOON, randomness=remembered)
    assert sorted(asked) == [6, 32]


def test_a_key_for_nothing_in_particular_is_for_all() -> None:
    key = make_key(Grant("acme", organizations=[], scopes=None), now=NOON, randomness=counted).key
    assert (key.organizations, key.scopes, key.expires_at) == (None, None, None)


@pytest.mark.parametrize(
    ("grant", "reason"),
    [
        (Grant(""), "letters, digits"),
        (Grant("a" * 101), "letters, digits"),
        (Grant("a\nb"), "letters, digits"),
        (Grant("acme", organizations=["eu", "u s"]), "'u s'"),
        (Grant("acme", scopes=["plans:read", "plans:admin"]), "unknown scope 'plans:admin'"),
        (Grant("acme", expires_at=NOON), "expired already"),
    ],
)
def test_a_key_that_could_not_be_used_is_not_made(grant: Grant, reason: str) -> None:
    with pytest.raises(ApiKeyInvalidError, match=reason):
        make_key(grant, now=NOON, randomness=counted)


def test_names_of_full_length_and_a_last_moment_are_good() -> None:
    grant = Grant("a" * 100, organizations=["A-b_c.9"], scopes=["plans:read"], expires_at=NOON + timedelta(microseconds=1))
    assert make_key(grant, now=NOON, randomness=counted).key.scopes == ("plans:read",)
