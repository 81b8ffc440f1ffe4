"""A member takes in no more than it has room for, however many records its partitions hold."""

import asyncio
from dataclasses import dataclass, field

from planner.worker.delivery import Delivery
from planner.worker.lanes import BACKLOG_PER_SLOT
from planner.worker.membership import Membership
from support.until import until


@dataclass
class Work:
    """What was begun; one more may end each time it is let go."""

    begun: list[int] = field(default_factory=list)
    may_end: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def perform(self, delivery: Delivery) -> None:
        self.begun.append(delivery.offset)
        await self.may_end.acquire()


def a_delivery(offset: int) -> Delivery:
    return Delivery("t", 0, offset, key=b"k", value=b"{}", headers=())


async def test_a_record_beyond_the_backlog_is_taken_in_when_another_one_has_ended() -> None:
    work = Work()
    async with asyncio.TaskGroup() as tasks:
        membership = Membership(tasks, work.perform, concurrency=1)
        await membership.on_partitions_assigned([])
        for offset in range(BACKLOG_PER_SLOT):
            await membership.take(a_delivery(offset), membership.assignment)
        waiting = tasks.create_task(membership.take(a_delivery(BACKLOG_PER_SLOT), membership.assignment))
        await until(lambda: work.begun == [0], what="the first has begun")
        assert not waiting.done()
        work.may_end.release()
        await waiting
        await until(lambda: work.begun == [0, 1], what="the second has begun")
        for _ in range(BACKLOG_PER_SLOT):
            work.may_end.release()
        await until(lambda: len(work.begun) == BACKLOG_PER_SLOT + 1, what="all have begun")


async def test_a_record_that_comes_while_the_member_drains_is_left_for_the_next_one() -> None:
    work = Work()
    async with asyncio.TaskGroup() as tasks:
        membership = Membership(tasks, work.perform, concurrency=2)
        await membership.on_partitions_assigned([])
        await membership.take(a_delivery(0), membership.assignment)
        await until(lambda: work.begun == [0], what="the first has begun")
        draining = tasks.create_task(membership.drain(within_s=30))
        await asyncio.sleep(0)
        await membership.take(Delivery("t", 1, 5, key=b"another", value=b"{}", headers=()), membership.assignment)
        work.may_end.release()
        await draining
    assert work.begun == [0]
