"""Which records a member of the group takes in, and what it commits, while the group changes around it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError

from planner.worker.delivery import Delivery
from planner.worker.membership import Membership
from support.until import until

PLACE = TopicPartition("planner.action.content.publish", 0)


def delivery(offset: int, key: bytes = b"key") -> Delivery:
    return Delivery(PLACE.topic, PLACE.partition, offset, key=key, value=b"{}", headers=())


@dataclass
class Commits:
    """A consumer that can only commit; the first `failures` commits fail."""

    failures: int = 0
    made: list[dict[TopicPartition, int]] = field(default_factory=list)

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        if self.failures:
            self.failures -= 1
            raise CommitFailedError("rebalancing")
        self.made.append(offsets)


@dataclass
class Work:
    """What was begun, by offset; each ends when it is let go."""

    begun: list[int] = field(default_factory=list)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def perform(self, delivery: Delivery) -> None:
        self.begun.append(delivery.offset)
        await self.release.wait()


@asynccontextmanager
async def a_member(work: Work, commits: Commits) -> AsyncIterator[Membership]:
    async with asyncio.TaskGroup() as tasks:
        membership = Membership(tasks, work.perform, concurrency=4)
        membership.use(commits)
        committing = tasks.create_task(membership.commit_what_is_finished())
        await membership.on_partitions_assigned([PLACE])
        yield membership
        committing.cancel()


async def test_a_member_that_drains_takes_nothing_though_it_is_given_partitions() -> None:
    """In a rolling restart the members that drain were given partitions at each other's coming and going: they took records again, began
    runs that the end of the drain then cut off, and never became quiet before it.
    """
    work, commits = Work(), Commits()
    async with a_member(work, commits) as membership:
        await membership.take(delivery(0), membership.assignment)
        await until(lambda: work.begun, what="the first run has begun")
        async with asyncio.TaskGroup() as tasks:
            draining = tasks.create_task(membership.drain(within_s=10))
            await asyncio.sleep(0)
            await membership.on_partitions_assigned([PLACE])
            await membership.take(delivery(1, b"other key"), membership.assignment)
            work.release.set()
            await draining
    assert work.begun == [0]
    assert commits.made[-1] == {PLACE: 1}


async def test_what_waits_when_the_partitions_go_is_not_begun_and_not_committed() -> None:
    work, commits = Work(), Commits()
    async with a_member(work, commits) as membership:
        for offset in range(3):
            await membership.take(delivery(offset), membership.assignment)
        await until(lambda: work.begun, what="the first of the key has begun")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(membership.on_partitions_revoked([PLACE]))
            await asyncio.sleep(0)
            work.release.set()
    assert work.begun == [0]
    assert commits.made[-1] == {PLACE: 1}


async def test_a_commit_that_failed_is_made_again() -> None:
    work, commits = Work(), Commits(failures=1)
    work.release.set()
    async with a_member(work, commits) as membership:
        await membership.take(delivery(0), membership.assignment)
        await until(lambda: {PLACE: 1} in commits.made, what="the offset is committed")
    assert commits.made[-1] == {PLACE: 1}


async def test_a_record_that_comes_again_while_it_is_performed_is_not_performed_twice() -> None:
    work, commits = Work(), Commits()
    async with a_member(work, commits) as membership:
        await membership.take(delivery(0), membership.assignment)
        await until(lambda: work.begun, what="the run has begun")
        await membership.take(delivery(0), membership.assignment)
        work.release.set()
        await until(lambda: {PLACE: 1} in commits.made, what="the offset is committed")
    assert work.begun == [0]


async def test_a_record_of_an_assignment_that_has_ended_is_not_performed_in_the_next() -> None:
    """Between a record and its turn other things may have to be found out; by then the partition may be another member's."""
    work, commits = Work(), Commits()
    async with a_member(work, commits) as membership:
        came_in = membership.assignment
        await membership.on_partitions_revoked([PLACE])
        await membership.on_partitions_assigned([PLACE])
        await membership.take(delivery(0), came_in)
        await membership.take(delivery(1), membership.assignment)
        await until(lambda: work.begun, what="one has begun")
        work.release.set()
    assert work.begun == [1]
