"""`planner bench next`, tiny: what it measures on a busy machine is not judged."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from planner.bench.next_cases import CRONS, RRULES, ZONES, PlannerNext, some_cases
from planner.bench.next_libraries import CroniterNext, CronSimNext, DateutilNext
from planner.bench.next_report import Aim
from planner.cli.app import ExitCode, main
from planner.domain import civil_time

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
CALLS = 300


def test_the_cases_lie_in_all_zones_and_many_of_them_near_changes_of_offset() -> None:
    cases = some_cases(len(CRONS), CALLS, BEGIN, seed=1)
    near = [
        case
        for case in cases
        if civil_time.offset_at(case.after - timedelta(days=1), case.timezone)
        != civil_time.offset_at(case.after + timedelta(days=1), case.timezone)
    ]

    assert len(cases) == CALLS
    assert {case.rule for case in cases} == set(range(len(CRONS)))
    assert {case.timezone for case in cases} == set(ZONES)
    assert CALLS / 5 < len(near) < CALLS / 2


def test_all_who_are_asked_in_a_zone_without_changes_name_the_same_label() -> None:
    rules = [{"type": "rrule", "rule": rule, "dtstart": "2026-03-01T00:00:00"} for rule in RRULES]
    crons, rrules = PlannerNext([{"type": "cron", "expression": cron} for cron in CRONS]), PlannerNext(rules)
    cases = [case for case in some_cases(len(RRULES), CALLS, BEGIN, seed=1) if case.timezone == "UTC"]

    for case in cases:
        expected = crons.next(case)
        for library in (CroniterNext(CRONS, BEGIN), CronSimNext(CRONS, BEGIN)):
            assert library.next(case) == (expected and expected.replace(tzinfo=None))
        expected = rrules.next(case)
        assert DateutilNext(RRULES, BEGIN).next(case) == (expected and expected.replace(tzinfo=None))


def test_a_report_names_the_cost_of_each_kind_and_library_and_the_aims(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main(["bench", "next", "--calls", "100", "--json"])

    report = json.loads(capsys.readouterr().out)
    assert exit_info.value.code == ExitCode.OK
    assert {"cron", "cron, croniter", "cron, cronsim", "rrule, new", "rrule, ten years old, dateutil"} < set(report["costs"])
    assert all(0 < cost["median_us"] <= cost["p99_us"] and cost["calls"] == 100 for cost in report["costs"].values())
    assert report["ratios"]["cron to croniter"] > 0
    assert [aim["most"] for aim in report["aims"]] == [20, 60, 1.5]


def test_people_see_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["bench", "next", "--calls", "100"])

    assert "cron, croniter" in capsys.readouterr().out


def test_an_aim_that_is_just_reached_is_met() -> None:
    assert Aim("median", 20.0, 20.0).met
    assert not Aim("median", 20.0, 20.1).met
