"""Reads the topics while the demo runs: shows each record as it appears, and keeps what must be counted afterwards."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from aiokafka import TopicPartition

from planner.runtime.kafka import KafkaConnection, assigned_consumer
from planner.runtime.kafka_close import stop_consumer
from planner_contracts.action import ACTION_TYPE_PREFIX, Action
from planner_contracts.envelope import Envelope, decode
from planner_contracts.plan_event import PlanChanged, PlanEventType
from planner_contracts.run_event import RunChanged, RunEventType
from planner_contracts.topics import TopicRole, topic

_CALL_WITHIN_S: Final = 20.0
_POLL_MS: Final = 200
# "pending" is written in the transaction of its action, which is shown already.
_SHOWN_RUN_EVENTS: Final = frozenset({RunEventType.EXECUTING, RunEventType.COMPLETED, RunEventType.FAILED})


@dataclass(frozen=True, slots=True)
class PublishedAction:
    """One record of an action topic; `appended_at` is the broker's stamp."""

    action: Action
    appended_at: datetime


def places(namespace: str, *, actions: Sequence[str], partitions: int) -> list[TopicPartition]:
    """Everything that the demo watches."""
    topics = [topic(namespace, TopicRole.PLAN_EVENTS), topic(namespace, TopicRole.RUN_EVENTS)]
    topics += [topic(namespace, TopicRole.ACTION, action) for action in actions]
    return [TopicPartition(name, number) for name in topics for number in range(partitions)]


class Audience:
    """`say(verb, what)` is called for each record in the order in which it is read, but for those of plans whose name is `quiet`."""

    def __init__(self, say: Callable[[str, str], None], *, quiet: Callable[[str], bool]) -> None:
        self._say = say
        self._quiet = quiet
        self._news = asyncio.Event()
        self.actions: list[PublishedAction] = []
        self.runs: dict[str, RunChanged] = {}
        self.names: dict[str, str] = {}

    async def watch(self, connection: KafkaConnection, places: Sequence[TopicPartition], watching: asyncio.Event) -> None:
        """Until cancelled; sets `watching` once it reads, so that nothing that happens afterwards is missed."""
        consumer: Any = assigned_consumer(connection, client_id="planner-demo")
        try:
            async with asyncio.timeout(_CALL_WITHIN_S):
                await consumer.start()
                consumer.assign(places)
                await consumer.seek_to_beginning(*places)
            watching.set()
            while True:
                batches = await consumer.getmany(timeout_ms=_POLL_MS)
                for record in sorted((record for batch in batches.values() for record in batch), key=lambda record: record.timestamp):
                    self._see(record)
                self._news.set()
        finally:
            await stop_consumer(consumer)

    async def until(self, predicate: Callable[[], bool]) -> None:
        """Asks again after each record that was read."""
        while not predicate():
            self._news.clear()
            await self._news.wait()

    def _see(self, record: Any) -> None:  # noqa: ANN401 (an untyped library's record)
        envelope = decode(record.value, record.headers)
        if envelope.type in set(RunEventType):
            self._see_run(envelope)
        elif envelope.type in set(PlanEventType):
            self._see_plan(envelope)
        elif envelope.type.startswith(ACTION_TYPE_PREFIX):
            self._see_action(envelope, record)

    def _see_plan(self, envelope: Envelope) -> None:
        if envelope.type in {PlanEventType.COMPLETED, PlanEventType.COMMAND_REJECTED}:
            return
        changed = PlanChanged.model_validate(envelope.data)
        if changed.plan is None or changed.plan.name is None:
            return
        self.names[changed.plan_id] = changed.plan.name
        if not self._quiet(changed.plan.name):
            self._say(f"plan {envelope.type.rpartition('.')[2]}", f"{changed.plan.name} (revision {changed.revision})")

    def _see_action(self, envelope: Envelope, record: Any) -> None:  # noqa: ANN401 (an untyped library's record)
        action = Action.model_validate(envelope.data)
        appended_at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
        self.actions.append(PublishedAction(action, appended_at))
        late_ms = (action.published_at - action.due_at).total_seconds() * 1000
        where = f"{record.topic}, partition {record.partition}, offset {record.offset}"
        self._tell(action.plan_id, "due → action", f"due {action.due_at:%H:%M:%S.%f}, {late_ms:.1f} ms late: {where}")

    def _see_run(self, envelope: Envelope) -> None:
        if envelope.type not in _SHOWN_RUN_EVENTS:
            return
        run = RunChanged.model_validate(envelope.data)
        self.runs[run.id] = run
        self._tell(run.plan_id, run.state.value, f"by {run.worker}" + (f", result {run.result}" if run.result is not None else ""))

    def _tell(self, plan_id: str, verb: str, what: str) -> None:
        name = self.names.get(plan_id, plan_id)
        if not self._quiet(name):
            self._say(verb, f"{name}: {what}")
