"""One shard: from assignment to revocation it takes over, ticks, and after any failure takes over anew by the same code."""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final

from planner.owner.changelog import decode_inputs
from planner.owner.index import IndexDamagedError
from planner.owner.inputs import ShardInputs
from planner.owner.shard_name import ShardName
from planner.owner.takeover import NotOursError, Taken, Takeover
from planner.owner.tenure import Tenure, TickParts
from planner.owner.transaction import ClockAheadError, FencedOffError
from planner.runtime.failures import Backoff, StartupRefusedError
from planner.runtime.log import get_logger

TAKEOVER_TIMEOUT_S: Final = 120.0
TICK_TIMEOUT_S: Final = 8.0
INPUTS_NOTED_EVERY_S: Final = 3600.0
HEALTHY_AFTER_S: Final = 5.0
INTRUSIONS_PER_MINUTE_MAX: Final = 5
MINUTE_S: Final = 60.0

_log = get_logger("owner")


@dataclass(frozen=True, slots=True)
class ShardParts:
    """What a shard works with."""

    takeover: Takeover
    inputs: ShardInputs
    tick: TickParts
    backoff: Backoff


class Shard:
    """The loop over one partition."""

    def __init__(self, name: ShardName, parts: ShardParts) -> None:
        self._name = name
        self._parts = parts
        self._stopping = False
        self._damaged = False
        self._fenced_off = False
        self._intrusions: deque[float] = deque(maxlen=INTRUSIONS_PER_MINUTE_MAX)

    def stop(self) -> None:
        """Finish the tick under way, then end."""
        self._stopping = True
        self._parts.inputs.wake()

    async def run(self) -> None:
        """Take over and tick until stopped, or until the partition is not ours.

        Raises StartupRefusedError where going on would lose or repeat something silently: that ends the process.
        """
        while not self._stopping:
            try:
                await self._serve()
            except NotOursError as reason:
                _log.info("owner.shard.not_ours", partition=self._name.partition, reason=str(reason))
                return
            except StartupRefusedError:
                raise
            except Exception as error:  # noqa: BLE001  any failure of a tick means: drop the producer and take over
                self._fenced_off = isinstance(error, FencedOffError)
                self._damaged = self._damaged or isinstance(error, IndexDamagedError)
                self._parts.tick.metrics.failed("clock_ahead" if isinstance(error, ClockAheadError) else "failed")
                _log.warning("owner.shard.failed", partition=self._name.partition, error=repr(error))
                await self._parts.inputs.nap(self._parts.backoff.next_s())

    async def _serve(self) -> None:
        clock, metrics = self._parts.tick.clock, self._parts.tick.metrics
        started = clock.monotonic()
        async with asyncio.timeout(TAKEOVER_TIMEOUT_S):
            taken = await self._parts.takeover.run(anew=self._damaged)
        self._damaged = False
        ticking = False
        try:
            self._refuse_intruders(taken)
            await self._parts.inputs.open(decode_inputs(taken.position.inputs))
            took_s = clock.monotonic() - started
            metrics.taken_over(took_s, offset=taken.position.offset)
            ticking = True
            _log.info(
                "owner.takeover.finished",
                partition=self._name.partition,
                offset=taken.position.offset,
                built_anew=taken.built_anew,
                took_ms=round(took_s * 1000, 1),
            )
            await self._tick_until_stopped(taken)
        finally:
            if ticking:
                metrics.let_go()
            try:
                await self._parts.inputs.close()
            finally:
                await taken.producer.close()

    def _refuse_intruders(self, taken: Taken) -> None:
        """Raises StartupRefusedError where somebody else works on what is ours again and again, though the group says that it is ours."""
        if not (self._fenced_off or taken.foreign):
            return
        self._fenced_off = False
        now = self._parts.tick.clock.monotonic()
        if len(self._intrusions) == INTRUSIONS_PER_MINUTE_MAX and now - self._intrusions[0] < MINUTE_S:
            raise StartupRefusedError(
                f"shard {self._name.partition} of {self._name.namespace} was fenced off, or found Redis written by another incarnation,"
                f" more than {INTRUSIONS_PER_MINUTE_MAX} times in a minute: two deployments share the namespace; give each its own"
            )
        self._intrusions.append(now)

    async def _tick_until_stopped(self, taken: Taken) -> None:
        tenure = Tenure(self._name, self._parts.tick, taken)
        monotonic = self._parts.tick.clock.monotonic
        began = noted = monotonic()
        while not self._stopping:
            gathered = await self._parts.inputs.gather(tenure.wait_s())
            async with asyncio.timeout(TICK_TIMEOUT_S):
                self._parts.inputs.go_on_after(await tenure.tick(gathered))
            self._parts.tick.metrics.waits(self._parts.inputs.lag())
            if monotonic() - began > HEALTHY_AFTER_S:
                self._parts.backoff.reset()
            if monotonic() - noted > INPUTS_NOTED_EVERY_S:
                await tenure.note_inputs(await self._parts.inputs.reached())
                noted = monotonic()
