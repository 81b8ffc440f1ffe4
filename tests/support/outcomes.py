"""What became of a plan's occurrences on a stack: the committed actions, and the skips of the run store."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from planner.ledger.history import Fired
from planner.ledger.kafka_history import read_actions, read_run_events
from planner.runtime.kafka import KafkaConnection
from support.stack import Stack


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record of skipped occurrences, as the run store has it."""

    reason: str
    first: datetime
    last: datetime
    count: int | None
    into: datetime | None


@dataclass(frozen=True, slots=True)
class Outcomes:
    """By plan, in the order of their records."""

    fired: Mapping[str, Sequence[Fired]]
    skipped: Mapping[str, Sequence[Skipped]]

    def fires(self, plan_id: str) -> list[datetime]:
        """The nominal times of the plan's actions."""
        return [action.scheduled_for for action in self.fired.get(plan_id, [])]

    def skips(self, plan_id: str) -> list[Skipped]:
        return list(self.skipped.get(plan_id, []))


async def outcomes_of(stack: Stack) -> Outcomes:
    """All outcomes up to now. The run store must tell the runs and skips that the run events tell; it may be a moment behind."""
    connection = KafkaConnection(bootstrap=stack.ready["kafka"])
    actions, unreadable = await read_actions(connection, stack.ready["namespace"])
    assert not unreadable
    fired: dict[str, list[Fired]] = defaultdict(list)
    for action in actions:
        fired[action.plan_id].append(action)
    return Outcomes(fired, await _skipped(stack))


async def expect_recorded(stack: Stack) -> None:
    """The run store holds the runs and the skips that the events on Kafka tell, and no others."""
    connection = KafkaConnection(bootstrap=stack.ready["kafka"])
    runs, skips, unreadable = await read_run_events(connection, stack.ready["namespace"])
    assert not unreadable
    store = await asyncpg.connect(stack.ready["postgres"])
    try:
        rows = await store.fetch("SELECT id::text, plan_id::text, scheduled_for FROM runs")
    finally:
        await store.close()
    assert sorted(map(tuple, rows)) == sorted((run.run_id, run.plan_id, run.scheduled_for) for run in runs)
    told = [(skip.plan_id, skip.reason, skip.first, skip.last) for skip in skips]
    kept = [(plan, skip.reason, skip.first, skip.last) for plan, found in (await _skipped(stack)).items() for skip in found]
    assert sorted(kept) == sorted(told)


async def _skipped(stack: Stack) -> Mapping[str, Sequence[Skipped]]:
    store = await asyncpg.connect(stack.ready["postgres"])
    try:
        rows = await store.fetch(
            "SELECT plan_id::text, reason, first_scheduled_for, last_scheduled_for, count, into_scheduled_for"
            " FROM skipped_occurrences ORDER BY plan_id, event_offset"
        )
    finally:
        await store.close()
    skipped: dict[str, list[Skipped]] = defaultdict(list)
    for plan_id, *row in rows:
        skipped[plan_id].append(Skipped(*row))
    return skipped
