"""`/commands/{command_id}`: what became of a command that was answered with 202."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from planner.gateway.access import Access
from planner.gateway.caller import Caller, Scope
from planner.gateway.lists import ForOrganization
from planner.gateway.openapi import PROBLEM_ANSWERS
from planner.gateway.problems import ProblemError, problem, rejection_error
from planner.gateway.resources import API, command_shown
from planner.gateway.run_queries import RunQueries
from planner_contracts.errors import ErrorCode
from planner_contracts.ids import is_uuid


def router(access: Access, queries: RunQueries) -> APIRouter:
    """Commands, by their id."""
    commands = APIRouter(prefix=API, tags=["commands"], responses=PROBLEM_ANSWERS)

    @commands.get("/commands/{command_id}", summary="Show what became of a command")
    async def show(
        request: Request,
        command_id: str,
        caller: Annotated[Caller, Depends(access.requires(Scope.PLANS_READ))],
        asked: Annotated[ForOrganization, Query()],
    ) -> Response:
        command = await queries.command(caller.narrowed(asked.organization_id), command_id) if is_uuid(command_id) else None
        if command is None:
            raise ProblemError(ErrorCode.COMMAND_NOT_FOUND, "there is no such command")
        if command.problem is None:
            return JSONResponse(command_shown(command, None))
        error = problem(rejection_error(command.problem), instance=request.url.path, request_id=request.state.request_id)
        return JSONResponse(command_shown(command, error))

    return commands
