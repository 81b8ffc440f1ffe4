"""The laws of `fire` and `observe`, over random lives of plans: what is published, when, and once."""

from collections import defaultdict
from datetime import datetime
from itertools import pairwise
from typing import Any

from hypothesis import given

from planner.domain.definition import load
from planner.domain.jitter import delay
from planner.domain.limits import TICK
from planner.domain.plan import Cursor, StateKind
from planner.domain.recurrence.once import Once
from planner.domain.recurrence.window import occurrences
from planner.domain.schedule import Schedule
from planner.owner.changelog import decode
from planner_contracts.action import CONTROL_TYPE
from planner_contracts.ids import PlanId, run_id
from planner_contracts.plan_event import PlanEventType
from planner_contracts.run_event import RunEventType
from support.plans import NOON
from support.schedules import instant
from support.shards import Published
from support.stories import Story, Told, stories

_EVERYTHING = 100_000
_STEPS = {("pending", "executing"), ("pending", "completed"), ("pending", "failed"), ("executing", "completed"), ("executing", "failed")}


def by_plan(story: Story) -> dict[str, list[tuple[Told, Published]]]:
    """Everything published about each plan, in order."""
    plans = defaultdict(list)
    for told, found in story.published():
        if found.data.get("plan_id") is not None:
            plans[found.data["plan_id"]].append((told, found))
    return plans


def is_action(found: Published) -> bool:
    return found.type.startswith("planner.action.")


def is_run_event(found: Published) -> bool:
    return found.type.startswith("planner.run.") and found.type != CONTROL_TYPE


def revisions(events: list[tuple[Told, Published]]) -> list[dict[str, Any]]:
    """The plan as each command that was carried out left it."""
    return [found.data["plan"] for _, found in events if found.data.get("plan") is not None]


def spans(events: list[tuple[Told, Published]]) -> list[tuple[datetime, datetime]]:
    """What every action and skip names: one nominal time, or the first and last of a range."""
    named = []
    for _, found in events:
        if is_action(found):
            named.append((instant(found.data["scheduled_for"]),) * 2)
        elif found.type == RunEventType.OCCURRENCE_SKIPPED:
            single = found.data.get("scheduled_for")
            named.append((instant(single or found.data["from"]), instant(single or found.data["to"])))
    return named


@given(stories())
def test_each_nominal_time_has_one_outcome_at_most(story: Story) -> None:
    for events in by_plan(story).values():
        for (_, last), (first, _) in pairwise(sorted(spans(events))):
            assert last < first


@given(stories())
def test_scheduled_runs_are_published_in_rising_order_and_never_early(story: Story) -> None:
    for events in by_plan(story).values():
        actions = [(told.now, found.data) for told, found in events if is_action(found)]
        assert all(one["scheduled_for"] < other["scheduled_for"] for (_, one), (_, other) in pairwise(actions))
        for now, action in actions:
            assert instant(action["scheduled_for"]) <= instant(action["due_at"]) <= now == instant(action["published_at"])
            assert action["run_id"] == run_id(PlanId(action["plan_id"]), "schedule", instant(action["scheduled_for"]), 1)


@given(stories())
def test_a_run_keeps_the_revision_in_force_when_it_was_published(story: Story) -> None:
    fired: dict[str, int] = {}
    for events in by_plan(story).values():
        revision = 0
        for _, found in events:
            if found.data.get("plan") is not None:
                revision = found.data["revision"]
            elif is_action(found):
                fired[found.data["run_id"]] = revision
                assert found.data["plan_revision"] == revision
            elif is_run_event(found):
                assert found.data["plan_revision"] == fired[found.data["id"]]


@given(stories())
def test_nothing_is_published_of_a_plan_that_has_ended_and_it_completes_once(story: Story) -> None:
    for events in by_plan(story).values():
        ended = False
        for _, found in events:
            assert not (ended and (is_action(found) or found.type in (PlanEventType.COMPLETED, RunEventType.OCCURRENCE_SKIPPED)))
            gone = found.data.get("plan") is not None and found.data["plan"]["status"] == "completed"
            # A cancel's own skips come with its event.
            ended = ended or gone or found.type == PlanEventType.COMPLETED
        cancelled = [number for number, (_, found) in enumerate(events) if found.type == PlanEventType.CANCELLED]
        after = events[cancelled[0] :] if cancelled else []
        assert not any(is_action(found) or found.type == PlanEventType.COMPLETED for _, found in after)


