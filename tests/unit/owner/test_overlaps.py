"""Overlap through whole ticks: every ten minutes, the run of 10:00 ends at 10:25 (scheduling.md, section 5.5)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from planner.domain.jitter import delay
from planner.domain.plan import Cursor, StateKind
from planner.domain.run import KEPT_MAX, OPEN_MAX
from planner.owner.changelog import decode
from planner.owner.due_plans import CANCELLED_PER_TICK_MAX
from planner.owner.index import StateKey
from planner_contracts.ids import run_id
from support.incoming import a_create, a_report, an_update, command_data, event, incoming, plan_made_by
from support.plans import ACTION, NOON, TENANT
from support.shards import PureShard, Ticked

TEN = timedelta(minutes=10)
PLAN = plan_made_by("c1")
TENS: dict[str, Any] = {"action": ACTION, "recurrence": {"type": "interval", "every_seconds": 600, "anchor": "2026-03-01T12:10:00Z"}}


@dataclass
class Watched:
    """A shard with one plan, and what became of its occurrences, in order: `(minute, outcome)`; minutes count from 12:00."""

    shard: PureShard = field(default_factory=PureShard)
    seen: list[tuple[int, str]] = field(default_factory=list)

    def tick(self, minutes: float, *sources: Any) -> Ticked:  # noqa: ANN401  records
        """One tick, and those that follow it at once."""
        now = NOON + timedelta(minutes=minutes)
        ticked = self._one(now, *sources)
        while any(wake <= now for wake in self.shard.wakes.values()):
            self._one(now)
        return ticked

    def ends(self, minutes: float, of: int, state: str = "completed") -> Ticked:
        """The run of that minute's occurrence ends."""
        run = run_id(PLAN, "schedule", NOON + timedelta(minutes=of), 1)
        return self.tick(minutes, a_report(run, PLAN, state))

    @property
    def cursor(self) -> Cursor:
        (cursor,) = (decode(key.kind, value) for key, value in self.shard.values.items() if key.kind is StateKind.CURSOR)
        assert isinstance(cursor, Cursor)
        return cursor

    def _one(self, now: datetime, *sources: Any) -> Ticked:  # noqa: ANN401  records
        ticked = self.shard.tick(*sources, now=now)
        assert ticked.tick.failures == []
        for found in ticked.published:
            if found.type == f"planner.action.{ACTION}":
                self.seen.append((minute(found.data["scheduled_for"]), "fired"))
            elif found.type == "planner.occurrence.skipped":
                self.seen.append((minute(found.data["scheduled_for"] or found.data["from"]), found.data["reason"]))
            elif found.type == "planner.occurrence.held":
                self.seen.append((minute(found.data["scheduled_for"]), "held"))
            elif found.type == "planner.run.failed":
                self.seen.append((minute(found.data["scheduled_for"]), found.data["reason"]))
        return ticked


def minute(text: str) -> int:
    return (datetime.fromisoformat(text) - NOON) // timedelta(minutes=1)


def watched(overlap: object, **more: object) -> Watched:
    """Ten past twelve has just fired."""
    story = Watched()
    story.tick(0, a_create(TENS | {"overlap": overlap} | more))
    story.tick(10)
    assert story.seen == [(10, "fired")]
    story.seen.clear()
    return story


@pytest.mark.parametrize(
    ("overlap", "before_the_end", "with_the_end", "after_it"),
    [
        ("allow", [(20, "fired"), (30, "fired")], [], [(40, "fired")]),
        ("skip", [(20, "overlap"), (30, "overlap")], [], [(40, "fired")]),
        ("queue_one", [(20, "held"), (20, "overlap"), (30, "held")], [(30, "fired")], [(40, "held")]),
        ("queue_all", [(20, "held"), (30, "held")], [(20, "fired")], [(40, "held")]),
        (
            "cancel_previous",
            [(10, "CANCELLED"), (20, "fired"), (20, "CANCELLED"), (30, "fired")],
            [],
            [(30, "CANCELLED"), (40, "fired")],
        ),
    ],
)
def test_each_policy_does_what_its_example_says(
    overlap: str, before_the_end: list[tuple[int, str]], with_the_end: list[tuple[int, str]], after_it: list[tuple[int, str]]
) -> None:
    story = watched(overlap)
    story.tick(20)
    story.tick(30)
    assert story.seen == before_the_end
    story.ends(35, 10)
    assert story.seen == before_the_end + with_the_end
    story.tick(40)
    assert story.seen == before_the_end + with_the_end + after_it


