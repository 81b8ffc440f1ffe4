"""The deciding half of a shard over a state in memory: what a tick decides becomes, encoded and replayed, what the next one knows."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any, Final

from planner.domain.plan import StateKind
from planner.owner.changelog import key_bytes, replayed, run_head
from planner.owner.inbox import Incoming, read_command, read_report
from planner.owner.index import DueTimer, StateKey
from planner.owner.outbox import Outbox, Record
from planner.owner.read_records import ReadCommand, ReadReport
from planner.owner.schedules import Schedules
from planner.owner.state import TickState
from planner.owner.tenure import may_end_runs
from planner.owner.tick import Tick
from support.incoming import COMMANDS_TOPIC, TOKENS
from support.plans import ACTION, ACTIONS

NAMESPACE: Final = "t"


@dataclass(frozen=True, slots=True)
class Published:
    """A record of a tick, its value read."""

    record: Record
    type: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ticked:
    """What one tick decided."""

    tick: Tick
    published: list[Published]

    def of(self, *types: str) -> list[dict[str, Any]]:
        """The data of the events of these types, in order; all without types."""
        return [found.data for found in self.published if not types or found.type.removeprefix("planner.") in types]

    @property
    def types(self) -> list[str]:
        return [found.type.removeprefix("planner.") for found in self.published]

    @property
    def actions(self) -> list[dict[str, Any]]:
        return self.of(f"action.{ACTION}")

    @property
    def dead_letters(self) -> list[Record]:
        return [record for record in self.tick.records if record.topic == f"{NAMESPACE}.dead-letters"]


@dataclass
class PureShard:
    """Partition 0 of 1, if not told otherwise."""

    values: dict[StateKey, bytes] = field(default_factory=dict)
    wakes: dict[StateKey, datetime] = field(default_factory=dict)
    schedules: Schedules = field(default_factory=Schedules)
    partition: int = 0
    partitions: int = 1

    def tick(self, *sources: Incoming, now: datetime, keep: bool = True) -> Ticked:
        """One tick: commands, then reports, then everything that is due. It is forgotten unless it is kept."""
        due = self._due(now)
        tick = self._begun(now, due)
        where = {"partition": self.partition, "partitions": self.partitions}
        for source in sources:
            if source.topic == COMMANDS_TOPIC:
                tick.command(ReadCommand(source, read_command(source, **where)))
            else:
                tick.report(ReadReport(source, read_report(source, **where)))
        for timer in due:
            if tick.is_full:
                break
            tick.timer(timer)
        if keep:
            self._apply(tick)
        return _ticked(tick)

    def take_over(self) -> None:
        """What the next owner of the partition makes of the records, timers and all."""
        changes = [replayed(key_bytes(key), value) for key, value in self.values.items()]
        self.wakes = {change.key: change.wake_at for change in changes if change is not None and change.wake_at is not None}

    def sweep(self, *, now: datetime) -> Ticked:
        """One look at every plan, due or not."""
        tick = self._begun(now)
        for key in sorted(self.values):
            if key.kind is StateKind.CURSOR:
                tick.refresh(key)
        self._apply(tick)
        return _ticked(tick)

    def _begun(self, now: datetime, due: Sequence[DueTimer] = ()) -> Tick:
        outbox = Outbox(namespace=NAMESPACE, partition=self.partition, partitions=self.partitions, tokens=TOKENS)
        state = TickState(dict(self.values), self._open_runs(due))
        return Tick(state, outbox, actions=ACTIONS, tokens=TOKENS, schedules=self.schedules, now=now)

    def kinds(self) -> list[str]:
        """The kinds of the records held, sorted."""
        return sorted(key.kind for key in self.values)

    def _open_runs(self, due: Sequence[DueTimer]) -> dict[StateKey, list[str]]:
        found: dict[StateKey, list[str]] = {timer.key: [] for timer in due if may_end_runs(timer)}
        for key, value in self.values.items():
            run = run_head(value) if key.kind is StateKind.RUN else None
            plan = None if run is None or not run.open else StateKey(StateKind.CURSOR, key.tenant_id, run.plan_id)
            if plan is not None and plan in found:
                found[plan].append(key.id)
        return found

    def _due(self, now: datetime) -> list[DueTimer]:
        """As an index names them: one of each tenant, then a second of each."""
        waiting = sorted((wake, key) for key, wake in self.wakes.items() if wake <= now)
        seen: Counter[str] = Counter()
        turns: list[tuple[int, DueTimer]] = []
        for _, key in waiting:
            turns.append((seen[key.tenant_id], self._timer(key)))
            seen[key.tenant_id] += 1
        return [timer for _, timer in sorted(turns, key=itemgetter(0))]

    def _timer(self, key: StateKey) -> DueTimer:
        definition = self.values.get(key._replace(kind=StateKind.DEFINITION)) if key.kind is StateKind.CURSOR else None
        return DueTimer(key, self.values[key], definition)

    def _apply(self, tick: Tick) -> None:
        for decided in tick.changes:
            change = replayed(key_bytes(decided.key), decided.value)
            assert change is not None
            assert (change.key, change.wake_at) == (decided.key, decided.wake_at)
            self.values.pop(change.key, None)
            self.wakes.pop(change.key, None)
            if change.value is not None:
                self.values[change.key] = change.value
                if change.wake_at is not None:
                    self.wakes[change.key] = change.wake_at


def _ticked(tick: Tick) -> Ticked:
    return Ticked(tick, [_published(record) for record in tick.records if record.headers and record.value is not None])


def _published(record: Record) -> Published:
    if record.topic.endswith(("dead-letters", "commands", "reports")):
        return Published(record, record.topic, {})
    value = json.loads(record.value or b"")
    return Published(record, value["type"], value["data"])