@given(stories())
def test_bounds_of_the_revision_in_force_hold(story: Story) -> None:
    for events in by_plan(story).values():
        fired = 0
        plan: dict[str, Any] = {}
        for _, found in events:
            plan = found.data.get("plan") or plan
            if is_action(found):
                fired += 1
                assert fired <= (plan["max_runs"] or fired)
                assert (plan["starts_at"] or found.data["scheduled_for"]) <= found.data["scheduled_for"]
                assert found.data["scheduled_for"] <= (plan["ends_at"] or found.data["scheduled_for"])


@given(stories())
def test_a_plan_that_was_never_updated_gives_every_due_occurrence_its_outcome_or_holds_it(story: Story) -> None:
    cursors = {key.id: decode(key.kind, value) for key, value in story.shard.values.items() if key.kind is StateKind.CURSOR}
    for plan_id, events in by_plan(story).items():
        made = revisions(events)
        if not made or any(found.type == PlanEventType.UPDATED for _, found in events):
            continue
        cursor = cursors.get(plan_id)
        if cursor is not None and cursor.status == "paused":
            continue  # what waits has no outcome yet
        schedule = load(made[0]).schedule
        given = [instant_ for first, last in spans(events) for instant_ in between(schedule, first, last)]
        cancelled = next((told.now for told, found in events if found.type == PlanEventType.CANCELLED), None)
        until = cancelled or story.now - delay(plan_id, schedule.jitter_seconds)
        created = instant(made[0]["created_at"])
        expected = between(schedule, created + TICK, until)
        if isinstance(schedule.rule, Once):
            expected = [schedule.rule.instant] if schedule.rule.instant <= until else []
        if schedule.max_runs is not None and sum(is_action(found) for _, found in events) >= schedule.max_runs:
            expected = [nominal for nominal in expected if nominal <= max(given)]
        assert sorted([*given, *(() if cursor is None else cursor.held)]) == expected


def between(schedule: Schedule, first: datetime, last: datetime) -> list[datetime]:
    return list(occurrences(schedule, after=first - TICK, until=last, limit=_EVERYTHING).instants) if first <= last else []


@given(stories())
def test_runs_move_along_their_states_and_each_step_is_numbered(story: Story) -> None:
    runs: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for _, found in story.published():
        if is_run_event(found):
            runs[found.data["id"]].append(found.data)
    assert runs.keys() == {run["run_id"] for run in story.runs}
    for told in runs.values():
        assert [data["sequence"] for data in told] == list(range(1, len(told) + 1))
        assert told[0]["state"] == "pending"
        assert all((one["state"], other["state"]) in _STEPS for one, other in pairwise(told))


@given(stories())
def test_the_records_of_a_plan_belong_together(story: Story) -> None:
    held: dict[str, dict[StateKind, Any]] = defaultdict(dict)
    open_runs: dict[str, int] = defaultdict(int)
    for key, value in story.shard.values.items():
        record = decode(key.kind, value)
        if key.kind is StateKind.RUN:
            open_runs[record.plan_id] += 1
        elif key.kind is not StateKind.RECEIPT:
            held[key.id][key.kind] = record
    for plan_id, kinds in held.items():
        assert kinds.keys() in ({StateKind.RETIRED}, {StateKind.DEFINITION, StateKind.CURSOR})
        cursor = kinds.get(StateKind.CURSOR)
        if isinstance(cursor, Cursor):
            assert cursor.open_runs == open_runs.pop(plan_id, 0)
            assert cursor.revision == kinds[StateKind.DEFINITION].number
            assert not cursor.wait_for_run or (cursor.held and cursor.open_runs)
            assert (cursor.next_due is not None) <= (cursor.status == "active") <= (cursor.next_due is not None or cursor.wait_for_run)
            assert cursor.wake_at is None or cursor.wake_at > story.now >= NOON
    assert open_runs == {}
