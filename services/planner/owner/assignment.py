"""Starts, keeps and stops shards as the group assigns partitions (docs/architecture.md, "Ownership")."""

import asyncio
from collections.abc import Callable
from typing import Final

from planner.owner.membership import Membership
from planner.owner.shard import Shard
from planner.runtime.failures import Backoff
from planner.runtime.log import get_logger

RECONCILE_EVERY_S: Final = 1.0
HAND_OVER_TIMEOUT_S: Final = 5.0

_log = get_logger("owner")


class Assignment:
    """The shards of one process. `make_shard(partition, membership)` builds one; `join()` makes a new member of the group."""

    def __init__(
        self,
        *,
        make_member: Callable[[], Membership],
        make_shard: Callable[[int, Membership], Shard],
        backoff: Backoff,
        on_ready: Callable[[bool, str], None],
    ) -> None:
        self._make_member = make_member
        self._make_shard = make_shard
        self._backoff = backoff
        self._on_ready = on_ready
        self._shards: dict[int, tuple[Shard, asyncio.Task[None]]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Be a member until `stop` is set; then hand everything over and leave the group. A shard's refusal ends the process."""
        async with asyncio.TaskGroup() as tasks:
            while not stop.is_set():
                member = self._make_member()
                try:
                    await member.join()
                    await self._reconcile_until(stop, member, tasks)
                except Exception as error:  # noqa: BLE001  a dead coordination means a new consumer
                    _log.warning("owner.membership.lost", error=repr(error))
                    self._on_ready(False, "not a member of the group")
                    await _first_of(stop, within_s=self._backoff.next_s())
                finally:
                    await self._stop_all()
                    await member.leave()

    async def _reconcile_until(self, stop: asyncio.Event, member: Membership, tasks: asyncio.TaskGroup) -> None:
        while not stop.is_set():
            member.changed.clear()
            await member.poll()
            await self._reconcile(member, tasks)
            self._on_ready(member.assigned is not None, "rejoining the group")
            await _first_of(stop, member.changed, within_s=RECONCILE_EVERY_S)

    async def _reconcile(self, member: Membership, tasks: asyncio.TaskGroup) -> None:
        ours = member.assigned
        if ours is None:
            return
        self._backoff.reset()
        for partition in [partition for partition, (_, task) in self._shards.items() if task.done()]:
            del self._shards[partition]
        await self._stop([partition for partition in self._shards if partition not in ours])
        for partition in sorted(ours - self._shards.keys()):
            shard = self._make_shard(partition, member)
            self._shards[partition] = (shard, tasks.create_task(shard.run(), name=f"shard {partition}"))

    async def _stop_all(self) -> None:
        await self._stop(list(self._shards))

    async def _stop(self, partitions: list[int]) -> None:
        stopping = [self._shards.pop(partition) for partition in partitions]
        for shard, _ in stopping:
            shard.stop()
        if not stopping:
            return
        _, late = await asyncio.wait({task for _, task in stopping}, timeout=HAND_OVER_TIMEOUT_S)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=HAND_OVER_TIMEOUT_S)


async def _first_of(*events: asyncio.Event, within_s: float) -> None:
    async with asyncio.TaskGroup() as group:
        waits = {group.create_task(event.wait()) for event in events}
        await asyncio.wait(waits, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
