"""State on the changelog: what comes back is what was written, and what cannot be read harms nothing else."""

import pytest

from planner.domain.plan import StateKind
from planner.owner.changelog import decode, key_bytes, put, readable, replayed
from planner.owner.index import Change, DueTimer, StateKey
from planner.owner.tenure import plan_of_run
from support.incoming import a_create, plan_made_by
from support.plans import NOON, ONCE, TENANT
from support.shards import PureShard


@pytest.mark.parametrize(
    "value",
    [b"{", b'{"plan_id":7}', b"\xff", b'{"plan_id":"\xff"}', b'{"run_id":"\xff"}', b'{"id":"\xff"}', b"[]", b'{"status":"unheard-of"}'],
)
@pytest.mark.parametrize("kind", [kind for kind in StateKind if kind is not StateKind.DEFINITION])
def test_a_record_that_cannot_be_read_is_replayed_without_a_timer(kind: StateKind, value: bytes) -> None:
    key = StateKey(kind, TENANT, "x")
    assert readable(kind, value) is None
    assert replayed(key_bytes(key), value) == Change(key, value, None)


def test_a_due_run_that_cannot_be_read_asks_for_no_plan() -> None:
    assert plan_of_run(DueTimer(StateKey(StateKind.RUN, TENANT, "x"), b"{", None)) == []


def test_a_due_run_asks_for_the_records_of_its_plan() -> None:
    shard = PureShard()
    shard.tick(a_create(ONCE), now=NOON)
    shard.tick(now=NOON.replace(hour=13))
    key, value = next((key, value) for key, value in shard.values.items() if key.kind is StateKind.RUN)
    plan = plan_made_by("c1")
    assert plan_of_run(DueTimer(key, value, None)) == [
        StateKey(StateKind.CURSOR, TENANT, plan),
        StateKey(StateKind.DEFINITION, TENANT, plan),
    ]


def test_every_record_is_replayed_as_it_was_put() -> None:
    shard = PureShard()
    shard.tick(a_create(ONCE), now=NOON)
    shard.tick(now=NOON.replace(hour=13))
    assert {key.kind for key in shard.values} == {StateKind.DEFINITION, StateKind.CURSOR, StateKind.RUN, StateKind.RECEIPT}
    for key, value in shard.values.items():
        assert put(key.tenant_id, decode(key.kind, value)) == replayed(key_bytes(key), value)
