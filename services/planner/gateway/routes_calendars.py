"""`/calendars`: a tenant's holiday lists."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from planner.gateway import etags
from planner.gateway.access import Access
from planner.gateway.body import JSON_TYPES, read_object
from planner.gateway.calendar_changes import CalendarChanges, calendar_not_found, calendar_tag
from planner.gateway.caller import Caller, Scope
from planner.gateway.lists import CalendarListParameters, ForOrganization, calendars_after
from planner.gateway.openapi import COMMAND_ANSWERS, COMMAND_HEADERS, LIST_ANSWERS, PROBLEM_ANSWERS
from planner.gateway.pagination import Place
from planner.gateway.plan_changes import PlanChanges
from planner.gateway.resources import API
from planner.gateway.routes_plans import page
from planner.gateway.run_queries import RunQueries
from planner_contracts.calendar import CALENDAR_DATES_MAX, Calendar
from planner_contracts.ids import calendar_id

_DATES: Final = {"type": "array", "maxItems": CALENDAR_DATES_MAX, "items": {"type": "string", "format": "date"}}
_BODY: Final = {"type": "object", "required": ["dates"], "properties": {"dates": _DATES}, "additionalProperties": False}
_PUT: Final = {
    **COMMAND_HEADERS,
    "requestBody": {"required": True, "content": {media_type: {"schema": _BODY} for media_type in JSON_TYPES}},
}


def changes_router(access: Access, plans: PlanChanges, changes: CalendarChanges) -> APIRouter:
    """What becomes a command."""
    router = APIRouter(prefix=API, tags=["calendars"], responses=COMMAND_ANSWERS)
    writes = access.requires(Scope.CALENDARS_WRITE)

    @router.put(
        "/calendars/{name}",
        summary="Make a holiday list, or replace its dates; plans that use it are planned anew",
        responses={200: {"model": Calendar}, 201: {"model": Calendar}},
        openapi_extra=_PUT,
    )
    async def put(
        request: Request, name: str, caller: Annotated[Caller, Depends(writes)], asked: Annotated[ForOrganization, Query()]
    ) -> Response:
        given = plans.asked(request, caller, asked.organization_id)
        return await changes.put(given, name, await read_object(request, JSON_TYPES))

    @router.delete("/calendars/{name}", summary="Delete a holiday list that no plan uses", status_code=204, openapi_extra=COMMAND_HEADERS)
    async def delete(
        request: Request, name: str, caller: Annotated[Caller, Depends(writes)], asked: Annotated[ForOrganization, Query()]
    ) -> Response:
        return await changes.delete(plans.asked(request, caller, asked.organization_id), name)

    return router


def calendars_router(access: Access, queries: RunQueries) -> APIRouter:
    """What is read."""
    router = APIRouter(prefix=API, tags=["calendars"], responses=PROBLEM_ANSWERS)
    reads = access.requires(Scope.CALENDARS_READ)

    @router.get("/calendars", summary="List the holiday lists, by name", responses=LIST_ANSWERS)
    async def list_calendars(
        request: Request, caller: Annotated[Caller, Depends(reads)], asked: Annotated[CalendarListParameters, Query()]
    ) -> Response:
        tenant_id = caller.visible.tenant_id
        found = await queries.calendars(tenant_id, after=calendars_after(asked), limit=asked.limit + 1)
        documents = [dict(calendar.document) for calendar in found]
        places = [Place(document["name"], calendar_id(tenant_id, document["name"])) for document in documents]
        return page(request, documents, places, asked.limit, asked.digest())

    @router.get("/calendars/{name}", summary="Show a holiday list", responses={200: {"model": Calendar}})
    async def show(request: Request, name: str, caller: Annotated[Caller, Depends(reads)]) -> Response:
        found = await queries.calendar(caller.visible.tenant_id, name) if "\x00" not in name else None
        if found is None:
            raise calendar_not_found()
        tag = calendar_tag(found.document)
        if etags.is_unchanged(request.headers.getlist("if-none-match"), tag):
            return Response(status_code=304, headers={"ETag": tag})
        return JSONResponse(dict(found.document), headers={"ETag": tag})

    return router
