"""What the run store knows of a plan's occurrences, put together with what its schedule says is to come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from planner.domain.dates import parse_instant
from planner.domain.definition import load
from planner.domain.explain import Moment, explain
from planner.domain.explain_turn import Turn
from planner.domain.jitter import delay
from planner.domain.limits import LAST_INSTANT, TICK
from planner.domain.outcomes import HELD, Earlier, Outcome, Progress, Span, outcome_document, planned, rising_page, waiting_from
from planner.domain.overlap import overlap_of
from planner.domain.recurrence.once import Once
from planner.domain.recurrence.window import contains, newest
from planner.domain.schedule import Schedule
from planner.gateway.run_queries import Life, RunQueries, StoredPlan, StoredRevision
from planner_contracts.plan import PlanStatus

# With more runs left than this it is not looked for the last of them: a list would not get there, and skips do not count.
_RUNS_LOOKED_AT: Final = 1000
# So many updates of a paused plan are looked at to see what still waits.
_REVISIONS_LOOKED_AT: Final = 100


@dataclass(frozen=True, slots=True)
class Known:
    """A plan, compiled, and how far it has come. Its occurrences are planned from `pending_from` on, none if that is null.

    `runs_left`: of its `max_runs`; null is no limit.
    """

    life: Life
    status: PlanStatus
    current: StoredRevision
    schedule: Schedule
    pending_from: datetime | None
    runs_left: int | None

    @property
    def plan_id(self) -> str:
        return self.life.plan_id

    @property
    def revision(self) -> int:
        return self.current.number

    def planned(self, span: Span, limit: int) -> list[Outcome]:
        """The first of those in a span that have no outcome yet and that `max_runs` lets be."""
        begin = self.pending_from
        if begin is None or not limit:
            return []
        if self.runs_left is None or self.runs_left > _RUNS_LOOKED_AT:
            return planned(self.schedule, Span(max(begin, span.first), span.last), revision=self.revision, limit=limit)
        # Which those are depends on how many come before the span.
        upcoming = planned(self.schedule, Span(begin, span.last), revision=self.revision, limit=self.runs_left)
        return [outcome for outcome in upcoming if outcome.first >= span.first][:limit]


class PlanOutcomes:
    """Lists and explains the occurrences of stored plans."""

    def __init__(self, queries: RunQueries) -> None:
        self._queries = queries

    async def page(self, plan: StoredPlan, span: Span, limit: int) -> list[dict[str, Any]]:
        """The first of a span, rising: at most `limit`. A range is whole, though only a part of it may lie in the span."""
        known = await self._known(plan)
        recorded = await self._recorded(known, span, limit)
        # One of them may have been planned when the plan was read.
        following = Span(recorded[-1].last + TICK, span.last) if recorded else span
        found = [*recorded, *known.planned(following, limit - len(recorded))]
        stored = await self._revisions(known, {outcome.named_by for outcome in found})
        schedules = {number: _schedule(revision) for number, revision in stored.items()}
        return [outcome_document(outcome, schedules.get(outcome.named_by, known.schedule), known.plan_id) for outcome in found]

    async def explained(self, plan: StoredPlan, at: datetime) -> dict[str, Any]:
        """Why the plan fired at an instant, or did not; of a due time, why it did at the nominal time."""
        known = await self._known(plan)
        moment = await self._moment(known, at)
        explanation = explain(moment)
        if explanation.outcome is None:
            for jitter_seconds in {known.schedule.jitter_seconds, moment.schedule.jitter_seconds} - {0}:
                nominal = replace(await self._moment(known, at - delay(known.plan_id, jitter_seconds)), asked=at)
                its_explanation = explain(nominal)
                if its_explanation.outcome is not None and nominal.due_at == at:
                    moment, explanation = nominal, its_explanation
        before = await self._before(known, moment.at, moment.schedule)
        return explanation.document(before, await self._after(known, moment.at, moment.schedule))

    async def _moment(self, known: Known, at: datetime) -> Moment:
        """By the revision that decided, the current one if that is still to come, or the one in force where nothing was due."""
        for recorded in await self._recorded(known, Span(at, at), 1):
            stored = await self._revisions(known, {recorded.named_by, recorded.revision})
            moment = _moment(known, at, stored.get(recorded.named_by, known.current))
            # A range names the occurrences between its ends, and nothing else.
            if not recorded.is_range or contains(moment.schedule, at):
                moment = replace(moment, revision=recorded.revision, recorded=recorded)
                return replace(moment, turn=await self._turn(known, moment, recorded, stored.get(recorded.revision, known.current)))
        if known.pending_from is not None and at >= known.pending_from:
            spent = known.runs_left is not None and not known.planned(Span(at, at), 1)
            return replace(_moment(known, at, known.current), pending=True, spent=spent)
        in_force = await self._queries.revision_at(known.life, at) or known.current
        cancelled = known.status is PlanStatus.CANCELLED and in_force.number == known.revision
        return replace(_moment(known, at, in_force), cancelled=cancelled)

    async def _turn(self, known: Known, moment: Moment, recorded: Outcome, decided: StoredRevision) -> Turn:
        schedule = _schedule(decided)
        stored = await self._queries.turn(known.life, recorded, None if recorded.outcome == HELD else moment.due_at)
        return Turn(
            schedule=schedule,
            overlap=overlap_of(decided.document),
            due_at=moment.due_at,
            named=contains(schedule, moment.at),
            paused=known.status is PlanStatus.PAUSED,
            resumed_by=await self._resumed_by(known, moment.due_at, recorded.revision),
            was_held=stored.was_held,
            open_run=stored.open_run,
            ended_runs=stored.ended_runs,
            stands=stored.stands,
        )

    async def _resumed_by(self, known: Known, due_at: datetime, decided: int) -> int | None:
        """The revision that ended the last pause between the due time and the revision that decided."""
        first = await self._queries.revision_at(known.life, due_at)
        if first is None or first.number >= decided:
            return None
        before = await self._queries.revisions(known.life, range(max(first.number, decided - _REVISIONS_LOOKED_AT), decided))
        paused = [revision.number for revision in before if revision.document["status"] == PlanStatus.PAUSED]
        return paused[-1] + 1 if paused else None

    async def _known(self, plan: StoredPlan) -> Known:
        document = plan.document
        schedule = load(document, plan.calendars).schedule
        created_at = parse_instant(document["created_at"])
        # Only an `execute_at` may lie before the plan's creation; else what does is of an earlier plan with the same id.
        since = None if isinstance(schedule.rule, Once) else created_at
        life = Life(document["id"], created_at, since, ended=plan.status in (PlanStatus.COMPLETED, PlanStatus.CANCELLED))
        newest_known = await self._queries.outcome_before(life, LAST_INSTANT)
        runs_left = None
        if schedule.max_runs is not None:
            runs_left = schedule.max_runs - await self._queries.fired(life.plan_id, limit=schedule.max_runs)
        progress = Progress(
            plan_id=life.plan_id,
            status=plan.status,
            created_at=created_at,
            next_due=None if document["next_run_at"] is None else parse_instant(document["next_run_at"]),
            newest=None if newest_known is None else newest_known.last,
        )
        begin = progress.pending_from(schedule)
        if begin is not None and plan.status is PlanStatus.PAUSED:
            begin = waiting_from(schedule, await self._earlier(life, document, begin), begin)
        return Known(life, plan.status, StoredRevision(document["revision"], document, plan.calendars), schedule, begin, runs_left)

    async def _earlier(self, life: Life, document: Mapping[str, Any], begin: datetime) -> list[Earlier]:
        """The schedules that the plan has had since, the current one aside."""
        first = await self._queries.revision_at(life, begin)
        current: int = document["revision"]
        if first is None or first.number == current:
            return []
        stored = await self._queries.revisions(life, range(max(first.number, current - _REVISIONS_LOOKED_AT), current))
        ends = [parse_instant(revision.document["updated_at"]) for revision in stored[1:]] + [parse_instant(document["updated_at"])]
        return [Earlier(load(known.document, known.calendars).schedule, end) for known, end in zip(stored, ends, strict=True)]

    async def _recorded(self, known: Known, span: Span, limit: int) -> list[Outcome]:
        groups: Sequence[Sequence[Outcome]] = (
            await self._queries.fired_occurrences(known.life, span, limit=limit),
            await self._queries.skipped_occurrences(known.life, span, limit=limit),
            await self._queries.held_occurrences(known.life, span, limit=limit),
        )
        return rising_page(groups, limit)

    async def _revisions(self, known: Known, numbers: set[int]) -> Mapping[int, StoredRevision]:
        others = numbers - {known.revision}
        stored = await self._queries.revisions(known.life, others) if others else ()
        return {known.revision: known.current} | {revision.number: revision for revision in stored}

    async def _before(self, known: Known, at: datetime, schedule: Schedule) -> datetime | None:
        """The last nominal time before an instant; `schedule` is in force at the instant."""
        candidates: list[datetime] = []
        recorded = await self._queries.outcome_before(known.life, at)
        if recorded is not None:
            inside = recorded.last >= at
            candidates += newest(schedule, recorded.first, at - TICK, 1) if inside else [recorded.last]
        if known.pending_from is not None:
            candidates += newest(known.schedule, known.pending_from, at - TICK, 1)
        return max(candidates, default=None)

    async def _after(self, known: Known, at: datetime, schedule: Schedule) -> datetime | None:
        """The first nominal time after an instant; `schedule` is in force at the instant."""
        span = Span(at + timedelta(microseconds=1), LAST_INSTANT)
        candidates = [outcome.first for outcome in known.planned(span, 1)]
        for outcome in await self._recorded(known, span, 1):
            inside = outcome.first <= at
            candidates += [within.first for within in planned(schedule, span, revision=0, limit=1)] if inside else [outcome.first]
        return min(candidates, default=None)


def _moment(known: Known, at: datetime, revision: StoredRevision) -> Moment:
    """An instant of which nothing is recorded, by a revision."""
    schedule = _schedule(revision)
    return Moment(
        at=at,
        schedule=schedule,
        revision=revision.number,
        created_at=known.life.created_at,
        status=known.status,
        lag=delay(known.plan_id, schedule.jitter_seconds),
        recorded=None,
        pending=False,
        spent=False,
        calendars=revision.calendars,
    )


def _schedule(revision: StoredRevision) -> Schedule:
    return load(revision.document, revision.calendars).schedule
