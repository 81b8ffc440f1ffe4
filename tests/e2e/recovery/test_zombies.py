"""Owners that sleep past their session and wake among their successors."""

import signal
from datetime import timedelta
from functools import partial

import pytest

from planner_contracts.topics import TopicRole
from support.owners import OwnedNamespace, OwnerProcess, expect_complete, soon
from support.until import until

pytestmark = pytest.mark.timeout(240)

ZOMBIES_MAX = 4


async def test_a_zombie_that_wakes_among_timers_damages_nothing(owned: OwnedNamespace) -> None:
    zombie = owned.start_owner()
    await zombie.until_owning(owned.partitions)
    await owned.create_interval(first=soon(5), every=timedelta(seconds=1), fires=22)
    await owned.create_one_shots(1000, first=soon(3), over=timedelta(seconds=20))
    await owned.until_fired(100)
    zombie.signal(signal.SIGSTOP)
    rightful = owned.start_owner()
    await rightful.until_owning(owned.partitions)
    zombie.signal(signal.SIGCONT)
    await until(partial(noticed, zombie), what="the zombie has noticed")
    await owned.until_fired()
    await expect_complete(owned)


async def test_a_zombie_that_tries_to_commit_is_fenced(owned: OwnedNamespace) -> None:
    zombie = owned.start_owner()
    await zombie.until_owning(owned.partitions)
    for _ in range(ZOMBIES_MAX):
        zombie.signal(signal.SIGSTOP)
        # What is no event at all needs no look into the index, and the answer to the zombie's last fetch brings it these at once.
        # So nothing but the fence stands between it and a second dead letter, unless it is quicker to ask the group.
        for partition in range(owned.partitions):
            await owned.send(TopicRole.PLAN_COMMANDS, b"not an event", key="anything", partition=partition)
        rightful = owned.start_owner()
        await rightful.until_owning(owned.partitions)
        zombie.signal(signal.SIGCONT)
        await until(partial(noticed, zombie), what="the zombie has noticed")
        if fenced(zombie):
            return
        zombie.kill()
        zombie = rightful
    pytest.fail("no zombie has tried to commit")


def noticed(zombie: OwnerProcess) -> bool:
    """It has found its producer fenced, the index moved on, or itself expelled from the group, whichever it met first."""
    return bool(zombie.logs("owner.shard.failed")) or len(zombie.logs("owner.membership.assigned")) > 1


def fenced(owner: OwnerProcess) -> bool:
    return any("Fenced" in line["error"] for line in owner.logs("owner.shard.failed"))
