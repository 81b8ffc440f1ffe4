from datetime import timedelta

from planner.recorder.batch import Batch, gather
from planner.recorder.projection import project
from planner_contracts.instants import format_instant
from support.records import NOON, TENANT, Message, Story, an_id

STORY = Story()


def batch(*messages: Message) -> Batch:
    return gather(row for offset, message in enumerate(messages) for row in project(message.at(offset)))


def test_a_run_is_written_once_with_its_newest_state_and_its_whole_history() -> None:
    found = batch(STORY.run(1), STORY.run(1, "executing", 2), STORY.run(1, "completed", 3))
    (run,) = found.runs.values()
    assert (run.state, run.sequence) == ("completed", 3)
    assert [row.state for row in found.transitions.values()] == ["pending", "executing", "completed"]


def test_an_older_state_of_a_run_does_not_replace_a_newer_one() -> None:
    (run,) = batch(STORY.run(1, "completed", 3), STORY.run(1)).runs.values()
    assert run.state == "completed"


def test_a_plan_is_written_once_with_its_newest_revision_and_all_revisions_stay() -> None:
    found = batch(STORY.changed("created", "c1"), STORY.changed("updated", "c2", revision=2, name="b"))
    assert found.plans[STORY.plan_id].revision == 2
    assert [row.revision for row in found.revisions[STORY.plan_id]] == [1, 2]


def test_a_change_that_changed_nothing_is_no_revision() -> None:
    found = batch(STORY.changed("created", "c1"), STORY.changed("updated", "c2"), STORY.changed("triggered", "c3"))
    assert [row.command_id for row in found.revisions[STORY.plan_id]] == [an_id("c1")]
    assert len(found.commands) == 3


def test_a_successor_begins_its_revisions_anew() -> None:
    found = batch(STORY.changed("created", "c1"), STORY.changed("cancelled", "c2", revision=2), STORY.changed("created", "c3"))
    assert [row.revision for row in found.revisions[STORY.plan_id]] == [1, 2, 1]


def test_the_first_outcome_of_a_command_stays() -> None:
    waiting = STORY.command("update", "c1", plan_id=STORY.plan_id, patch={})
    found = batch(waiting, STORY.changed("created", "c1"), STORY.rejected("c1", "IDEMPOTENCY_KEY_REUSED"), waiting)
    assert found.commands[TENANT, an_id("c1")].state == "accepted"


def test_every_plan_is_refreshed_of_which_something_was_said() -> None:
    other = Story(an_id("other"))
    last = Story(an_id("last"))
    found = batch(STORY.run(1, next_run_at=format_instant(NOON + timedelta(minutes=2))), other.completed(), last.changed("created", "c1"))
    assert found.touched_plans() == sorted([STORY.plan_id, other.plan_id, last.plan_id])


def test_a_calendar_is_written_once_with_its_newest_version() -> None:
    found = batch(STORY.calendar("c1", 1, []), STORY.calendar("c2", 2, ["2026-12-25"]), STORY.calendar("c1", 1, []))
    assert [(row.version, row.dates) for row in found.calendars.values()] == [(2, '["2026-12-25"]')]
