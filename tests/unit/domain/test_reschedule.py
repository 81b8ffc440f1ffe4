"""What an update or a cancel does to occurrences that wait (scheduling.md, section 5.3)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from planner.domain.jitter import delay
from planner.domain.reschedule import UNRESOLVED_KEPT_MAX
from planner.domain.resume import ResumeBacklog
from planner_contracts.ids import PlanId
from planner_contracts.plan import PlanStatus
from planner_contracts.run_event import SkipReason
from support.plans import ACTION, NOON, Accepted, Book, Caller, accepted
from support.schedules import instant

MINUTE = timedelta(minutes=1)
TEN_MINUTES = {"type": "interval", "every_seconds": 600, "anchor": "2026-03-01T00:00:00Z"}
DAILY = {"type": "cron", "expression": "0 9 * * *"}
NINE = instant("2026-03-02T09:00:00Z")


@dataclass
class Waiting:
    """A plan whose occurrences up to `at` wait, because they are jittered or because nobody woke it."""

    given: dict[str, Any]
    since: datetime
    name: str = "made"
    book: Book = field(default_factory=Book)

    def __post_init__(self) -> None:
        self.plan: PlanId = self.book.made(self.given, name=self.name, now=self.since)

    def patched(self, at: datetime, **patch: object) -> Accepted:
        return accepted(self.book.ask(Caller().update(self.plan, **patch), now=at))

    def cancelled(self, at: datetime) -> Accepted:
        return accepted(self.book.ask(Caller().cancel(self.plan), now=at))

    def fires(self, at: datetime) -> list[datetime]:
        fired = self.book.wake(self.plan, now=at)
        return [] if fired is None else [run.scheduled_for for run in fired.runs]


@pytest.fixture
def daily_at_nine() -> Waiting:
    """The plan of the page's example: every day at nine, some minutes of jitter, and nine has struck."""
    given = {"action": ACTION, "recurrence": DAILY, "jitter_seconds": 840}
    plans = (Waiting(given, NINE - timedelta(hours=1), name=str(number)) for number in range(50))
    return next(plan for plan in plans if delay(plan.plan, 840) > 6 * MINUTE)


def test_a_patch_of_the_payload_is_published_when_due_under_the_new_revision(daily_at_nine: Waiting) -> None:
    due = NINE + delay(daily_at_nine.plan, 840)
    changed = daily_at_nine.patched(NINE + 3 * MINUTE, payload={"content_id": 8})
    assert (changed.decision.skips, changed.cursor.next_nominal, changed.cursor.next_due) == ((), NINE, due)
    fired = daily_at_nine.book.wake(daily_at_nine.plan, now=due)
    assert fired is not None
    assert [(run.scheduled_for, run.plan_revision) for run in fired.runs] == [(NINE, 2)]


def test_without_its_jitter_what_waits_fires_at_once(daily_at_nine: Waiting) -> None:
    changed = daily_at_nine.patched(NINE + 3 * MINUTE, jitter_seconds=0)
    assert changed.cursor.next_due == NINE
    assert daily_at_nine.fires(NINE + 3 * MINUTE) == [NINE]


def test_what_the_new_schedule_lacks_is_superseded(daily_at_nine: Waiting) -> None:
    changed = daily_at_nine.patched(NINE + 3 * MINUTE, recurrence={"expression": "0 18 * * *"})
    assert [(skip.reason, skip.first, skip.count) for skip in changed.decision.skips] == [(SkipReason.SUPERSEDED, NINE, 1)]
    assert changed.cursor.next_nominal == NINE + timedelta(hours=9)


def test_a_cancel_gives_what_waits_its_outcome(daily_at_nine: Waiting) -> None:
    ended = daily_at_nine.cancelled(NINE + 3 * MINUTE)
    assert [(skip.reason, skip.first, skip.count) for skip in ended.decision.skips] == [(SkipReason.CANCELLED, NINE, 1)]
    assert daily_at_nine.fires(NINE + timedelta(days=1)) == []


def test_a_cancel_before_the_nominal_time_leaves_no_outcome(daily_at_nine: Waiting) -> None:
    assert daily_at_nine.cancelled(NINE - timedelta(microseconds=1)).decision.skips == ()


