"""The raw baselines of `planner bench next`: what the libraries take for the next label, without any zone.

Each rule is parsed once and asked many times, which is more than these libraries' usual use allows: what is compared is the search alone.
"""

from collections.abc import Sequence
from datetime import datetime

from croniter import croniter
from cronsim import CronSim
from dateutil.rrule import rrulestr

from planner.bench.next_cases import Case


class CroniterNext:
    """croniter, set anew to each label."""

    def __init__(self, expressions: Sequence[str], begin: datetime) -> None:
        self._rules = [croniter(expression, begin.replace(tzinfo=None)) for expression in expressions]

    def next(self, case: Case) -> datetime | None:
        found: datetime = self._rules[case.rule].get_next(datetime, start_time=case.label)
        return found


class CronSimNext:
    """cronsim, set anew to each label."""

    def __init__(self, expressions: Sequence[str], begin: datetime) -> None:
        self._rules = [CronSim(expression, begin.replace(tzinfo=None)) for expression in expressions]

    def next(self, case: Case) -> datetime | None:
        rule = self._rules[case.rule]
        rule.dt = case.label
        return next(rule)


class DateutilNext:
    """dateutil's `after`, which begins at DTSTART every time."""

    def __init__(self, rules: Sequence[str], dtstart: datetime) -> None:
        self._rules = [rrulestr(rule, dtstart=dtstart.replace(tzinfo=None)) for rule in rules]

    def next(self, case: Case) -> datetime | None:
        found: datetime | None = self._rules[case.rule].after(case.label)
        return found
