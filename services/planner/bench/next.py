"""What the next occurrence of a compiled schedule costs, beside croniter, cronsim and dateutil in the same run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from planner.bench.cpu_time import used_here_s
from planner.bench.next_cases import CALENDARS, COUNT, CRONS, RRULES, SUB_DAILY_RRULES, Case, PlannerNext, some_cases
from planner.bench.next_libraries import CroniterNext, CronSimNext, DateutilNext
from planner.bench.next_report import Aim, Cost, NextReport
from planner.runtime.clock import Clock

CRON_AIM_US: Final = 20.0
RRULE_AIM_US: Final = 60.0
AGE_AIM: Final = 1.5
# The subjects take turns, so that a busy moment of the machine meets all of them.
ROUNDS: Final = 10
# dateutil walks from DTSTART: a call on an old rule takes milliseconds, so few have to do.
DATEUTIL_CALLS_MAX: Final = 500
_TEN_YEARS: Final = timedelta(days=3652)
_SEED: Final = 4


class Subject(Protocol):
    """Rules that are compiled."""

    def next(self, case: Case) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class _Asked:
    """A subject with what it is asked, and what the answers have cost so far: µs of each call, CPU seconds of all."""

    subject: Subject
    cases: Sequence[Case]
    wall_us: list[float]
    cpu_s: list[float]


def run_next(calls: int, *, clock: Clock) -> NextReport:
    """Measure so many calls of each kind of rule."""
    begin = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    asked = {**_crons_and_calendars(calls, begin), **_rrules(calls, begin)}
    for subject in asked.values():
        for case in subject.cases[: len(subject.cases) // ROUNDS]:
            subject.subject.next(case)
    for turn in range(ROUNDS):
        for subject in asked.values():
            _measure(subject, subject.cases[turn::ROUNDS], clock)
    costs = {name: _cost(subject) for name, subject in asked.items()}
    return NextReport(calls=calls, costs=costs, ratios=_ratios(costs), aims=_aims(costs))


def _crons_and_calendars(calls: int, begin: datetime) -> dict[str, _Asked]:
    cases = some_cases(len(CRONS), calls, begin, seed=_SEED)
    subjects: dict[str, Subject] = {
        "cron": PlannerNext([{"type": "cron", "expression": expression} for expression in CRONS]),
        "cron, croniter": CroniterNext(CRONS, begin),
        "cron, cronsim": CronSimNext(CRONS, begin),
    }
    asked = {name: _Asked(subject, cases, [], []) for name, subject in subjects.items()}
    calendars = PlannerNext([{"type": "calendar", **fields} for fields in CALENDARS])
    return {**asked, "calendar": _Asked(calendars, some_cases(len(CALENDARS), calls, begin, seed=_SEED), [], [])}


def _rrules(calls: int, begin: datetime) -> dict[str, _Asked]:
    asked = {}
    for kind, rules in (("rrule", RRULES), ("rrule, sub-daily", SUB_DAILY_RRULES)):
        cases = some_cases(len(rules), calls, begin, seed=_SEED)
        for age, dtstart in (("new", begin), ("ten years old", begin - _TEN_YEARS)):
            for bound, ending in (("", ""), (" with COUNT", f";COUNT={COUNT}")):
                subject = PlannerNext([_recurrence(rule + ending, dtstart) for rule in rules])
                asked[f"{kind}, {age}{bound}"] = _Asked(subject, cases, [], [])
            if kind == "rrule":
                few = cases[: min(calls, DATEUTIL_CALLS_MAX)]
                asked[f"{kind}, {age}, dateutil"] = _Asked(DateutilNext(rules, dtstart), few, [], [])
    return asked


def _recurrence(rule: str, dtstart: datetime) -> dict[str, str]:
    return {"type": "rrule", "rule": rule, "dtstart": dtstart.replace(tzinfo=None).isoformat()}


def _measure(asked: _Asked, cases: Sequence[Case], clock: Clock) -> None:
    following, monotonic, wall_us = asked.subject.next, clock.monotonic, asked.wall_us
    cpu_before_s = used_here_s()
    for case in cases:
        before_s = monotonic()
        following(case)
        wall_us.append((monotonic() - before_s) * 1e6)
    asked.cpu_s.append(used_here_s() - cpu_before_s)


def _cost(asked: _Asked) -> Cost:
    wall_us = sorted(asked.wall_us)
    median_us, p99_us = (wall_us[(len(wall_us) - 1) * percent // 100] for percent in (50, 99))
    return Cost(calls=len(wall_us), median_us=median_us, p99_us=p99_us, cpu_us=sum(asked.cpu_s) * 1e6 / len(wall_us))


def _ratios(costs: dict[str, Cost]) -> dict[str, float]:
    """The medians of Planner to those of the libraries that were asked about the same rules."""
    compared = {
        "cron to croniter": ("cron", "cron, croniter"),
        "cron to cronsim": ("cron", "cron, cronsim"),
        "new rrule to dateutil": ("rrule, new", "rrule, new, dateutil"),
        "ten years old rrule to dateutil": ("rrule, ten years old", "rrule, ten years old, dateutil"),
    }
    return {name: costs[ours].median_us / costs[theirs].median_us for name, (ours, theirs) in compared.items()}


def _aims(costs: dict[str, Cost]) -> tuple[Aim, ...]:
    ours = [name for name in costs if name.startswith("rrule") and not name.endswith("dateutil")]
    aged = [(costs[name.replace("new", "ten years old")].median_us / costs[name].median_us) for name in ours if "new" in name]
    return (
        Aim("median of cron, µs", CRON_AIM_US, costs["cron"].median_us),
        Aim("median of any rrule, µs", RRULE_AIM_US, max(costs[name].median_us for name in ours)),
        Aim("rrule, ten years old to new", AGE_AIM, max(aged)),
    )
