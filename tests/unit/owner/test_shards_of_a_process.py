"""Which shards a process runs while the group gives and takes: a group and shards in memory that do what a test tells them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from planner.owner.assignment import Assignment
from planner.owner.membership import Membership
from planner.owner.shard import Shard
from planner.runtime.failures import Backoff, StartupRefusedError
from support.until import until


class Member(Membership):
    """Says what it was given; None while the group rebalances."""

    def __init__(self, given: frozenset[int] | None, story: list[str]) -> None:
        self.given = given
        self.dead = False
        self.changed = asyncio.Event()
        self._story = story

    @property
    def assigned(self) -> frozenset[int] | None:
        return self.given

    async def join(self) -> None:
        self._story.append("joined")

    async def poll(self) -> None:
        if self.dead:
            raise ConnectionError("the coordination is dead")

    async def leave(self) -> None:
        self._story.append("left")

    def gives(self, *partitions: int) -> None:
        """The group has given these out."""
        self.given = frozenset(partitions)
        self.changed.set()

    def rebalances(self) -> None:
        """Nobody knows what belongs to whom."""
        self.given = None
        self.changed.set()


class Running(Shard):
    """Runs until it is stopped, or ends by itself."""

    def __init__(self, partition: int, story: list[str]) -> None:
        self.partition = partition
        self.ends = asyncio.Event()
        self.refuses = False
        self._story = story

    def stop(self) -> None:
        self._story.append(f"stop {self.partition}")
        self.ends.set()

    async def run(self) -> None:
        self._story.append(f"run {self.partition}")
        await self.ends.wait()
        if self.refuses:
            raise StartupRefusedError("two deployments share the namespace")
        self._story.append(f"end {self.partition}")


@dataclass
class Process:
    """One owner process. `first`: what its first member is given."""

    first: frozenset[int] | None
    story: list[str] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    shards: list[Running] = field(default_factory=list)
    ready: list[tuple[bool, str]] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.assignment = Assignment(
            make_member=self._member,
            make_shard=self._shard,
            backoff=Backoff(0.001, 0.001, lambda: 0.5),
            on_ready=lambda ready, reason: self.ready.append((ready, reason)),
        )

    def _member(self) -> Membership:
        self.members.append(Member(self.first, self.story))
        return self.members[-1]

    def _shard(self, partition: int, member: Membership) -> Shard:
        assert member is self.members[-1]
        self.shards.append(Running(partition, self.story))
        return self.shards[-1]

    async def until(self, *story: str) -> None:
        """Until these are the last things that happened."""
        await until(lambda: self.story[-len(story) :] == list(story), what=f"{story} of {self.story}")


@asynccontextmanager
async def a_process(*given: int) -> AsyncIterator[Process]:
    process = Process(frozenset(given))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(process.assignment.run(process.stop))
        yield process
        process.stop.set()


async def test_a_process_runs_what_it_is_given_and_hands_all_of_it_over_before_it_leaves_the_group() -> None:
    async with a_process(2, 0) as process:
        await process.until("joined", "run 0", "run 2")
        process.stop.set()
        await process.until("left")
    assert process.story[3:] == ["stop 0", "stop 2", "end 0", "end 2", "left"]
    assert process.ready[-1] == (True, "rejoining the group")


async def test_only_what_is_taken_away_is_stopped_and_only_what_is_new_begins() -> None:
    async with a_process(0, 1) as process:
        await process.until("run 0", "run 1")
        process.members[0].gives(1, 2)
        await process.until("stop 0", "end 0", "run 2")


async def test_while_the_group_rebalances_what_runs_goes_on_and_the_process_says_that_it_is_not_ready() -> None:
    async with a_process(0) as process:
        await process.until("run 0")
        process.members[0].rebalances()
        await until(lambda: process.ready[-1][0] is False, what="it is not ready")
        assert process.story == ["joined", "run 0"]
        process.members[0].gives(0)
        await until(lambda: process.ready[-1][0], what="it is ready")
        assert process.story == ["joined", "run 0"]


async def test_a_shard_that_ended_by_itself_is_tried_again_while_the_group_gives_it_to_us() -> None:
    async with a_process(0) as process:
        await process.until("run 0")
        process.shards[0].ends.set()
        await process.until("end 0")
        process.members[0].gives(0)
        await process.until("run 0")
        assert "stop 0" not in process.story


async def test_a_dead_coordination_stops_every_shard_and_a_new_member_begins() -> None:
    async with a_process(0, 1) as process:
        await process.until("run 0", "run 1")
        process.members[0].dead = True
        process.members[0].changed.set()
        await process.until("left", "joined", "run 0", "run 1")
        assert process.story[3:7] == ["stop 0", "stop 1", "end 0", "end 1"]
        assert (False, "not a member of the group") in process.ready
        assert len(process.members) == 2


async def test_a_refusal_of_one_shard_ends_the_process_and_hands_the_others_over() -> None:
    process = Process(frozenset({0, 1}))
    running = asyncio.create_task(process.assignment.run(process.stop))
    await process.until("run 0", "run 1")
    process.shards[0].refuses = True
    process.shards[0].ends.set()
    with pytest.raises(ExceptionGroup) as ended:
        await running
    assert ended.group_contains(StartupRefusedError, match="two deployments")
    assert process.story[-1] == "left"