def test_what_is_held_fires_one_after_the_other_as_runs_end() -> None:
    story = watched("queue_all")
    story.tick(20)
    story.tick(30)
    story.ends(31, 10)
    story.ends(32, 20, "failed")
    assert [outcome for outcome in story.seen if outcome[1] == "fired"] == [(20, "fired"), (30, "fired")]
    story.ends(33, 30)
    assert (story.cursor.held, story.cursor.open_runs) == ((), 0)


def test_a_held_occurrence_whose_window_is_over_is_missed_and_the_next_one_fires() -> None:
    story = watched("queue_all", misfire={"max_lateness_seconds": 900})
    story.tick(20)
    story.tick(30)
    story.ends(36, 10)
    assert story.seen[-2:] == [(20, "missed"), (30, "fired")]


def test_a_cancelled_run_ends_with_an_event_and_a_request_to_its_worker() -> None:
    story = watched("cancel_previous")
    ticked = story.tick(20)
    (asked,) = ticked.of("run.cancel_requested")
    first = run_id(PLAN, "schedule", NOON + TEN, 1)
    assert asked == {"run_id": first, "plan_id": PLAN, "reason": "CANCELLED"}
    (ended,) = ticked.of("run.failed")
    assert (ended["id"], ended["state"], ended["reason"]) == (first, "failed", "CANCELLED")
    (record,) = (found.record for found in ticked.published if found.type == "planner.run.cancel_requested")
    assert (record.topic, record.key) == (f"t.control.{ACTION}", PLAN.encode())
    assert story.ends(21, 10).published == []


def test_of_several_that_fire_at_once_each_ends_the_one_before() -> None:
    story = watched("cancel_previous", misfire={"coalesce": "none"})
    story.tick(40)
    assert [made for made in story.seen if made[1] == "fired"] == [(20, "fired"), (30, "fired"), (40, "fired")]
    assert [made for made in story.seen if made[1] == "CANCELLED"] == [(10, "CANCELLED"), (20, "CANCELLED"), (30, "CANCELLED")]
    assert story.cursor.open_runs == 1
    story.ends(45, 40)
    assert story.cursor.open_runs == 0


def test_a_request_to_stop_lies_where_the_runs_action_does_though_the_plan_has_another_ordering_key_by_now() -> None:
    story = Watched()
    story.tick(0, a_create(TENS | {"overlap": "cancel_previous", "ordering_key": "customer 1"}))
    first = story.tick(10).published
    story.tick(15, an_update(PLAN, {"ordering_key": "customer 2"}, "c2"))
    then = story.tick(20).published
    (action,) = (found.record for found in first if found.type == f"planner.action.{ACTION}")
    (asked,) = (found.record for found in then if found.type == "planner.run.cancel_requested")
    assert (asked.key, asked.partition) == (action.key, action.partition)
    assert action.key == b"customer 1"


def test_an_update_to_cancel_previous_in_the_tick_of_the_next_occurrence_ends_the_runs_before_it() -> None:
    story = watched("allow")
    story.tick(20)
    story.seen.clear()
    story.tick(30, an_update(PLAN, {"overlap": "cancel_previous"}, "c2"))
    assert story.seen == [(10, "CANCELLED"), (20, "CANCELLED"), (30, "fired")]
    story.ends(31, 30)
    assert story.cursor.open_runs == 0


def test_a_held_occurrence_that_an_update_makes_due_later_is_not_published_before() -> None:
    story = watched("queue_one")
    story.tick(20)
    story.tick(21, an_update(PLAN, {"jitter_seconds": 86_400}, "c2"))
    due = NOON + 2 * TEN + delay(PLAN, 86_400)
    story.ends(22, 10)
    assert (story.seen, story.cursor.wake_at) == ([(20, "held")], due)
    story.tick((due - NOON) / timedelta(minutes=1))
    assert story.seen == [(20, "held"), (20, "fired")]


