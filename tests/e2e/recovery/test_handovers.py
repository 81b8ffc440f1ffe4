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
    lost = held(first)
    first.kill()
    await until(lambda: lost <= held(second), what="the survivor owns everything", within_s=8)
    await owned.until_fired()
    await expect_complete(owned)


async def test_an_owner_that_is_told_to_stop_hands_over_within_a_second(owned: OwnedNamespace) -> None:
    first, second = await two_owners(owned)
    await owned.create_one_shots(600, first=soon(2), over=timedelta(seconds=10))
    await owned.until_fired(20)
    lost = held(first)
    first.signal(signal.SIGTERM)
    assert await asyncio.to_thread(first.process.wait, 10) == 0
    ended = SystemClock().now()
    await until(lambda: lost <= held(second), what="the other owns everything", within_s=5)
    taken = [datetime.fromisoformat(line["timestamp"]) for line in second.logs("owner.takeover.finished") if line["partition"] in lost]
    assert max(taken) - ended < timedelta(seconds=1)
    await owned.until_fired()
    await expect_complete(owned)


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
