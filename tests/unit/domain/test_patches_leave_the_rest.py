"""A patch changes what it names and nothing else, and what differs is told exactly (RFC 7396; scheduling.md, section 2)."""

from typing import Any

import pytest

from planner.domain.definition import changes, define, merge_patch
from planner_contracts.ids import OrganizationId
from planner_contracts.plan_event import PlanEventType
from support.plans import ACTION, MINUTELY, NOON, ONCE, Book, Caller, accepted, codes, rejected
from support.schedules import a_definition, codes_of, instant

NOW = instant("2026-03-01T10:00:30Z")
START, LATER = "2026-03-02T10:00:10Z", "2026-03-03T10:00:00Z"
ANCHOR = "2026-03-01T00:00:07Z"


def document(**fields: object) -> dict[str, Any]:
    return define(a_definition(**fields), now=NOW).document


def interval(**members: object) -> dict[str, Any]:
    return {"type": "interval", "every_seconds": 60, **members}


def patched(stored: dict[str, Any], **patch: object) -> dict[str, Any]:
    return define(merge_patch(stored, patch), now=NOW).document


@pytest.mark.parametrize(
    ("stored", "patch", "recurrence"),
    [
        # The interval takes `starts_at` for its anchor: moving the start would move every occurrence.
        ({"starts_at": START}, {"starts_at": LATER}, interval(anchor=START)),
        ({"starts_at": START}, {"starts_at": None}, interval(anchor=START)),
        ({"starts_at": START}, {"starts_at": LATER, "recurrence": {"every_seconds": 30}}, interval(every_seconds=30, anchor=START)),
        # A patch that leaves the start alone writes no anchor.
        ({"starts_at": START}, {"name": "n"}, interval()),
        ({"starts_at": START}, {"recurrence": {"every_seconds": 30}}, interval(every_seconds=30)),
        ({"starts_at": START}, {"ends_at": LATER}, interval()),
        # An anchor that was given stays, and one that the patch gives is taken.
        ({"starts_at": START, "recurrence": interval(anchor=ANCHOR)}, {"starts_at": LATER}, interval(anchor=ANCHOR)),
        ({"starts_at": START}, {"starts_at": LATER, "recurrence": {"anchor": ANCHOR}}, interval(anchor=ANCHOR)),
        ({"recurrence": interval(anchor=ANCHOR)}, {"starts_at": LATER}, interval(anchor=ANCHOR)),
        (
            {"recurrence": interval(anchor=ANCHOR)},
            {"starts_at": LATER, "recurrence": {"every_seconds": 5}},
            interval(every_seconds=5, anchor=ANCHOR),
        ),
    ],
)
def test_the_anchor_of_an_interval_moves_only_if_the_patch_moves_it(
    stored: dict[str, Any], patch: dict[str, Any], recurrence: dict[str, Any]
) -> None:
    assert patched(document(**stored), **patch)["recurrence"] == recurrence


def test_an_anchor_that_a_patch_takes_away_is_given_by_its_moment_in_whole_seconds() -> None:
    book = Book()
    plan = book.made({"action": ACTION, "recurrence": interval(anchor=ANCHOR)})
    changed = accepted(book.ask(Caller().update(plan, recurrence={"anchor": None}), now=instant("2026-03-01T12:34:56.7Z")))
    assert changed.revision.document["recurrence"] == interval(anchor="2026-03-01T12:34:56Z")
    assert changed.cursor.next_nominal == instant("2026-03-01T12:35:56Z")


def test_a_start_is_no_field_of_a_single_moment_in_a_patch_either() -> None:
    stored = document(execute_at="2026-03-02T09:00:00Z")
    assert codes_of(merge_patch(stored, {"starts_at": LATER})) == [("/starts_at", "FIELD_NOT_APPLICABLE")]
    assert (
        "anchor"
        not in patched(document(recurrence={"type": "cron", "expression": "0 9 * * *"}, starts_at=START), starts_at=LATER)["recurrence"]
    )


@pytest.mark.parametrize(
    ("patch", "overlap"),
    [
        ({"policy": "queue_all", "limit": 5}, {"policy": "queue_all", "limit": 5}),
        ({"policy": "queue_all"}, {"policy": "queue_all", "limit": 100}),
        ({"policy": "skip"}, {"policy": "skip"}),
        ({}, {"policy": "queue_one"}),
    ],
)
def test_a_limit_that_comes_with_another_policy_is_taken(patch: dict[str, Any], overlap: dict[str, Any]) -> None:
    assert patched(document(overlap="queue_one"), overlap=patch)["overlap"] == overlap


