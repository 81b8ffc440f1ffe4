"""`/plans/{plan_id}/runs`: what came of a plan."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from planner.gateway.access import Access
from planner.gateway.caller import Caller, Scope
from planner.gateway.lists import ForOrganization, RunListParameters, run_list
from planner.gateway.openapi import LIST_ANSWERS, PROBLEM_ANSWERS
from planner.gateway.pagination import Place
from planner.gateway.plan_changes import plan_not_found
from planner.gateway.problems import ProblemError
from planner.gateway.resources import API
from planner.gateway.routes_plans import page
from planner.gateway.run_queries import RunQueries
from planner_contracts.errors import ErrorCode
from planner_contracts.ids import is_uuid
from planner_contracts.run import Run


def router(access: Access, queries: RunQueries) -> APIRouter:
    """The runs of one plan."""
    runs = APIRouter(prefix=API, tags=["runs"], responses=PROBLEM_ANSWERS)
    reads = access.requires(Scope.RUNS_READ)

    @runs.get("/plans/{plan_id}/runs", summary="List a plan's runs, newest first", responses=LIST_ANSWERS)
    async def list_runs(
        request: Request, plan_id: str, caller: Annotated[Caller, Depends(reads)], asked: Annotated[RunListParameters, Query()]
    ) -> Response:
        visible = caller.narrowed(asked.organization_id)
        wanted = run_list(asked)
        if not is_uuid(plan_id) or await queries.plan(visible, plan_id) is None:
            raise plan_not_found()
        found = [dict(run) for run in await queries.runs(visible, plan_id, wanted)]
        places = [Place(run["scheduled_for"], run["id"]) for run in found]
        return page(request, found, places, asked.limit, asked.digest())

    @runs.get("/plans/{plan_id}/runs/{run_id}", summary="Show a run with its history", responses={200: {"model": Run}})
    async def show(
        plan_id: str, run_id: str, caller: Annotated[Caller, Depends(reads)], asked: Annotated[ForOrganization, Query()]
    ) -> Response:
        visible = caller.narrowed(asked.organization_id)
        if not is_uuid(plan_id) or await queries.plan(visible, plan_id) is None:
            raise plan_not_found()
        run = await queries.run(visible, plan_id, run_id) if is_uuid(run_id) else None
        if run is None:
            raise ProblemError(ErrorCode.RUN_NOT_FOUND, "the plan has no such run")
        return JSONResponse(dict(run))

    return runs
