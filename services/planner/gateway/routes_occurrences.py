"""`/plans/{plan_id}/occurrences` and `/plans/{plan_id}/explain`: each nominal time with its outcome, and why."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from planner.domain.limits import FIRST_INSTANT, LAST_INSTANT, YEAR_MAX, YEAR_MIN
from planner.gateway.access import Access
from planner.gateway.caller import Caller, Scope, Visible
from planner.gateway.lists import ForOrganization, Moment, OccurrenceListParameters, occurrence_span
from planner.gateway.openapi import LIST_ANSWERS, PROBLEM_ANSWERS
from planner.gateway.pagination import Place
from planner.gateway.plan_changes import plan_not_found
from planner.gateway.plan_outcomes import PlanOutcomes
from planner.gateway.problems import ProblemError
from planner.gateway.resources import API
from planner.gateway.routes_plans import page
from planner.gateway.run_queries import RunQueries, StoredPlan
from planner_contracts.errors import ErrorCode
from planner_contracts.ids import is_uuid
from planner_contracts.instants import Instant

_END: Final = ("to", "scheduled_for")


class ExplainParameters(ForOrganization):
    """Which instant is explained."""

    at: Moment


class ExplainedStep(BaseModel):
    """`result`: passed, left_out, skipped, waits, unknown."""

    step: str
    result: str
    detail: str


class Explanation(BaseModel):
    """`outcome` is null where nothing was due; `previous` and `next` are the nominal times before and after."""

    at: Instant
    fired: bool
    outcome: str | None
    run_id: str | None
    steps: list[ExplainedStep]
    previous: Instant | None
    next: Instant | None
    timezone: str
    tzdata: str
    revision: int


def router(access: Access, queries: RunQueries) -> APIRouter:
    """The occurrences of one plan."""
    occurrences = APIRouter(prefix=API, tags=["plans"], responses=PROBLEM_ANSWERS)
    outcomes = PlanOutcomes(queries)
    reads = access.requires(Scope.RUNS_READ)

    @occurrences.get("/plans/{plan_id}/occurrences", summary="List a plan's occurrences with their outcomes", responses=LIST_ANSWERS)
    async def list_occurrences(
        request: Request, plan_id: str, caller: Annotated[Caller, Depends(reads)], asked: Annotated[OccurrenceListParameters, Query()]
    ) -> Response:
        visible = caller.narrowed(asked.organization_id)
        span = occurrence_span(asked)
        plan = await _plan(queries, visible, plan_id)
        found = await outcomes.page(plan, span, asked.limit + 1)
        places = [Place(_last_of(item), plan_id) for item in found]
        return page(request, found, places, asked.limit, asked.digest())

    @occurrences.get("/plans/{plan_id}/explain", summary="Explain why a plan fired or not", responses={200: {"model": Explanation}})
    async def explain(
        plan_id: str, caller: Annotated[Caller, Depends(reads)], asked: Annotated[ExplainParameters, Query()]
    ) -> JSONResponse:
        visible = caller.narrowed(asked.organization_id)
        _refuse_year(asked.at)
        plan = await _plan(queries, visible, plan_id)
        return JSONResponse(await outcomes.explained(plan, asked.at))

    return occurrences


async def _plan(queries: RunQueries, visible: Visible, plan_id: str) -> StoredPlan:
    plan = await queries.plan(visible, plan_id) if is_uuid(plan_id) else None
    if plan is None:
        raise plan_not_found()
    return plan


def _refuse_year(at: datetime) -> None:
    if not FIRST_INSTANT <= at <= LAST_INSTANT:
        raise ProblemError(ErrorCode.INVALID_PARAMETER, f"at: years are {YEAR_MIN} to {YEAR_MAX}")


def _last_of(item: dict[str, Any]) -> str:
    """The nominal time with which an item ends."""
    last: str = next(item[name] for name in _END if name in item)
    return last
