"""The worker kit: a user's functions as consumers of actions (api.md, section 6)."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, TypeVar

from aiokafka import AIOKafkaConsumer

from planner.runtime.clock import SystemClock, SystemIds, jitter
from planner.runtime.failures import Backoff
from planner.runtime.kafka import KafkaConnection, assigned_consumer, idempotent_producer
from planner.runtime.log import get_logger
from planner.worker.action_consumer import ActionConsumer, WorkerTopics
from planner.worker.cancellations import Cancellations
from planner.worker.control_reader import ControlReader
from planner.worker.delivery import delivery
from planner.worker.execution import Execution
from planner.worker.handlers import ActionHandler, action_handler
from planner.worker.kafka_report_publisher import KafkaReportPublisher
from planner.worker.membership import Membership
from planner.worker.reports import ReportContext
from planner.worker.run import Run
from planner_contracts.ids import is_action, is_namespace
from planner_contracts.run_report import WORKER_CHARACTERS_MAX
from planner_contracts.topics import TopicRole, topic

CONCURRENCY_DEFAULT: Final = 16
DRAIN_S_DEFAULT: Final = 30.0
HEARTBEAT_S: Final = 5.0
BACKOFF_FIRST_S: Final = 0.1
BACKOFF_MOST_S: Final = 5.0

_LOG: Final = get_logger("planner.worker")

RunT = TypeVar("RunT", bound=Run[Any])
ResultT = TypeVar("ResultT")
HandlerT = Callable[[RunT], Awaitable[ResultT]]


class PlannerWorker:
    """Consumes the actions that it has handlers for, and reports what became of each run.

    `kafka`: bootstrap address, or a KafkaConnection where the brokers ask for credentials. `group`: the consumer group; the members of a
    group share the work, and a new group begins at the earliest action that is kept. `concurrency`: how many runs at once; the runs
    of one record key (a plan, or its ordering key) never overlap. `name`: what reports call this worker. `drain_s`: how long runs may
    go on after SIGTERM; one that is cut off then is delivered again, with the same run id.
    """

    def __init__(
        self,
        kafka: str | KafkaConnection,
        group: str,
        *,
        namespace: str = "planner",
        concurrency: int = CONCURRENCY_DEFAULT,
        name: str | None = None,
        drain_s: float = DRAIN_S_DEFAULT,
    ) -> None:
        if not is_namespace(namespace):
            raise ValueError(f"{namespace!r} is no namespace: [a-z0-9-]{{1,40}}")
        if concurrency < 1:
            raise ValueError("concurrency is at least 1")
        self._connection = KafkaConnection(bootstrap=kafka) if isinstance(kafka, str) else kafka
        self._group = group
        self._namespace = namespace
        self._concurrency = concurrency
        self._name = (name or f"{group}@{socket.gethostname()}")[:WORKER_CHARACTERS_MAX]
        self._drain_s = drain_s
        self._handlers: dict[str, ActionHandler] = {}

    def action(self, name: str) -> Callable[[HandlerT[RunT, ResultT]], HandlerT[RunT, ResultT]]:
        """Let the decorated function perform an action. Its parameter `Run[X]` says the payload's type: a pydantic model, say.

        What it returns is sent with `completed` (any JSON of at most 8 KiB). It raises Permanent or Retryable to say how the run failed;
        any other exception counts as Retryable, a payload that is no `X` as Permanent (`PAYLOAD_INVALID`).
        """
        if not is_action(name):
            raise ValueError(f"{name!r} is no action: [a-z0-9]+([.-][a-z0-9]+)*, at most 120 characters")
        source = topic(self._namespace, TopicRole.ACTION, name)
        if source in self._handlers:
            raise ValueError(f"{name} has a handler already")

        def register(perform: HandlerT[RunT, ResultT]) -> HandlerT[RunT, ResultT]:
            self._handlers[source] = action_handler(name, perform)
            return perform

        return register

    async def run(self, stop: asyncio.Event | None = None) -> None:
        """Work until `stop` is set; without one, until SIGTERM or SIGINT. Returns when what had begun has ended or `drain_s` is over."""
        if not self._handlers:
            raise ValueError("a worker needs a handler: @worker.action(…)")
        with _stopped_by_signals() if stop is None else _stopped_by(stop) as stopped:
            async with self._reporting() as context, asyncio.TaskGroup() as tasks:
                cancellations = Cancellations()
                execution = Execution(self._handlers, context, cancellations, heartbeat_s=HEARTBEAT_S)
                membership = Membership(tasks, execution.perform, concurrency=self._concurrency)
                commits = tasks.create_task(membership.commit_what_is_finished())
                control = ControlReader(self._control_consumer, lambda record: cancellations.take(delivery(record)))
                requests = tasks.create_task(control.run(_backoff()))
                consumer = ActionConsumer(self._connection, membership, control, self._topics())
                if await consumer.start(stopped, _backoff()):
                    _LOG.info("worker.started", group=self._group, topics=list(self._handlers), worker=self._name)
                    await stopped.wait()
                    _LOG.info("worker.draining", within_s=self._drain_s)
                    await membership.drain(within_s=self._drain_s)
                await consumer.stop()
                commits.cancel()
                requests.cancel()
        _LOG.info("worker.stopped")

    def _topics(self) -> WorkerTopics:
        controls = {source: topic(self._namespace, TopicRole.CONTROL, handler.action) for source, handler in self._handlers.items()}
        return WorkerTopics(self._group, controls)

    def _control_consumer(self) -> AIOKafkaConsumer:
        return assigned_consumer(self._connection, client_id=self._name)

    @asynccontextmanager
    async def _reporting(self) -> AsyncIterator[ReportContext]:
        publisher = KafkaReportPublisher(
            lambda: idempotent_producer(self._connection, client_id=self._name), topic=topic(self._namespace, TopicRole.RUN_REPORTS)
        )
        try:
            yield ReportContext(publisher, SystemClock(), SystemIds(), self._name, _backoff)
        finally:
            await publisher.close()


def _backoff() -> Backoff:
    return Backoff(BACKOFF_FIRST_S, BACKOFF_MOST_S, jitter)


@contextmanager
def _stopped_by(stop: asyncio.Event) -> Iterator[asyncio.Event]:
    yield stop


@contextmanager
def _stopped_by_signals() -> Iterator[asyncio.Event]:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
