"""An owner that is killed again and again while timers fire."""

from datetime import timedelta

import pytest

from support.owners import OwnedNamespace, expect_complete, soon

pytestmark = pytest.mark.timeout(240)

KILLS = 10
BURST = 300


async def test_ten_kills_in_the_middle_of_bursts_lose_and_double_nothing(owned: OwnedNamespace) -> None:
    owner = owned.start_owner()
    await owner.until_owning(owned.partitions)
    await owned.create_interval(first=soon(5), every=timedelta(seconds=1), fires=60)
    for kill in range(KILLS):
        before = await owned.fired_count()
        await owned.create_one_shots(BURST, first=soon(1), over=timedelta(seconds=1))
        # At another place of each burst, from its first fires to its last.
        await owned.until_fired(before + 1 + kill * BURST // KILLS)
        owner.kill()
        owner = owned.start_owner()
        await owner.until_owning(owned.partitions)
    await owned.until_fired()
    await expect_complete(owned)
