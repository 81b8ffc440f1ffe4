"""The HTTP application: its routes, and every error as a problem."""

from collections.abc import Sequence
from typing import Any, Final

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPBearer
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

from planner.gateway.openapi import describe
from planner.gateway.problems import ProblemError, problem_response, unavailable
from planner.runtime.failures import IndefiniteError, UnavailableError
from planner.runtime.log import get_logger
from planner_contracts.errors import ErrorCode
from planner_contracts.faults import fault_detail

_DESCRIPTION: Final = "Do this at that time, once, in this tenant's name, and show what happened."
_NO_PARAMETER: Final = "there is no such parameter"
_NOT_FOUND: Final = 404
_METHOD_NOT_ALLOWED: Final = 405

_log = get_logger("gateway")


def api(routers: Sequence[APIRouter], open_routers: Sequence[APIRouter]) -> FastAPI:
    """`routers` ask for a token, `open_routers` do not."""
    # Not FastAPI itself: the script of its /docs comes from a CDN, and behind a firewall the page stays blank.
    app = FastAPIOffline(
        title="Planner",
        version="1",
        description=_DESCRIPTION,
        openapi_url="/openapi.json",
        docs_url="/docs",
        static_url="/docs/assets",
        redoc_url=None,
        redirect_slashes=False,
    )
    # It only documents: authentication has the whole header, and our own errors.
    bearer = Depends(HTTPBearer(auto_error=False, description="An API key, `pk_<id>_<secret>`"))
    for router in routers:
        app.include_router(router, dependencies=[bearer])
    for router in open_routers:
        app.include_router(router)
    app.add_exception_handler(ProblemError, _known)
    app.add_exception_handler(UnavailableError, _unavailable)
    app.add_exception_handler(IndefiniteError, _unavailable)
    app.add_exception_handler(RequestValidationError, _parameters)
    app.add_exception_handler(HTTPException, _routing)
    app.add_exception_handler(Exception, _internal)

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = describe(app)
        return app.openapi_schema

    setattr(app, "openapi", openapi)  # noqa: B010  FastAPI's own way to replace it, which a type checker refuses as an assignment
    return app


async def _known(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ProblemError)
    return problem_response(request, error)


async def _unavailable(request: Request, error: Exception) -> JSONResponse:
    _log.warning("gateway.request.unavailable", cause=str(error))
    return problem_response(request, unavailable())


async def _parameters(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = "; ".join(
        f"{'.'.join(str(step) for step in fault['loc'][1:])}: {fault_detail(fault, unknown=_NO_PARAMETER)}" for fault in error.errors()
    )
    return problem_response(request, ProblemError(ErrorCode.INVALID_PARAMETER, faults))


async def _routing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == _NOT_FOUND:
        return problem_response(request, ProblemError(ErrorCode.NOT_FOUND, "there is no such route"))
    if error.status_code == _METHOD_NOT_ALLOWED:
        allowed = ", ".join(_methods(request))
        detail = f"this route takes {allowed}"
        return problem_response(request, ProblemError(ErrorCode.METHOD_NOT_ALLOWED, detail, headers={"Allow": allowed}))
    _log.error("gateway.request.unforeseen", status=error.status_code, detail=error.detail)
    return problem_response(request, _nothing_said())


async def _internal(request: Request, _: Exception) -> JSONResponse:
    return problem_response(request, _nothing_said())


def _nothing_said() -> ProblemError:
    return ProblemError(ErrorCode.INTERNAL, "the request could not be served; its id finds it in our log")


def _methods(request: Request) -> list[str]:
    """Of all routes with this path. Those that the document leaves out are pages."""
    path = request.url.path.split("/")
    described: dict[str, dict[str, Any]] = request.app.openapi()["paths"]
    methods = {method.upper() for template, methods in described.items() if _matches(template.split("/"), path) for method in methods}
    return sorted(methods) or ["GET"]


def _matches(template: list[str], path: list[str]) -> bool:
    return len(template) == len(path) and all(t.startswith("{") or t == p for t, p in zip(template, path, strict=True))
