"""What the run store knows of a plan's occurrences, put together with what its schedule says is to come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from planner.domain.dates import parse_instant
from planner.domain.definition import load
from planner.domain.explain import Explanation, Moment, explain
from planner.domain.jitter import delay
from planner.domain.limits import LAST_INSTANT, TICK
from planner.domain.outcomes import Earlier, Outcome, Progress, Span, outcome_document, planned, rising_page, waiting_from
from planner.domain.recurrence.once import Once
from planner.domain.recurrence.window import contains, newest
from planner.domain.schedule import Schedule
from planner.gateway.run_queries import Life, RunQueries, StoredPlan
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

    plan_id: str
    life: Life
    schedule: Schedule
    revision: int
    pending_from: datetime | None
    runs_left: int | None

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


@dataclass(frozen=True, slots=True)
class _Case:
    """What an instant is judged by: the schedule that names its occurrence, if any does, and the revision that decided on it."""

    schedule: Schedule
    revision: int
    recorded: Outcome | None
    pending: bool


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
        schedules = await self._schedules(known, {outcome.named_by for outcome in found})
        return [outcome_document(outcome, schedules.get(outcome.named_by, known.schedule), known.plan_id) for outcome in found]

    async def explained(self, plan: StoredPlan, at: datetime) -> dict[str, Any]:
        """Why the plan fired at an instant, or did not; of a due time, why it did at the nominal time."""
        known = await self._known(plan)
        case = await self._case(known, at)
        moment, explanation = _explained(known, plan.status, at, case)
        if explanation.outcome is None:
            for jitter_seconds in {known.schedule.jitter_seconds, case.schedule.jitter_seconds} - {0}:
                nominal = at - delay(known.plan_id, jitter_seconds)
                its_case = await self._case(known, nominal)
                its_moment, its_explanation = _explained(known, plan.status, nominal, its_case, asked=at)
                if its_explanation.outcome is not None and its_moment.due_at == at:
                    case, moment, explanation = its_case, its_moment, its_explanation
        return explanation.document(await self._before(known, moment.at, case.schedule), await self._after(known, moment.at, case.schedule))

    async def _case(self, known: Known, at: datetime) -> _Case:
        """By the revision that decided, the current one if that is still to come, or the one in force where nothing was due."""
        for recorded in await self._recorded(known, Span(at, at), 1):
            schedule = (await self._schedules(known, {recorded.named_by})).get(recorded.named_by, known.schedule)
            # A range names the occurrences between its ends, and nothing else.
            if not recorded.is_range or contains(schedule, at):
                return _Case(schedule, recorded.revision, recorded, pending=False)
        if known.pending_from is not None and at >= known.pending_from:
            return _Case(known.schedule, known.revision, None, pending=True)
        in_force = await self._queries.revision_at(known.life, at)
        if in_force is None:
            return _Case(known.schedule, known.revision, None, pending=False)
        return _Case(load(in_force.document, in_force.calendars).schedule, in_force.number, None, pending=False)

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
        return Known(life.plan_id, life, schedule, document["revision"], begin, runs_left)

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

    async def _schedules(self, known: Known, numbers: set[int]) -> Mapping[int, Schedule]:
        others = numbers - {known.revision}
        stored = await self._queries.revisions(known.life, others) if others else ()
        return {known.revision: known.schedule} | {
            revision.number: load(revision.document, revision.calendars).schedule for revision in stored
        }

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


def _explained(known: Known, status: PlanStatus, at: datetime, case: _Case, *, asked: datetime | None = None) -> tuple[Moment, Explanation]:
    """`at`: the nominal time; `asked`: its due time, if it is asked for by that."""
    moment = Moment(
        at=at,
        schedule=case.schedule,
        revision=case.revision,
        created_at=known.life.created_at,
        status=status,
        lag=delay(known.plan_id, case.schedule.jitter_seconds),
        recorded=case.recorded,
        pending=case.pending,
        spent=case.pending and known.runs_left is not None and not known.planned(Span(at, at), 1),
        asked=asked,
    )
    return moment, explain(moment)
