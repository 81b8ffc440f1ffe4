"""From where a takeover replays the changelog, what of it the index is told, and when the index is built anew."""

from datetime import timedelta

import pytest
from aiokafka import TopicPartition

from planner.domain.plan import StateKind
from planner.owner.changelog import BARRIER_KEY, POSITION_KEY, key_bytes
from planner.owner.changelog_reader import Collapsed, GapError
from planner.owner.index import FORMAT, Change, Found, StateKey
from planner.owner.inputs import _refuse_gap
from planner.owner.keys import ShardKeys
from planner.owner.takeover import INDEX_AGE_MAX, _start
from planner.owner.transaction import Committed
from planner.runtime.incarnation import INCARNATION_KEY
from support.incoming import a_create, plan_made_by
from support.plans import NOON, ONCE, TENANT
from support.shards import PureShard

OURS = "6d0c0000-0000-4000-8000-000000000000"
BARRIER = Committed(100, NOON)


def found(offset: int | str = 41, *, incarnation: str = OURS, form: int = FORMAT, age: timedelta = timedelta(0)) -> Found:
    return Found(f"{incarnation}/{form}/{offset}", 0, NOON - age, b"")


def test_a_takeover_goes_on_behind_what_the_index_has_applied() -> None:
    assert _start(found(41), OURS, BARRIER) == 42
    assert _start(found(99), OURS, BARRIER) == 100
    assert _start(found(age=INDEX_AGE_MAX), OURS, BARRIER) == 42


@pytest.mark.parametrize(
    "standing",
    [
        None,
        found(incarnation="another"),
        found(form=FORMAT + 1),
        found(100),
        found(101),
        found(age=INDEX_AGE_MAX + timedelta(microseconds=1)),
        Found(f"building:{OURS}/{FORMAT}/41", 0, NOON, b""),
    ],
    ids=["empty", "of another incarnation", "of another format", "at the barrier", "ahead", "too old", "half built"],
)
def test_an_index_that_cannot_be_followed_is_built_anew(standing: Found | None) -> None:
    assert _start(standing, OURS, BARRIER) is None


def test_half_the_time_that_tombstones_are_kept_is_the_age_of_an_index_that_may_have_missed_none() -> None:
    assert timedelta(days=3.5) == INDEX_AGE_MAX


def test_the_index_is_told_the_state_alone_and_of_what_is_gone_only_where_it_may_have_it() -> None:
    gone = StateKey(StateKind.RUN, TENANT, "gone")
    shard = PureShard()
    shard.tick(a_create(ONCE), now=NOON)
    cursor = StateKey(StateKind.CURSOR, TENANT, plan_made_by("c1"))
    values = {
        INCARNATION_KEY: b"{}",
        BARRIER_KEY: b"{}",
        POSITION_KEY: b"{}",
        key_bytes(gone): None,
        key_bytes(cursor): shard.values[cursor],
    }
    collapsed = Collapsed(dict(values))
    kept = Change(cursor, shard.values[cursor], shard.wakes[cursor])
    assert collapsed.changes(tombstones=True) == [Change(gone, None), kept]
    assert collapsed.changes(tombstones=False) == [kept]


@pytest.mark.parametrize(("offset", "held"), [(10, True), (20, True), (9, False), (21, False)])
def test_a_shard_reads_on_only_from_an_offset_that_its_topic_holds_or_ends_with(offset: int, held: bool) -> None:
    place = TopicPartition("t.plan.commands", 3)
    if held:
        _refuse_gap(place, offset, 10, 20)
        return
    with pytest.raises(GapError, match=rf"t.plan.commands\[3\] holds offsets 10 to 20, the shard stands at {offset}"):
        _refuse_gap(place, offset, 10, 20)


def test_every_key_of_a_shard_lies_in_the_slot_of_its_hash_tag() -> None:
    keys = ShardKeys("blue", 7)
    assert [keys.position, keys.tenants, keys.records(StateKind.RUN), keys.timers("acme"), keys.open_runs] == [
        "{blue:7}:position",
        "{blue:7}:tenants",
        "{blue:7}:run",
        "{blue:7}:timers:acme",
        "{blue:7}:open",
    ]


def test_a_record_of_each_kind_has_a_key_of_its_own_on_the_changelog() -> None:
    shard = PureShard()
    shard.tick(a_create(ONCE, key="k"), now=NOON)
    shard.tick(now=NOON + timedelta(hours=1))
    keys = {key_bytes(key) for key in shard.values}
    plan, kinds = plan_made_by("c1", key="k"), {key.kind for key in shard.values}
    assert len(keys) == len(shard.values)
    assert {f"cursor/{TENANT}/{plan}".encode(), f"definition/{TENANT}/{plan}".encode()} <= keys
    assert kinds == {StateKind.CURSOR, StateKind.DEFINITION, StateKind.RECEIPT, StateKind.RUN}
