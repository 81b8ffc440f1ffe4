"""The demo's story: what is done to the stack, and what must be seen to follow."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from planner.cli.demo_api import DemoApi, DemoFailedError
from planner.cli.demo_audience import Audience
from planner.ledger.expectation import EveryPeriod, Expectation, OneShot
from planner.runtime.clock import Clock
from planner_contracts.action import Action
from planner_contracts.instants import format_instant
from planner_contracts.run import RunState

ACTIONS: Final = ("content.publish", "demo.echo")
BURST_PREFIX: Final = "burst"
_BURST: Final = 24
_BURST_EVERY: Final = timedelta(milliseconds=500)
# So many runs of a plan are watched before something is done to it.
_SEEN: Final = 2
_SECOND: Final = timedelta(seconds=1)
_MINUTE: Final = timedelta(minutes=1)
# A plan for the first example is due so soon that one waits for it, and so late that its creation is seen before.
_SOON: Final = timedelta(seconds=3)
_LOOK_EVERY_S: Final = 0.1
_ACT_WITHIN_S: Final = 40.0
_MINUTE_WITHIN_S: Final = 75.0


@dataclass(frozen=True, slots=True)
class Stage:
    """What the story plays on."""

    api: DemoApi
    audience: Audience
    clock: Clock
    kill_owner: Callable[[], None]
    announce: Callable[[str], None]
    say: Callable[[str, str], None]


class Story:
    """`plans`: id and name of what was made, in that order. `expectations`: what the ledger must find, in closed form."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.plans: dict[str, str] = {}
        self.expectations: list[Expectation] = []

    async def play(self) -> None:
        """All acts; returns when every run of every plan is completed in what the API tells. Raises DemoFailedError."""
        cron_id, cron = await self._every_minute()
        await self._once()
        pulse_id, pulse = await self._changed()
        await self._cancelled()
        await self._killed_owner()
        self.expectations.append(until(await self._stage.api.cancel(pulse_id), pulse))
        await self._minute_is_full(cron_id)
        self.expectations.append(until(await self._stage.api.cancel(cron_id), cron))
        await self._all_recorded()

    async def _every_minute(self) -> tuple[str, EveryPeriod]:
        self._stage.announce("A plan for every minute, by a cron expression in Amsterdam: it fires when it is time")
        recurrence = {"type": "cron", "expression": "* * * * *"}
        created = await self._plan("every minute", ACTIONS[1], {"recurrence": recurrence, "timezone": "Europe/Amsterdam"})
        full_minute = instant(created["created_at"]).replace(second=0, microsecond=0) + _MINUTE
        return created["id"], every(created, anchor=full_minute, period=_MINUTE)

    async def _once(self) -> None:
        self._stage.announce("A plan that is due once, in three seconds")
        plan_id = await self._create_once("publish launch post", self._stage.clock.now() + _SOON)
        await self._until(lambda: self._completed(plan_id) == 1, what="the first plan's run is completed")

    async def _changed(self) -> tuple[str, EveryPeriod]:
        self._stage.announce("A plan for every two seconds, changed to every second after two runs")
        plan_id, slow = await self._create_interval("pulse", 2 * _SECOND)
        await self._until(lambda: self._fired(plan_id) == _SEEN, what="two runs of the interval plan")
        changed = await self._stage.api.update(plan_id, {"recurrence": {"every_seconds": 1}, "payload": {"changed": True}})
        self.expectations.append(until(changed, slow))
        await self._until(lambda: self._fired(plan_id, revision=2) == _SEEN, what="two runs of the second revision")
        return plan_id, every(changed, anchor=slow.anchor, period=_SECOND)

    async def _cancelled(self) -> None:
        self._stage.announce("A plan for every second, cancelled after two runs: nothing fires once that is answered")
        plan_id, expected = await self._create_interval("newsletter", _SECOND)
        await self._until(lambda: self._fired(plan_id) == _SEEN, what="two runs of the plan to be cancelled")
        self.expectations.append(until(await self._stage.api.cancel(plan_id), expected))

    async def _killed_owner(self) -> None:
        over_s = (_BURST * _BURST_EVERY).total_seconds()
        self._stage.announce(f"{_BURST} plans, due one after the other within {over_s:.0f} seconds; the owner is killed in the middle")
        begin = self._stage.clock.now() + _SOON
        ids = [await self._create_once(f"{BURST_PREFIX} {number}", begin + number * _BURST_EVERY) for number in range(_BURST)]
        await self._until(lambda: self._fired(*ids) >= _BURST // 3, what="a third of them has fired")
        before = self._fired(*ids)
        self._stage.kill_owner()
        await self._until(lambda: self._completed(*ids) == _BURST, what="all of them are completed")
        latest_s = max(self._late(*ids)).total_seconds()
        self._stage.say("caught up", f"{before} had fired before the kill, {_BURST - before} did after it, at most {latest_s:.1f} s late")

    async def _minute_is_full(self, cron_id: str) -> None:
        self._stage.announce("Back to the cron plan: it fires at the full minute")
        await self._until(lambda: self._completed(cron_id) >= 1, what="the cron plan's run is completed", within_s=_MINUTE_WITHIN_S)

    async def _all_recorded(self) -> None:
        for plan_id in self.plans:
            fired = self._fired(plan_id)
            async with self._patience(f"the run store shows all runs of {self.plans[plan_id]}", within_s=_ACT_WITHIN_S):
                while True:
                    runs = await self._stage.api.runs(plan_id)
                    if sum(run["state"] == RunState.COMPLETED for run in runs) == fired:
                        break
                    await asyncio.sleep(_LOOK_EVERY_S)

    async def _create_once(self, name: str, at: datetime) -> str:
        created = await self._plan(name, ACTIONS[0], {"execute_at": format_instant(at)})
        self.expectations.append(OneShot(plan_id=created["id"], at=at))
        plan_id: str = created["id"]
        return plan_id

    async def _create_interval(self, name: str, period: timedelta) -> tuple[str, EveryPeriod]:
        """Occurrences missed while the owner is away are all made up for, so that none may be absent afterwards."""
        anchor = (self._stage.clock.now() + _SOON).replace(microsecond=0)
        recurrence = {"type": "interval", "every_seconds": int(period.total_seconds()), "anchor": format_instant(anchor)}
        created = await self._plan(name, ACTIONS[1], {"recurrence": recurrence, "misfire": {"coalesce": "none"}})
        return created["id"], every(created, anchor=anchor, period=period)

    async def _plan(self, name: str, action: str, when: dict[str, Any]) -> dict[str, Any]:
        created = await self._stage.api.create({"name": name, "action": action, "payload": {"content_id": name}, **when}, key=name)
        self.plans[created["id"]] = name
        return created

    def _fired(self, *plan_ids: str, revision: int | None = None) -> int:
        return sum(revision is None or action.plan_revision == revision for action in self._actions(*plan_ids))

    def _late(self, *plan_ids: str) -> list[timedelta]:
        return [action.published_at - action.due_at for action in self._actions(*plan_ids)]

    def _actions(self, *plan_ids: str) -> list[Action]:
        return [published.action for published in self._stage.audience.actions if published.action.plan_id in plan_ids]

    def _completed(self, *plan_ids: str) -> int:
        return sum(run.state is RunState.COMPLETED for run in self._stage.audience.runs.values() if run.plan_id in plan_ids)

    async def _until(self, predicate: Callable[[], bool], *, what: str, within_s: float = _ACT_WITHIN_S) -> None:
        async with self._patience(what, within_s=within_s):
            await self._stage.audience.until(predicate)

    @asynccontextmanager
    async def _patience(self, what: str, *, within_s: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(within_s):
                yield
        except TimeoutError:
            raise DemoFailedError(f"not within {within_s:.0f} s: {what}") from None


def every(plan: dict[str, Any], *, anchor: datetime, period: timedelta) -> EveryPeriod:
    """From the plan's last change on, without an end yet."""
    changed_at = instant(plan["updated_at"])
    first = max(anchor, anchor + ((changed_at - anchor) // period + 1) * period)
    return EveryPeriod(plan_id=plan["id"], anchor=anchor, period=period, first=first, last=first, open_until=None)


def until(plan: dict[str, Any], expected: EveryPeriod) -> EveryPeriod:
    """The same until the plan's last change, which ended it."""
    changed_at = instant(plan["updated_at"])
    last = expected.anchor + ((changed_at - expected.anchor) // expected.period) * expected.period
    return replace(expected, last=last, open_until=changed_at)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
