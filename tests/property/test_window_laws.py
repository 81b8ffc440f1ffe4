"""The laws of the window function, for any schedule and around changes of offset."""

import json
import subprocess
import sys
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from shutil import copyfile

from hypothesis import given
from hypothesis import strategies as st

from planner.domain.limits import LAST_INSTANT
from planner.domain.recurrence.window import contains, newest, next_after, occurrences
from planner.domain.schedule import Schedule
from support.any_schedule import schedules
from support.recurrences import INSTANTS

SPANS = st.one_of(st.integers(0, 3 * 3600), st.integers(0, 5 * 86_400)).map(lambda seconds: timedelta(seconds=seconds))


@given(schedules(), INSTANTS, SPANS, st.integers(0, 4))
def test_splitting_a_range_changes_nothing(schedule: Schedule, after: datetime, span: timedelta, quarter: int) -> None:
    until, between = after + span, after + span * quarter / 4

    whole = occurrences(schedule, after=after, until=until, limit=400)
    early = occurrences(schedule, after=after, until=between, limit=400)
    late = occurrences(schedule, after=between, until=until, limit=400)

    if whole.complete:
        assert early.instants + late.instants == whole.instants
        assert early.complete
        assert late.complete
    else:
        assert (early.instants + late.instants)[:400] == whole.instants[: len(early.instants) + len(late.instants)]


@given(schedules(), INSTANTS, st.integers(1, 30))
def test_occurrences_rise_strictly_and_lie_after(schedule: Schedule, after: datetime, limit: int) -> None:
    found = occurrences(schedule, after=after, until=None, limit=limit).instants

    assert all(earlier < later for earlier, later in zip((after, *found), found, strict=False))
    assert all(contains(schedule, instant) for instant in found)
    assert all(schedule.starts_at is None or instant >= schedule.starts_at for instant in found)
    assert all(instant <= (schedule.ends_at or LAST_INSTANT) for instant in found)


@given(schedules(), INSTANTS, st.integers(1, 20))
def test_a_window_is_the_chain_of_nexts(schedule: Schedule, after: datetime, limit: int) -> None:
    window = occurrences(schedule, after=after, until=None, limit=limit)
    chain: list[datetime] = []
    cursor: datetime | None = after
    while cursor is not None and len(chain) <= limit:
        cursor = next_after(schedule, cursor)
        chain += [cursor] if cursor is not None else []

    assert window.instants == tuple(chain[:limit])
    assert window.complete is (len(chain) <= limit)


@given(schedules(), INSTANTS, st.timedeltas(timedelta(0), timedelta(hours=2)))
def test_nothing_lies_between_an_instant_and_its_next(schedule: Schedule, after: datetime, step: timedelta) -> None:
    found = next_after(schedule, after)
    between = after + step

    if found is None or between < found:
        assert next_after(schedule, between) == found
        assert not contains(schedule, between) or step == timedelta(0)


@given(schedules(), INSTANTS, SPANS, st.integers(1, 50))
def test_the_newest_are_the_end_of_the_whole(schedule: Schedule, start: datetime, span: timedelta, count: int) -> None:
    whole = occurrences(schedule, after=start, until=start + span, limit=2000)
    found = newest(schedule, start + timedelta(microseconds=1), start + span, count)

    if whole.complete:
        assert found == list(whole.instants[-count:])
    else:
        assert len(found) == count


# Answers to the same questions in an order that the argument shuffles, each asked twice, under the number of the question.
_ASK = """
import json, random, sys
from support.schedules import a_cron, a_rrule, a_schedule, an_interval, fires
ZONES = ("Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "UTC")
AFTER = ("2024-03-30T12:00:00Z", "2024-11-03T05:30:00.5Z", "2011-12-29T12:00:00Z", "2024-04-06T15:00:00Z")
RULES = (
    lambda zone: a_cron("30 2 * * *", zone),
    lambda zone: a_cron("*/20 0-3 * * *", zone),
    lambda zone: a_cron("0,30 1,2 * * *", zone, dst={"gap": "shift", "fold": "both"}),
    lambda zone: a_rrule("FREQ=DAILY;INTERVAL=2;COUNT=9000;BYHOUR=1,2;BYMINUTE=30", "2001-01-31T01:30:00", zone),
    lambda zone: a_rrule("FREQ=MINUTELY;INTERVAL=50;BYHOUR=0,1,2,3", "2001-01-31T01:30:00", zone),
    lambda zone: an_interval(5400, timezone=zone),
    lambda zone: a_schedule(recurrence={"type": "calendar", "hour": "2", "minute": "30", "roll": "next"}, timezone=zone),
)
questions = [(rule, zone, after) for rule in range(len(RULES)) for zone in ZONES for after in AFTER] * 2
random.Random(sys.argv[1]).shuffle(questions)
answers = {}
for rule, zone, after in questions:
    found = fires(RULES[rule](zone), after, limit=5)
    assert answers.setdefault(f"{rule} {zone} {after}", found) == found
print(json.dumps(answers, sort_keys=True))
"""


def test_neither_the_hosts_zone_nor_its_zone_files_nor_what_was_asked_before_matter(tmp_path: Path) -> None:
    # A zone directory of the host in which Amsterdam has no summer time.
    zones = tmp_path / "Europe"
    zones.mkdir()
    copyfile(Path(str(files("tzdata"))) / "zoneinfo" / "UTC", zones / "Amsterdam")
    environments: tuple[dict[str, str], ...] = (
        {},
        {"TZ": "America/New_York", "LC_ALL": "tr_TR.UTF-8"},
        {"PYTHONTZPATH": str(tmp_path), "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"},
    )

    answers = {
        subprocess.run(
            [sys.executable, "-c", _ASK, str(seed)],
            env={"PYTHONPATH": ":".join(filter(None, sys.path)), **environment},
            capture_output=True,
            check=True,
            text=True,
            cwd=Path(__file__).parents[1],
        ).stdout
        for seed, environment in enumerate(environments)
    }

    assert len(answers) == 1
    assert json.loads(answers.pop())["0 Europe/Amsterdam 2024-03-30T12:00:00Z"][0] == "2024-03-31T01:00:00Z"
