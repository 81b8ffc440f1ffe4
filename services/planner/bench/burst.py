"""`planner bench burst`: N one-shots due at one instant, on one owner, against a bare loop that writes the same records."""

import asyncio
import gc
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from planner.bench.burst_report import BurstReport
from planner.bench.cpu_time import CpuTimes
from planner.bench.measures import HEAD, Fired, first_share, report_of
from planner.bench.plans import one_shot_creates, publish_creates
from planner.bench.raw import RawRun, send_batches, send_each
from planner.bench.stack import ACTION, NAMESPACE, BenchStack, bench_stack
from planner.bench.written import Marks, TopicReader, topic_reader
from planner.runtime.clock import Clock, IdSource
from planner.runtime.topic_admin import apply_topics
from planner_contracts.plan_event import PlanEventType
from planner_contracts.topics import TopicRole, topic

OUTCOME_SILENCE_S: Final = 30.0
SETTLED_AFTER_S: Final = 1.0
FIRE_SILENCE_S: Final = 30.0
LEAD_LEAST_S: Final = 4.0
MARKED_BEFORE_DUE_S: Final = 0.3
ASK_EVERY_S: Final = 0.2


class BenchFailedError(Exception):
    """Nothing was measured; the message says why, and what to do."""


class Progress(Protocol):
    """Shows how far a benchmark is."""

    def phase(self, what: str, total: int) -> None:
        """A phase begins, which is over after `total` steps."""

    def advance(self, steps: int) -> None:
        """So many steps of it more are done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """What to measure. `lead_s_per_plan`: how long taking one in may last, before the due instant; LEAD_LEAST_S more is added.

    `warm_up_plans`: so many are fired before, unmeasured: a broker that has just started is several times slower.
    """

    plans: int
    partitions: int
    warm_up_plans: int
    lead_s_per_plan: float
    raw_fires_max: int


_DIRECT_OUTPUTS: Final = (TopicRole.RUN_EVENTS, TopicRole.PLAN_EVENTS, TopicRole.OWNER_CHANGELOG)


async def run_burst(burst: Burst, folder: Path, *, clock: Clock, ids: IdSource, progress: Progress) -> BurstReport:
    """Start a stack in the folder, measure, stop it. Raises BenchFailedError."""
    progress.phase("starting Kafka, Valkey and one owner", 1)
    async with bench_stack(folder, partitions=burst.partitions) as stack:
        times = CpuTimes(stack.pids, clock)
        if burst.warm_up_plans:
            warm_up = replace(burst, plans=burst.warm_up_plans)
            await _fire(warm_up, stack, times, clock=clock, ids=ids, progress=progress)
        fired = await _fire(burst, stack, times, clock=clock, ids=ids, progress=progress)
        if not fired.actions:
            raise BenchFailedError(f"nothing fired within {FIRE_SILENCE_S:.0f} s after the due instant")
        raw = await _raw_runs(fired, burst, stack, clock=clock, progress=progress)
    return report_of(fired, times, raw, plans=burst.plans, partitions=burst.partitions)


async def _fire(burst: Burst, stack: BenchStack, times: CpuTimes, *, clock: Clock, ids: IdSource, progress: Progress) -> Fired:
    lead = timedelta(seconds=LEAD_LEAST_S + burst.plans * burst.lead_s_per_plan)
    due = (clock.now() + lead).replace(microsecond=0)
    await _create(burst, stack, due, clock=clock, ids=ids, progress=progress)
    outputs = [topic(NAMESPACE, TopicRole.ACTION, ACTION), *(topic(NAMESPACE, role) for role in _DIRECT_OUTPUTS)]
    async with topic_reader(stack.connection, outputs, partitions=burst.partitions) as reader:
        begin = await reader.ends()
        if (late := clock.now()) > due - timedelta(seconds=MARKED_BEFORE_DUE_S):
            raise BenchFailedError(f"taking {burst.plans} plans in was over {late - due + lead} after it began: give a lower --intake")
        times.sample()
        progress.phase("waiting for the due instant", 1)
        await asyncio.sleep((due - clock.now()).total_seconds())
        progress.phase("firing", burst.plans)
        end = await _until_settled(reader, begin, outputs[0], expected=burst.plans, times=times, progress=progress)
        records = await reader.between(begin, end)
    return Fired(due, records, [record for record in records if record.topic == outputs[0]])


async def _create(burst: Burst, stack: BenchStack, due: datetime, *, clock: Clock, ids: IdSource, progress: Progress) -> None:
    creates = one_shot_creates(seed=ids.uuid(), count=burst.plans, action=ACTION, at=due, now=clock.now())
    async with topic_reader(stack.connection, [topic(NAMESPACE, TopicRole.PLAN_EVENTS)], partitions=burst.partitions) as reader:
        progress.phase("sending create commands", burst.plans)
        await publish_creates(stack.connection, creates, namespace=NAMESPACE, partitions=burst.partitions, sent=progress.advance)
        progress.phase("until the owner has taken them in", burst.plans)
        decided, last_heard = 0, clock.monotonic()
        while decided < burst.plans:
            events = await reader.some()
            for event in events:
                kind = HEAD.decode(event.value or b"").type
                if kind != PlanEventType.CREATED:
                    raise BenchFailedError(f"a plan was not created: {(event.value or b'').decode()}")
            decided += len(events)
            progress.advance(len(events))
            last_heard = clock.monotonic() if events else last_heard
            if clock.monotonic() - last_heard > OUTCOME_SILENCE_S:
                raise BenchFailedError(f"only {decided} of {burst.plans} plans were created")


async def _until_settled(reader: TopicReader, begin: Marks, actions: str, *, expected: int, times: CpuTimes, progress: Progress) -> Marks:
    """Until as many offsets of the action topic are taken as there are plans, and nothing has moved for a moment."""
    taken, marks, moved = 0, begin, times.clock.monotonic()
    while True:
        ends = await reader.ends()
        now = times.clock.monotonic()
        times.sample()
        if ends != marks:
            reached = sum(end - begin[at] for at, end in ends.items() if at.topic == actions)
            progress.advance(reached - taken)
            taken, marks, moved = reached, ends, now
        still_s = now - moved
        if still_s > (SETTLED_AFTER_S if taken >= expected else FIRE_SILENCE_S):
            return marks
        await asyncio.sleep(ASK_EVERY_S)


async def _raw_runs(fired: Fired, burst: Burst, stack: BenchStack, *, clock: Clock, progress: Progress) -> dict[str, RawRun]:
    share = min(1.0, burst.raw_fires_max / len(fired.actions))
    runs: dict[str, RawRun] = {}
    for namespace, loop, send in (("raw-send", "send()", send_each), ("raw-batch", "send_batch()", send_batches)):
        await apply_topics(stack.connection, namespace=namespace, partitions=burst.partitions, actions=[ACTION], replication=1)
        records = [replace(record, topic=record.topic.replace(NAMESPACE, namespace, 1)) for record in first_share(fired.records, share)]
        progress.phase(f"the same records by aiokafka's {loop}", len(records))
        # A collection would go through all these records again and again, and the bare loop would seem slower than it is.
        gc.freeze()
        runs[loop] = await send(stack.connection, records, clock=clock, progress=progress.advance)
    return runs
