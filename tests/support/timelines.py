"""What becomes of a plan over a while, told by the owner's own decisions: the timelines of docs/when-exactly.md.

A timeline is data: a plan, what happens to it and when, until when to look. It is played to a shard in memory, tick by tick.
`python -m support.timeline_stories`, a part of `make docs`, writes them anew.
"""

import heapq
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count, groupby, pairwise
from typing import Any, Final

from planner.domain import civil_time
from planner.domain.definition import define, merge_patch
from planner.domain.preview import Flag, preview_definition
from planner.owner.inbox import Incoming
from support.incoming import a_create, a_report, command_data, event, incoming, plan_made_by
from support.plans import ACTION
from support.shards import Published, PureShard

Document = dict[str, Any]

DAY: Final = "2027-06-01"
_MADE: Final = "made"
_LISTED_MAX: Final = 3
_FLAGS: Final = {Flag.DST_GAP: "its label is missing", Flag.DST_FOLD: "its label comes twice", Flag.ROLLED: "moved to a business day"}
_BLOCK: Final = re.compile(r"(?P<head><!-- timelines: (?P<name>[a-z-]+) -->\n```text\n)(?:(?!```).*\n)*(?P<end>```\n)")


@dataclass(frozen=True, slots=True)
class Ask:
    """A command about the plan."""

    kind: str
    content: Document = field(default_factory=dict)

    def __str__(self) -> str:
        told = {"pause": "paused", "resume": "resumed", "update": "changed", "cancel": "cancelled"}[self.kind]
        said = ", ".join(f"{name} {_shown(value)}" for name, value in self.content.get("patch", self.content).items())
        return f"{told}, {said}" if said else told


PAUSE: Final = Ask("pause")
CANCEL: Final = Ask("cancel")


def resume(backlog: str) -> Ask:
    return Ask("resume", {"backlog": backlog})


def change(**patch: Any) -> Ask:  # noqa: ANN401 any field of a plan
    return Ask("update", {"patch": patch})


@dataclass(frozen=True, slots=True)
class Away:
    """No owner is there until then."""

    until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Times are of `DAY` in UTC, `10:00` or `10:00:30`, or whole instants.

    `runs`: when the run of a nominal time ends; the others end as soon as they are published.
    """

    plan: Document
    created: str
    until: str
    steps: Sequence[tuple[str, Ask | Away]] = ()
    runs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """`about`: the nominal times that it is about, and all between them if there are `many`. `zone`: the plan's then."""

    at: datetime
    what: str
    about: tuple[datetime, ...]
    many: bool
    zone: str


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text if "T" in text else f"{DAY}T{text}+00:00").astimezone(UTC)


def rows(timeline: Timeline) -> list[Row]:
    """What happens, in order; what one decision says of several occurrences in one row."""
    return [_together(list(alike)) for _, alike in groupby(_Player(timeline).play(), lambda row: (row.at, row.what))]


@dataclass(frozen=True, slots=True)
class _Ends:
    """The run of this id ends."""

    run_id: str


@dataclass(frozen=True, slots=True)
class _Back:
    """An owner is there again."""


class _Player:
    """One timeline, as its shard lives it."""

    def __init__(self, timeline: Timeline) -> None:
        self._given = {"action": ACTION, **timeline.plan}
        self._until = instant(timeline.until)
        self._runs = {instant(nominal): instant(end) for nominal, end in timeline.runs.items()}
        self._shard = PureShard()
        self._numbers = count()
        self._agenda: list[tuple[datetime, int, Ask | Away | _Ends | _Back]] = []
        self._away_until: datetime | None = None
        self._now = instant(timeline.created)
        self._plan = define(self._given, now=self._now).document
        for at, step in timeline.steps:
            self._add(instant(at), step)

    def play(self) -> Iterator[Row]:
        yield self._row("created")
        yield from self._tick(a_create(self._given, _MADE))
        while (moment := self._next_moment()) <= self._until:
            self._now = moment
            if self._agenda and self._agenda[0][0] <= moment:
                yield from self._step(heapq.heappop(self._agenda)[2])
            else:
                yield from self._tick()

    def _next_moment(self) -> datetime:
        timers = () if self._away_until is not None else self._shard.wakes.values()
        return max(self._now, min((*timers, *(at for at, _, _ in self._agenda[:1])), default=datetime.max.replace(tzinfo=UTC)))

    def _add(self, at: datetime, step: Ask | Away | _Ends | _Back) -> None:
        heapq.heappush(self._agenda, (at, next(self._numbers), step))

    def _step(self, step: Ask | Away | _Ends | _Back) -> Iterator[Row]:
        if self._away_until is not None and not isinstance(step, _Back):
            self._add(self._away_until, step)
            return
        match step:
            case Away(until):
                self._away_until = instant(until)
                self._add(self._away_until, _Back())
                yield self._row("the owner is away")
            case _Back():
                self._away_until = None
                yield self._row("an owner is back")
                yield from self._tick()
            case _Ends(run_id):
                yield from self._tick(a_report(run_id, plan_made_by(_MADE), "completed"))
            case Ask():
                yield self._row(str(step))
                yield from self._tick(self._command(step))

    def _command(self, ask: Ask) -> Incoming:
        if ask.kind == "update":
            self._plan = merge_patch(self._plan, ask.content["patch"])
        data = command_data(f"c{next(self._numbers)}", plan_id=plan_made_by(_MADE), **ask.content)
        return incoming(event(f"plan.{ask.kind}", data))

    def _tick(self, *sources: Incoming) -> Iterator[Row]:
        for published in self._shard.tick(*sources, now=self._now).published:
            yield from self._told(published)

    def _told(self, published: Published) -> Iterator[Row]:
        kind, data = published.type.removeprefix("planner."), published.data
        assert kind != "command.rejected", data
        if kind.startswith("action."):
            yield self._fired(data)
        elif kind == "occurrence.skipped":
            yield self._skipped(data)
        elif kind == "occurrence.held":
            yield self._row("waits", instant(data["scheduled_for"]))
        elif kind == "run.failed":
            yield self._row("its run is cancelled", instant(data["scheduled_for"]))
        elif kind == "run.completed" and instant(data["scheduled_for"]) in self._runs:
            yield self._row("its run ends", instant(data["scheduled_for"]))
        elif kind == "plan.completed":
            yield self._row("completed")

    def _fired(self, action: Document) -> Row:
        nominal = instant(action["scheduled_for"])
        self._add(self._runs.get(nominal, self._now), _Ends(action["run_id"]))
        late = self._now - instant(action["due_at"])
        said = ["fired", *([f"{_span(late)} late"] if late else []), *self._flags(nominal)]
        if action["payload"]:
            said.append(f"payload {_shown(action['payload'])}")
        return self._row(", ".join(said), nominal)

    def _row(self, what: str, *about: datetime, many: bool = False) -> Row:
        return Row(self._now, what, about, many, self._plan["timezone"])

    def _flags(self, nominal: datetime) -> list[str]:
        shown = preview_definition(self._plan, after=nominal - timedelta(seconds=1), limit=1, plan_id=None).occurrences
        return [_FLAGS[flag] for found in shown if found.scheduled_for == nominal for flag in found.flags if flag in _FLAGS]

    def _skipped(self, skip: Document) -> Row:
        reason = f"skipped: {skip['reason']}"
        if skip.get("into"):
            reason += f" into {instant(skip['into']):%H:%M:%S}".removesuffix(":00")
        if skip.get("scheduled_for"):
            return self._row(reason, instant(skip["scheduled_for"]))
        counted = "one range" if skip["count"] is None else f"one range of {skip['count']}"
        return self._row(f"{reason}, {counted}", instant(skip["from"]), instant(skip["to"]), many=True)


