"""`/plans/preview` and `/plans/{plan_id}/preview`: when a plan would fire."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from planner.domain.definition import load
from planner.domain.errors import DefinitionInvalidError
from planner.domain.preview import LIMIT_DEFAULT, LIMIT_MAX, Asked, Preview, parse_after, preview, preview_definition
from planner.gateway.access import Access
from planner.gateway.body import JSON_TYPES, read_object
from planner.gateway.caller import Caller, Scope
from planner.gateway.holiday_lists import list_named
from planner.gateway.lists import ForOrganization, Text
from planner.gateway.openapi import PROBLEM_ANSWERS, request_body
from planner.gateway.plan_changes import organization_named, plan_not_found
from planner.gateway.problems import invalid_definition
from planner.gateway.resources import API
from planner.gateway.run_queries import RunQueries, StoredPlan
from planner.runtime.clock import Clock
from planner_contracts.ids import is_uuid
from planner_contracts.instants import Instant
from planner_contracts.plan import PlanDefinition, PlanStatus, Warn

_FINAL: Final = (PlanStatus.COMPLETED, PlanStatus.CANCELLED)


class PreviewParameters(ForOrganization):
    """How much is shown, and after which instant."""

    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT
    after: Text | None = None
    """Show what comes after this instant; now if left out. `1970-01-01T00:00:00Z` is the beginning: no schedule knows earlier ones."""


class PreviewOccurrence(BaseModel):
    """`due_at` is absent where jitter needs the id of a plan that is not stored yet."""

    scheduled_for: Instant
    due_at: Instant | None = None
    local: str
    flags: list[str]


class PlanPreview(BaseModel):
    """`complete`: there is no occurrence after those listed."""

    occurrences: list[PreviewOccurrence]
    complete: bool
    warnings: list[Warn]
    canonical: str | None
    tzdata: str


def router(access: Access, queries: RunQueries, clock: Clock) -> APIRouter:
    """Of a definition that is sent, and of a stored plan. Neither changes anything."""
    previews = APIRouter(prefix=API, tags=["plans"], responses=PROBLEM_ANSWERS)
    reads = access.requires(Scope.PLANS_READ)

    @previews.post(
        "/plans/preview",
        summary="Show when a plan would fire; `action` may be left out",
        responses={200: {"model": PlanPreview}},
        openapi_extra=request_body(JSON_TYPES, PlanDefinition),
    )
    async def of_definition(
        request: Request, caller: Annotated[Caller, Depends(reads)], asked: Annotated[PreviewParameters, Query()]
    ) -> JSONResponse:
        given = await read_object(request, JSON_TYPES)
        after = clock.now() if asked.after is None else asked.after
        try:
            calendars = await list_named(given, caller.visible.tenant_id, queries)
            found = preview_definition(given, after=after, limit=asked.limit, plan_id=None, calendars=calendars)
        except DefinitionInvalidError as error:
            raise invalid_definition(error) from None
        caller.organization(organization_named(given, beside=asked.organization_id))
        return JSONResponse(found.document())

    @previews.get("/plans/{plan_id}/preview", summary="Show when a plan fires next", responses={200: {"model": PlanPreview}})
    async def of_plan(
        plan_id: str, caller: Annotated[Caller, Depends(reads)], asked: Annotated[PreviewParameters, Query()]
    ) -> JSONResponse:
        visible = caller.narrowed(asked.organization_id)
        try:
            after = clock.now() if asked.after is None else parse_after(asked.after)
        except DefinitionInvalidError as error:
            raise invalid_definition(error) from None
        plan = await queries.plan(visible, plan_id) if is_uuid(plan_id) else None
        if plan is None:
            raise plan_not_found()
        return JSONResponse((await _of_stored(plan, Asked(after, asked.limit, plan_id), queries)).document())

    return previews


async def _of_stored(plan: StoredPlan, asked: Asked, queries: RunQueries) -> Preview:
    schedule = load(plan.document, plan.calendars).schedule
    if plan.status in _FINAL:
        return preview(schedule, asked, runs_left=0)
    if schedule.max_runs is None:
        return preview(schedule, asked, runs_left=None)
    fired = await queries.fired(plan.document["id"], limit=schedule.max_runs)
    return preview(schedule, asked, runs_left=schedule.max_runs - fired)
