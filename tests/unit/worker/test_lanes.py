"""The order of each record key, and how many runs there are at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from planner.worker.delivery import Delivery
from planner.worker.lanes import BACKLOG_PER_SLOT, Lanes
from planner.worker.membership import Membership
from support.until import until

TOPIC = "planner.action.content.publish"


def a_delivery(offset: int, key: str = "a", *, partition: int = 0, topic: str = TOPIC) -> Delivery:
    return Delivery(topic, partition, offset, key=key.encode(), value=b"{}", headers=())


@dataclass
class Work:
    """What was begun and ended, by offset; each goes on until it may end. `most`: how many there were at once."""

    begun: list[int] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)
    most: int = 0
    _may_end: dict[int, asyncio.Event] = field(default_factory=dict)

    async def perform(self, delivery: Delivery) -> None:
        self.begun.append(delivery.offset)
        self.most = max(self.most, len(self.begun) - len(self.ended))
        try:
            await self._event(delivery.offset).wait()
        finally:
            self.ended.append(delivery.offset)

    async def ends(self, offset: int) -> None:
        """Let it end, and see it end."""
        self._event(offset).set()
        await until(lambda: offset in self.ended, what=f"{offset} has ended")

    async def until_begun(self, *offsets: int) -> None:
        await until(lambda: self.begun == list(offsets), what=f"{offsets} have begun, not {self.begun}")

    def _event(self, offset: int) -> asyncio.Event:
        return self._may_end.setdefault(offset, asyncio.Event())


@asynccontextmanager
async def lanes(work: Work, *, concurrency: int = 2) -> AsyncIterator[Lanes]:
    """At the end what is still being performed is abandoned."""
    async with asyncio.TaskGroup() as tasks:
        made = Lanes(tasks, work.perform, concurrency=concurrency)
        yield made
        made.drop_waiting()
        made.abandon()


async def added(to: Lanes, *deliveries: Delivery) -> None:
    for delivery in deliveries:
        await to.room()
        to.add(delivery)


async def test_the_records_of_one_key_are_performed_one_after_the_other_in_their_order() -> None:
    work = Work()
    async with lanes(work, concurrency=4) as made:
        await added(made, a_delivery(0), a_delivery(1), a_delivery(2))
        for offset in range(3):
            await work.until_begun(*range(offset + 1))
            await work.ends(offset)
        await made.quiet()
        await added(made, a_delivery(3))
        await work.until_begun(0, 1, 2, 3)
    assert work.most == 1


async def test_records_of_several_keys_are_performed_at_once_up_to_the_concurrency() -> None:
    work = Work()
    async with lanes(work, concurrency=2) as made:
        await added(made, *(a_delivery(offset, f"key {offset}") for offset in range(4)))
        await work.until_begun(0, 1)
        await work.ends(1)
        await work.until_begun(0, 1, 2)
        for offset in (0, 2):
            await work.ends(offset)
        await work.until_begun(0, 1, 2, 3)
    assert work.most == 2


async def test_the_same_key_in_another_partition_or_topic_is_another_lane() -> None:
    work = Work()
    async with lanes(work, concurrency=3) as made:
        await added(made, a_delivery(0), a_delivery(1, partition=1), a_delivery(2, topic="planner.action.other"))
        await work.until_begun(0, 1, 2)


async def test_the_reader_waits_where_there_is_no_room_and_goes_on_when_one_has_ended_or_is_given_back() -> None:
    work = Work()
    async with lanes(work, concurrency=1) as made, asyncio.TaskGroup() as tasks:
        await added(made, *(a_delivery(offset) for offset in range(BACKLOG_PER_SLOT)))
        waiting = tasks.create_task(made.room())
        await work.until_begun(0)
        assert not waiting.done()
        await work.ends(0)
        await waiting
        another = tasks.create_task(made.room())
        await work.until_begun(0, 1)
        assert not another.done()
        made.give_back()
        await another


async def test_what_has_not_begun_can_be_taken_out_and_its_room_with_it() -> None:
    work = Work()
    async with lanes(work, concurrency=1) as made:
        await added(made, a_delivery(0), a_delivery(1), a_delivery(2, "b"))
        await work.until_begun(0)
        assert [delivery.offset for delivery in made.drop_waiting()] == [1, 2]
        await work.ends(0)
        await made.quiet()
        # As many as before anything was added, and the lane that was emptied takes records again.
        await added(made, *(a_delivery(offset) for offset in range(3, 3 + BACKLOG_PER_SLOT)))
        await work.until_begun(0, 3)


async def test_lanes_are_quiet_before_the_first_record_and_after_the_last_one_that_has_begun() -> None:
    work = Work()
    async with lanes(work) as made, asyncio.TaskGroup() as tasks:
        await made.quiet()
        await added(made, a_delivery(0), a_delivery(1, "b"))
        await work.until_begun(0, 1)
        quiet = tasks.create_task(made.quiet())
        await work.ends(0)
        assert not quiet.done()
        await work.ends(1)
        await quiet


async def test_what_is_abandoned_is_cancelled_where_it_stands() -> None:
    work = Work()
    async with lanes(work) as made:
        await added(made, a_delivery(0), a_delivery(1, "b"))
        await work.until_begun(0, 1)
        made.abandon()
        await until(lambda: sorted(work.ended) == [0, 1], what="both were cancelled")


@pytest.mark.parametrize("assigned", [False, True])
async def test_a_member_performs_nothing_before_the_group_has_given_it_partitions(assigned: bool) -> None:
    work = Work()
    async with asyncio.TaskGroup() as tasks:
        membership = Membership(tasks, work.perform, concurrency=1)
        if assigned:
            await membership.on_partitions_assigned([])
        await membership.take(a_delivery(0), membership.assignment)
        await asyncio.sleep(0)
        assert work.begun == ([0] if assigned else [])
        # Without a consumer there is nobody to commit through, and nothing to fail.
        await membership.drain(within_s=0)