def test_a_new_schedule_that_names_what_waits_keeps_it() -> None:
    plan = Waiting({"action": ACTION, "recurrence": TEN_MINUTES}, NOON - 5 * MINUTE)
    changed = plan.patched(NOON + MINUTE, recurrence={"type": "cron", "expression": "0 * * * *"})
    assert changed.decision.skips == ()
    assert plan.fires(NOON + MINUTE) == [NOON]
    assert plan.book.cursors[plan.plan].next_nominal == NOON + timedelta(hours=1)


def test_of_several_that_wait_those_stay_that_the_new_schedule_names() -> None:
    plan = Waiting({"action": ACTION, "recurrence": TEN_MINUTES, "misfire": {"coalesce": "none"}}, NOON - 5 * MINUTE)
    changed = plan.patched(NOON + 21 * MINUTE, recurrence={"every_seconds": 1200})
    assert [(skip.reason, skip.first) for skip in changed.decision.skips] == [(SkipReason.SUPERSEDED, NOON + 10 * MINUTE)]
    assert plan.fires(NOON + 21 * MINUTE) == [NOON, NOON + 20 * MINUTE]


def test_what_waits_for_its_delay_stays_where_a_denser_schedule_names_it_among_others() -> None:
    given = {"action": ACTION, "recurrence": TEN_MINUTES, "jitter_seconds": 3600}
    plan = Waiting(given, NOON - 5 * MINUTE)
    changed = plan.patched(NOON + 11 * MINUTE, recurrence={"every_seconds": 300})
    lag = delay(plan.plan, 3600)
    assert lag > 11 * MINUTE
    assert (changed.decision.skips, changed.cursor.next_nominal) == ((), NOON + 15 * MINUTE)
    assert plan.fires(NOON + lag - MINUTE) == []
    assert plan.fires(NOON + lag) == [NOON]
    assert plan.fires(NOON + lag + 10 * MINUTE) == [NOON + 10 * MINUTE]
    assert plan.fires(NOON + lag + 15 * MINUTE) == [NOON + 15 * MINUTE]


@pytest.mark.parametrize(
    ("misfire", "fired", "skipped"),
    [
        ({"coalesce": "latest"}, [20], [(SkipReason.COALESCED, 0), (SkipReason.COALESCED, 10)]),
        ({"coalesce": "earliest"}, [0], [(SkipReason.COALESCED, 10), (SkipReason.COALESCED, 20)]),
        ({"coalesce": "none"}, [0, 10, 20], []),
        ({"coalesce": "none", "max_catchup": 2}, [10, 20], [(SkipReason.CATCHUP_LIMIT, 0)]),
        ({"coalesce": "none", "max_lateness_seconds": 900}, [10, 20], [(SkipReason.MISSED, 0)]),
        ({"coalesce": "latest", "max_lateness_seconds": 120}, [], [(SkipReason.MISSED, minute) for minute in (0, 10, 20)]),
    ],
)
def test_a_late_backlog_stays_where_a_denser_schedule_names_it_among_others_and_fires_as_the_plan_says(
    misfire: dict[str, Any], fired: list[int], skipped: list[tuple[SkipReason, int]]
) -> None:
    plan = Waiting({"action": ACTION, "recurrence": TEN_MINUTES, "misfire": misfire}, NOON - 5 * MINUTE)
    at = NOON + 23 * MINUTE
    changed = plan.patched(at, recurrence={"every_seconds": 300})
    assert [(skip.reason, skip.first) for skip in changed.decision.skips] == [(reason, NOON + late * MINUTE) for reason, late in skipped]
    assert plan.fires(at) == [NOON + late * MINUTE for late in fired]
    assert plan.book.cursors[plan.plan].next_nominal == NOON + 25 * MINUTE


def test_a_single_occurrence_that_was_missed_a_while_is_not_lost_to_a_denser_schedule() -> None:
    plan = Waiting({"action": ACTION, "recurrence": {"type": "cron", "expression": "0 * * * *"}}, NOON - 5 * MINUTE)
    changed = plan.patched(NOON + 35 * MINUTE, recurrence={"expression": "*/10 * * * *"})
    assert (changed.decision.skips, plan.fires(NOON + 35 * MINUTE)) == ((), [NOON])


