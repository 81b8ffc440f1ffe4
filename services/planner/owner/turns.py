"""Tenants in turn: none waits behind the timers of another."""

from collections import Counter
from collections.abc import Sequence
from operator import itemgetter

from planner.owner.index import DueTimer


def in_turns(timers: Sequence[DueTimer]) -> list[DueTimer]:
    """The timers so that tenants take turns, each tenant's in the order given: a tick that is full has served all alike."""
    seen: Counter[str] = Counter()
    turns = []
    for timer in timers:
        turns.append(seen[timer.key.tenant_id])
        seen[timer.key.tenant_id] += 1
    if len(seen) <= 1:
        return list(timers)
    return [timer for _, timer in sorted(zip(turns, timers, strict=True), key=itemgetter(0))]
