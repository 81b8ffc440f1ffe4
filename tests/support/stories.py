"""Random lives of a shard's plans: commands, repeats, reports and the passing of time, told tick by tick to a shard in memory."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from hypothesis import strategies as st

from planner.owner.inbox import Incoming
from planner_contracts.ids import PlanId
from support.incoming import a_report, command_data, event, incoming, plan_made_by
from support.plans import ACTION, NOON
from support.shards import Published, PureShard, Ticked

Document = dict[str, Any]

_MAKERS: Final = (("p0", None), ("p1", None), ("q0", "k0"), ("q1", "k0"), ("q2", "k0"))
_NAMES: Final = tuple(f"c{number}" for number in range(100))
_WHEN: Final[tuple[Document, ...]] = (
    {"execute_at": "2026-03-01T12:00:30Z"},
    {"execute_at": "2026-03-01T11:59:00Z"},
    {"execute_at": "2026-03-01T13:00:00.000001Z"},
    {"recurrence": {"type": "interval", "every_seconds": 7}},
    {"recurrence": {"type": "interval", "every_seconds": 60, "anchor": "2026-03-01T12:00:00Z"}},
    {"recurrence": {"type": "interval", "every_seconds": 300, "anchor": "2026-03-01T12:00:00Z"}},
    {"recurrence": {"type": "cron", "expression": "*/2 * * * *"}, "timezone": "Europe/Amsterdam"},
    {"recurrence": {"type": "cron", "expression": "30 13-14 * * *"}},
)
_BOUNDS: Final[tuple[Document, ...]] = (
    {},
    {},
    {"max_runs": 1},
    {"max_runs": 3},
    {"ends_at": "2026-03-01T12:10:00Z"},
    {"starts_at": "2026-03-01T12:05:00Z", "ends_at": "2026-03-01T15:00:00Z"},
)
_LATE: Final[tuple[Document, ...]] = (
    {},
    {"jitter_seconds": 90},
    {"misfire": {"coalesce": "none"}},
    {"misfire": {"coalesce": "none", "max_catchup": 1}},
    {"misfire": {"coalesce": "earliest", "max_lateness_seconds": None}},
    {"misfire": {"coalesce": "latest", "max_lateness_seconds": 30}},
)
_PATCHES: Final[tuple[Document, ...]] = (
    {},
    {"name": "b"},
    {"payload": {"n": 1}},
    {"action": "nobody.knows"},
    {"unknown": 1},
    {"execute_at": "2026-03-01T12:00:30Z", "recurrence": None},
    {"execute_at": None, "recurrence": {"type": "interval", "every_seconds": 45}},
    {"recurrence": {"every_seconds": 300}},
    {"recurrence": {"every_seconds": 1}},
    {"max_runs": None},
    {"ends_at": None},
    {"active": False},
    {"active": True},
    {"overlap": "allow"},
    {"overlap": "queue_one"},
    *_BOUNDS[2:],
    *_LATE[1:],
)
_OVERLAPS: Final[tuple[Document, ...]] = (
    {},
    {},
    {"overlap": "skip"},
    {"overlap": "queue_one"},
    {"overlap": {"policy": "queue_all", "limit": 3}},
    {"overlap": "cancel_previous"},
)
_STEPS: Final = tuple(timedelta(seconds=seconds) for seconds in (0, 0.000001, 1, 7, 7, 30, 30, 59.999999, 60, 60, 600, 3 * 3600))


@dataclass(frozen=True, slots=True)
class Ask:
    """One command record."""

    name: str
    kind: str
    content: Document
    key: str | None = None

    def written(self, offset: int) -> Incoming:
        return incoming(event(self.kind, command_data(self.name, key=self.key, **self.content)), offset=offset)


@dataclass(frozen=True, slots=True)
class Say:
    """A report on one of the runs published so far: the `pick`-th, counted round."""

    pick: int
    state: str
    progress: int | None


@dataclass(frozen=True, slots=True)
class Again:
    """A command record that was there before: the `pick`-th, counted round."""

    pick: int


@dataclass(frozen=True, slots=True)
class Step:
    """One tick, so long after the one before it."""

    after: timedelta
    records: tuple[Ask | Say | Again, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What a tick was given and made of it. Commands stand at their offsets."""

    now: datetime
    asks: dict[int, Ask]
    due: bool
    ticked: Ticked


