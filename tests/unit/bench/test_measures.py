import json
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from planner.bench.cpu_time import CpuTimes, Sample
from planner.bench.measures import OWNERS_COST_AFTER_S, Fired, first_share, report_of
from planner.bench.raw import RawRun
from planner.bench.written import Written
from planner.runtime.clock import SystemClock

DUE: Final = datetime(2026, 3, 1, 9, tzinfo=UTC)
DUE_MS: Final = int(DUE.timestamp() * 1000)
ACTIONS: Final = "t.action.bench.burst"
EVENTS: Final = "t.run.events"
LATE_MS: Final = (40, 10, 20, 50)


def a_record(topic: str, run: str, *, late_ms: int = 0, partition: int = 0) -> Written:
    value = json.dumps({"id": run, "type": "planner.action.bench.burst"}).encode()
    return Written(topic, partition, b"key-", value, (), DUE_MS + late_ms)


def a_burst(*actions: Written) -> Fired:
    return Fired(DUE, [*actions, *(a_record(EVENTS, "event") for _ in actions)], actions)


def four_fires() -> Fired:
    return a_burst(*(a_record(ACTIONS, f"run-{number}", late_ms=late_ms) for number, late_ms in enumerate(LATE_MS)))


def times_of(*samples: tuple[float, float]) -> CpuTimes:
    """Of one owner: seconds after the due instant, and CPU seconds used until then."""
    return CpuTimes({"owner": 1}, SystemClock(), [Sample(DUE + timedelta(seconds=at_s), {"owner": used_s}) for at_s, used_s in samples])


NO_COST: Final = times_of((0, 0))


def test_a_burst_in_which_each_plan_fired_once_is_ok() -> None:
    report = report_of(four_fires(), NO_COST, {}, plans=4, partitions=2)
    assert report.ok
    assert (report.fired, report.lost, report.doubled, report.early) == (4, 0, 0, 0)


def test_fires_a_second_count_from_the_due_instant_to_the_last_append() -> None:
    report = report_of(four_fires(), NO_COST, {}, plans=4, partitions=2)
    assert report.took_s == pytest.approx(0.05)
    assert report.fires_per_s == pytest.approx(80)
    assert (report.first_ms, report.lateness_ms) == (10, {"p50": 20, "p99": 40})


def test_a_plan_without_an_action_is_lost() -> None:
    report = report_of(four_fires(), NO_COST, {}, plans=5, partitions=2)
    assert (report.ok, report.lost, report.doubled) == (False, 1, 0)


def test_a_second_action_of_a_run_is_doubled_and_hides_no_lost_one() -> None:
    fired = a_burst(a_record(ACTIONS, "run-1", late_ms=1), a_record(ACTIONS, "run-1", late_ms=2))
    report = report_of(fired, NO_COST, {}, plans=2, partitions=2)
    assert (report.ok, report.fired, report.lost, report.doubled) == (False, 1, 1, 1)


def test_an_action_a_millisecond_before_the_due_instant_is_early() -> None:
    fired = a_burst(a_record(ACTIONS, "run-1", late_ms=-1), a_record(ACTIONS, "run-2", late_ms=0))
    report = report_of(fired, NO_COST, {}, plans=2, partitions=2)
    assert (report.ok, report.early) == (False, 1)


def test_the_cost_is_what_was_used_from_the_due_instant_until_the_index_followed() -> None:
    over_s = 0.05 + OWNERS_COST_AFTER_S
    times = times_of((-1, 1.0), (-0.01, 2.0), (0.1, 2.5), (over_s + 0.01, 3.0), (over_s + 1, 9.0))
    report = report_of(four_fires(), times, {}, plans=4, partitions=2)
    assert report.cpu_us_per_fire == {"owner": pytest.approx(250_000)}


def test_samples_that_begin_late_and_end_soon_give_what_they_have() -> None:
    times = times_of((0.01, 2.0), (0.02, 2.5))
    assert times.used_between(DUE, DUE + timedelta(seconds=1)) == {"owner": 0.5}


def test_a_bare_loop_is_compared_by_fires_and_not_by_records() -> None:
    raw = RawRun(records=4, begun=DUE, ended_ms=DUE_MS + 100, used_s=0.002)
    (compared,) = report_of(four_fires(), NO_COST, {"send()": raw}, plans=4, partitions=2).raw
    assert (compared.loop, compared.fires) == ("send()", 2)
    assert compared.fires_per_s == pytest.approx(20)
    assert compared.cpu_us_per_fire == pytest.approx(1000)
    assert compared.ratio == pytest.approx(80 / 20)


def test_records_and_bytes_are_counted_per_fire() -> None:
    report = report_of(four_fires(), NO_COST, {}, plans=4, partitions=2)
    sizes = [len(record.key or b"") + len(record.value or b"") for record in four_fires().records]
    assert (report.records_per_fire, report.bytes_per_fire) == (2, sum(sizes) / 4)


def test_a_share_is_the_beginning_of_each_partition_rounded_up() -> None:
    first = [a_record(ACTIONS, f"first-{number}", partition=0) for number in range(3)]
    second = [a_record(ACTIONS, f"second-{number}", partition=1) for number in range(4)]
    mixed = [second[0], first[0], first[1], second[1], second[2], first[2], second[3]]
    assert sorted(first_share(mixed, 0.5), key=lambda record: record.value or b"") == [*first[:2], *second[:2]]
    assert first_share(mixed, 1.0) == [*second, *first]


def test_the_document_and_the_lines_say_the_same() -> None:
    raw = RawRun(records=8, begun=DUE, ended_ms=DUE_MS + 30, used_s=0.001)
    report = report_of(four_fires(), times_of((0, 0), (1, 0.0004)), {"send()": raw}, plans=4, partitions=2)
    document = json.loads(json.dumps(report.document()))
    assert document["cpu_us_per_fire"] == {"owner": 100.0}
    assert document["raw"] == [{"loop": "send()", "fires": 4, "fires_per_s": 133.333, "cpu_us_per_fire": 250.0, "ratio": 0.6}]
    lines = dict(report.lines())
    assert lines["fired, lost, doubled, early"] == "4, 0, 0, 0"
    assert lines["CPU of owner a fire"] == "100.0 µs"
    assert lines["aiokafka send(), the same records"] == "133 fires a second; Planner 0.60 times as many"
