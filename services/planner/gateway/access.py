"""What stands before each route: the token, its scope, and what the caller takes."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request

from planner.gateway import acceptance
from planner.gateway.authentication import Authentication
from planner.gateway.caller import Caller, Scope
from planner.gateway.lists import refuse_repeats


class Access:
    """Makes the dependencies of routes."""

    def __init__(self, authentication: Authentication) -> None:
        self._authentication = authentication

    def requires(self, scope: Scope) -> Callable[[Request], Awaitable[Caller]]:
        """A dependency that gives the caller, who has the scope."""

        async def caller(request: Request) -> Caller:
            known = await self._authentication.caller(request, scope)
            acceptance.require_json(request.headers.getlist(acceptance.HEADER))
            refuse_repeats(name for name, _ in request.query_params.multi_items())
            return known

        return caller
