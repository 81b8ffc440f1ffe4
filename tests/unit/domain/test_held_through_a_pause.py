"""What was held when a pause began, together with what fell due in it, is one backlog (scheduling.md, section 5.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product

import pytest
from msgspec import structs

from planner.domain.definition import load
from planner.domain.missed import Skip
from planner.domain.overlap import overlap_of
from planner.domain.recurrence.window import rising
from planner.domain.resume import ResumeBacklog, resume
from planner_contracts.run_event import SkipReason
from support.plans import MINUTELY, NOON, Book
from support.schedules import an_interval

MINUTE = timedelta(minutes=1)
MINUTES = an_interval(60)


def at(*minutes: int) -> list[datetime]:
    return [NOON + minute * MINUTE for minute in minutes]


@dataclass(frozen=True, slots=True)
class Given:
    """Every minute; `held` and the cursor in minutes from noon."""

    held: Sequence[int] = ()
    resolved_until: int = 0
    max_lateness_minutes: int | None = None
    max_catchup: int = 100

    def resumed(self, backlog: ResumeBacklog, minute: int) -> tuple[list[datetime], tuple[Skip, ...], datetime, datetime | None]:
        """What is to fire, the outcomes, the cursor and the next occurrence."""
        late = None if self.max_lateness_minutes is None else 60 * self.max_lateness_minutes
        book = Book()
        plan = book.made(MINUTELY | {"misfire": {"max_lateness_seconds": late, "max_catchup": self.max_catchup}}, now=NOON - 90 * MINUTE)
        document = book.revisions[plan].document
        cursor = structs.replace(book.cursors[plan], held=tuple(at(*self.held)), resolved_until=NOON + self.resolved_until * MINUTE)
        found = resume(load(document).schedule, cursor, backlog, overlap_of(document), now=NOON + minute * MINUTE)
        following = found.place.following
        return list(found.place.held), found.skips, found.place.resolved_until, None if following is None else following.scheduled_for

    def by_the_book(self, backlog: ResumeBacklog, minute: int) -> dict[int, str]:
        """The outcome of each that waited, by its minute; `fires` for what is to come to its turn."""
        waited = [*self.held, *range(self.resolved_until + 1, minute + 1)]
        if backlog is ResumeBacklog.SKIP:
            return dict.fromkeys(waited, "paused")
        most = self.max_lateness_minutes
        in_time = [number for number in waited if most is None or minute - number <= most]
        outcomes = {number: "missed" for number in waited if number not in in_time}
        chosen = in_time[-1:] if backlog is ResumeBacklog.LATEST else in_time[-self.max_catchup :]
        others = "coalesced" if backlog is ResumeBacklog.LATEST else "catchup_limit"
        return outcomes | {number: "fires" if number in chosen else others for number in in_time}


CASES = [
    Given(),
    Given(held=(-3,)),
    Given(held=(-80, -40, -2)),
    Given(held=tuple(range(-60, 0))),
    Given(held=tuple(range(-60, 0)), max_catchup=20),
    Given(held=(-9, -6, -3), resolved_until=-1, max_catchup=2),
    Given(held=(-9, -6, -3), max_lateness_minutes=6),
    Given(held=(-9, -6, -3), max_lateness_minutes=8, max_catchup=3),
    Given(held=(-20, -10), max_lateness_minutes=1, max_catchup=1),
    Given(held=(-5, 0), resolved_until=4),
]


@pytest.mark.parametrize(("given", "backlog", "minute"), list(product(CASES, ResumeBacklog, [0, 1, 2, 5, 30])))
def test_each_that_waited_fires_or_has_its_one_outcome(given: Given, backlog: ResumeBacklog, minute: int) -> None:
    expected = given.by_the_book(backlog, minute)
    fires, skips, _, _ = given.resumed(backlog, minute)
    assert fires == at(*(number for number, outcome in expected.items() if outcome == "fires"))
    named = [(nominal, skip.reason.value) for skip in skips for nominal in rising(MINUTES, skip.first, skip.last)]
    assert named == [(NOON + number * MINUTE, outcome) for number, outcome in expected.items() if outcome != "fires"]


@pytest.mark.parametrize("backlog", ResumeBacklog)
@pytest.mark.parametrize(("minute", "cursor"), [(0, 0), (1, 1), (30, 30)])
def test_the_cursor_comes_to_the_newest_that_fell_due_and_the_next_one_follows_it(backlog: ResumeBacklog, minute: int, cursor: int) -> None:
    _, _, resolved_until, following = Given(held=(-3,)).resumed(backlog, minute)
    assert (resolved_until, following) == (NOON + cursor * MINUTE, NOON + (cursor + 1) * MINUTE)


@pytest.mark.parametrize("backlog", ResumeBacklog)
def test_a_cursor_ahead_of_the_clock_stays_and_only_what_is_held_is_decided(backlog: ResumeBacklog) -> None:
    fires, skips, resolved_until, following = Given(held=(-3, -2), resolved_until=5).resumed(backlog, 1)
    assert (resolved_until, following) == (NOON + 5 * MINUTE, NOON + 6 * MINUTE)
    assert len(fires) + len(skips) == 2


def test_what_is_coalesced_names_what_stands_for_it_be_that_held_or_due() -> None:
    for minute, stands in ((0, -2), (3, 3)):
        fires, skips, _, _ = Given(held=(-80, -40, -2)).resumed(ResumeBacklog.LATEST, minute)
        assert fires == at(stands)
        assert {(skip.reason, skip.into) for skip in skips} == {(SkipReason.COALESCED, *at(stands))}


def test_long_waits_are_told_by_ranges_whose_counts_are_exact() -> None:
    _, skips, _, _ = Given(held=(-3,)).resumed(ResumeBacklog.SKIP, 5000)
    assert [(skip.first, skip.last, skip.count) for skip in skips] == [(*at(-3, -3), 1), (*at(1, 5000), 5000)]
