"""`/plans`: make, list, show, change, pause, resume, cancel."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from planner.domain.resume import ResumeBacklog
from planner.gateway import etags
from planner.gateway.access import Access
from planner.gateway.body import JSON_TYPES, PATCH_TYPES, read_object, read_optional_object
from planner.gateway.caller import Caller, Scope
from planner.gateway.lists import ForOrganization, PlanListParameters, plan_list
from planner.gateway.openapi import COMMAND_ANSWERS, COMMAND_HEADERS, LIST_ANSWERS, PROBLEM_ANSWERS, optional_body, request_body
from planner.gateway.pagination import Place, encode_cursor, next_link
from planner.gateway.plan_changes import PlanChanges, plan_not_found
from planner.gateway.resources import API
from planner.gateway.run_queries import RunQueries, StoredPlan
from planner_contracts.ids import is_uuid
from planner_contracts.plan import Plan, PlanDefinition
from planner_contracts.plan_command import REASON_CHARACTERS_MAX

_CREATE: Final = {**COMMAND_HEADERS, **request_body(JSON_TYPES, PlanDefinition)}
_PAUSE: Final = {**COMMAND_HEADERS, **optional_body({"reason": {"type": "string", "maxLength": REASON_CHARACTERS_MAX}})}
_RESUME: Final = {**COMMAND_HEADERS, **optional_body({"backlog": {"type": "string", "enum": list(ResumeBacklog), "default": "skip"}})}
_PATCH: Final = {**COMMAND_HEADERS, **request_body(PATCH_TYPES, None)}


def changes_router(access: Access, changes: PlanChanges) -> APIRouter:
    """What becomes a command."""
    router = APIRouter(prefix=API, tags=["plans"], responses=COMMAND_ANSWERS)
    writes = access.requires(Scope.PLANS_WRITE)

    @router.post("/plans", status_code=201, summary="Create a plan", responses={201: {"model": Plan}}, openapi_extra=_CREATE)
    async def create(request: Request, caller: Annotated[Caller, Depends(writes)], asked: Annotated[ForOrganization, Query()]) -> Response:
        given = changes.asked(request, caller, asked.organization_id)
        return await changes.create(given, await read_object(request, JSON_TYPES))

    @router.patch("/plans/{plan_id}", summary="Change a plan by a merge patch", responses={200: {"model": Plan}}, openapi_extra=_PATCH)
    async def change(
        request: Request, plan_id: str, caller: Annotated[Caller, Depends(writes)], asked: Annotated[ForOrganization, Query()]
    ) -> Response:
        given = changes.asked(request, caller, asked.organization_id)
        return await changes.change(given, plan_id, await read_object(request, PATCH_TYPES))

    @router.delete("/plans/{plan_id}", summary="Cancel a plan", responses={200: {"model": Plan}}, openapi_extra=COMMAND_HEADERS)
    async def cancel(
        request: Request, plan_id: str, caller: Annotated[Caller, Depends(writes)], asked: Annotated[ForOrganization, Query()]
    ) -> Response:
        return await changes.cancel(changes.asked(request, caller, asked.organization_id), plan_id)

    @router.post("/plans/{plan_id}/pause", summary="Pause a plan", responses={200: {"model": Plan}}, openapi_extra=_PAUSE)
    async def pause(
        request: Request, plan_id: str, caller: Annotated[Caller, Depends(writes)], asked: Annotated[ForOrganization, Query()]
    ) -> Response:
        given = changes.asked(request, caller, asked.organization_id)
        return await changes.pause(given, plan_id, await read_optional_object(request))

    @router.post("/plans/{plan_id}/resume", summary="Resume a plan", responses={200: {"model": Plan}}, openapi_extra=_RESUME)
    async def resume(
        request: Request, plan_id: str, caller: Annotated[Caller, Depends(writes)], asked: Annotated[ForOrganization, Query()]
    ) -> Response:
        given = changes.asked(request, caller, asked.organization_id)
        return await changes.resume(given, plan_id, await read_optional_object(request))

    return router


def plans_router(access: Access, queries: RunQueries) -> APIRouter:
    """What is read."""
    router = APIRouter(prefix=API, tags=["plans"], responses=PROBLEM_ANSWERS)
    reads = access.requires(Scope.PLANS_READ)

    @router.get("/plans", summary="List plans", responses=LIST_ANSWERS)
    async def list_plans(
        request: Request, caller: Annotated[Caller, Depends(reads)], asked: Annotated[PlanListParameters, Query()]
    ) -> Response:
        plans = await queries.plans(caller.narrowed(asked.organization_id), plan_list(asked))
        places = [_place(plan) for plan in plans]
        return page(request, [dict(plan.document) for plan in plans], places, asked.limit, asked.digest())

    @router.get("/plans/{plan_id}", summary="Show a plan", responses={200: {"model": Plan}})
    async def show(
        request: Request, plan_id: str, caller: Annotated[Caller, Depends(reads)], asked: Annotated[ForOrganization, Query()]
    ) -> Response:
        plan = await queries.plan(caller.narrowed(asked.organization_id), plan_id) if is_uuid(plan_id) else None
        if plan is None:
            raise plan_not_found()
        tag = etags.plan_tag(plan.document)
        if etags.is_unchanged(request.headers.getlist("if-none-match"), tag):
            return Response(status_code=304, headers={"ETag": tag})
        return JSONResponse(dict(plan.document), headers={"ETag": tag})

    return router


def page(request: Request, items: list[dict[str, Any]], places: list[Place], limit: int, digest: str) -> Response:
    """One page of a list that was read with one item more than its limit."""
    cursor = encode_cursor(places[limit - 1], digest) if len(items) > limit else None
    headers = {} if cursor is None else {"Link": next_link(request.url, cursor)}
    return JSONResponse({"items": items[:limit], "next_cursor": cursor}, headers=headers)


def _place(plan: StoredPlan) -> Place:
    key = plan.key.isoformat() if isinstance(plan.key, datetime) else plan.key
    return Place(key, plan.document["id"])
