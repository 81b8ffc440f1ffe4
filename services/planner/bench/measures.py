"""What a burst's records say."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Final

import msgspec

from planner.bench.burst_report import BurstReport, RawComparison
from planner.bench.cpu_time import CpuTimes
from planner.bench.raw import RawRun
from planner.bench.written import Written

OWNERS_COST_AFTER_S: Final = 0.3
"""The owner applies its last transaction to the index after the commit; what it does then belongs to the burst."""


class Head(msgspec.Struct):
    """The attributes of an event that are looked at here."""

    id: str
    type: str


HEAD: Final = msgspec.json.Decoder(Head)


@dataclass(frozen=True, slots=True)
class Fired:
    """The burst as it was written: all its records, and the action records among them."""

    due: datetime
    records: Sequence[Written]
    actions: Sequence[Written]


def first_share(records: Sequence[Written], share: float) -> list[Written]:
    """The first part of each partition's records."""
    logs: defaultdict[tuple[str, int], list[Written]] = defaultdict(list)
    for record in records:
        logs[record.topic, record.partition].append(record)
    return [record for log in logs.values() for record in log[: ceil(len(log) * share)]]


def report_of(fired: Fired, times: CpuTimes, raw_runs: Mapping[str, RawRun], *, plans: int, partitions: int) -> BurstReport:
    """The report on a burst of so many plans that fired at least once."""
    lateness = sorted(action.appended_ms - fired.due.timestamp() * 1000 for action in fired.actions)
    runs = Counter(HEAD.decode(action.value or b"").id for action in fired.actions)
    took_s = max(lateness[-1] / 1000, 0.001)
    per_s = len(runs) / took_s
    used_s = times.used_between(fired.due, fired.due + timedelta(seconds=took_s + OWNERS_COST_AFTER_S))
    records_per_fire = len(fired.records) / len(fired.actions)
    return BurstReport(
        plans=plans,
        partitions=partitions,
        fired=len(runs),
        lost=plans - len(runs),
        doubled=len(fired.actions) - len(runs),
        early=sum(late_ms <= -1 for late_ms in lateness),
        took_s=took_s,
        fires_per_s=per_s,
        first_ms=lateness[0],
        lateness_ms={f"p{percent}": lateness[(len(lateness) - 1) * percent // 100] for percent in (50, 99)},
        records_per_fire=records_per_fire,
        bytes_per_fire=sum(len(record.key or b"") + len(record.value or b"") for record in fired.records) / len(fired.actions),
        cpu_us_per_fire={name: used * 1e6 / len(runs) for name, used in used_s.items()},
        raw=tuple(_compared(loop, run, records_per_fire, per_s) for loop, run in raw_runs.items()),
    )


def _compared(loop: str, run: RawRun, records_per_fire: float, per_s: float) -> RawComparison:
    fires = run.records / records_per_fire
    return RawComparison(
        loop,
        fires=round(fires),
        fires_per_s=fires / run.took_s,
        cpu_us_per_fire=run.used_s * 1e6 / fires,
        ratio=per_s * run.took_s / fires,
    )
