from datetime import UTC, datetime, timedelta

from planner.cli.demo_story import every, until

ANCHOR = datetime(2026, 11, 25, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def a_plan(changed_after: timedelta) -> dict[str, str]:
    return {"id": "the-plan", "updated_at": (ANCHOR + changed_after).isoformat().replace("+00:00", "Z")}


def seconds(instants: list[datetime]) -> list[float]:
    return [(instant - ANCHOR).total_seconds() for instant in instants]


def test_a_plan_made_before_its_anchor_begins_with_it() -> None:
    expected = until(a_plan(2.5 * SECOND), every(a_plan(-3 * SECOND), anchor=ANCHOR, period=SECOND))
    assert seconds(list(expected.must())) == [0, 1, 2]


def test_nothing_is_expected_at_the_very_moment_of_a_change_that_made_it() -> None:
    expected = until(a_plan(5 * SECOND), every(a_plan(2 * SECOND), anchor=ANCHOR, period=SECOND))
    assert seconds(list(expected.must())) == [3, 4, 5]


def test_after_the_change_that_ended_it_nothing_may_fire() -> None:
    expected = until(a_plan(2.5 * SECOND), every(a_plan(-SECOND), anchor=ANCHOR, period=SECOND))
    assert expected.may(ANCHOR + 2 * SECOND)
    assert not expected.may(ANCHOR + 3 * SECOND)


def test_a_plan_that_ended_before_its_first_occurrence_must_do_nothing() -> None:
    expected = until(a_plan(-SECOND), every(a_plan(-3 * SECOND), anchor=ANCHOR, period=SECOND))
    assert not list(expected.must())
