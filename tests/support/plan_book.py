"""Section 5 of scheduling.md carried out one occurrence at a time, and the same plan in a shard: an interval, whole seconds.

Nominal times are seconds from noon, what the clock shows is milliseconds from noon: jitter delays by these.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from planner.domain.jitter import delay
from planner.domain.plan import Cursor, StateKind
from planner.owner.changelog import decode
from planner.owner.inbox import Incoming
from support.incoming import plan_made_by
from support.plans import ACTION, NOON
from support.shards import PureShard, Ticked

PLAN: Final = plan_made_by("c1")
SECOND_MS: Final = 1000
ORDINARY_MS: Final = 60_000
KEPT_MAX: Final = 1000
TICKS_MAX: Final = 200


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
    jitter: int = 0

    def document(self) -> dict[str, Any]:
        queue_all = {"policy": "queue_all", "limit": self.limit}
        return {
            "action": ACTION,
            "recurrence": {"type": "interval", "every_seconds": self.every, "anchor": instant(self.anchor * SECOND_MS).isoformat()},
            "ends_at": None if self.end is None else instant(self.end * SECOND_MS).isoformat(),
            "max_runs": self.max_runs,
            "jitter_seconds": self.jitter,
            "misfire": {"max_lateness_seconds": self.lateness, "coalesce": self.coalesce, "max_catchup": self.catchup},
            "overlap": queue_all if self.overlap == "queue_all" else self.overlap,
        }

    def patch(self) -> dict[str, Any]:
        """An update to this definition. What was made stays: the action."""
        return {name: value for name, value in self.document().items() if name != "action"}

    def occurrences(self, after: int, until: int) -> list[int]:
        """Those with `after` < t <= `until`."""
        first = max(0, (after - self.anchor) // self.every + 1)
        last = until if self.end is None else min(until, self.end)
        return list(range(self.anchor + first * self.every, last + 1, self.every))

    def names_what(self, other: "Given") -> bool:
        """Whether both name the same occurrences."""
        return (self.every, self.anchor, self.end) == (other.every, other.anchor, other.end)

    @property
    def lag(self) -> int:
        return delay(PLAN, self.jitter) // timedelta(milliseconds=1)

    @property
    def waits(self) -> bool:
        return self.overlap not in ("allow", "cancel_previous")

    @property
    def held_max(self) -> int:
        return {"queue_one": 1, "queue_all": self.limit}.get(self.overlap, 0)


@dataclass
class Book:
    """The plan as the text has it. `kept`: by an update, not due yet. `outcomes`: of each occurrence, with what stands for it."""

    given: Given
    status: str = "active"
    cursor: int = 0
    held: list[int] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    open: set[int] = field(default_factory=set)
    fired: int = 0
    outcomes: dict[int, str] = field(default_factory=dict)

    def decide(self, now: int) -> None:
        """Everything whose turn it is."""
        if self.status != "active":
            return
        while self.status == "active" and self._ripe(now) and not (self.open and self.given.waits):
            oldest = self.held.pop(0)
            if self._late(oldest, now):
                self._ends(oldest, "missed")
            else:
                self._fires(oldest)
        if self.open and self.given.waits:
            self._gives_way()
        backlog = self._due(now)
        rest = [nominal for nominal in backlog if not self._late(nominal, now)]
        chosen = self._chosen(rest, self.given.coalesce) if rest and self._lateness(rest[0], now) > ORDINARY_MS else rest
        for nominal in backlog:
            if self.status != "active":
                break
            if nominal in chosen:
                self._turn(nominal)
            else:
                self._ends(nominal, self._passed(self.given.coalesce, chosen) if nominal in rest else "missed")
        self._completes()

    def resume(self, backlog: str, now: int) -> None:
        if self.status != "paused":
            return
        self.status = "active"
        ripe = self._ripe(now)
        coming, waited = self.held[len(ripe) :], ripe + self._due(now)
        self.held, self.kept = [], coming + self.kept
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
            for nominal in [*self.held, *self.kept, *self.given.occurrences(self.cursor, now // SECOND_MS)]:
                self._ends(nominal, "cancelled")
            self.status, self.held, self.kept = "cancelled", [], []

    def update(self, given: Given, now: int, *, active: bool | None) -> None:
        """`active`: what the patch says of it, null where it says nothing."""
        if self.status not in ("active", "paused"):
            return
        if not given.names_what(self.given):
            until = now // SECOND_MS
            came = self.kept + self.given.occurrences(self.cursor, until)
            few = len(self.held) + len(came) <= KEPT_MAX
            stays = [nominal for nominal in self.held + came if few and given.occurrences(nominal - 1, nominal)]
            for nominal in [*self.held, *came]:
                if nominal not in stays:
                    self._ends(nominal, "superseded")
            self.held, self.kept = ([nominal for nominal in waiting if nominal in stays] for waiting in (self.held, came))
            self.cursor = max(self.cursor, until)
        self.given = given
        if given.max_runs is not None and self.fired >= given.max_runs:
            self.status, self.held, self.kept = "completed", [], []
        elif active is not None:
            self.resume("skip", now) if active else self.pause()

    def _ripe(self, now: int) -> list[int]:
        """What is held and due. An update may have made the others due later."""
        return [nominal for nominal in self.held if self._lateness(nominal, now) >= 0]

    def _due(self, now: int) -> list[int]:
        """What has fallen due since the cursor, which moves."""
        until = (now - self.given.lag) // SECOND_MS
        kept = [nominal for nominal in self.kept if nominal <= until]
        came = self.given.occurrences(self.cursor, until)
        self.kept, self.cursor = self.kept[len(kept) :], max([self.cursor, *came])
        return kept + came

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
            self.status, self.held, self.kept = "completed", [], []

    def _gives_way(self) -> None:
        while len(self.held) > self.given.held_max:
            self._ends(self.held.pop(0), "overlap")

    def _ends(self, nominal: int, outcome: str) -> None:
        assert nominal not in self.outcomes
        self.outcomes[nominal] = outcome

    def _lateness(self, nominal: int, now: int) -> int:
        return now - nominal * SECOND_MS - self.given.lag

    def _late(self, nominal: int, now: int) -> bool:
        return self.given.lateness is not None and self._lateness(nominal, now) > self.given.lateness * SECOND_MS

    def _chosen(self, rest: list[int], coalesce: str) -> list[int]:
        return {"latest": rest[-1:], "earliest": rest[:1], "none": rest[-self.given.catchup :]}[coalesce]

    @staticmethod
    def _passed(coalesce: str, chosen: list[int]) -> str:
        return "catchup_limit" if coalesce == "none" else f"coalesced {chosen[0]}"

    def _completes(self) -> None:
        over = self.given.end is not None and not self.given.occurrences(self.cursor, self.given.end)
        if self.status in ("active", "paused") and over and not self.held and not self.kept:
            self.status = "completed"


@dataclass
class Watched:
    """The same plan in a shard. `before`: what it was until its last update, which supersedes what that named."""

    given: Given
    before: Given | None = None
    shard: PureShard = field(default_factory=PureShard)
    outcomes: dict[int, str] = field(default_factory=dict)
    runs: dict[int, str] = field(default_factory=dict)

    def tick(self, now: int, *sources: Incoming) -> None:
        """One tick, and those that follow it at once."""
        self._read(self.shard.tick(*sources, now=instant(now)))
        for _ in range(TICKS_MAX):
            if self.wakes_until(now) is None:
                return
            self._read(self.shard.tick(now=instant(now)))
        raise AssertionError("a timer is due for ever")

    def updated(self, given: Given) -> None:
        self.given, self.before = given, self.given

    def wakes_until(self, now: int) -> int | None:
        """When its first timer stands; null if that is later."""
        first = min(self.shard.wakes.values(), default=None)
        return (first - NOON) // timedelta(milliseconds=1) if first is not None and first <= instant(now) else None

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
            named = self._named(first, last, of=self.before if skipped["reason"] == "superseded" else None)
            assert (named[0], named[-1], len(named)) == (first, last, skipped["count"] or (len(named) if first < last else 1))
            self._ends(named, skipped["reason"] if skipped["into"] is None else f"{skipped['reason']} {second(skipped['into'])}")

    def _named(self, first: int, last: int, *, of: Given | None) -> list[int]:
        return [first] if first == last else (of or self.given).occurrences(first - 1, last)

    def _ends(self, named: Sequence[int], outcome: str) -> None:
        assert self.outcomes.keys().isdisjoint(named)
        self.outcomes |= dict.fromkeys(named, outcome)


def instant(milliseconds: int) -> datetime:
    """So long after noon."""
    return NOON + timedelta(milliseconds=milliseconds)


def second(text: str) -> int:
    """Of a nominal time, which is a whole one."""
    return (datetime.fromisoformat(text) - NOON) // timedelta(seconds=1)
