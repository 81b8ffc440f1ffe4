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


_ASK = """
import json, sys
from support.schedules import a_cron, fires
print(json.dumps(fires(a_cron("30 2 * * *", "Europe/Amsterdam"), "2024-03-30T12:00:00Z", limit=5)))
"""


def test_neither_the_hosts_zone_nor_its_zone_files_matter(tmp_path: Path) -> None:
    # A zone directory of the host in which Amsterdam has no summer time.
    zones = tmp_path / "Europe"
    zones.mkdir()
    copyfile(Path(str(files("tzdata"))) / "zoneinfo" / "UTC", zones / "Amsterdam")

    answers = {
        subprocess.run(
            [sys.executable, "-c", _ASK],
            env={"PYTHONPATH": ":".join(filter(None, sys.path)), **environment},
            capture_output=True,
            check=True,
            text=True,
            cwd=Path(__file__).parents[1],
        ).stdout
        for environment in ({}, {"TZ": "America/New_York"}, {"PYTHONTZPATH": str(tmp_path), "TZ": "Asia/Tokyo"})
    }

    assert [json.loads(answer)[0] for answer in answers] == ["2024-03-31T01:00:00Z"]
