"""How much one call reads from Redis or writes to it, which answers nobody else meanwhile."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from planner.domain.plan import StateKind
from planner.owner.index import Change, Position, StateKey
from planner.owner.keys import ShardKeys
from planner.owner.redis_index import READ_BYTES_MAX, REPLAY_BYTES_MAX, RedisIndex
from planner.runtime.clock import SystemIds
from planner.runtime.redis import redis_client
from support.plans import NOON, TENANT

DEFINITION_BYTES = 64_000
PLANS = [f"p{number:03}" for number in range(150)]
HERE = Position("1a1a1a1a", 10, NOON, b"{}")


class MeasuredRedis(Redis):
    """A client that knows its largest command and answer."""

    largest_sent = 0
    largest = 0

    async def execute_command(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401  any command
        self.largest_sent = max(self.largest_sent, size(list(args)))
        execute: Any = super().execute_command
        answer = await execute(*args, **options)
        self.largest = max(self.largest, size(answer))
        return answer


def size(answer: object) -> int:
    if isinstance(answer, list):
        return sum(map(size, answer))
    return len(answer) if isinstance(answer, bytes) else 0


@pytest.fixture
async def measured(redis_url: str) -> AsyncIterator[MeasuredRedis]:
    redis = redis_client(redis_url)
    yield MeasuredRedis(connection_pool=redis.connection_pool)
    await redis.aclose()


@pytest.fixture
async def index(measured: MeasuredRedis) -> RedisIndex:
    """An index of plans with large payloads, all of them due."""
    index = RedisIndex(measured, ShardKeys(f"t{SystemIds().uuid()[:12]}", 0))
    plans = [
        change
        for name in PLANS
        for change in (
            Change(StateKey(StateKind.DEFINITION, TENANT, name), b"d" * DEFINITION_BYTES),
            Change(StateKey(StateKind.CURSOR, TENANT, name), b"c", NOON),
        )
    ]
    await index.build(None, plans, HERE)
    return index


async def test_an_index_of_large_plans_is_built_in_many_small_parts(measured: MeasuredRedis, index: RedisIndex) -> None:
    # A thousand records were one script, whatever their size: seventy milliseconds for thirty megabytes.
    assert len(await index.read(HERE, [StateKey(StateKind.DEFINITION, TENANT, name) for name in PLANS])) == len(PLANS)
    assert measured.largest_sent < REPLAY_BYTES_MAX + 2 * DEFINITION_BYTES


async def test_a_scan_finds_large_plans_in_many_small_answers(measured: MeasuredRedis, index: RedisIndex) -> None:
    # A page was read in one script with all its definitions, thirteen megabytes of them.
    found, start = set(), 0
    while True:
        page = await index.scan(HERE, start=start, lacking=["x"])
        assert all(timer.definition == b"d" * DEFINITION_BYTES for timer in page.cursors)
        found |= {timer.key.id for timer in page.cursors}
        start = page.following
        if not start:
            break
    assert found == set(PLANS)
    assert measured.largest < READ_BYTES_MAX + DEFINITION_BYTES


async def test_many_large_records_are_read_in_several_answers(measured: MeasuredRedis, index: RedisIndex) -> None:
    wanted = [StateKey(StateKind.DEFINITION, TENANT, name) for name in ("none", *PLANS, "none either")]
    found = await index.read(HERE, wanted)
    assert [key.id for key in found] == PLANS
    assert measured.largest < READ_BYTES_MAX + DEFINITION_BYTES


async def test_what_is_due_comes_in_an_answer_that_is_not_too_large(measured: MeasuredRedis, index: RedisIndex) -> None:
    due = await index.due(HERE, now=NOON + timedelta(days=1), limit=500)
    assert 1 < len(due.timers) < len(PLANS)
    assert measured.largest < READ_BYTES_MAX + 2 * DEFINITION_BYTES