@pytest.mark.parametrize(
    ("moment", "zone"),
    [
        ("2026-03-02T09:00:00Z", None),
        ("2026-03-02T09:00:00Z", "Europe/Amsterdam"),
        ("2026-03-02T09:00:00+00:00", None),
        ("2026-03-02T09:00:00+00:00", "UTC"),
        ("2026-03-02T09:00:00+01:00", None),
        ("2026-03-02T09:00:00+01:00", "Europe/Amsterdam"),
        ("2026-03-02T09:00:00", "UTC"),
        ("2026-03-02T09:00:00", "Europe/Amsterdam"),
    ],
)
def test_a_patch_of_another_field_keeps_a_moment_and_its_zone(moment: str, zone: str | None) -> None:
    stored = document(execute_at=moment, timezone=zone)
    assert patched(stored, name="n") == stored | {"name": "n"}


@pytest.mark.parametrize(
    ("old", "new", "differ"),
    [
        ([{"a": 1}], [{"a": 1}], False),
        ([{"a": 1}], [{"a": 2}], True),
        ([{"a": 1, "b": 2}], [{"a": 1, "b": 3}], True),
        ([{"a": 1, "b": 2}], [{"b": 2, "a": 1}], False),
        ([{"a": [1]}], [{"a": [True]}], True),
        ([{"a": {"b": 0}}], [{"a": {"b": False}}], True),
        ([1, 2], [2, 1], True),
        ([], None, True),
        (None, [], True),
        ([1], 1, True),
        ("x", ["x"], True),
        ({"type": 1, "a": 1}, {"type": 2, "a": 1}, True),
    ],
)
def test_values_within_lists_are_compared_to_the_last_member(old: object, new: object, differ: object) -> None:
    found = changes({"payload": {"x": old}}, {"payload": {"x": new}})
    assert bool(found) is differ
    assert all((change.old, change.new) == (old, new) for change in found)


def test_a_patch_that_names_the_action_it_has_makes_no_revision() -> None:
    book = Book()
    plan = book.made(MINUTELY)
    found = accepted(book.ask(Caller().update(plan, action=ACTION)))
    assert (found.decision.type, found.event.revision, found.event.changes) == (PlanEventType.UPDATED, 1, [])
    assert (found.decision.revision, found.decision.cursor) == (None, None)


def test_a_patch_to_an_action_without_topics_is_refused_and_one_of_other_fields_is_not() -> None:
    book = Book()
    plan = book.made(MINUTELY)
    assert rejected(book.ask(Caller("a").update(plan, action="no.such"))).code == "ACTION_UNKNOWN"
    assert accepted(book.ask(Caller("b").update(plan, action="content.remove", name="n"))).revision.document["action"] == "content.remove"


def test_an_update_that_leaves_nothing_to_fire_is_refused_unless_all_runs_have_been() -> None:
    book = Book()
    plan = book.made(MINUTELY | {"max_runs": 3})
    assert book.wake(plan, now=instant("2026-03-01T12:01:00Z")) is not None
    assert codes(rejected(book.ask(Caller("a").update(plan, ends_at="2026-03-01T12:01:30Z"), now=instant("2026-03-01T12:01:15Z")))) == [
        "/recurrence SCHEDULE_IN_PAST"
    ]
    ended = accepted(book.ask(Caller("b").update(plan, max_runs=1), now=instant("2026-03-01T12:01:15Z")))
    assert (ended.cursor.status, ended.cursor.next_nominal) == ("completed", None)


def test_a_plan_of_another_organization_is_not_there_for_any_command() -> None:
    book = Book()
    plan = book.made(ONCE, now=NOON)
    one, two, three, four = (Caller(name, organization_id=OrganizationId("another")) for name in ("1", "2", "3", "4"))
    for command in (one.update(plan, name="n"), two.cancel(plan), three.pause(plan)):
        assert rejected(book.ask(command)).code == "PLAN_NOT_FOUND"
    book.ask(Caller("c").cancel(plan))
    assert rejected(book.ask(four.cancel(plan))).code == "PLAN_NOT_FOUND"


def test_a_policy_for_changes_of_the_clock_is_no_further_fault_of_a_plan_without_times() -> None:
    assert codes_of({"action": ACTION, "dst": {"gap": "skip"}}) == [("/execute_at", "FIELD_REQUIRED")]