def _together(alike: Sequence[Row]) -> Row:
    return replace(alike[0], about=tuple(nominal for row in alike for nominal in row.about))


def rendered(timeline: Timeline) -> str:
    """The timeline as text: the plan, then a line for each row."""
    told = rows(timeline)
    form = _Form.fitting([row.at for row in told] + [nominal for row in told for nominal in row.about])
    clocks = [form.clock(row.at) for row in told]
    shown = ["" if clock == before else clock for before, clock in pairwise(["", *clocks])]
    lines = [("UTC", "occurrence", ""), *((clock, form.occurrences(row), row.what) for clock, row in zip(shown, told, strict=True))]
    widths = [max(len(line[column]) for line in lines) + 3 for column in range(2)]
    body = "\n".join(f"{clock:{widths[0]}}{about:{widths[1]}}{what}".rstrip() for clock, about, what in lines)
    return f"{_plan_line(timeline.plan)}\n\n{body}\n"


@dataclass(frozen=True, slots=True)
class _Form:
    """How times are written: with the day if there are several, with seconds if any has some."""

    day: str
    time: str

    @classmethod
    def fitting(cls, times: Sequence[datetime]) -> "_Form":
        day = "%a %d %b " if len({time.date() for time in times}) > 1 else ""
        return cls(day, "%H:%M:%S" if any(time.second for time in times) else "%H:%M")

    def clock(self, time: datetime) -> str:
        return f"{time:{self.day}{self.time}}"

    def label(self, time: datetime, zone: str) -> str:
        if zone == "UTC":
            return self.clock(time)
        local = civil_time.local(time, zone)
        return f"{local:{self.day}{self.time}} {local.isoformat()[-6:]}"

    def occurrences(self, row: Row) -> str:
        labels = [self.label(nominal, row.zone) for nominal in row.about]
        if row.many:
            return " … ".join(labels)
        if len(labels) > _LISTED_MAX:
            return f"{labels[0]} … {labels[-1]} ({len(labels)})"
        return ", ".join(labels)


def _plan_line(plan: Document) -> str:
    kind, *said = plan["recurrence"].items()
    when = f"{kind[1]} " + (_shown(dict(said)) if kind[1] == "calendar" else " ".join(str(value) for _, value in said))
    zone = "" if plan.get("timezone", "UTC") == "UTC" else plan["timezone"]
    others = [f"{name} {_shown(value)}" for name, value in plan.items() if name not in ("recurrence", "timezone")]
    return "; ".join(filter(None, [when, zone, *others]))


def _span(elapsed: timedelta) -> str:
    minutes, seconds = divmod(elapsed.seconds, 60)
    parts = {"h": elapsed.days * 24 + minutes // 60, "min": minutes % 60, "s": seconds}
    return " ".join(f"{amount} {unit}" for unit, amount in parts.items() if amount)


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def with_timelines(page: str, timelines: Mapping[str, Sequence[Timeline]]) -> str:
    """The page with the timelines between its marks written anew. Every name must stand there once."""
    marked = [found["name"] for found in _BLOCK.finditer(page)]
    assert sorted(marked) == sorted(timelines), f"the page has the marks {marked}, the stories are {list(timelines)}"
    return _BLOCK.sub(lambda found: found["head"] + "\n".join(map(rendered, timelines[found["name"]])) + found["end"], page)