def test_an_update_to_allow_sets_free_what_is_held() -> None:
    story = watched("queue_all")
    story.tick(20)
    story.tick(25, an_update(PLAN, {"overlap": "allow"}, "c2"))
    assert story.seen == [(20, "held"), (20, "fired")]
    assert story.cursor.open_runs == 2


def test_an_update_without_the_held_occurrence_supersedes_it() -> None:
    story = watched("queue_all")
    story.tick(20)
    story.tick(25, an_update(PLAN, {"recurrence": {"anchor": "2026-03-01T12:05:00Z"}}, "c2"))
    assert story.seen == [(20, "held"), (20, "superseded")]
    assert story.cursor.next_nominal == NOON + timedelta(minutes=35)


def test_a_cancel_ends_what_is_held() -> None:
    story = watched("queue_all")
    story.tick(20)
    story.tick(25, incoming(event("plan.cancel", command_data("c2", plan_id=PLAN))))
    assert story.seen == [(20, "held"), (20, "cancelled")]


def test_a_pause_keeps_what_is_held_and_an_end_of_the_run_meanwhile_fires_nothing() -> None:
    story = watched("queue_all")
    story.tick(20)
    story.tick(22, incoming(event("plan.pause", command_data("c2", plan_id=PLAN))))
    story.ends(25, 10)
    assert (story.seen, story.cursor.held) == ([(20, "held")], (NOON + 2 * TEN,))
    story.tick(35, incoming(event("plan.resume", command_data("c3", plan_id=PLAN, backlog="all"))))
    assert story.seen == [(20, "held"), (30, "held"), (20, "fired")]


@pytest.mark.parametrize(
    ("overlap", "at_the_resume", "at_the_end"),
    [
        ("skip", [(20, "overlap"), (30, "overlap")], []),
        ("queue_one", [(20, "overlap"), (30, "held")], [(30, "fired")]),
        ("queue_all", [(20, "held"), (30, "held")], [(20, "fired")]),
    ],
)
def test_what_a_resume_is_to_fire_gives_way_to_an_open_run(
    overlap: str, at_the_resume: list[tuple[int, str]], at_the_end: list[tuple[int, str]]
) -> None:
    story = watched(overlap)
    story.tick(15, incoming(event("plan.pause", command_data("c2", plan_id=PLAN))))
    story.tick(35, incoming(event("plan.resume", command_data("c3", plan_id=PLAN, backlog="all"))))
    assert story.seen == at_the_resume
    story.ends(36, 10)
    assert story.seen == at_the_resume + at_the_end


def test_a_plan_completes_when_the_last_that_was_held_has_fired() -> None:
    story = watched("queue_all", ends_at="2026-03-01T12:30:00Z")
    story.tick(20)
    story.tick(30)
    assert (story.cursor.status, story.cursor.next_nominal) == ("active", None)
    story.ends(35, 10)
    assert story.cursor.status == "active"
    assert story.ends(36, 20).of("plan.completed") == []
    assert story.seen[-1] == (30, "fired")
    assert story.cursor.status == "completed"


def test_max_runs_counts_what_fired_and_nothing_after_it_has_an_outcome() -> None:
    story = watched("skip", max_runs=3)
    story.tick(20)
    story.ends(25, 10)
    story.tick(30)
    story.ends(35, 30)
    story.tick(40)
    assert story.seen == [(20, "overlap"), (30, "fired"), (40, "fired")]
    assert story.cursor.status == "completed"


def test_a_run_that_is_never_reported_bars_the_others_for_a_day_only() -> None:
    story = watched("queue_one")
    fired = NOON + TEN
    story.tick(20)
    day = OPEN_MAX / timedelta(minutes=1)
    story.tick(10 + day - 1)
    assert story.cursor.open_runs == 1
    story.tick(10 + day)
    assert story.seen[-1] == (10 + day, "fired")
    kept = (fired + KEPT_MAX - NOON) / timedelta(minutes=1)
    assert [run["reason"] for run in story.tick(kept).of("run.failed")] == ["NOT_REPORTED"]


def with_an_unreadable_run(overlap: str) -> tuple[Watched, StateKey]:
    """The run of ten past twelve stands there as another version wrote it."""
    story = watched(overlap)
    key = StateKey(StateKind.RUN, TENANT, run_id(PLAN, "schedule", NOON + TEN, 1))
    story.shard.values[key] = story.shard.values[key].replace(b'"trigger":"schedule"', b'"trigger":"dreaming"')
    return story, key


