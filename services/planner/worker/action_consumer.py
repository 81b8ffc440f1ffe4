"""FastStream's Kafka consumer of the action topics, with every option that could lose a run set by hand."""

import asyncio
import logging
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.message import FAKE_CONSUMER

from planner.runtime.failures import Backoff
from planner.runtime.faststream import broker_options
from planner.runtime.kafka import KafkaConnection
from planner.runtime.log import get_logger
from planner.worker.control_reader import ControlReader
from planner.worker.delivery import delivery
from planner.worker.membership import Membership

# A handler may hold the reader back as long as it likes: that the process lives, its heartbeats to the group say.
POLL_INTERVAL_MAX_MS: Final = 24 * 3_600_000
SESSION_TIMEOUT_MS: Final = 10_000
HEARTBEAT_INTERVAL_MS: Final = 3_000
REBALANCE_TIMEOUT_MS: Final = 30_000
# An action's topic may be made after its worker started: so long until the worker sees it.
METADATA_AGE_MAX_MS: Final = 5_000
FETCH_BYTES_MAX: Final = 8 * 1024 * 1024
FETCH_WAIT_MAX_MS: Final = 500
START_TIMEOUT_S: Final = 30.0
STOP_TIMEOUT_S: Final = 10.0

_LOG: Final = get_logger("planner.worker")
# Warns at each start that it makes no topics, which is as we want it: the subscription waits for them.
_FASTSTREAM: Final = logging.getLogger("planner.worker.faststream")
_FASTSTREAM.setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class WorkerTopics:
    """What a worker reads. `controls`: action topic -> its control topic."""

    group: str
    controls: Mapping[str, str]


class ActionConsumer:
    """Hands every record of the action topics to the membership, in the order of each partition; before that has the requests to stop
    its run read.
    """

    def __init__(self, connection: KafkaConnection, membership: Membership, control: ControlReader, topics: WorkerTopics) -> None:
        self._membership = membership
        self._control = control
        self._topics = topics
        self._broker = KafkaBroker(
            **broker_options(connection),
            client_id=topics.group,
            consumer_only=True,
            allow_auto_create_topics=False,
            metadata_max_age_ms=METADATA_AGE_MAX_MS,
            graceful_timeout=None,
            apply_types=False,
            logger=_FASTSTREAM,
            log_level=logging.DEBUG,
        )
        self._subscriber = self._broker.subscriber(
            # A start by names would wait until every one of them exists, and meanwhile consume none of the others.
            pattern=_any_of(topics.controls),
            group_id=topics.group,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            ack_policy=AckPolicy.MANUAL,
            max_poll_interval_ms=POLL_INTERVAL_MAX_MS,
            rebalance_timeout_ms=REBALANCE_TIMEOUT_MS,
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=HEARTBEAT_INTERVAL_MS,
            fetch_max_bytes=FETCH_BYTES_MAX,
            fetch_max_wait_ms=FETCH_WAIT_MAX_MS,
            listener=membership,
            parser=_parsed,
            decoder=_decoded,
            no_reply=True,
        )
        self._subscriber(self._take)

    async def start(self, stop: asyncio.Event, backoff: Backoff) -> bool:
        """Join the group, trying until the brokers answer. False if `stop` was set before."""
        while not stop.is_set():
            try:
                async with asyncio.timeout(START_TIMEOUT_S):
                    await self._broker.start()
            except (KafkaError, TimeoutError) as error:
                pause_s = backoff.next_s()
                _LOG.warning("worker.kafka.unavailable", reason=repr(error), retry_in_s=pause_s)
                await self.stop()
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await stop.wait()
            else:
                assert self._subscriber.consumer is not None
                self._membership.use(self._subscriber.consumer)
                return True
        return False

    async def stop(self) -> None:
        """Leave the group."""
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._broker.stop()
        except* (KafkaError, TimeoutError) as errors:  # FastStream raises a group
            _LOG.warning("worker.consumer.stop_failed", reason=repr(errors.exceptions))

    async def _take(self, record: "ConsumerRecord[bytes, bytes]") -> None:
        assignment = self._membership.assignment
        assert self._subscriber.consumer is not None, "the record came through it"
        # The topics of an action have the same number of partitions.
        numbers = self._subscriber.consumer.partitions_for_topic(record.topic) or (record.partition,)
        await self._control.reach(self._topics.controls[record.topic], numbers, record.timestamp)
        await self._membership.take(delivery(record), assignment)


def _any_of(topics: Iterable[str]) -> str:
    return "|".join(rf"{re.escape(name)}\Z" for name in topics)


async def _parsed(record: "ConsumerRecord[Any, Any]") -> KafkaMessage:
    # FastStream's own parser decodes each header as UTF-8 and would lose a record over a foreign one.
    return KafkaMessage(raw_message=record, body=b"", consumer=FAKE_CONSUMER)


async def _decoded(message: KafkaMessage) -> object:
    return message.raw_message
