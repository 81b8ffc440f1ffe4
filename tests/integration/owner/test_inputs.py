"""What waits for a shard on the real topics, and how much of it."""

from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry

from planner.owner.changelog import Inputs
from planner.owner.inputs import COMMANDS_PER_TICK_MAX, Gathered, ShardInputs
from planner.owner.metrics import OwnerMetrics, ShardMetrics
from planner.runtime.kafka import idempotent_producer
from planner_contracts.topics import TopicRole, topic
from support.shard_topics import ShardTopics, shard_topics
from support.until import until


@pytest.fixture
async def topics(kafka: str) -> AsyncIterator[ShardTopics]:
    async with shard_topics(kafka, partitions=1) as made:
        yield made


async def test_the_lag_is_what_the_ticks_share_leaves_behind(topics: ShardTopics) -> None:
    producer = idempotent_producer(topics.connection, client_id="tests")
    await producer.start()
    for _ in range(COMMANDS_PER_TICK_MAX + 2):
        await producer.send(topic(topics.namespace, TopicRole.PLAN_COMMANDS), b"{}", partition=0)
    await producer.stop()
    inputs = ShardInputs(topics.shard(), topics.connection)
    await inputs.open(Inputs())
    try:
        first = await inputs.gather(5)
        assert inputs.lag() == Inputs(COMMANDS_PER_TICK_MAX + 2 - first.after.commands, 0)

        async def caught_up() -> bool:
            await inputs.gather(0.1)
            return inputs.lag() == Inputs()

        await until(caught_up, what="nothing is left behind")
    finally:
        await inputs.close()


async def test_what_a_tick_did_not_take_in_is_gathered_again(topics: ShardTopics) -> None:
    for number in range(6):
        await topics.send(TopicRole.PLAN_COMMANDS, str(number).encode())
    await topics.send(TopicRole.RUN_REPORTS, b"report")
    inputs = ShardInputs(topics.shard(), topics.connection)
    await inputs.open(Inputs())
    try:
        first = await gathered_up_to(inputs, Inputs(6, 1))
        inputs.go_on_after(first)
        inputs.go_on_after(Inputs(4, 1))
        assert inputs.lag() == Inputs(2, 0)
        again = await until(lambda: some_commands(inputs), what="the rest is gathered", within_s=30)
    finally:
        await inputs.close()
    assert (again.commands[0].value, again.after.reports) == (b"4", 1)


async def gathered_up_to(inputs: ShardInputs, end: Inputs) -> Inputs:
    async def reached() -> Inputs | None:
        after = (await inputs.gather(0.1)).after
        return after if after == end else None

    return await until(reached, what="everything is gathered", within_s=30)


async def some_commands(inputs: ShardInputs) -> Gathered | None:
    found = await inputs.gather(0.1)
    return found if found.commands else None


def test_a_shards_gauges_end_with_it() -> None:
    """A process that had given a shard away went on telling its last lag: two owners spoke of one partition, one of them nonsense."""
    registry = CollectorRegistry()
    metrics = OwnerMetrics(registry)
    given_away, kept = ShardMetrics(metrics, 1), ShardMetrics(metrics, 2)
    for shard in (given_away, kept):
        shard.taken_over(0.1, offset=7)
        shard.waits(Inputs(3, 4))
    given_away.let_go()
    lags = {
        (partition, kind): registry.get_sample_value("planner_shard_lag_offsets", {"partition": partition, "input": kind})
        for partition in "12"
        for kind in ("commands", "reports")
    }
    positions = [registry.get_sample_value("planner_shard_position", {"partition": partition}) for partition in "12"]
    assert positions == [None, 7]
    assert lags == {("1", "commands"): None, ("1", "reports"): None, ("2", "commands"): 3, ("2", "reports"): 4}
