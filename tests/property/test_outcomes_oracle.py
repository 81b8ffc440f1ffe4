"""Whole ticks against section 5 of scheduling.md, carried out one occurrence at a time: an interval, one plan, whole seconds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from planner.domain.plan import Cursor, StateKind
from planner.owner.changelog import decode
from planner.owner.inbox import Incoming
from support.incoming import a_cancel, a_create, a_report, command_data, event, incoming, plan_made_by
from support.plans import ACTION, NOON
from support.shards import PureShard, Ticked

PLAN: Final = plan_made_by("c1")
ORDINARY_S: Final = 60
# A day after its publication a run bars nothing any more: stories end before.
STORY_S: Final = 80_000


@dataclass(frozen=True)
class Given:
    """A definition, in seconds from noon."""

    every: int
    anchor: int
    end: int | None
    max_runs: int | None
    lateness: int | None
    coalesce: str
    catchup: int
    overlap: str
    limit: int

    def document(self) -> dict[str, Any]:
        queue_all = {"policy": "queue_all", "limit": self.limit}
        return {
            "action": ACTION,
            "recurrence": {"type": "interval", "every_seconds": self.every, "anchor": instant(self.anchor).isoformat()},
            "ends_at": None if self.end is None else instant(self.end).isoformat(),
            "max_runs": self.max_runs,
            "misfire": {"max_lateness_seconds": self.lateness, "coalesce": self.coalesce, "max_catchup": self.catchup},
            "overlap": queue_all if self.overlap == "queue_all" else self.overlap,
        }

    def occurrences(self, after: int, until: int) -> list[int]:
        """Those with `after` < t <= `until`."""
        first = max(0, (after - self.anchor) // self.every + 1)
        last = until if self.end is None else min(until, self.end)
        return list(range(self.anchor + first * self.every, last + 1, self.every))

    @property
    def waits(self) -> bool:
        return self.overlap not in ("allow", "cancel_previous")

    @property
    def held_max(self) -> int:
        return {"queue_one": 1, "queue_all": self.limit}.get(self.overlap, 0)


@dataclass
class Book:
    """The plan as the text has it. `outcomes`: of each occurrence, with what stands for it."""

    given: Given
    status: str = "active"
    cursor: int = 0
    held: list[int] = field(default_factory=list)
    open: set[int] = field(default_factory=set)
    fired: int = 0
    outcomes: dict[int, str] = field(default_factory=dict)

    def decide(self, now: int) -> None:
        """Everything whose turn it is."""
        while self.status == "active" and self.held and not (self.open and self.given.waits):
            oldest = self.held.pop(0)
            if self._late(oldest, now):
                self._ends(oldest, "missed")
            else:
                self._fires(oldest)
            if self.open and self.given.waits:
                self._gives_way()
        backlog = self.given.occurrences(self.cursor, now)
        rest = [nominal for nominal in backlog if not self._late(nominal, now)]
        chosen = self._chosen(rest, self.given.coalesce) if rest and now - rest[0] > ORDINARY_S else rest
        for nominal in backlog:
            if self.status != "active":
                break
            self.cursor = nominal
            if nominal in chosen:
                self._turn(nominal)
            else:
                self._ends(nominal, self._passed(self.given.coalesce, chosen) if nominal in rest else "missed")
        self._completes()

    def resume(self, backlog: str, now: int) -> None:
        if self.status != "paused":
            return
        self.status = "active"
        due = self.given.occurrences(self.cursor, now)
        waited, self.held, self.cursor = self.held + due, [], max([self.cursor, *due])
        rest = [nominal for nominal in waited if not self._late(nominal, now)]
        coalesce = "latest" if backlog == "latest" else "none"
        chosen = self._chosen(rest, coalesce)
        for nominal in waited:
            if backlog == "skip":
                self._ends(nominal, "paused")
            elif nominal not in rest:
                self._ends(nominal, "missed")
            elif nominal not in chosen:
                self._ends(nominal, self._passed(coalesce, chosen))
            else:
                self.held.append(nominal)
        if self.open and self.given.waits:
            self._gives_way()
        self._completes()

    def pause(self) -> None:
        self.status = "paused" if self.status == "active" else self.status

    def cancel(self, now: int) -> None:
        if self.status in ("active", "paused"):
            for nominal in [*self.held, *self.given.occurrences(self.cursor, now)]:
                self._ends(nominal, "cancelled")
            self.status, self.held = "cancelled", []

    def _turn(self, nominal: int) -> None:
        if self.given.waits and (self.open or self.held):
            self.held.append(nominal)
            self._gives_way()
        else:
            self._fires(nominal)

    def _fires(self, nominal: int) -> None:
        if self.given.overlap == "cancel_previous":
            self.open.clear()
        self._ends(nominal, "fired")
        self.open.add(nominal)
        self.fired += 1
        if self.fired == self.given.max_runs:
            self.status, self.held = "completed", []

    def _gives_way(self) -> None:
        while len(self.held) > self.given.held_max:
            self._ends(self.held.pop(0), "overlap")

    def _ends(self, nominal: int, outcome: str) -> None:
        assert nominal not in self.outcomes
        self.outcomes[nominal] = outcome

    def _late(self, nominal: int, now: int) -> bool:
        return self.given.lateness is not None and now - nominal > self.given.lateness

    def _chosen(self, rest: list[int], coalesce: str) -> list[int]:
        return {"latest": rest[-1:], "earliest": rest[:1], "none": rest[-self.given.catchup :]}[coalesce]

    @staticmethod
    def _passed(coalesce: str, chosen: list[int]) -> str:
        return "catchup_limit" if coalesce == "none" else f"coalesced {chosen[0]}"

    def _completes(self) -> None:
        over = self.given.end is not None and not self.given.occurrences(self.cursor, self.given.end)
        if self.status in ("active", "paused") and over and not self.held:
            self.status = "completed"


@dataclass
class Watched:
    """The same plan in a shard."""

    given: Given
    shard: PureShard = field(default_factory=PureShard)
    outcomes: dict[int, str] = field(default_factory=dict)
    runs: dict[int, str] = field(default_factory=dict)

    def tick(self, now: int, *sources: Incoming) -> None:
        """One tick, and those that follow it at once."""
        self._read(self.shard.tick(*sources, now=instant(now)))
        while any(wake <= instant(now) for wake in self.shard.wakes.values()):
            self._read(self.shard.tick(now=instant(now)))

    @property
    def cursor(self) -> Cursor | None:
        (cursor,) = [decode(key.kind, value) for key, value in self.shard.values.items() if key.kind is StateKind.CURSOR] or [None]
        assert cursor is None or isinstance(cursor, Cursor)
        return cursor

    def _read(self, ticked: Ticked) -> None:
        assert ticked.tick.failures == []
        for action in ticked.actions:
            nominal = second(action["scheduled_for"])
            assert nominal > max(self.runs, default=0)
            self.runs[nominal] = action["run_id"]
            self._ends([nominal], "fired")
        for skipped in ticked.of("occurrence.skipped"):
            first, last = (second(skipped[end] or skipped["scheduled_for"]) for end in ("from", "to"))
            named = self.given.occurrences(first - 1, last)
            assert (named[0], named[-1], len(named)) == (first, last, skipped["count"] or (len(named) if first < last else 1))
            self._ends(named, skipped["reason"] if skipped["into"] is None else f"{skipped['reason']} {second(skipped['into'])}")

    def _ends(self, named: Sequence[int], outcome: str) -> None:
        assert self.outcomes.keys().isdisjoint(named)
        self.outcomes |= dict.fromkeys(named, outcome)


def instant(seconds: int) -> datetime:
    return NOON + timedelta(seconds=seconds)


def second(text: str) -> int:
    return (datetime.fromisoformat(text) - NOON) // timedelta(seconds=1)


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
        now = min(now + after, STORY_S)
        sources = [asked(book, ask, f"{ask} {number}", now) for ask in asks]
        for pick in ended if watched.runs else ():
            nominal = sorted(watched.runs)[-1 - pick % len(watched.runs)]
            sources.append(a_report(watched.runs[nominal], PLAN, "completed"))
            book.open.discard(nominal)
        watched.tick(now, *sources)
        book.decide(now)
        assert watched.outcomes == book.outcomes
        cursor = watched.cursor
        if cursor is None:
            assert (book.status in ("completed", "cancelled"), book.open) == (True, set())
        else:
            held = [(nominal - NOON) // timedelta(seconds=1) for nominal in cursor.held]
            assert (cursor.status, held, cursor.open_runs, cursor.fired) == (book.status, book.held, len(book.open), book.fired)


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
