"""`planner bench burst` from end to end, tiny: its counts add up; what it measures on a busy machine is not judged."""

import json

import pytest

from support.stack import planner

pytestmark = pytest.mark.timeout(120)

PLANS = 300
PLANS_A_SECOND = 100
"""So few that a busy machine has taken all in before they are due."""


def test_a_burst_fires_every_plan_once_and_says_what_it_cost() -> None:
    sizes = ("--plans", str(PLANS), "--partitions", "2", "--warm-up", "0", "--raw-fires", "100")
    run = planner("bench", "burst", *sizes, "--intake", str(PLANS_A_SECOND), "--json", settings={})
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert (report["plans"], report["partitions"]) == (PLANS, 2)
    assert (report["fired"], report["lost"], report["doubled"], report["early"]) == (PLANS, 0, 0, 0)
    # An action, the pending run, the completed plan; the run and the cursor in the changelog; a position for each transaction.
    assert 5 < report["records_per_fire"] < 6
    assert report["bytes_per_fire"] > 1000
    assert set(report["cpu_us_per_fire"]) == {"kafka", "valkey", "owner"}
    assert set(report["lateness_ms"]) == {"p50", "p99"}
    assert [raw["loop"] for raw in report["raw"]] == ["send()", "send_batch()"]
    for raw in report["raw"]:
        assert set(raw) == {"loop", "fires", "fires_per_s", "cpu_us_per_fire", "ratio"}
        assert 100 <= raw["fires"] <= 120
        assert raw["ratio"] == pytest.approx(report["fires_per_s"] / raw["fires_per_s"], rel=0.01)
    assert report["first_ms"] <= report["lateness_ms"]["p50"] <= report["lateness_ms"]["p99"] <= report["took_s"] * 1000
