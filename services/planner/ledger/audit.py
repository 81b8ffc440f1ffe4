"""The ledger at the end of a run: everything that a namespace holds, against what must be there."""

from collections.abc import Sequence
from datetime import datetime

from planner.ledger.check import Report, check
from planner.ledger.expectation import Expectation
from planner.ledger.history import History
from planner.ledger.kafka_history import read_actions, read_run_events
from planner.ledger.postgres_history import read_run_store
from planner.runtime.kafka import KafkaConnection


async def audit(
    expectations: Sequence[Expectation],
    *,
    connection: KafkaConnection,
    namespace: str,
    postgres: str | None = None,
    up_to: datetime | None = None,
) -> Report:
    """Compare the committed actions and the runs and skips of a namespace with what is expected.

    Runs and skips come from the run store at `postgres`, else from the run events. The caller has waited until the recorder was done; where
    plans go on firing meanwhile it gives the moment `up_to` which it has waited for, and what was published later is not judged.
    Raises UnavailableError.
    """
    fired, unreadable = await read_actions(connection, namespace)
    if postgres is None:
        rows, skips, more = await read_run_events(connection, namespace)
        unreadable += more
    else:
        rows, skips = await read_run_store(postgres)
    history = History(tuple(fired), tuple(skips), tuple(rows), tuple(unreadable))
    return check(expectations, history if up_to is None else history.up_to(up_to))