def test_what_stays_and_what_does_not_are_recorded_in_rising_order() -> None:
    plan = Waiting({"action": ACTION, "recurrence": TEN_MINUTES}, NOON - 5 * MINUTE)
    changed = plan.patched(NOON + 43 * MINUTE, recurrence={"type": "cron", "expression": "0,5,20,40 * * * *"})
    assert [(skip.reason, skip.first - NOON) for skip in changed.decision.skips] == [
        (SkipReason.COALESCED, 0 * MINUTE),
        (SkipReason.SUPERSEDED, 10 * MINUTE),
        (SkipReason.COALESCED, 20 * MINUTE),
        (SkipReason.SUPERSEDED, 30 * MINUTE),
    ]
    assert plan.fires(NOON + 43 * MINUTE) == [NOON + 40 * MINUTE]


def test_what_waits_through_a_pause_stays_where_a_denser_schedule_names_it_among_others() -> None:
    plan = Waiting({"action": ACTION, "recurrence": TEN_MINUTES, "active": False}, NOON - 5 * MINUTE)
    changed = plan.patched(NOON + 11 * MINUTE, recurrence={"every_seconds": 300})
    assert (changed.decision.skips, changed.cursor.held) == ((), (NOON, NOON + 10 * MINUTE))
    accepted(plan.book.ask(Caller("r").resume(plan.plan, ResumeBacklog.ALL), now=NOON + 16 * MINUTE))
    assert plan.fires(NOON + 16 * MINUTE) == [NOON, NOON + 10 * MINUTE, NOON + 15 * MINUTE]


def test_a_late_backlog_waits_where_the_update_that_keeps_it_pauses_the_plan() -> None:
    plan = Waiting({"action": ACTION, "recurrence": TEN_MINUTES}, NOON - 5 * MINUTE)
    changed = plan.patched(NOON + 23 * MINUTE, recurrence={"every_seconds": 300}, active=False)
    assert (changed.decision.skips, changed.cursor.held) == ((), (NOON, NOON + 10 * MINUTE, NOON + 20 * MINUTE))
    resumed = accepted(plan.book.ask(Caller("r").resume(plan.plan, ResumeBacklog.LATEST), now=NOON + 26 * MINUTE))
    assert [skip.reason for skip in resumed.decision.skips] == [SkipReason.COALESCED] * 3
    assert plan.fires(NOON + 26 * MINUTE) == [NOON + 25 * MINUTE]


def test_what_was_missed_when_an_update_keeps_it_is_so_at_once_though_a_run_is_open() -> None:
    given = {"action": ACTION, "recurrence": TEN_MINUTES, "overlap": "queue_all", "misfire": {"max_lateness_seconds": 30}}
    plan = Waiting(given, NOON - 5 * MINUTE)
    plan.fires(NOON)
    changed = plan.patched(NOON + 10.9 * MINUTE, recurrence={"every_seconds": 20})
    assert [(skip.reason, skip.first) for skip in changed.decision.skips] == [(SkipReason.MISSED, NOON + 10 * MINUTE)]


def test_of_what_waits_through_a_pause_nothing_that_is_superseded_lies_behind_the_cursor() -> None:
    plan = Waiting({"action": ACTION, "recurrence": TEN_MINUTES, "active": False}, NOON - 5 * MINUTE)
    changed = plan.patched(NOON + 41 * MINUTE, recurrence={"every_seconds": 1200})
    assert [skip.first for skip in changed.decision.skips] == [NOON + 10 * MINUTE, NOON + 30 * MINUTE]
    assert changed.cursor.held == (NOON, NOON + 20 * MINUTE, NOON + 40 * MINUTE)
    assert changed.cursor.resolved_until == NOON + 41 * MINUTE
    accepted(plan.book.ask(Caller("r").resume(plan.plan, ResumeBacklog.ALL), now=NOON + 41 * MINUTE))
    assert plan.fires(NOON + 41 * MINUTE) == list(changed.cursor.held)


