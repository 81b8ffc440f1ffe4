"""Requests that change holiday lists -> commands -> their answers."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from planner.domain.calendars import read_dates
from planner.domain.errors import DefinitionInvalidError
from planner.gateway import etags, idempotency
from planner.gateway.command_publisher import PlanCommand
from planner.gateway.outcomes import Rejection
from planner.gateway.plan_changes import Asked, applied, late_answer
from planner.gateway.problems import ProblemError, invalid_definition, rejection_error
from planner.gateway.request_scope import trace_of
from planner.gateway.resources import API
from planner.gateway.run_queries import RunQueries
from planner.gateway.submission import Late, Spread, Submission
from planner.runtime.clock import Clock, IdSource
from planner.runtime.failures import UnavailableError
from planner_contracts.calendar import CALENDARS_MAX
from planner_contracts.errors import ErrorCode
from planner_contracts.ids import calendar_id, is_calendar_name
from planner_contracts.plan_command import CommandType

_CREATED: Final = 201
_REPLACED: Final = 200
_DELETED: Final = 204
_USERS_NAMED: Final = 3


class CalendarChanges:
    """Makes, replaces and deletes a tenant's holiday lists."""

    def __init__(self, submission: Submission, queries: RunQueries, *, clock: Clock, ids: IdSource) -> None:
        self._submission = submission
        self._queries = queries
        self._clock = clock
        self._ids = ids

    async def put(self, asked: Asked, name: str, given: Mapping[str, Any]) -> Response:
        """201 or 200 with the list, or 202. Raises ProblemError, QUOTA_EXCEEDED, for a name too many."""
        if not is_calendar_name(name):
            raise ProblemError(ErrorCode.INVALID_PARAMETER, "name: 1 to 100 letters, digits, dots, hyphens, underscores")
        try:
            dates = read_dates(given)
        except DefinitionInvalidError as error:
            raise invalid_definition(error) from None
        command = self._command(asked, CommandType.CALENDAR_PUT, {"name": name, "dates": list(dates)})
        await self._refuse_one_too_many(command.tenant_id, name)
        shown = await self._spread(asked, command)
        stored = None if isinstance(shown, Late) else await self._queries.calendar(command.tenant_id, name)
        if isinstance(shown, Late) or stored is None:  # the latter: deleted since
            return late_answer(asked, command)
        headers = _headers(asked, shown) | {"ETag": calendar_tag(stored.document)}
        if shown.created:
            headers["Location"] = f"{API}/calendars/{name}"
        return JSONResponse(dict(stored.document), status_code=_CREATED if shown.created else _REPLACED, headers=headers)

    async def delete(self, asked: Asked, name: str) -> Response:
        """204, or 202."""
        if not is_calendar_name(name):
            raise calendar_not_found()
        users = await self._queries.calendar_users(asked.caller.visible, name, limit=_USERS_NAMED)
        if users.count:
            named = f", such as {', '.join(users.some)}" if users.some else ""
            raise ProblemError(ErrorCode.CALENDAR_IN_USE, f"active or paused plans that use it: {users.count}{named}")
        command = self._command(asked, CommandType.CALENDAR_DELETE, {"name": name})
        shown = await self._spread(asked, command)
        if isinstance(shown, Late):
            return late_answer(asked, command)
        return Response(status_code=_DELETED, headers=_headers(asked, shown))

    async def _refuse_one_too_many(self, tenant_id: str, name: str) -> None:
        """As the run store knows them: lists that are under way may come to more, and so may those of whoever writes to Kafka."""
        try:
            names = await self._queries.calendar_names(tenant_id, name)
        except UnavailableError:
            # A change is taken while the run store is away, as it is of a plan.
            return
        if names is not None and names >= CALENDARS_MAX:
            raise ProblemError(ErrorCode.QUOTA_EXCEEDED, f"calendars: at most {CALENDARS_MAX} names, deleted ones included")

    def _command(self, asked: Asked, kind: CommandType, content: Mapping[str, Any]) -> PlanCommand:
        tenant_id = asked.caller.visible.tenant_id
        return PlanCommand(
            type=kind,
            command_id=self._ids.uuid(),
            plan_id=calendar_id(tenant_id, content["name"]),
            tenant_id=tenant_id,
            organization_id=asked.caller.organization(asked.organization_id),
            actor=asked.caller.actor,
            issued_at=self._clock.now(),
            content=content,
            idempotency_key=asked.key,
            expected_revision=etags.expected_revision(asked.request.headers.getlist("if-match")),
        )

    async def _spread(self, asked: Asked, command: PlanCommand) -> Spread | Late:
        shown = await self._submission.spread(command, trace_of(asked.request), wait_s=asked.wait.seconds)
        if isinstance(shown, Rejection):
            raise rejection_error(shown.problem)
        return shown


def calendar_tag(document: Mapping[str, Any]) -> str:
    """The entity tag of a list: its version, as `If-Match` takes it."""
    return f'"{document["version"]}"'


def calendar_not_found() -> ProblemError:
    """The same for what never was and for what is deleted."""
    return ProblemError(ErrorCode.CALENDAR_NOT_FOUND, "there is no such calendar")


def _headers(asked: Asked, shown: Spread) -> dict[str, str]:
    replayed = {idempotency.REPLAYED_HEADER: "true"} if shown.replayed and asked.key is not None else {}
    return applied(asked) | replayed