@pytest.mark.parametrize("is_taken_over", [False, True])
def test_a_run_whose_record_this_version_cannot_read_bars_the_others_for_a_day_only(is_taken_over: bool) -> None:
    # After a takeover it had no timer, and its plan waited for it for ever.
    story, key = with_an_unreadable_run("skip")
    if is_taken_over:
        story.shard.take_over()
    before = story.shard.tick(now=NOON + TEN + OPEN_MAX - timedelta(microseconds=1))
    assert (before.dead_letters, key in story.shard.values) == ([], True)
    ticked = story.shard.tick(now=NOON + TEN + OPEN_MAX)
    assert (len(ticked.dead_letters), story.cursor.open_runs, key in story.shard.values) == (1, 0, False)


def test_a_run_that_cannot_be_read_is_let_go_for_the_sake_of_the_occurrence_that_cancels_it() -> None:
    # Every occurrence was undeliverable as long as the record stood there: cancelling the run failed, and with it the fire.
    story, key = with_an_unreadable_run("cancel_previous")
    record = story.shard.values[key]
    story.shard.take_over()
    ticked = story.tick(20)
    (letter,) = ticked.dead_letters
    assert (letter.key, letter.value, dict(letter.headers)["reason"]) == ("/".join(key).encode(), record, b"STATE_UNUSABLE")
    assert (story.seen, story.cursor.open_runs, key in story.shard.values) == ([(20, "fired")], 1, False)
    story.tick(30)
    story.tick(10 + OPEN_MAX / timedelta(minutes=1))
    assert story.seen[:3] == [(20, "fired"), (20, "CANCELLED"), (30, "fired")]
    assert story.shard.tick(now=NOON + KEPT_MAX * 2, keep=False).dead_letters == []


def test_a_report_on_a_run_that_bars_nothing_any_more_still_counts() -> None:
    story = watched("skip")
    day = OPEN_MAX / timedelta(minutes=1)
    story.tick(10 + day + 5)
    assert story.cursor.open_runs == 0
    (ended,) = story.ends(10 + day + 6, 10).of("run.completed")
    assert (ended["state"], story.cursor.open_runs) == ("completed", 0)


def test_more_open_runs_than_one_transaction_ends_are_ended_in_several_and_the_occurrence_waits() -> None:
    story = Watched()
    many = 2 * CANCELLED_PER_TICK_MAX + 10
    every_second = {"action": ACTION, "recurrence": {"type": "interval", "every_seconds": 1, "anchor": "2026-03-01T12:00:00Z"}}
    story.tick(0, a_create(every_second))
    for second in range(60, many + 60, 60):
        story.tick(second / 60)
    opened = story.cursor.open_runs
    assert opened > 2 * CANCELLED_PER_TICK_MAX
    story.tick(opened / 60, an_update(PLAN, {"overlap": "cancel_previous"}, "c2"))
    story.seen.clear()

    now = NOON + timedelta(seconds=opened + 1)
    ticks = []
    while any(wake <= now for wake in story.shard.wakes.values()):
        ticked = story.shard.tick(now=now)
        ticks.append((len(ticked.of("run.failed")), len(ticked.actions)))
    assert ticks == [(CANCELLED_PER_TICK_MAX, 0), (CANCELLED_PER_TICK_MAX, 0), (opened - 2 * CANCELLED_PER_TICK_MAX, 1)]
    assert story.cursor.open_runs == 1


@pytest.mark.parametrize(
    ("overlap", "at_once", "waiting"),
    [("queue_one", [(20, "overlap")], (30,)), ("skip", [(20, "overlap"), (30, "overlap")], ())],
)
def test_what_a_new_policy_does_not_hold_gives_way_at_once(overlap: str, at_once: list[tuple[int, str]], waiting: tuple[int, ...]) -> None:
    # It waited for the run to end, and then fired although the policy had long said otherwise.
    story = watched("queue_all")
    story.tick(20)
    story.tick(30)
    story.seen.clear()
    story.tick(32, an_update(PLAN, {"overlap": overlap}, "c2"))
    assert (story.seen, story.cursor.held) == (at_once, tuple(NOON + timedelta(minutes=minutes) for minutes in waiting))
