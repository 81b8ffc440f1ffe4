"""Whole ticks against section 5 of scheduling.md, carried out one occurrence at a time: an interval, one plan, whole seconds."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from planner.owner.inbox import Incoming
from support.incoming import a_cancel, a_create, a_report, an_update, command_data, event, incoming
from support.plan_book import PLAN, SECOND_MS, Book, Given, Watched
from support.plans import NOON

# A day after its publication a run bars nothing any more: stories end before.
STORY_S: Final = 80_000


GIVEN: Final = st.builds(
    Given,
    every=st.sampled_from([1, 7, 30, 60, 60, 300, 600]),
    anchor=st.sampled_from([-60, 0, 3]),
    end=st.sampled_from([None, None, 700, 9000]),
    max_runs=st.sampled_from([None, None, 1, 3, 5]),
    lateness=st.sampled_from([None, 30, 90, 600, 3600, 3600]),
    coalesce=st.sampled_from(["none", "none", "latest", "earliest"]),
    catchup=st.sampled_from([1, 3, 100, 1000]),
    overlap=st.sampled_from(["allow", "skip", "queue_one", "queue_all", "queue_all", "cancel_previous"]),
    limit=st.sampled_from([1, 2, 5]),
)
ASKS: Final = [*4 * [()], *4 * [("pause",)], ("skip",), *2 * [("latest",)], *2 * [("all",)], ("pause", "all"), ("cancel",)]
STEPS: Final = st.tuples(
    st.sampled_from([0, 1, 7, 30, 59, 60, 61, 120, 600, 600, 1800, 7200]),
    st.sampled_from(ASKS),
    st.sampled_from([(), (), (0,), (0, 1), (3,)]),
)


@settings(max_examples=300)
@given(GIVEN, st.lists(STEPS, min_size=8, max_size=25))
def test_a_plans_life_is_the_books(definition: Given, steps: list[tuple[int, tuple[str, ...], tuple[int, ...]]]) -> None:
    book, watched, now = Book(definition), Watched(definition), 0
    watched.tick(0, a_create(definition.document()))
    for number, (after, asks, ended) in enumerate(steps):
        now = min(now + after * SECOND_MS, STORY_S * SECOND_MS)
        sources = [asked(book, ask, f"{ask} {number}", now) for ask in asks]
        sources += [reported(book, watched, pick) for pick in ended if watched.runs]
        watched.tick(now, *sources)
        book.decide(now)
        assert_same(book, watched)


UPDATES: Final = st.one_of(
    st.builds(dict, every=st.sampled_from([7, 15, 30, 60, 120, 300, 600])),
    st.builds(dict, anchor=st.sampled_from([-60, 0, 3, 30])),
    st.builds(dict, jitter=st.sampled_from([0, 3600, 14_400])),
    st.builds(dict, lateness=st.sampled_from([None, 30, 3600]), coalesce=st.sampled_from(["none", "latest", "earliest"])),
    st.builds(dict, overlap=st.sampled_from(["allow", "skip", "queue_one", "queue_all", "cancel_previous"])),
    st.builds(dict, max_runs=st.sampled_from([None, 3, 10])),
)
PATCHES: Final = st.tuples(UPDATES, st.sampled_from([None, None, True, False]))
UPDATE_STEPS: Final = st.tuples(
    st.sampled_from([0, 1, 7, 30, 59, 60, 61, 120, 600, 600, 1800]),
    st.one_of(st.none(), st.none(), st.sampled_from(["pause", "skip", "latest", "all"]), PATCHES, PATCHES),
    st.sampled_from([(), (0,), (1,)]),
)


@settings(max_examples=200)
@given(
    GIVEN.map(lambda definition: replace(definition, every=max(definition.every, 7), end=None)),
    st.sampled_from([0, 3600, 7200]),
    st.lists(UPDATE_STEPS, min_size=6, max_size=16),
)
def test_a_plan_that_is_updated_while_its_owner_is_there_lives_by_the_book(
    definition: Given, jitter: int, steps: list[tuple[int, Any, tuple[int, ...]]]
) -> None:
    definition = replace(definition, jitter=jitter)
    book, watched, now = Book(definition), Watched(definition), 0
    watched.tick(0, a_create(definition.document()))
    for number, (after, ask, ended) in enumerate(steps):
        now += after * SECOND_MS
        while (wake := watched.wakes_until(now)) is not None:
            watched.tick(wake)
            book.decide(wake)
        sources = []
        if isinstance(ask, str):
            sources = [asked(book, ask, f"{ask} {number}", now)]
        elif ask is not None:
            fields, active = ask
            newer = replace(book.given, **fields)
            book.update(newer, now, active=active)
            watched.updated(newer)
            sources = [an_update(PLAN, newer.patch() | ({} if active is None else {"active": active}), f"u {number}")]
        sources += [reported(book, watched, pick) for pick in ended if watched.runs]
        watched.tick(now, *sources)
        book.decide(now)
        assert watched.outcomes == book.outcomes


def assert_same(book: Book, watched: Watched) -> None:
    assert watched.outcomes == book.outcomes
    cursor = watched.cursor
    if cursor is None:
        assert (book.status in ("completed", "cancelled"), book.open) == (True, set())
    else:
        held = [(nominal - NOON) // timedelta(seconds=1) for nominal in cursor.held]
        assert (cursor.status, held, cursor.open_runs, cursor.fired) == (book.status, book.held, len(book.open), book.fired)


def reported(book: Book, watched: Watched, pick: int) -> Incoming:
    """The end of a run, the newest or one before it."""
    nominal = sorted(watched.runs)[-1 - pick % len(watched.runs)]
    book.open.discard(nominal)
    return a_report(watched.runs[nominal], PLAN, "completed")


def asked(book: Book, ask: str, name: str, now: int) -> Incoming:
    """The command, after the book has carried it out."""
    if ask == "cancel":
        book.cancel(now)
        return a_cancel(PLAN, name)
    if ask == "pause":
        book.pause()
        return incoming(event("plan.pause", command_data(name, plan_id=PLAN)))
    book.resume(ask, now)
    return incoming(event("plan.resume", command_data(name, plan_id=PLAN, backlog=ask)))
