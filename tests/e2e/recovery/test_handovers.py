"""Two owners share the partitions, and one of them goes."""

import asyncio
import signal
from datetime import datetime, timedelta

import pytest

from planner.runtime.clock import SystemClock
from support.owners import OwnedNamespace, OwnerProcess, expect_complete, soon
from support.until import until

pytestmark = pytest.mark.timeout(240)


async def test_a_survivor_takes_over_from_a_killed_owner_within_eight_seconds(owned: OwnedNamespace) -> None:
    first, second = await two_owners(owned)
    await owned.create_one_shots(600, first=soon(2), over=timedelta(seconds=15))
    await owned.until_fired(20)
    began = SystemClock().now()
    first.kill()
    assert await handed_over(first, second, since=began) < timedelta(seconds=8)
    await owned.until_fired()
    await expect_complete(owned)


async def test_an_owner_that_is_told_to_stop_hands_over_within_a_second(owned: OwnedNamespace) -> None:
    first, second = await two_owners(owned)
    await owned.create_one_shots(600, first=soon(2), over=timedelta(seconds=10))
    await owned.until_fired(20)
    began = SystemClock().now()
    first.signal(signal.SIGTERM)
    assert await handed_over(first, second, since=began) < timedelta(seconds=1)
    assert await asyncio.to_thread(first.process.wait, 10) == 0
    await owned.until_fired()
    await expect_complete(owned)


async def handed_over(leaving: OwnerProcess, staying: OwnerProcess, *, since: datetime) -> timedelta:
    """How long after `since` the one that stays had taken over the last partition of the other."""
    lost = held(leaving)

    def taken() -> dict[int, datetime]:
        finished = staying.logs("owner.takeover.finished")
        times = {line["partition"]: datetime.fromisoformat(line["timestamp"]) for line in finished}
        return {partition: at for partition, at in times.items() if partition in lost and at > since}

    await until(lambda: taken().keys() == lost, what="the other has taken over everything", within_s=20)
    return max(taken().values()) - since


async def two_owners(owned: OwnedNamespace) -> tuple[OwnerProcess, OwnerProcess]:
    """Two that share the partitions."""
    first = owned.start_owner()
    await first.until_owning(owned.partitions)
    second = owned.start_owner()
    await second.until_owning(1)
    await until(lambda: not held(first) & held(second), what="no partition is held twice", within_s=20)
    return first, second


def held(owner: OwnerProcess) -> set[int]:
    """The partitions that the group gave to it last."""
    return set(owner.logs("owner.membership.assigned")[-1]["partitions"])
