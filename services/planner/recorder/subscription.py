"""The recorder's batches by FastStream: a group's members share the partitions, and nothing is ever committed to the group."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage

from planner.recorder.intake import Intake, RawRecord

# FastStream sleeps as long as it polled when a poll was empty: the delay that the first record after a pause may meet.
POLL_MS: Final = 20
BATCH_RECORDS_MAX: Final = 2000
_FETCH_BYTES_MAX: Final = 16 * 1024 * 1024
_PARTITION_BYTES_MAX: Final = 1024 * 1024


def subscribe(broker: KafkaBroker, *, group: str, intake: Intake, failed: asyncio.Future[None]) -> Callable[[], AIOKafkaConsumer]:
    """Feed the intake; gives its consumer, which exists once the broker has started.

    What the intake raises ends up in `failed`: FastStream would log it and go on with the next batch.
    """
    subscriber = broker.subscriber(
        *intake.topics,
        batch=True,
        max_records=BATCH_RECORDS_MAX,
        batch_timeout_ms=POLL_MS,
        group_id=group,
        listener=intake,
        # A plan's events and its runs' events have one partition number: whoever has both writes them in turn. Two recorders at once
        # would not see each other's uncommitted rows, and leave the plan with an older due time or last run.
        partition_assignment_strategy=[RangePartitionAssignor],
        ack_policy=AckPolicy.MANUAL,
        auto_offset_reset="none",
        isolation_level="read_committed",
        fetch_min_bytes=1,
        fetch_max_wait_ms=500,
        fetch_max_bytes=_FETCH_BYTES_MAX,
        max_partition_fetch_bytes=_PARTITION_BYTES_MAX,
        session_timeout_ms=6_000,
        heartbeat_interval_ms=1_000,
        max_poll_interval_ms=300_000,
        decoder=_undecoded,
    )

    @subscriber
    async def take(batch: Sequence[RawRecord]) -> None:
        try:
            await intake.take(batch)
        except Exception as error:  # noqa: BLE001 the outermost loop of the intake; the process ends with it
            if not failed.done():
                failed.set_exception(error)

    def consumer() -> AIOKafkaConsumer:
        assert subscriber.consumer is not None
        return subscriber.consumer

    return consumer


async def _undecoded(message: KafkaMessage) -> object:
    return message.raw_message