@dataclass(repr=False)
class Story:
    """A shard and everything that has happened to it."""

    shard: PureShard = field(default_factory=PureShard)
    now: datetime = NOON
    told: list[Told] = field(default_factory=list)
    asked: list[Ask] = field(default_factory=list)
    runs: list[Document] = field(default_factory=list)

    def __repr__(self) -> str:
        return "\n".join(f"{told.now:%d %H:%M:%S.%f} {[*told.asks.values()]} -> {told.ticked.types[:9]}" for told in self.told)

    def live(self, step: Step) -> None:
        self.now += step.after
        asks: dict[int, Ask] = {}
        sources: list[Incoming] = []
        for record in step.records:
            offset = 1000 * len(self.told) + len(sources)
            match record:
                case Ask() | Again():
                    asks[offset] = ask = self.asked[record.pick % len(self.asked)] if isinstance(record, Again) else record
                    self.asked.append(ask)
                    sources.append(ask.written(offset))
                case Say(pick, state, progress) if self.runs:
                    run = self.runs[pick % len(self.runs)]
                    sources.append(a_report(run["run_id"], run["plan_id"], state, offset=offset, progress=progress))
                case Say():
                    pass  # no run was published yet
        due = any(wake <= self.now for wake in self.shard.wakes.values())
        ticked = self.shard.tick(*sources, now=self.now)
        self.told.append(Told(self.now, asks, due, ticked))
        self.runs += [found.data for found in ticked.published if found.type.startswith("planner.action.")]

    def rest(self) -> None:
        """Tick on at the same moment until nothing is due any more."""
        while any(wake <= self.now for wake in self.shard.wakes.values()):
            self.live(Step(timedelta(0), ()))

    def published(self) -> Iterator[tuple[Told, Published]]:
        """Everything published, in order, each with its tick."""
        return ((told, found) for told in self.told for found in told.ticked.published)


@st.composite
def _creates(draw: st.DrawFn) -> Ask:
    name, key = draw(st.sampled_from(_MAKERS))
    when = draw(st.sampled_from(_WHEN))
    bounds = {} if "execute_at" in when else draw(st.sampled_from(_BOUNDS))
    given = {"action": ACTION} | when | bounds | draw(st.sampled_from(_LATE)) | draw(st.sampled_from(_OVERLAPS))
    given |= draw(st.sampled_from([{}, {}, {}, {"active": False}]))
    return Ask(name, "plan.create", {"plan": given}, key)


def _steps(plans: list[PlanId]) -> st.SearchStrategy[Step]:
    names, of_plans = st.sampled_from(_NAMES), st.sampled_from(plans)
    updates = st.builds(_update, names, of_plans, st.sampled_from(_PATCHES), st.sampled_from([None, None, None, 1, 2]))
    cancels = st.builds(lambda name, plan: Ask(name, "plan.cancel", {"plan_id": plan}), names, of_plans)
    pauses = st.builds(lambda name, plan: Ask(name, "plan.pause", {"plan_id": plan}), names, of_plans)
    backlogs = st.sampled_from(["skip", "latest", "all"])
    resumes = st.builds(lambda name, plan, left: Ask(name, "plan.resume", {"plan_id": plan, "backlog": left}), names, of_plans, backlogs)
    again = st.builds(Again, st.integers(0, 30))
    states = st.sampled_from(["executing", "completed", "failed"])
    reports = st.builds(Say, st.integers(0, 50), states, st.one_of(st.none(), st.integers(0, 2)))
    records = st.one_of(_creates(), updates, updates, updates, updates, pauses, resumes, resumes, again, cancels, reports, reports)
    return st.builds(Step, st.sampled_from(_STEPS), st.lists(records, max_size=3).map(tuple))


def _update(name: str, plan: PlanId, patch: Document, expected: int | None) -> Ask:
    fence = {} if expected is None else {"expected_revision": expected}
    return Ask(name, "plan.update", {"plan_id": plan, "patch": patch} | fence)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """A story of up to 11 ticks within two days, at the end of which nothing is due. Commands name plans of the first tick, or none."""
    story = Story()
    made = draw(st.lists(_creates(), min_size=1, max_size=3))
    story.live(Step(timedelta(0), tuple(made)))
    plans = 3 * [plan_made_by(ask.name, key=ask.key) for ask in made] + [plan_made_by("nobody")]
    for step in draw(st.lists(_steps(plans), min_size=2, max_size=10)):
        story.live(step)
    story.rest()
    return story