def test_no_range_of_superseded_occurrences_reaches_over_one_that_stays() -> None:
    plan = Waiting({"action": ACTION, "recurrence": {"type": "interval", "every_seconds": 1}}, NOON)
    changed = plan.patched(NOON + timedelta(seconds=300), recurrence={"every_seconds": 120})
    named = [(int((skip.first - NOON).total_seconds()), int((skip.last - NOON).total_seconds())) for skip in changed.decision.skips]
    assert named == [(1, 119), (121, 239), *((second, second) for second in range(241, 301))]
    assert [skip.count for skip in changed.decision.skips[:3]] == [119, 119, 1]


def test_an_update_makes_no_past_occurrences() -> None:
    plan = Waiting({"action": ACTION, "recurrence": TEN_MINUTES}, NOON - 5 * MINUTE)
    plan.fires(NOON)
    changed = plan.patched(NOON + 5.5 * MINUTE, recurrence={"every_seconds": 60})
    assert (changed.decision.skips, changed.cursor.next_nominal) == ((), NOON + 6 * MINUTE)


def test_the_new_schedule_begins_after_the_cursor_where_that_is_later_than_the_update() -> None:
    plan = Waiting({"action": ACTION, "recurrence": TEN_MINUTES}, NOON - 5 * MINUTE)
    plan.fires(NOON)
    before = plan.patched(NOON - MINUTE, recurrence={"every_seconds": 60})
    assert before.cursor.next_nominal == NOON + MINUTE


def test_of_more_than_a_thousand_that_wait_all_are_superseded_in_one_record_that_names_the_last() -> None:
    plan = Waiting({"action": ACTION, "recurrence": {"type": "interval", "every_seconds": 1}}, NOON)
    at = NOON + timedelta(seconds=UNRESOLVED_KEPT_MAX + 500)
    changed = plan.patched(at, recurrence={"every_seconds": 2})
    assert [(skip.reason, skip.first, skip.last, skip.count) for skip in changed.decision.skips] == [
        (SkipReason.SUPERSEDED, NOON + timedelta(seconds=1), at, 1500)
    ]
    assert changed.cursor.next_nominal == at + timedelta(seconds=2)


def test_a_thousand_that_wait_may_stay() -> None:
    plan = Waiting({"action": ACTION, "recurrence": {"type": "interval", "every_seconds": 1}}, NOON)
    changed = plan.patched(NOON + timedelta(seconds=UNRESOLVED_KEPT_MAX), ends_at="2026-03-02T00:00:00Z")
    assert (changed.decision.skips, changed.cursor.next_nominal) == ((), NOON + timedelta(seconds=1))


def test_a_cancel_names_every_occurrence_of_a_backlog_of_thousands() -> None:
    plan = Waiting({"action": ACTION, "recurrence": {"type": "interval", "every_seconds": 1}}, NOON)
    ended = plan.cancelled(NOON + timedelta(seconds=5000))
    assert [(skip.first, skip.last, skip.count) for skip in ended.decision.skips] == [
        (NOON + timedelta(seconds=1), NOON + timedelta(seconds=5000), 5000)
    ]


def test_an_anchor_stays_where_the_recurrence_does() -> None:
    plan = Waiting({"action": ACTION, "recurrence": {"type": "interval", "every_seconds": 60}}, NOON + timedelta(seconds=7))
    changed = plan.patched(NOON + 10 * MINUTE, recurrence={"every_seconds": 120}, misfire={"max_lateness_seconds": 60})
    assert changed.revision.document["recurrence"]["anchor"] == "2026-03-01T12:00:07Z"


def test_a_one_shot_that_is_moved_into_the_past_fires_at_once_and_what_waited_is_superseded() -> None:
    plan = Waiting({"action": ACTION, "execute_at": "2026-03-01T12:10:00Z", "jitter_seconds": 86_400}, NOON)
    changed = plan.patched(NOON + 12 * MINUTE, execute_at="2026-03-01T12:11:00Z", jitter_seconds=0)
    assert [(skip.reason, skip.first) for skip in changed.decision.skips] == [(SkipReason.SUPERSEDED, NOON + 10 * MINUTE)]
    assert plan.fires(NOON + 12 * MINUTE) == [NOON + 11 * MINUTE]
    assert plan.book.cursors[plan.plan].status is PlanStatus.COMPLETED
