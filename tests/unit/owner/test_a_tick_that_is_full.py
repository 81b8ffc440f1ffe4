"""What a tick leaves for the next one when its transaction is large enough, and a run that is let go without having barred anything."""

from datetime import timedelta

import msgspec

from planner.domain.plan import StateKind
from planner.domain.run import KEPT_MAX, OPEN_MAX
from planner.owner.index import StateKey
from planner.owner.tick_output import BYTES_PER_TICK_MAX
from support.incoming import a_create, plan_made_by
from support.plans import ACTION, NOON, ONCE, TENANT
from support.shards import PureShard

HOUR = timedelta(hours=1)
LARGE = 60_000


def test_large_payloads_of_many_plans_that_are_due_at_once_are_published_in_several_transactions() -> None:
    # Each plan has one occurrence, so that no limit of a single plan ends the tick.
    many = BYTES_PER_TICK_MAX // LARGE + 20
    shard = PureShard()
    for number in range(many):
        shard.tick(a_create(ONCE | {"payload": {"text": "x" * LARGE}}, f"c{number}"), now=NOON)
    first, second = shard.tick(now=NOON + HOUR), shard.tick(now=NOON + HOUR)
    sizes = [sum(len(record.value or b"") for record in ticked.tick.records) for ticked in (first, second)]
    assert BYTES_PER_TICK_MAX <= sizes[0] < BYTES_PER_TICK_MAX + 2 * LARGE
    assert 0 < sizes[1] < sizes[0]
    assert len(first.actions) + len(second.actions) == many


def test_a_run_that_barred_nothing_any_more_and_cannot_be_read_at_its_end_leaves_its_plan_as_it_is() -> None:
    shard = PureShard()
    every = {"type": "interval", "every_seconds": int((KEPT_MAX - HOUR).total_seconds()), "anchor": "2026-03-01T12:00:01Z"}
    shard.tick(a_create({"action": ACTION, "recurrence": every}), now=NOON)
    start = NOON + timedelta(seconds=1)
    run = shard.tick(now=start).actions[0]["run_id"]
    shard.tick(now=start + OPEN_MAX)
    shard.tick(now=start + KEPT_MAX - HOUR)
    key, cursor = StateKey(StateKind.RUN, TENANT, run), StateKey(StateKind.CURSOR, TENANT, plan_made_by("c1"))
    assert msgspec.json.decode(shard.values[key])["open"] is False
    shard.values[key] = msgspec.json.encode(msgspec.json.decode(shard.values[key]) | {"state": "dreaming"})
    ticked = shard.tick(now=start + KEPT_MAX)
    assert (len(ticked.dead_letters), key in shard.values) == (1, False)
    assert msgspec.json.decode(shard.values[cursor])["open_runs"] == 1
