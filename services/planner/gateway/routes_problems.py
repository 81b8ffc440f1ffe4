"""`/problems/{code}`: a page for each error code; a problem's `type` leads here."""

from typing import Final

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from planner.gateway.problems import ProblemError
from planner_contracts.errors import CATALOGUE, ErrorCode

_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{code}</title></head>
<body><h1>{code}</h1><p>{title}.</p><p>{meaning}</p><p>HTTP status {status}.</p></body></html>
"""


def router() -> APIRouter:
    """Open to everybody."""
    problems = APIRouter(include_in_schema=False)

    @problems.get("/problems/{code}")
    async def show(code: str) -> Response:
        if code not in set(ErrorCode):
            raise ProblemError(ErrorCode.NOT_FOUND, "there is no such error code")
        entry = CATALOGUE[ErrorCode(code)]
        return HTMLResponse(_PAGE.format(code=code, title=entry.title, meaning=entry.meaning, status=entry.status))

    return problems
