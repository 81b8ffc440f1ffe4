"""What aiokafka 0.14 does that a shard cannot live with, mended in one place. A test pins the version and each patched name."""

import asyncio
from typing import Any, Final

from aiokafka.producer import sender
from aiokafka.producer.message_accumulator import BatchBuilder

NEXT_TRANSACTION_BACKOFF_S: Final = 0.001
"""How long a producer waits before it asks again whether its last transaction is through; 20 ms cost two thirds of the p99."""


def apply() -> None:
    """Patch the library for this process; harmless when repeated."""
    sender.BACKOFF_OVERRIDE = NEXT_TRANSACTION_BACKOFF_S
    setattr(sender.EndTxnHandler, "do", _end_transaction_once)  # noqa: B010  a method of the library is replaced on purpose


def create_batch(producer: Any, *, bytes_max: int | None) -> Any:  # noqa: ANN401  the library is untyped
    """A batch of the transactional producer; `bytes_max`: for a topic that takes none as large as its others, uncompressed."""
    return producer.create_batch() if bytes_max is None else BatchBuilder(bytes_max, 0, is_transactional=1)


async def _end_transaction_once(handler: Any, node_id: int) -> bool:  # noqa: ANN401  a handler of the untyped library
    """BaseHandler.do, but a request whose answer was lost is not sent again.

    The library resends it in the same epoch, and its late first copy may then end the *next* transaction. A lost answer is a failure
    of the tick: the error ends the sender, the producer is discarded, the next InitProducerId settles the transaction.
    """
    request = handler.create_request()
    response = await handler._sender.client.send(node_id, request, group=handler.group)  # noqa: SLF001  see above
    backoff = handler.handle_response(response)
    if backoff is not None:
        await asyncio.sleep(backoff)
    return backoff is None
